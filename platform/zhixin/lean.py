"""Statements on raw connections, for the few that run hundreds of times a second.

They are written with SQLAlchemy like all others and compiled once; what is left out is its
result objects, type conversions and transactions around them. So a caller passes what the
driver takes (see ``Lean.instant``) and reads what the driver gives (``Lean.read_instant``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from zhixin.db import make_engine


class Lean:
    """Raw connections that commit each statement by itself, in a pool of their own."""

    def __init__(self, url: str, threads: int) -> None:
        self.engine = make_engine(
            url, isolation_level="AUTOCOMMIT", pool_size=max(1, threads), pool_reset_on_return=None
        )
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    def prepare(self, statement: sa.sql.expression.Executable) -> Prepared:
        """Compile ``statement`` for this database, with named parameters."""
        dialect = sqlite.dialect(paramstyle="named") if self.is_sqlite else self.engine.dialect
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return Prepared(str(compiled), constants)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor whose statements commit one by one. After an error its connection is dropped."""
        connection = self.engine.raw_connection()
        try:
            yield connection.cursor()
        except BaseException:
            connection.invalidate()
            raise
        connection.close()

    def instant(self, instant: datetime) -> datetime | str:
        """An instant as this driver takes it."""
        if self.is_sqlite:
            return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return instant

    def read_instant(self, value: Any) -> datetime:
        """An instant as this driver gives it."""
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        instant: datetime = value
        return instant


class Prepared:
    """A compiled statement and the constants in it."""

    __slots__ = ("_constants", "_sql")

    def __init__(self, sql: str, constants: dict[str, Any]) -> None:
        self._sql, self._constants = sql, constants

    def run(self, cursor: Any, values: dict[str, Any]) -> Any:
        """Execute with ``values``; returns the cursor."""
        return cursor.execute(self._sql, self._constants | values)
