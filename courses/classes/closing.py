"""The end of a class: attendance is final, and hours follow from it by rule, exactly once."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.classes import meanwhile, running
from courses.classes.models import (
    Attendance,
    ClassMember,
    ClassSession,
    ClassState,
    TrainingClass,
)
from zhixin import clock, jobs
from zhixin.errors import Conflict
from zhixin.hours import awards, policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import justified_hours
from zhixin.people.models import Organisation

#: The form of the evidence document.
FORM = "class-1"


def close(session: Session, training: TrainingClass, *, actor_id: int, now: datetime) -> None:
    """Make the attendance final and have the hours given by a job.

    Raises:
        ClassOver: it is closed or cancelled already.
        Conflict: a sitting is still to come, nobody wrote down who was there, or no policy covers
            its last day.
    """
    if training.state != ClassState.OPEN:
        raise running.ClassOver
    if not training.sessions or training.sessions[-1].ends_at > now:
        raise Conflict("还有没上完的课，全部结束后才能结班", code="class-not-over")
    if policies.find(session, _day(training)) is None:
        raise Conflict("班次结束那天没有适用的学时规则，不能结班", code="no-policy")
    known = {session_id for session_id, _person in running.attendance(session, training.id)}
    if missing := [sitting for sitting in training.sessions if sitting.id not in known]:
        day = clock.local(missing[0].begins_at).strftime("%m-%d %H:%M")
        raise Conflict(f"{day} 的课还没有登记考勤", code="attendance-missing")
    moved = session.execute(
        sa.update(TrainingClass)
        .where(TrainingClass.id == training.id, TrainingClass.state == ClassState.OPEN)
        .values(state=ClassState.CLOSING, closed_at=now, closed_by_id=actor_id)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise running.ClassOver
    session.refresh(training, ["state", "closed_at", "closed_by_id"])
    from courses.classes.tasks import award_classes

    jobs.enqueue(session, award_classes)


def _day(training: TrainingClass) -> date:
    """The day that the hours are of: the last sitting's."""
    return clock.local(training.sessions[-1].ends_at).date()


def award_all(session: Session, class_id: int, sampling_seed: str) -> int:
    """Give every member of a closing class their hours; returns to how many.

    Safe to run any number of times: an award is given once, and the class is closed with it.
    """
    training = session.scalar(
        sa.select(TrainingClass)
        .where(TrainingClass.id == class_id, TrainingClass.state == ClassState.CLOSING)
        .with_for_update()
    )
    if training is None:
        return 0
    training = running.get(session, None, class_id)
    policy = policies.in_force(session, _day(training))
    known = running.attendance(session, class_id)
    given = sum(
        _award(session, training, member, known, policy, sampling_seed)
        for member in training.members
        if member.award_id is None
    )
    training.state = ClassState.CLOSED
    session.flush()
    return given


def _award(
    session: Session,
    training: TrainingClass,
    member: ClassMember,
    known: dict[tuple[int, int], int],
    policy: Policy,
    sampling_seed: str,
) -> bool:
    attended = sum(known.get((s.id, member.person_id), 0) for s in training.sessions)
    if attended * 100 < training.attendance_percent * sum(s.minutes for s in training.sessions):
        return False
    rule = policies.rule(policy)
    hours = justified_hours(attended * 60_000, rule)
    if hours <= 0:
        return False
    assert training.closed_at is not None
    attended_whole = [
        (sitting.begins_at, sitting.ends_at)
        for sitting in training.sessions
        if known.get((sitting.id, member.person_id)) == sitting.minutes
    ]
    watched = meanwhile.watched(session, member.person_id, attended_whole)
    award = awards.award(
        session,
        person_id=member.person_id,
        source=awards.Source(
            kind="class",
            id=training.id,
            version=1,
            title=training.title,
            field_code=training.field_code,
            subject_kind=training.subject_kind,
            hours=hours,
            policy_id=policy.id,
            day=_day(training),
        ),
        evidence=document(session, training, member.person_id, policy, hours),
        flags=[meanwhile.IN_CLASS] if watched else [],
        sampling_seed=sampling_seed,
        now=training.closed_at,
    )
    member.award_id = award.id
    return True


def document(
    session: Session, training: TrainingClass, person_id: int, policy: Policy, hours: Decimal
) -> dict[str, Any]:
    """What a class award stands on: every sitting with all that was written down of the person."""
    rule = policies.rule(policy)
    notes: dict[int, list[dict[str, Any]]] = {}
    for row in session.scalars(
        sa.select(Attendance)
        .join(ClassSession, ClassSession.id == Attendance.session_id)
        .where(ClassSession.class_id == training.id, Attendance.person_id == person_id)
        .order_by(Attendance.id)
    ):
        notes.setdefault(row.session_id, []).append(
            {
                "minutes": row.minutes,
                "recorded_by": row.recorded_by_id,
                "recorded_at": row.recorded_at.isoformat(),
            }
        )
    return {
        "form": FORM,
        "person_id": person_id,
        "class": {
            "id": training.id,
            "title": training.title,
            "organiser": session.get_one(Organisation, training.organiser_id).name,
            "place": training.place,
            "attendance_percent": training.attendance_percent,
        },
        "policy": {"id": policy.id, "version": policy.version, "sha256": policy.sha256},
        "closed_at": training.closed_at.isoformat() if training.closed_at else None,
        "closed_by": training.closed_by_id,
        "sessions": [
            {
                "begins_at": sitting.begins_at.isoformat(),
                "ends_at": sitting.ends_at.isoformat(),
                "topic": sitting.topic,
                "teacher": sitting.teacher,
                "minutes": sitting.minutes,
                "attendance": notes.get(sitting.id, []),
            }
            for sitting in training.sessions
        ],
        "credit": {
            "minutes_per_hour": str(rule.minutes_per_hour),
            "step": str(rule.step),
            "hours": str(hours),
        },
    }
