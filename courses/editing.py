"""A course in the making: freely edited by its author until it is submitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from assessments import drafting
from courses import authors, kinds
from courses.models import Chapter, Course, CourseVersion, Unit, UnitKind, VersionState
from media import assets
from media.models import Asset
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel

#: A course larger than this is several courses.
MOST_CHAPTERS = 60
MOST_UNITS = 100
MOST_HOURS = 200
MOST_CHARACTERS = {"title": 120, "summary": 4_000, "teacher": 64, "teacher_title": 120}
MOST_PAGE_CHARACTERS = 100_000

FACTS = (
    *MOST_CHARACTERS, "field_code", "subject_kind", "level", "declared_hours", "rate_percent"
)  # fmt: skip
#: How fast a video may be watched for the first time, in percent of normal speed.
RATES = (100, 125, 150, 200)


class UnderReview(Conflict):
    code = "under-review"
    title = "课程正在审核中，退回或通过后才能继续编辑"


class ChangedElsewhere(Conflict):
    code = "changed-elsewhere"
    title = "课程已在另一个页面被修改，您的改动尚未保存"


def cleaned(name: str, text: str) -> str:
    """A unit's ``title`` or ``body`` as it is kept.

    Raises:
        Invalid: it can't be used.
    """
    return _title(text) if name == "title" else _text(text, MOST_PAGE_CHARACTERS)


def create(session: Session, *, owner_id: int, facts: Mapping[str, Any], now: datetime) -> Course:
    """A new course with one empty chapter."""
    course = Course(
        owner_id=owner_id, revision=0, created_at=now, updated_at=now, **_checked(facts)
    )
    course.chapters = [Chapter(position=0, title="第一章", units=[])]
    session.add(course)
    session.flush()
    return course


def of_owner(session: Session, owner_id: int) -> Sequence[Course]:
    """An author's courses and those that they were let into, the last edited first."""
    return session.scalars(
        sa.select(Course)
        .where(authors.mine(owner_id))
        .order_by(Course.updated_at.desc(), Course.id.desc())
    ).all()


def get(session: Session, course_id: int, person_id: int, *, lock: bool = False) -> Course:
    """A course that this person may read, with chapters and units.

    Raises:
        NotFound: there is none, or it is others'.
    """
    query = (
        sa.select(Course)
        .where(Course.id == course_id, authors.mine(person_id))
        .options(selectinload(Course.chapters).selectinload(Chapter.units).selectinload(Unit.waits))
    )
    if lock:  # what was read before the lock may be stale
        query = query.with_for_update(of=Course).execution_options(populate_existing=True)
    course = session.scalar(query)
    if course is None:
        raise NotFound("没有这门课程")
    return course


def open_for_edit(session: Session, course_id: int, person_id: int, now: datetime) -> Course:
    """The course, locked and not under review.

    Raises:
        NotFound: not this person's. NotAllowed: they may only read it. UnderReview: a version
        waits for review.
    """
    course = get(session, course_id, person_id, lock=True)
    if not authors.may_edit(session, course, person_id):
        raise NotAllowed("您可以查看这门课程，但不能修改")
    if under_review(session, course_id):
        raise UnderReview
    course.updated_at = now
    return course


def under_review(session: Session, course_id: int) -> bool:
    """Whether a version waits, for its review or for the day of its publication."""
    waiting = sa.select(CourseVersion.id).where(
        CourseVersion.course_id == course_id,
        CourseVersion.state.in_((VersionState.SUBMITTED, VersionState.APPROVED)),
    )
    return session.scalar(waiting) is not None


def update(session: Session, course: Course, facts: Mapping[str, Any], revision: int) -> None:
    """Change the course's facts, read at ``revision``.

    Raises:
        ChangedElsewhere: what was read has been rewritten since.
        Invalid: a value cannot be used.
    """
    values = _checked(facts)
    rewrite(course, revision)
    for name, value in values.items():
        setattr(course, name, value)
    session.flush()


def rewrite(course: Course, revision: int) -> None:
    """Text that a person typed replaces text that they read at ``revision``. (Adding, moving
    and attaching overwrite nothing, so they neither ask for the revision nor change it.)"""
    if revision != course.revision:
        raise ChangedElsewhere
    course.revision += 1


def _checked(facts: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: facts[name] for name in FACTS if name in facts}
    for name, most in MOST_CHARACTERS.items():
        values[name] = _text(values[name], most)
    if not values["title"]:
        raise Invalid("请填写课程名称", code="title-needed")
    values["subject_kind"] = SubjectKind(values["subject_kind"])
    values["level"] = TitleLevel(values["level"])
    hours = values.get("declared_hours", Decimal(0))
    if not hours.is_finite() or not 0 <= hours <= MOST_HOURS or round(hours, 2) != hours:
        raise Invalid(f"申报学时应在 0 到 {MOST_HOURS} 之间，最多两位小数", code="declared-hours")
    if values.get("rate_percent", 100) not in RATES:
        raise Invalid("请选择计时速度", code="rate")
    return values


