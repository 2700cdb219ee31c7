"""Authors put their published courses forward, and say why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses import authorship
from courses.models import Course, CourseVersion, VersionState
from courses.quality import marks, rounds
from courses.quality.models import QualityApplication, QualityRound
from courses.quality.states import (
    APPLICATION_STEPS,
    ApplicationState,
    ApplicationStep,
    RoundState,
)
from zhixin import acts, clock
from zhixin.errors import Conflict, Invalid, NotFound

MOST_CHARACTERS = 5_000
#: A mark may be sought anew this long before it ends.
RENEWAL = timedelta(days=366)


def is_open(round_: QualityRound, now: datetime) -> bool:
    """Whether applications come in."""
    return round_.state == RoundState.ANNOUNCED and round_.opens_at <= now < round_.closes_at


def eligible(
    session: Session, person_id: int, round_: QualityRound, now: datetime
) -> list[CourseVersion]:
    """The person's published courses that may be put forward and were not."""
    taken = sa.select(QualityApplication.course_id).where(
        QualityApplication.round_id == round_.id,
        QualityApplication.state != ApplicationState.WITHDRAWN,
    )
    versions = session.scalars(
        sa.select(CourseVersion)
        .join(Course, Course.id == CourseVersion.course_id)
        .where(
            CourseVersion.state == VersionState.PUBLISHED,
            Course.owner_id == person_id,
            CourseVersion.course_id.not_in(taken),
        )
        .order_by(CourseVersion.title, CourseVersion.id)
    ).all()
    late = clock.local(now).date() + RENEWAL
    held = marks.active(session, [version.course_id for version in versions])
    return [
        version
        for version in versions
        if version.course_id not in held or held[version.course_id].valid_until <= late
    ]


def apply(
    session: Session,
    round_id: int,
    person_id: int,
    *,
    course_id: int,
    statement: str,
    now: datetime,
) -> QualityApplication:
    """Put a course forward. Sent twice, it is the same application.

    Raises:
        Conflict: not the time for it.
        NotFound: not the person's course. Invalid: no statement, or it may not be put forward.
    """
    found = rounds.get(session, round_id, lock=True)
    if not is_open(found, now):
        raise Conflict("现在不在申报时间内", code="quality-closed")
    if person_id not in authorship.writers(session, course_id):
        raise NotFound("没有这门课程")
    statement = statement.replace("\0", "").strip()
    if not statement or len(statement) > MOST_CHARACTERS:
        raise Invalid(f"请填写申报说明，不超过 {MOST_CHARACTERS} 个字", code="quality-statement")
    there = session.scalar(
        sa.select(QualityApplication).where(
            QualityApplication.round_id == round_id,
            QualityApplication.course_id == course_id,
            QualityApplication.state != ApplicationState.WITHDRAWN,
        )
    )
    if there is not None:
        return there
    version = next(
        (v for v in eligible(session, person_id, found, now) if v.course_id == course_id), None
    )
    if version is None:
        raise Invalid("这门课程没有发布，或已是精品课程且未到续评时间", code="quality-ineligible")
    made = QualityApplication(
        round_id=round_id,
        course_id=course_id,
        version_id=version.id,
        person_id=person_id,
        statement=statement,
        state=ApplicationState.SUBMITTED,
        applied_at=now,
    )
    session.add(made)
    session.flush()
    _note(session, made, "apply", person_id, now)
    return made


def withdraw(session: Session, application_id: int, person_id: int, now: datetime) -> int:
    """Take an application back, until the panel begins; returns its round.

    Raises:
        NotFound: not the person's. Conflict: the panel has begun.
    """
    found = session.get(QualityApplication, application_id)
    if found is None or person_id not in authorship.writers(session, found.course_id):
        raise NotFound("没有这个申报")
    round_ = rounds.get(session, found.round_id, lock=True)
    session.refresh(found)
    if round_.state != RoundState.ANNOUNCED:
        raise Conflict("评分已经开始，不能撤回", code="quality-closed")
    found.state = APPLICATION_STEPS.after(ApplicationState(found.state), ApplicationStep.WITHDRAW)
    session.flush()
    _note(session, found, "withdraw", person_id, now)
    return found.round_id


def of_person(session: Session, person_id: int, round_id: int) -> Sequence[QualityApplication]:
    """What a person put forward in a round."""
    return session.scalars(
        sa.select(QualityApplication)
        .join(Course, Course.id == QualityApplication.course_id)
        .where(
            sa.or_(QualityApplication.person_id == person_id, Course.owner_id == person_id),
            QualityApplication.round_id == round_id,
        )
        .options(joinedload(QualityApplication.version))
        .order_by(QualityApplication.id)
    ).all()


def _note(
    session: Session, application: QualityApplication, act: str, person_id: int, now: datetime
) -> None:
    acts.note(
        session, actor_id=person_id, act=act, object_kind="quality-application",
        object_id=application.id, now=now,
    )  # fmt: skip
