"""Verifying awards in bulk: each night those of the day, and on an operator's word any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import evidence
from courses.evidence import Finding
from zhixin import clock
from zhixin.db import Database
from zhixin.hours.models import Award, EvidenceCheck
from zhixin.observe import EVIDENCE_CHECKS

#: Nights in which a check may have failed to run and is made up for.
MADE_UP_FOR = timedelta(days=14)
#: So many are looked up at a time, and so long one run goes on: the next begins after half an hour.
AT_ONCE = 500
ONE_RUN = timedelta(minutes=25)
_FROM_RECORDS = (Award.source_kind == "course", Award.corrects_id.is_(None))


def course_awards(session: Session, since: datetime | None = None) -> Sequence[int]:
    """The awards for courses, given since an instant, the oldest first.

    One that stands in another's place has no records of its own: people decided it.
    """
    given = sa.select(Award.id).where(*_FROM_RECORDS).order_by(Award.id)
    return session.scalars(given.where(Award.earned_at >= since) if since else given).all()


def due(session: Session, now: datetime) -> Sequence[int]:
    """Awards of the days before today (Asia/Shanghai) that no night has rebuilt yet."""
    today = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    checked = sa.select(EvidenceCheck.id).where(
        EvidenceCheck.award_id == Award.id, EvidenceCheck.of_log.is_(False)
    )
    return session.scalars(
        sa.select(Award.id)
        .where(
            *_FROM_RECORDS,
            Award.earned_at < today,
            Award.earned_at >= today - MADE_UP_FOR,
            ~checked.exists(),
        )
        .order_by(Award.id)
        .limit(AT_ONCE)
    ).all()


def check(database: Database, award_ids: Sequence[int], now: datetime) -> Iterator[Finding]:
    """Verify these awards, one after the other, and write down what was found. Hours are never
    touched by it.

    Each is read in a session of its own and written down in a short transaction: nobody waits
    for a night's batch, and one that is stopped keeps what it has found.
    """
    for award_id in award_ids:
        with database.session(writes=False) as reading:
            found = evidence.verify(reading, award_id)
        with database.transaction() as session:
            session.add(
                EvidenceCheck(
                    award_id=award_id,
                    checked_at=now,
                    holds=found.holds,
                    differences=found.differences,
                )
            )
        EVIDENCE_CHECKS.labels("holds" if found.holds else "differs").inc()
        yield found
