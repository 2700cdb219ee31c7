"""Experts and textbooks of a course in an archive: found again here, or kept as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from courses import editing
from courses.documents import TeacherProfile, TextbookRecord
from courses.models import Course
from courses.packages.document import PackagedCourse
from courses.packages.parts import Teacher, Textbook
from courses.registers import attaching, register
from courses.registers.entries import EXPERTS, TEXTBOOKS, Register
from courses.registers.states import EntryState

#: Of the course's own line of teachers, and of its summary.
_MOST_TEACHER = editing.MOST_CHARACTERS["teacher"]
_MOST_SUMMARY = editing.MOST_CHARACTERS["summary"]


def told(
    teachers: Sequence[TeacherProfile], textbooks: Sequence[TextbookRecord]
) -> tuple[tuple[Teacher, ...], tuple[Textbook, ...]]:
    """What an archive says of them."""
    return (
        tuple(
            Teacher(name=each.name, unit=each.unit or "", title=each.title or "")
            for each in teachers
        ),
        tuple(
            Textbook(
                title=each.title,
                authors=each.authors,
                publisher=each.publisher,
                isbn=each.isbn,
                edition=each.edition or "",
                year=each.year,
                licence=each.licence or "",
            )
            for each in textbooks
        ),
    )


def lay_down(session: Session, course: Course, document: PackagedCourse) -> list[str]:
    """Name in ``course`` what this installation's registers know; what they don't stays as text.

    Returns:
        What is not known here, in words.
    """
    return [
        *_teachers(session, course, document.teachers),
        *_textbooks(session, course, document.textbooks),
    ]


def _teachers(session: Session, course: Course, named: Sequence[Teacher]) -> Iterator[str]:
    for each in named:
        if _attached(session, EXPERTS, course, each):
            continue
        line = "、".join(filter(None, (course.teacher, each.name)))
        kept = each.name in course.teacher
        if not kept and len(line) <= _MOST_TEACHER:
            course.teacher, kept = line, True
        where = "，姓名保留在“授课专家”中" if kept else ""
        yield f"本平台的专家库中没有：{each.to_text()}{where}；需要时可提出登记"


def _textbooks(session: Session, course: Course, named: Sequence[Textbook]) -> Iterator[str]:
    for each in named:
        if _attached(session, TEXTBOOKS, course, each):
            continue
        summary = f"{course.summary.rstrip()}\n\n教材：{each.to_text()}".strip()
        kept = each.to_text() in course.summary
        if not kept and len(summary) <= _MOST_SUMMARY:
            course.summary, kept = summary, True
        where = "，保留在课程简介中" if kept else ""
        yield f"本平台的教材登记中没有：{each.to_text()}{where}；需要时可提出登记"


def _attached(session: Session, kept: Register, course: Course, each: Teacher | Textbook) -> bool:
    found = register.same(session, kept, each.model_dump())
    if found is None or found.state != EntryState.IN_FORCE:
        return False
    attaching.add(session, kept, course.id, found.id)
    return True
