"""A person's own declarations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin.declarations.models import Declaration
from zhixin.errors import NotFound

PAGE_SIZE = 20


@dataclass(frozen=True)
class Listing:
    """One page of a person's declarations."""

    declarations: Sequence[Declaration]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listing(session: Session, person_id: int, page: int) -> Listing:
    """The newest first; beyond the end is the last page."""
    own = sa.select(Declaration).where(Declaration.person_id == person_id)
    total = session.scalar(sa.select(sa.func.count()).select_from(own.subquery())) or 0
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    shown = own.order_by(Declaration.id.desc()).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    return Listing(session.scalars(shown).all(), total, page)


def get(session: Session, person_id: int, declaration_id: int) -> Declaration:
    """One of them.

    Raises:
        NotFound: there is none, or it is another's.
    """
    found = session.scalar(
        sa.select(Declaration)
        .where(Declaration.id == declaration_id, Declaration.person_id == person_id)
        .options(joinedload(Declaration.policy), joinedload(Declaration.award))
    )
    if found is None:
        raise NotFound("没有这份申报")
    return found
