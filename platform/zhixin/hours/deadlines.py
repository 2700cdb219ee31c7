"""Deadlines that passed are noticed once, by a sweeper; they decide nothing by themselves."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import acts
from zhixin.hours.models import Appeal, Award, Proposal
from zhixin.hours.states import AppealState, ProposalState, State

OVERDUE = "overdue"


def notice(session: Session, now: datetime, limit: int = 500) -> int:
    """Put what is overdue on the trail, each thing once however often this runs."""
    waiting: tuple[tuple[str, type[Award] | type[Appeal] | type[Proposal], str], ...] = (
        ("award", Award, State.HELD),
        ("appeal", Appeal, AppealState.OPEN),
        ("proposal", Proposal, ProposalState.OPEN),
    )
    noticed = 0
    for name, model, state in waiting:
        late = (model.state == state, model.due_at < now, model.overdue_at.is_(None))
        ids = session.scalars(sa.select(model.id).where(*late).order_by(model.id).limit(limit))
        for id in ids.all():
            # The claim: of two sweepers one counts a row.
            claimed = session.execute(
                sa.update(model).where(model.id == id, *late).values(overdue_at=now)
            )
            if claimed.rowcount == 1:  # type: ignore[attr-defined]
                acts.note(
                    session, actor_id=None, act=OVERDUE, object_kind=name, object_id=id, now=now
                )
                noticed += 1
    return noticed
