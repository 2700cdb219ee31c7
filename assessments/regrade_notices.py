"""What a learner is told of regrades: that an attempt passes by the corrected key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.models import Attempt
from assessments.regrade_models import AttemptRegrade, GainRead

#: Told at once; the others follow when these were read.
MOST_TOLD = 10


def untold(
    session: Session, person_id: int, scopes: Sequence[str]
) -> Sequence[tuple[AttemptRegrade, Attempt]]:
    """The attempts of these scopes that a regrade made pass and whose learner has not read so,
    the newest first."""
    query = (
        _gains(person_id)
        .with_only_columns(AttemptRegrade, Attempt)
        .where(Attempt.scope.in_(scopes))
        .order_by(AttemptRegrade.id.desc())
        .limit(MOST_TOLD)
    )
    return [(regrade, attempt) for regrade, attempt in session.execute(query)]


def tell(session: Session, person_id: int, ids: Sequence[int], now: datetime) -> None:
    """They have read these regrades; whose they are not, and what was read before, is left out."""
    found = session.scalars(
        _gains(person_id).with_only_columns(AttemptRegrade.id).where(AttemptRegrade.id.in_(ids))
    )
    session.add_all([GainRead(regrade_id=id, read_at=now) for id in found])
    session.flush()


def _gains(person_id: int) -> sa.Select[AttemptRegrade]:
    read = sa.exists().where(GainRead.regrade_id == AttemptRegrade.id)
    return (
        sa.select(AttemptRegrade)
        .join(Attempt, Attempt.id == AttemptRegrade.attempt_id)
        .where(
            Attempt.person_id == person_id,
            AttemptRegrade.passed_after,
            ~AttemptRegrade.passed_before,
            ~read,
        )
    )
