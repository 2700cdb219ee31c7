"""The end of a course: all there? Then hours, exactly once, on evidence.

Called after everything that may have been the last step (a beat, a submitted quiz, a page
read, an enrolment taken up again), in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts
from courses import progress, scopes
from courses.models import CourseVersion, Enrolment, EnrolmentState
from courses.progress import Progress
from media import watching
from media.models import Beat, Playback
from zhixin.hours import awards, policies
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import CreditRule, justified_hours

#: A single beat refused by more than this (ms of media time) was not made by an honest clock:
#: our player reports every ten seconds and does not hurry through what is not confirmed.
REFUSED_BOUND_MS = 60_000

REFUSED_TIME = "refused-time"


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
    enrolment.completed_at = now
    award = _award(session, enrolment, done, sampling_seed, now)
    enrolment.award_id = award.id if award else None
    session.flush()
    return award


def hours_of(version: CourseVersion, rule: CreditRule) -> Decimal:
    """What completing ``version`` gives: the declared hours, never more than its length justifies."""
    return min(version.declared_hours, justified_hours(version.duration_ms, rule))


def _award(
    session: Session, enrolment: Enrolment, done: Progress, sampling_seed: str, now: datetime
) -> Award | None:
    version = session.get_one(CourseVersion, enrolment.version_id)
    policy = session.get_one(Policy, version.policy_id)
    rule = policies.rule(policy)
    hours = hours_of(version, rule)
    if hours <= 0:
        return None
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
            policy_id=policy.id,
        ),
        evidence=_evidence(session, enrolment, version, policy, rule, done),
        flags=_flags(session, enrolment),
        sampling_seed=sampling_seed,
        now=now,
    )


def _evidence(
    session: Session,
    enrolment: Enrolment,
    version: CourseVersion,
    policy: Policy,
    rule: CreditRule,
    done: Progress,
) -> dict[str, Any]:
    scope = scopes.of_version(version.id)
    assert enrolment.completed_at is not None
    return {
        "person_id": enrolment.person_id,
        "course": {
            "id": version.course_id,
            "title": version.title,
            "version": version.number,
            "sha256": version.sha256,
        },
        "policy": {
            "id": policy.id,
            "title": policy.title,
            "version": policy.version,
            "sha256": policy.sha256,
        },
        "enrolled_at": enrolment.enrolled_at.isoformat(),
        "completed_at": enrolment.completed_at.isoformat(),
        "units": [
            {
                "key": each.unit.key,
                "kind": each.unit.kind.value,
                "title": each.unit.title,
                "asset_id": each.unit.asset_id,
                "duration_ms": each.unit.duration_ms,
                "paper_version_id": each.unit.paper_version_id,
                "covered_ms": each.covered_ms,
                "needed_ms": each.needed_ms,
            }
            for each in done.units
        ],
        "watching": watching.evidence(session, enrolment.person_id, scope),
        "attempts": attempts.evidence(session, enrolment.person_id, scope),
        "pages_read": sorted(enrolment.pages_read),
        "credit": {
            "duration_ms": version.duration_ms,
            "minutes_per_hour": str(rule.minutes_per_hour),
            "step": str(rule.step),
            "coverage_needed": str(rule.coverage_needed),
            "declared_hours": str(version.declared_hours),
            "justified_hours": str(justified_hours(version.duration_ms, rule)),
            "hours": str(hours_of(version, rule)),
        },
    }


def _flags(session: Session, enrolment: Enrolment) -> list[str]:
    """Why a person should look: codes, empty when the evidence is clean."""
    # What came in after a playback had ended is refused by nature: a second device, a late
    # resend. Inside the lease it means that more was claimed than time had passed.
    largest = session.scalar(
        sa.select(sa.func.max(Beat.refused_ms))
        .join(Playback, Playback.id == Beat.playback_id)
        .where(
            Playback.person_id == enrolment.person_id,
            Playback.scope == scopes.of_version(enrolment.version_id),
            sa.or_(Playback.ended_at.is_(None), Beat.received_at <= Playback.ended_at),
        )
    )
    return [REFUSED_TIME] if (largest or 0) > REFUSED_BOUND_MS else []
