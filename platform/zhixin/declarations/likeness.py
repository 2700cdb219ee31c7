"""What looks like the same learning told twice. A person judges it; nothing is refused for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from zhixin.declarations.models import Declaration, Proof
from zhixin.declarations.states import State
from zhixin.hours.models import Award
from zhixin.hours.states import IN_FORCE

#: Declarations that somebody was or is asked to look at, and may have counted.
_NOT_SHOWN = (State.DRAFT, State.WITHDRAWN)
SAME_DAYS, SAME_PROOF = "same-days", "same-proof"


@dataclass(frozen=True)
class Alike:
    """Attributes:
    overlapping: ids of the person's other declarations on some of the same days.
    reusing: ids of declarations, of anybody, that bring a file which this one brings.
    awards: hours that the person has for other learning on these days.
    """

    overlapping: frozenset[int]
    reusing: frozenset[int]
    awards: Sequence[Award]

    @property
    def flags(self) -> list[str]:
        """Why an auditor should look: hours of the same day from a course are no reason."""
        return [SAME_DAYS] * bool(self.overlapping) + [SAME_PROOF] * bool(self.reusing)


def of(session: Session, declaration: Declaration) -> Alike:
    """What is like ``declaration``, in three queries."""
    ids = [declaration.id]
    awards = session.scalars(
        sa.select(Award)
        .where(
            Award.person_id == declaration.person_id,
            Award.day.between(declaration.starts_on, declaration.ends_on),
            Award.state.in_(IN_FORCE),
            Award.source_kind != "declaration",  # those are among ``overlapping``
        )
        .order_by(Award.day, Award.id)
        .limit(20)
    ).all()
    return Alike(
        frozenset(other for _own, other in session.execute(_overlapping(ids))),
        frozenset(other for _own, other in session.execute(_reusing(ids))),
        awards,
    )


def marks(session: Session, declarations: Sequence[Declaration]) -> dict[int, list[str]]:
    """Which of a page's declarations are like another, and how: two queries for all."""
    ids = [declaration.id for declaration in declarations]
    found: dict[int, list[str]] = {}
    for mark, query in ((SAME_DAYS, _overlapping(ids)), (SAME_PROOF, _reusing(ids))):
        for own in {own for own, _other in session.execute(query)}:
            found.setdefault(own, []).append(mark)
    return found


def _overlapping(ids: Sequence[int]) -> sa.Select[int, int]:
    own, other = aliased(Declaration), aliased(Declaration)
    return (
        sa.select(own.id, other.id)
        .join(other, (other.person_id == own.person_id) & (other.id != own.id))
        .where(
            own.id.in_(ids),
            other.state.not_in(_NOT_SHOWN),
            other.starts_on <= own.ends_on,
            other.ends_on >= own.starts_on,
        )
    )


def _reusing(ids: Sequence[int]) -> sa.Select[int, int]:
    """By what was sent, and by what is kept: a picture saved anew is another file."""
    own, other = aliased(Proof), aliased(Proof)
    return (
        sa.select(own.declaration_id, other.declaration_id)
        .join(other, (other.sent_sha256 == own.sent_sha256) | (other.sha256 == own.sha256))
        .join(Declaration, Declaration.id == other.declaration_id)
        .where(
            own.declaration_id.in_(ids),
            own.removed_at.is_(None),
            other.removed_at.is_(None),
            other.declaration_id != own.declaration_id,
            Declaration.state.not_in(_NOT_SHOWN),
        )
        .distinct()
    )
