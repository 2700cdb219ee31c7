"""A course again, as a new one: structure, texts and questions copied, media referred to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from assessments import drafting
from assessments.banks import keeping
from courses import authors, conditions, outlines
from courses.models import Chapter, Course, Unit, Waiting
from courses.registers import attaching
from courses.snapshots import FACTS, FIELDS
from zhixin.errors import NotAllowed


def duplicate(session: Session, course: Course, person_id: int, now: datetime) -> Course:
    """The copy, a draft of ``person_id``; it has its own papers, and no history yet.

    Raises:
        NotAllowed: somebody who may only read it.
    """
    if not authors.may_edit(session, course, person_id):
        raise NotAllowed("您可以查看这门课程，但不能复制")
    facts = {name: getattr(course, name) for name in FACTS}
    facts["title"] = f"{course.title[:110]}（副本）"
    made = Course(owner_id=person_id, revision=0, created_at=now, updated_at=now, **facts)
    session.add(made)
    session.flush()
    copies: dict[int, Unit] = {}
    for chapter in course.chapters:
        home = Chapter(course_id=made.id, position=chapter.position, title=chapter.title, units=[])
        session.add(home)
        session.flush()
        for unit in chapter.units:
            values = {name: getattr(unit, name) for name in FIELDS}
            if unit.paper_id:
                values["paper_id"] = _paper(session, unit.paper_id, course.owner_id, person_id, now)
            copies[unit.id] = Unit(chapter_id=home.id, position=unit.position, waits=[], **values)
            session.add(copies[unit.id])
    session.flush()
    for unit in conditions.units(course):
        copies[unit.id].waits = [Waiting(for_id=copies[each.for_id].id) for each in unit.waits]
    attaching.copy(session, course.id, made.id)
    outlines.reload(session, made)
    return made


def _paper(session: Session, paper_id: int, owner_id: int, person_id: int, now: datetime) -> int:
    source = drafting.get(session, paper_id, owner_id)
    made = drafting.create(session, owner_id=person_id, title=source.document["title"], now=now)
    copied = drafting.save(session, made.id, person_id, source.document, made.revision, now)
    return copied.id


def undrawable(session: Session, course: Course) -> list[str]:
    """Titles of units whose papers draw from a bank that the course's author may not use: another
    author's stays theirs."""
    mine = {bank.id for bank in keeping.drawable(session, [course.owner_id])}
    found = []
    for unit in conditions.units(course):
        paper = drafting.get(session, unit.paper_id, course.owner_id) if unit.paper_id else None
        plan = paper.document.get("blueprint") if paper else None
        if plan and plan["bank"] not in mine:
            found.append(unit.title)
    return found
