"""Long lists by page: one query for the page, one for how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

SIZE = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list, for the macro ``pagination``.

    Attributes:
        total: how many rows there are on all pages.
        page: its number, from 1. pages: how many there are, at least one.
    """

    rows: Sequence[Row]
    total: int
    page: int
    pages: int

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def of(
    session: Session,
    query: sa.Select[Row],
    number: int,
    options: Sequence[ExecutableOption] = (),
) -> Page[Row]:
    """A page of what an ordered query finds; beyond the end is the last page.

    Args:
        number: from 1, as an address says it.
        options: of what is read with the rows.
    """
    counted = query.order_by(None).with_only_columns(sa.func.count(), maintain_column_froms=True)
    total = session.scalar(counted) or 0
    pages = max(1, -(-total // SIZE))
    number = min(max(1, number), pages)
    shown = query.options(*options).offset((number - 1) * SIZE).limit(SIZE)
    return Page(session.scalars(shown).all(), total, number, pages)
