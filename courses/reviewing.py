"""Review: hours, content and copyright judged on the frozen version itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses import authorship
from courses.models import Course, CourseVersion, VersionState
from courses.submission import Arithmetic
from courses.version_states import STEPS, IllegalStep, VersionStep
from zhixin import jobs
from zhixin.audit import trail
from zhixin.errors import Invalid, NotAllowed, NotFound
from zhixin.hours.models import Policy
from zhixin.people.models import Person

MOST_REASON_CHARACTERS = 2_000


def queue(session: Session) -> Sequence[CourseVersion]:
    """Versions that wait, the longest waiting first."""
    return session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.state == VersionState.SUBMITTED)
        .options(joinedload(CourseVersion.course).joinedload(Course.owner))
        .order_by(CourseVersion.submitted_at, CourseVersion.id)
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


def history(session: Session, course_id: int) -> Sequence[tuple[CourseVersion, str | None]]:
    """All versions of a course with their reviewers' names, the newest first."""
    rows = session.execute(
        sa.select(CourseVersion, Person.name)
        .outerjoin(Person, Person.id == CourseVersion.decided_by_id)
        .where(CourseVersion.course_id == course_id)
        .order_by(CourseVersion.number.desc())
    )
    return [(version, name) for version, name in rows]


def newest(session: Session, course_ids: Sequence[int]) -> dict[int, CourseVersion]:
    """The newest version of each course that has one."""
    versions = session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.course_id.in_(course_ids))
        .order_by(CourseVersion.number)
    )
    return {version.course_id: version for version in versions}


def published_before(session: Session, version: CourseVersion) -> CourseVersion | None:
    """The last version that was published before this one was submitted."""
    return session.scalar(
        sa.select(CourseVersion)
        .where(
            CourseVersion.course_id == version.course_id,
            CourseVersion.number < version.number,
            CourseVersion.state.in_([VersionState.PUBLISHED, VersionState.SUPERSEDED]),
        )
        .order_by(CourseVersion.number.desc())
        .limit(1)
    )


def arithmetic(session: Session, version: CourseVersion) -> Arithmetic:
    """What the version's real length justifies under the policy it was submitted under."""
    return Arithmetic(version.duration_ms, session.get_one(Policy, version.policy_id))


def checked_reason(reason: str) -> str:
    """A reason as it is kept.

    Raises:
        Invalid: there is none, or it is a book.
    """
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise Invalid("请填写退回原因，作者会看到它", code="reason-needed")
    if len(reason) > MOST_REASON_CHARACTERS:
        raise Invalid(f"退回原因最多 {MOST_REASON_CHARACTERS} 个字", code="reason-too-long")
    return reason


def check_hours(session: Session, version: CourseVersion) -> None:
    """Hours follow the length by rule.

    Raises:
        Invalid: more are declared than the length justifies.
    """
    justified = arithmetic(session, version).justified
    if version.declared_hours > justified:
        raise Invalid(
            f"申报 {version.declared_hours} 学时超过时长可支持的 {justified} 学时，请退回作者修改",
            code="hours-not-justified",
        )


def send_back(
    session: Session, version: CourseVersion, reviewer_id: int, reason: str, now: datetime
) -> None:
    """Return a version to its author with a reason. (How reviewers come to it: ``reviews``.)

    Raises:
        Invalid: no reason. NotAllowed: one's own course. IllegalStep: decided already.
    """
    reason = checked_reason(reason)
    _not_own(session, version, reviewer_id)
    _decide(session, version, VersionStep.SEND_BACK, reviewer_id, reason, now)


def approve(
    session: Session,
    version: CourseVersion,
    reviewer_id: int,
    now: datetime,
    *,
    publish_at: datetime | None = None,
) -> None:
    """Publish a version, or have it wait for ``publish_at``; the one published before is kept by
    those who are half way. (How reviewers come to it: ``reviews``.)

    Raises:
        Invalid: more hours declared than the length justifies. NotAllowed: one's own course.
        IllegalStep: decided already.
    """
    _not_own(session, version, reviewer_id)
    check_hours(session, version)
    if publish_at is not None and publish_at > now:
        _decide(session, version, VersionStep.APPROVE, reviewer_id, None, now, publish_at)
        return
    supersede(session, version)
    _decide(session, version, VersionStep.PUBLISH, reviewer_id, None, now)
    ring_index(session)


def supersede(session: Session, version: CourseVersion) -> None:
    """The one published before steps back first: the database allows one a course."""
    session.execute(
        sa.update(CourseVersion)
        .where(
            CourseVersion.course_id == version.course_id,
            CourseVersion.id != version.id,
            CourseVersion.state == VersionState.PUBLISHED,
        )
        .values(state=STEPS.after(VersionState.PUBLISHED, VersionStep.SUPERSEDE))
        .execution_options(synchronize_session="fetch")
    )


def ring_index(session: Session) -> None:
    """What is published has changed: the search follows."""
    from courses.tasks import index_courses

    jobs.enqueue(session, index_courses)


def _not_own(session: Session, version: CourseVersion, reviewer_id: int) -> None:
    """Four eyes: nobody judges their own course."""
    if reviewer_id in authorship.writers(session, version.course_id):
        raise NotAllowed("不能审核自己的课程，请由其他审核人处理")


def _decide(
    session: Session,
    version: CourseVersion,
    step: VersionStep,
    reviewer_id: int,
    reason: str | None,
    now: datetime,
    publish_at: datetime | None = None,
) -> None:
    # Conditional, so that of two reviewers at once one decides and the other is told.
    before, after = VersionState(version.state), STEPS.after(VersionState(version.state), step)
    moved = session.execute(
        sa.update(CourseVersion)
        .where(CourseVersion.id == version.id, CourseVersion.state == before)
        .values(
            state=after,
            decided_at=now,
            decided_by_id=reviewer_id,
            reason=reason,
            publish_at=publish_at,
        )
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalStep("这个版本刚刚已被其他审核人处理")
    session.refresh(version)
    trail.note(
        session,
        actor_id=reviewer_id,
        act="schedule" if step is VersionStep.APPROVE else step,
        object_kind="course-version",
        object_id=version.id,
        reason=reason,
        now=now,
    )
