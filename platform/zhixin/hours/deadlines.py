"""Deadlines that passed are noticed once, by a sweeper; they decide nothing by themselves."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import acts
from zhixin.hours.models import Appeal, Award, Proposal
from zhixin.hours.states import AppealState, ProposalState, State

#: What waits until when: the act that is noted of its award, and where it stands.
WAITING: tuple[tuple[str, type[Award] | type[Appeal] | type[Proposal], str], ...] = (
    ("overdue-hold", Award, State.HELD),
    ("overdue-appeal", Appeal, AppealState.OPEN),
    ("overdue-proposal", Proposal, ProposalState.OPEN),
)


def notice(session: Session, now: datetime, limit: int = 500) -> int:
    """Put what is overdue on its award's trail, each thing once however often this runs."""
    noticed = 0
    for act, model, state in WAITING:
        late = (model.state == state, model.due_at < now, model.overdue_at.is_(None))
        award_id = model.id if model is Award else model.award_id  # type: ignore[union-attr]
        rows = session.execute(
            sa.select(model.id, award_id).where(*late).order_by(model.id).limit(limit)
        )
        for id, award in rows.all():
            # The claim: of two sweepers one counts a row.
            claimed = session.execute(
                sa.update(model).where(model.id == id, *late).values(overdue_at=now)
            )
            if claimed.rowcount == 1:  # type: ignore[attr-defined]
                acts.note(
                    session, actor_id=None, act=act, object_kind="award", object_id=award, now=now
                )
                noticed += 1
    return noticed
