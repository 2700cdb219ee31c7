"""The mark itself: given with a number, seen on the course, ended by its day or with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses.models import Course, CourseVersion, VersionState
from courses.quality.models import QualityApplication, QualityMark
from courses.quality.states import MARK_STEPS, MarkState, MarkStep
from zhixin import acts, clock
from zhixin.errors import Invalid, NotFound


def last_day(first: date, years: int) -> date:
    """The last day of a mark: the day before its anniversary (of 29 February: 28 February)."""
    try:
        return first.replace(year=first.year + years) - timedelta(days=1)
    except ValueError:
        return date(first.year + years, 2, 28)


def give(
    session: Session, application: QualityApplication, *, years: int, actor_id: int, now: datetime
) -> QualityMark:
    """A mark from today on, with the year's next number. One that still runs ends with it."""
    today = clock.local(now).date()
    if (running := active(session, [application.course_id]).get(application.course_id)) is not None:
        _end(session, running, MarkStep.EXPIRE, "续评后由新的称号接替", None, now)
    serial = session.scalar(
        sa.select(sa.func.max(QualityMark.serial)).where(QualityMark.year == today.year)
    )
    made = QualityMark(
        course_id=application.course_id,
        application_id=application.id,
        year=today.year,
        serial=(serial or 0) + 1,
        given_at=now,
        valid_from=today,
        valid_until=last_day(today, years),
        state=MarkState.ACTIVE,
    )
    session.add(made)
    session.flush()
    acts.note(
        session, actor_id=actor_id, act="award", object_kind="quality-mark", object_id=made.id,
        now=now,
    )  # fmt: skip
    return made


def active(session: Session, course_ids: Sequence[int]) -> dict[int, QualityMark]:
    """The running mark of each course that has one."""
    found = session.scalars(
        sa.select(QualityMark).where(
            QualityMark.course_id.in_(course_ids), QualityMark.state == MarkState.ACTIVE
        )
    )
    return {mark.course_id: mark for mark in found}


def listing(session: Session) -> list[tuple[QualityMark, CourseVersion | None]]:
    """All marks that were ever given with what their courses are called now, the newest first."""
    rows = session.execute(
        sa.select(QualityMark, CourseVersion)
        .outerjoin(
            CourseVersion,
            (CourseVersion.course_id == QualityMark.course_id)
            & (CourseVersion.state == VersionState.PUBLISHED),
        )
        .options(joinedload(QualityMark.course))
        .order_by(QualityMark.given_at.desc(), QualityMark.id.desc())
        .limit(1000)
    )
    return [(mark, version) for mark, version in rows]


def withdraw(
    session: Session, mark_id: int, reason: str, actor_id: int, now: datetime
) -> QualityMark:
    """Take a mark away.

    Raises:
        NotFound: there is none. Invalid: no reason. IllegalQualityStep: it has ended.
    """
    found = session.get(QualityMark, mark_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("没有这个称号")
    reason = reason.replace("\0", "").strip()
    if not reason or len(reason) > 2_000:
        raise Invalid("请填写撤销的原因，不超过 2000 个字", code="reason-needed")
    _end(session, found, MarkStep.WITHDRAW, reason, actor_id, now)
    return found


def _end(
    session: Session,
    mark: QualityMark,
    step: MarkStep,
    reason: str | None,
    actor_id: int | None,
    now: datetime,
) -> None:
    mark.state = MARK_STEPS.after(MarkState(mark.state), step)
    mark.ended_at, mark.ended_by_id, mark.reason = now, actor_id, reason
    session.flush()
    # The database has moved the course's own date: what is loaded is stale.
    if (
        course := session.identity_map.get(session.identity_key(Course, mark.course_id))
    ) is not None:
        session.expire(course, ["quality_mark_until"])
    acts.note(
        session, actor_id=actor_id, act=step, object_kind="quality-mark", object_id=mark.id,
        reason=reason, now=now,
    )  # fmt: skip


def expire(session: Session, now: datetime, limit: int = 500) -> int:
    """End marks whose last day has passed; the badge was gone with that day."""
    today = clock.local(now).date()
    late = session.scalars(
        sa.select(QualityMark)
        .where(QualityMark.state == MarkState.ACTIVE, QualityMark.valid_until < today)
        .order_by(QualityMark.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for mark in late:
        _end(session, mark, MarkStep.EXPIRE, None, None, now)
    return len(late)