def add_chapter(session: Session, course: Course, title: str) -> Chapter:
    if len(course.chapters) >= MOST_CHAPTERS:
        raise Invalid(f"一门课程最多 {MOST_CHAPTERS} 章", code="too-many-chapters")
    chapter = Chapter(position=len(course.chapters), title=_title(title), units=[])
    course.chapters.append(chapter)
    session.flush()
    return chapter


def add_unit(
    session: Session, course: Course, chapter_id: int, kind: UnitKind, title: str, now: datetime
) -> Unit:
    """A new unit at the end of a chapter; a quiz or practice brings its empty paper."""
    chapter = chapter_of(course, chapter_id)
    if len(chapter.units) >= MOST_UNITS:
        raise Invalid(f"一章最多 {MOST_UNITS} 节", code="too-many-units")
    title = _title(title)
    paper = (
        drafting.create(session, owner_id=course.owner_id, title=title, now=now)
        if kinds.of(kind).paper
        else None
    )
    unit = Unit(
        position=len(chapter.units),
        kind=kind,
        title=title,
        body="",
        paper_id=paper.id if paper else None,
        required=kinds.of(kind).may_be_asked,
        waits=[],
    )
    chapter.units.append(unit)
    session.flush()
    return unit


def update_unit(
    session: Session,
    course: Course,
    unit: Unit,
    *,
    title: str,
    body: str | None,
    asset_id: int | None = None,
    revision: int | None = None,
) -> None:
    """Change a unit, read at the course's ``revision`` (None: nobody else can have written).

    Raises:
        ChangedElsewhere: what was read has been rewritten since.
        Invalid: the title or text cannot be used. NotFound: not the author's own video.
    """
    title, body = _title(title), body and _text(body, MOST_PAGE_CHARACTERS)
    rewrite(course, course.revision if revision is None else revision)
    unit.title = title
    if kinds.of(unit.kind).written and body is not None:
        unit.body = body
    if asset_id is not None:
        attach(session, course, unit, asset_id)
    session.flush()


def attach(
    session: Session, course: Course, unit: Unit, asset_id: int, person_id: int | None = None
) -> None:
    """Give a video unit its video, ready or not: this person's own, or one of the course.

    Args:
        person_id: who does it; the course's owner when not given.

    Raises:
        NotFound: neither theirs nor the course's. Invalid: the unit is not a video.
    """
    if unit.kind != UnitKind.VIDEO:
        raise Invalid("只有视频节可以放视频", code="not-a-video-unit")
    if asset_id not in videos(session, course):
        asset_id = assets.get(session, asset_id, person_id or course.owner_id).id
    unit.asset_id = asset_id
    session.flush()


def rename_chapter(session: Session, course: Course, chapter_id: int, title: str) -> None:
    chapter_of(course, chapter_id).title = _title(title)
    session.flush()


def move(session: Session, siblings: list[Any], item: Chapter | Unit, step: int) -> None:
    """Move a chapter or unit up (-1) or down (+1) among its siblings."""
    place = siblings.index(item)
    siblings.insert(max(0, place + step), siblings.pop(place))
    for position, sibling in enumerate(siblings):
        sibling.position = position
    session.flush()


def remove(session: Session, siblings: list[Any], item: Chapter | Unit) -> None:
    """Remove a chapter (with its units) or a unit; uploaded videos stay the author's."""
    siblings.remove(item)
    for position, sibling in enumerate(siblings):
        sibling.position = position
    session.flush()


def course_of_unit(session: Session, unit_id: int) -> int:
    """The course that a unit is in. Whose it is, is asked next.

    Raises:
        NotFound: there is no such unit.
    """
    course_id = session.scalar(
        sa.select(Chapter.course_id)
        .join(Unit, Unit.chapter_id == Chapter.id)
        .where(Unit.id == unit_id)
    )
    if course_id is None:
        raise NotFound("没有这一节")
    return course_id


def chapter_of(course: Course, chapter_id: int) -> Chapter:
    """A chapter of the course.

    Raises:
        NotFound: the course has no such chapter.
    """
    for chapter in course.chapters:
        if chapter.id == chapter_id:
            return chapter
    raise NotFound("没有这一章")


def unit_of(course: Course, unit_id: int) -> tuple[Chapter, Unit]:
    """A unit of the course, with the chapter it stands in.

    Raises:
        NotFound: the course has no such unit.
    """
    for chapter in course.chapters:
        for unit in chapter.units:
            if unit.id == unit_id:
                return chapter, unit
    raise NotFound("没有这一节")


def videos(session: Session, course: Course) -> dict[int, Asset]:
    """The course's videos by id, in one query."""
    ids = [u.asset_id for c in course.chapters for u in c.units if u.asset_id]
    return {asset.id: asset for asset in session.scalars(sa.select(Asset).where(Asset.id.in_(ids)))}


def _title(text: str) -> str:
    text = " ".join(_text(text, 10_000).split())
    if not text or len(text) > MOST_CHARACTERS["title"]:
        raise Invalid("标题不能为空，且不超过 120 个字", code="title-needed")
    return text


def _text(text: str | None, most: int) -> str:
    # PostgreSQL keeps no NUL, and browsers send CRLF.
    text = (text or "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(text) > most:
        raise Invalid(f"文字过长：最多 {most} 个字，现有 {len(text)} 个字", code="text-too-long")
    return text
