"""Which courses of an author use which media: told to :mod:`media.references`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from flask import url_for
from sqlalchemy.orm import Session

from courses.models import Chapter, Course, Unit
from media.references import Found, Use, read_table
from zhixin.db import Base


def of_owner(session: Session, owner_id: int) -> Sequence[Use]:
    """Each course of theirs, with what its draft and its versions refer to."""
    courses = session.execute(
        sa.select(Course.id, Course.title)
        .where(Course.owner_id == owner_id)
        .order_by(Course.updated_at.desc())
    ).all()
    tables = list(_tables_of_courses())
    uses = []
    for course_id, title in courses:
        found = Found()
        for table in tables:
            read_table(session, table, found, table.c.course_id == course_id)
        chapters = sa.select(Chapter.id).where(Chapter.course_id == course_id)
        units = Base.metadata.tables[Unit.__tablename__]
        read_table(session, units, found, units.c.chapter_id.in_(chapters))
        uses.append(Use(title, url_for("studio.course", course_id=course_id), found))
    return uses


def _tables_of_courses() -> Iterator[sa.Table]:
    """Whatever hangs on a course: versions, histories, files. Not who learns it."""
    for table in Base.metadata.tables.values():
        if "course_id" in table.c and table.name not in ("enrolment", "award"):
            yield table
