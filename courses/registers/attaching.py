"""Which experts and textbooks a course names; what a version keeps of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.documents import TeacherProfile, TextbookRecord
from courses.models import Course, CourseVersion, VersionState
from courses.registers.entries import EXPERTS, TEXTBOOKS, Register
from courses.registers.models import Expert, Textbook, VersionTeacher
from courses.registers.register import Entry
from courses.registers.states import EntryState
from media.file_models import Attachment
from zhixin.errors import Conflict, NotFound

MOST = 20


def of(session: Session, register: Register, course_id: int) -> Sequence[Entry]:
    """What a course in the making names, in order."""
    link = register.link
    query = (
        sa.select(register.model)
        .join(link, link.entry_id == register.model.id)
        .where(link.course_id == course_id)
        .order_by(link.position, link.entry_id)
    )
    return session.scalars(query).all()


def add(session: Session, register: Register, course_id: int, entry_id: int) -> None:
    """Name one more; who is named already stays where they are.

    Raises:
        NotFound: not in force. Conflict: there are too many.
    """
    entry = session.get(register.model, entry_id)
    if entry is None or entry.state != EntryState.IN_FORCE:
        raise NotFound("登记中没有这条记录，或已停用")
    ids = [each.id for each in of(session, register, course_id)]
    if entry_id in ids:
        return
    if len(ids) >= MOST:
        raise Conflict(f"一门课程最多 {MOST} 项")
    _put(session, register, course_id, [*ids, entry_id])


def remove(session: Session, register: Register, course_id: int, entry_id: int) -> None:
    ids = [each.id for each in of(session, register, course_id)]
    _put(session, register, course_id, [each for each in ids if each != entry_id])


def move(session: Session, register: Register, course_id: int, entry_id: int, by: int) -> None:
    """One place up (-1) or down (+1).

    Raises:
        NotFound: the course does not name it.
    """
    ids = [each.id for each in of(session, register, course_id)]
    if entry_id not in ids:
        raise NotFound("课程中没有这一项")
    place = ids.index(entry_id)
    ids.insert(max(0, place + by), ids.pop(place))
    _put(session, register, course_id, ids)


def copy(session: Session, from_id: int, to_id: int) -> None:
    """What one course names, for another too."""
    for register in (EXPERTS, TEXTBOOKS):
        _put(session, register, to_id, [each.id for each in of(session, register, from_id)])


def ids(session: Session, register: Register, course_id: int) -> list[int]:
    """Of what a course in the making names, in order."""
    link = register.link
    query = (
        sa.select(link.entry_id)
        .where(link.course_id == course_id)
        .order_by(link.position, link.entry_id)
    )
    return list(session.scalars(query))


def put(session: Session, register: Register, course_id: int, wanted: Sequence[int]) -> None:
    """Name these in place of those there are. One that is gone since stays away; what is no longer
    in force may be named again: it was."""
    if wanted == ids(session, register, course_id):
        return
    model = register.model
    there = set(session.scalars(sa.select(model.id).where(model.id.in_(wanted))))
    _put(session, register, course_id, [each for each in wanted if each in there][:MOST])


def _put(session: Session, register: Register, course_id: int, ids: Sequence[int]) -> None:
    link = register.link
    table = link.__table__
    key = "expert_id" if register is EXPERTS else "textbook_id"
    session.execute(sa.delete(link).where(link.course_id == course_id))
    rows = [
        {"course_id": course_id, key: entry_id, "position": place}
        for place, entry_id in enumerate(ids)
    ]
    if rows:
        session.execute(sa.insert(table), rows)


def teachers(session: Session, course: Course) -> tuple[TeacherProfile, ...]:
    """The experts as a version keeps them."""
    return tuple(
        TeacherProfile(
            expert_id=each.id,
            name=each.name,
            title=each.title or None,
            unit=each.unit or None,
            biography=each.biography or None,
            portrait=f"picture:{each.picture_id}" if each.picture_id else None,
        )
        for each in of(session, EXPERTS, course.id)
        if isinstance(each, Expert)
    )


def textbooks(session: Session, course: Course) -> tuple[TextbookRecord, ...]:
    """The textbooks as a version keeps them."""
    found = []
    for each in of(session, TEXTBOOKS, course.id):
        assert isinstance(each, Textbook)
        file = session.get(Attachment, each.file_id) if each.file_id else None
        found.append(
            TextbookRecord(
                textbook_id=each.id,
                title=each.title,
                authors=each.authors,
                publisher=each.publisher,
                isbn=each.isbn,
                edition=each.edition or None,
                year=each.year,
                licence=each.licence or None,
                file_id=file.id if file else None,
                file_name=file.file_name if file else None,
                file_bytes=file.size_bytes if file else None,
            )
        )
    return tuple(found)


def note_version(session: Session, version: CourseVersion, named: Sequence[TeacherProfile]) -> None:
    """Remember whom a frozen version names."""
    session.add_all(
        VersionTeacher(version_id=version.id, expert_id=each.expert_id) for each in named
    )
    session.flush()


def published(session: Session, expert_id: int) -> Sequence[CourseVersion]:
    """The published versions that name an expert, the newest first."""
    query = (
        sa.select(CourseVersion)
        .join(VersionTeacher, VersionTeacher.version_id == CourseVersion.id)
        .where(VersionTeacher.expert_id == expert_id, CourseVersion.state == VersionState.PUBLISHED)
        .order_by(CourseVersion.decided_at.desc(), CourseVersion.id.desc())
        .limit(100)
    )
    return session.scalars(query).all()


def in_force(session: Session, expert_ids: Sequence[int]) -> set[int]:
    """Those of these experts who have a page."""
    if not expert_ids:
        return set()
    query = sa.select(Expert.id).where(
        Expert.id.in_(expert_ids), Expert.state == EntryState.IN_FORCE
    )
    return set(session.scalars(query))
