"""Review: hours, content and copyright judged on the frozen version itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses.models import Course, CourseVersion, VersionState
from courses.version_states import IllegalStep, VersionStep, advance
from zhixin import jobs
from zhixin.errors import Invalid, NotAllowed, NotFound
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import justified_hours


def queue(session: Session) -> Sequence[CourseVersion]:
    """Versions that wait, the longest waiting first."""
    return session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.state == VersionState.SUBMITTED)
        .options(joinedload(CourseVersion.course).joinedload(Course.owner))
        .order_by(CourseVersion.submitted_at)
    ).all()


def get(session: Session, version_id: int) -> CourseVersion:
    """A version with its course and author.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(
        sa.select(CourseVersion)
        .where(CourseVersion.id == version_id)
        .options(joinedload(CourseVersion.course).joinedload(Course.owner))
    )
    if found is None:
        raise NotFound("没有这个课程版本")
    return found


def history(session: Session, course_id: int) -> Sequence[CourseVersion]:
    """All versions of a course, the newest first."""
    return session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.course_id == course_id)
        .order_by(CourseVersion.number.desc())
    ).all()


def send_back(
    session: Session, version: CourseVersion, reviewer_id: int, reason: str, now: datetime
) -> None:
    """Return a version to its author with a reason.

    Raises:
        Invalid: no reason. NotAllowed: one's own course. IllegalStep: decided already.
    """
    if not reason.strip():
        raise Invalid("请填写退回原因，作者会看到它", code="reason-needed")
    _decide(session, version, VersionStep.SEND_BACK, reviewer_id, reason.strip(), now)


def approve(session: Session, version: CourseVersion, reviewer_id: int, now: datetime) -> None:
    """Publish a version; the one published before is kept by those who are half way.

    Raises:
        Invalid: more hours declared than the length justifies. NotAllowed: one's own course.
        IllegalStep: decided already.
    """
    policy = session.get_one(Policy, version.policy_id)
    justified = justified_hours(version.duration_ms, policies.rule(policy))
    if version.declared_hours > justified:
        raise Invalid(
            f"申报 {version.declared_hours} 学时超过时长可支持的 {justified} 学时，请退回作者修改",
            code="hours-not-justified",
        )
    session.execute(
        sa.update(CourseVersion)
        .where(
            CourseVersion.course_id == version.course_id,
            CourseVersion.state == VersionState.PUBLISHED,
        )
        .values(state=advance(VersionState.PUBLISHED, VersionStep.SUPERSEDE))
        .execution_options(synchronize_session="fetch")
    )
    _decide(session, version, VersionStep.PUBLISH, reviewer_id, None, now)
    from courses.tasks import index_courses

    jobs.enqueue(session, index_courses)


def _decide(
    session: Session,
    version: CourseVersion,
    step: VersionStep,
    reviewer_id: int,
    reason: str | None,
    now: datetime,
) -> None:
    if version.course.owner_id == reviewer_id:
        raise NotAllowed("不能审核自己的课程，请由其他审核人处理")
    before, after = VersionState(version.state), advance(VersionState(version.state), step)
    moved = session.execute(
        sa.update(CourseVersion)
        .where(CourseVersion.id == version.id, CourseVersion.state == before)
        .values(state=after, decided_at=now, decided_by_id=reviewer_id, reason=reason)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalStep("这个版本刚刚已被其他审核人处理")
    session.refresh(version)
