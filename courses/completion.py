"""The end of a course: all there? Then hours, exactly once, on evidence.

Called after everything that may have been the last step (a beat, a submitted quiz, a page
read, an enrolment taken up again), in the same transaction.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts
from assessments import evidence as attempt_evidence
from courses import evidence, progress, risk, scopes
from courses.models import Enrolment, EnrolmentState
from courses.stops import answering
from media.models import Coverage
from zhixin.hours import awards
from zhixin.hours.models import Award


def check(
    session: Session, enrolment_id: int, *, sampling_seed: str, now: datetime
) -> Award | None:
    """Complete the enrolment if everything is there; returns the award given by this call.

    The row's lock comes first and the facts are read after it: of any number of last steps
    at the same time, the one that holds the lock last sees them all, and only one finds the
    enrolment still active. A course whose hours come to zero is completed without an award.

    Args:
        sampling_seed: secret of the draw for a person's eyes (see ``awards.award``).
    """
    enrolment = session.scalar(
        sa.select(Enrolment)
        .where(Enrolment.id == enrolment_id, Enrolment.state == EnrolmentState.ACTIVE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if enrolment is None:
        return None
    done = progress.of(session, enrolment)
    if not done.complete:
        return None
    enrolment.state = EnrolmentState.COMPLETED
    enrolment.completed_at = now = _moment(session, enrolment, now)
    award = _award(session, enrolment, sampling_seed, now)
    enrolment.award_id = award.id if award else None
    session.flush()
    return award


def _moment(session: Session, enrolment: Enrolment, now: datetime) -> datetime:
    """Not before the last beat: one carries an instant a little later than its clock's when
    another process booked just before it (see ``media.beats.decide``). Nor before an attempt was
    graded again or a stop was answered, so that evidence as of this moment has them."""
    latest = session.scalar(
        sa.select(sa.func.max(Coverage.updated_at)).where(
            Coverage.person_id == enrolment.person_id,
            Coverage.scope == scopes.of_version(enrolment.version_id),
        )
    )
    again = attempt_evidence.latest_regrade(
        session, enrolment.person_id, scopes.of_version(enrolment.version_id)
    )
    stopped = answering.latest(session, enrolment.person_id, enrolment.version_id)
    return max(now, latest or now, again or now, stopped or now)


def _award(
    session: Session, enrolment: Enrolment, sampling_seed: str, now: datetime
) -> Award | None:
    given = evidence.case(session, enrolment, now)
    version, hours = given.version, evidence.hours_of(given.version, given.rule)
    if hours <= 0:
        return None
    found = evidence.document(given)
    return awards.award(
        session,
        person_id=enrolment.person_id,
        source=awards.Source(
            kind="course",
            id=version.course_id,
            version=version.number,
            title=version.title,
            field_code=version.field_code,
            subject_kind=version.subject_kind,
            hours=hours,
            policy_id=given.policy.id,
        ),
        evidence=found,
        flags=risk.flags(session, found, lambda id: attempts.characters(session, id)),
        sampling_seed=sampling_seed,
        now=now,
    )
