"""Who wrote a course: the question behind every "nobody judges their own"."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.models import AuthorRole, Course, CourseAuthor


def writers(session: Session, course_id: int) -> frozenset[int]:
    """The people who wrote a course, or had a part in it."""
    return writers_of(session, [course_id]).get(course_id, frozenset())


def writers_of(session: Session, course_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """The same of several courses."""
    found = {
        course_id: {owner_id}
        for course_id, owner_id in session.execute(
            sa.select(Course.id, Course.owner_id).where(Course.id.in_(course_ids))
        )
    }
    co_authors = sa.select(CourseAuthor.course_id, CourseAuthor.person_id).where(
        CourseAuthor.course_id.in_(course_ids), CourseAuthor.role == AuthorRole.CO_AUTHOR
    )
    for course_id, person_id in session.execute(co_authors):
        found[course_id].add(person_id)
    return {course_id: frozenset(people) for course_id, people in found.items()}
