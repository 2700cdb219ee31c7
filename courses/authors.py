"""Who may read and who may edit a course in the making: its owner, co-authors, viewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting
from courses.models import AuthorRole, Course, CourseAuthor
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people.models import Person, Role, RoleGrant

MOST_AUTHORS = 30
#: Whoever may edit; the owner is not in the table.
EDITORS = (AuthorRole.CO_AUTHOR,)


@dataclass(frozen=True)
class Author:
    """One of a course's people."""

    person: Person
    role: AuthorRole


def mine(person_id: int, *, edit: bool = False) -> sa.ColumnElement[bool]:
    """The condition that a course is this person's to read, or to ``edit``."""
    roles = EDITORS if edit else tuple(AuthorRole)
    invited = sa.select(CourseAuthor.course_id).where(
        CourseAuthor.person_id == person_id, CourseAuthor.role.in_(roles)
    )
    return sa.or_(Course.owner_id == person_id, Course.id.in_(invited))


def may_edit(session: Session, course: Course, person_id: int) -> bool:
    if course.owner_id == person_id:
        return True
    found = session.get(CourseAuthor, (course.id, person_id))
    return found is not None and found.role in EDITORS


def of(session: Session, course: Course) -> Sequence[Author]:
    """The owner and everybody who was invited, in the order of their coming."""
    owner = session.get_one(Person, course.owner_id)
    invited = session.execute(
        sa.select(Person, CourseAuthor.role)
        .join(CourseAuthor, CourseAuthor.person_id == Person.id)
        .where(CourseAuthor.course_id == course.id)
        .order_by(CourseAuthor.added_at, Person.id)
    )
    return [Author(owner, AuthorRole.OWNER), *(Author(p, AuthorRole(role)) for p, role in invited)]


def invite(
    session: Session, course: Course, by_id: int, sign_in_name: str, role: str, now: datetime
) -> CourseAuthor:
    """Let another author in, by sign-in name; who is in gets the role given now.

    Raises:
        NotAllowed: not the owner. Invalid: no such author, the owner, or no such role.
        Conflict: there are too many.
    """
    _owner_only(course, by_id)
    if role not in (AuthorRole.CO_AUTHOR, AuthorRole.VIEWER):
        raise Invalid("请选择合作者的权限", code="author-role")
    person = session.scalar(
        sa.select(Person)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(Person.sign_in_name == sign_in_name.strip().lower(), RoleGrant.role == Role.AUTHOR)
    )
    # One answer for all: who has an account here is nobody's business.
    if person is None or person.id == course.owner_id:
        raise Invalid("没有这个登录名的课程作者，或这就是您自己", code="author-unknown")
    found = session.get(CourseAuthor, (course.id, person.id))
    if found is None:
        if len(of(session, course)) >= MOST_AUTHORS:
            raise Conflict(f"一门课程最多 {MOST_AUTHORS} 位作者", code="too-many-authors")
        found = CourseAuthor(
            course_id=course.id, person_id=person.id, added_by_id=by_id, added_at=now
        )
        session.add(found)
    found.role = AuthorRole(role)
    session.flush()
    share_papers(session, course)
    return found


def remove(session: Session, course: Course, by_id: int, person_id: int) -> None:
    """Take somebody out: the owner anybody, everybody themselves.

    Raises:
        NotAllowed: another's, and not the owner. NotFound: they are not in.
    """
    if by_id != person_id:
        _owner_only(course, by_id)
    found = session.get(CourseAuthor, (course.id, person_id))
    if found is None:
        raise NotFound("没有这位合作者")
    session.delete(found)
    session.flush()
    share_papers(session, course)


def share_papers(session: Session, course: Course) -> None:
    """Whoever may edit the course may write its questions, and nobody else."""
    papers = [u.paper_id for chapter in course.chapters for u in chapter.units if u.paper_id]
    editors = session.scalars(
        sa.select(CourseAuthor.person_id).where(
            CourseAuthor.course_id == course.id, CourseAuthor.role.in_(EDITORS)
        )
    ).all()
    drafting.let_edit(session, papers, editors)


def _owner_only(course: Course, person_id: int) -> None:
    if course.owner_id != person_id:
        raise NotAllowed("只有课程的负责人可以管理合作者")
