"""How media and assessments name what time and tests count for."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

PREFIX = "version:"


def of_version(version_id: int) -> str:
    """The scope of a course version: opaque to the domains below."""
    return f"{PREFIX}{version_id}"


def column_of(
    version_id: sa.ColumnElement[int] | InstrumentedAttribute[int],
) -> sa.ColumnElement[str]:
    """The same of a column, for the database to compare with."""
    return sa.literal(PREFIX) + sa.cast(version_id, sa.String)


PRACTICE = "practice:"


def of_practice(version_id: int) -> str:
    """The scope of practice in a course version: nothing that counts reads it."""
    return f"{PRACTICE}{version_id}"


def version_of(scope: str) -> int | None:
    """The course version that a scope names; None: it is for something else."""
    for prefix in (PREFIX, PRACTICE):
        number = scope.removeprefix(prefix)
        if scope.startswith(prefix) and number.isdecimal():
            return int(number)
    return None
