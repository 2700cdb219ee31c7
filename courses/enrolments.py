"""Who studies which version of a course: once each, and half way they keep theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from courses import scopes
from courses.models import CourseVersion, Enrolment, EnrolmentState, VersionState
from media import watching
from zhixin.errors import Conflict, NotFound
from zhixin.hours.models import Award


class NotOffered(NotFound):
    """The course has no published version (or does not exist)."""

    code = "course-not-offered"
    title = "该课程尚未发布或已停止开放"


def enrol(session: Session, person_id: int, course_id: int, now: datetime) -> Enrolment:
    """Enrol into the published version; who is enrolled already (or has completed) stays so.

    The caller tells the cases apart by ``state`` and ``enrolled_at``. After a withdrawal a
    new enrolment begins; what was confirmed of the same version still counts, pages included.

    Raises:
        NotOffered: there is no published version.
    """
    if (found := find(session, person_id, course_id)) is not None:
        return found
    version_id = session.scalar(
        sa.select(CourseVersion.id).where(
            CourseVersion.course_id == course_id, CourseVersion.state == VersionState.PUBLISHED
        )
    )
    if version_id is None:
        raise NotOffered
    enrolment = Enrolment(
        person_id=person_id,
        course_id=course_id,
        version_id=version_id,
        state=EnrolmentState.ACTIVE,
        pages_read=_pages_read_before(session, person_id, version_id),
        enrolled_at=now,
    )
    try:
        with session.begin_nested():
            session.add(enrolment)
    except IntegrityError:
        # Another request of the same person was faster: the partial unique index says so.
        if (found := find(session, person_id, course_id)) is None:
            raise
        return found
    return enrolment


def withdraw(session: Session, enrolment: Enrolment, now: datetime) -> None:
    """Leave a course that is not completed. What was confirmed so far is kept; a video that
    is playing takes no more time.

    Raises:
        Conflict: it is completed, or was left already.
    """
    changed = session.execute(
        sa.update(Enrolment)
        .where(Enrolment.id == enrolment.id, Enrolment.state == EnrolmentState.ACTIVE)
        .values(state=EnrolmentState.WITHDRAWN)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("课程已完成或已退出，不能退出学习", code="not-active")
    watching.leave(session, enrolment.person_id, scopes.of_version(enrolment.version_id), now)
    session.refresh(enrolment, ["state"])


def get(session: Session, enrolment_id: int, person_id: int) -> Enrolment:
    """A person's own enrolment with its version, unless they withdrew.

    Raises:
        NotFound: no such enrolment, or not theirs.
    """
    enrolment = session.scalar(
        sa.select(Enrolment)
        .where(
            Enrolment.id == enrolment_id,
            Enrolment.person_id == person_id,
            Enrolment.state != EnrolmentState.WITHDRAWN,
        )
        .options(joinedload(Enrolment.version))
    )
    if enrolment is None:
        raise NotFound("没有找到这门课程的学习记录")
    return enrolment


def of_person(session: Session, person_id: int) -> list[Enrolment]:
    """A person's courses, with their versions: those under way first, the newest first."""
    return list(
        session.scalars(
            sa.select(Enrolment)
            .where(Enrolment.person_id == person_id, Enrolment.state != EnrolmentState.WITHDRAWN)
            .options(joinedload(Enrolment.version))
            .order_by(Enrolment.state, Enrolment.enrolled_at.desc(), Enrolment.id.desc())
        )
    )


def awards_of(session: Session, enrolments: Sequence[Enrolment]) -> dict[int, Award]:
    """The awards of these enrolments, by award id, in one query."""
    ids = [each.award_id for each in enrolments if each.award_id is not None]
    if not ids:
        return {}
    return {award.id: award for award in session.scalars(sa.select(Award).where(Award.id.in_(ids)))}


def note_read(session: Session, enrolment: Enrolment, key: str) -> None:
    """Remember that a page unit was read."""
    # The row is locked: two pages read at the same moment are both kept.
    locked = session.scalar(
        sa.select(Enrolment)
        .where(Enrolment.id == enrolment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if locked is not None and key not in locked.pages_read:
        locked.pages_read = [*locked.pages_read, key]
        session.flush()


def find(session: Session, person_id: int, course_id: int) -> Enrolment | None:
    """A person's enrolment in a course, if any."""
    return session.scalar(
        sa.select(Enrolment).where(
            Enrolment.person_id == person_id,
            Enrolment.course_id == course_id,
            Enrolment.state != EnrolmentState.WITHDRAWN,
        )
    )


def _pages_read_before(session: Session, person_id: int, version_id: int) -> list[str]:
    pages = session.scalar(
        sa.select(Enrolment.pages_read)
        .where(Enrolment.person_id == person_id, Enrolment.version_id == version_id)
        .order_by(Enrolment.id.desc())
        .limit(1)
    )
    return list(pages or ())
