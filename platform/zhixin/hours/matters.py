"""What is contested about awards, for whoever looks at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.hours.models import Appeal, Award, Proposal
from zhixin.hours.states import AppealState, ProposalState

T = TypeVar("T", Proposal, Appeal)


@dataclass
class Matter:
    """The proposals and appeals of one award, the newest first."""

    proposals: list[Proposal] = field(default_factory=list)
    appeals: list[Appeal] = field(default_factory=list)

    @property
    def proposal(self) -> Proposal | None:
        """The open one."""
        return next((each for each in self.proposals if each.state == ProposalState.OPEN), None)

    @property
    def appeal(self) -> Appeal | None:
        """The open one."""
        return next((each for each in self.appeals if each.state == AppealState.OPEN), None)


def of_awards(session: Session, awards: Iterable[Award]) -> Mapping[int, Matter]:
    """Matters by award, in two queries; awards without one have an empty one."""
    ids = [award.id for award in awards]
    found: dict[int, Matter] = defaultdict(Matter)
    for proposal in _newest(session, Proposal, ids):
        found[proposal.award_id].proposals.append(proposal)
    for appeal in _newest(session, Appeal, ids):
        found[appeal.award_id].appeals.append(appeal)
    return found


def _newest(session: Session, model: type[T], ids: Sequence[int]) -> Sequence[T]:
    query = sa.select(model).where(model.award_id.in_(ids)).order_by(model.id.desc())
    return session.scalars(query).all()
