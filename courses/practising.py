"""Practice in courses: units that never count, and the mistakes book across a person's courses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import mistakes, practice
from assessments.mistakes import Book
from assessments.models import Practice
from courses import scopes
from courses.documents import Unit
from courses.models import CourseVersion, Enrolment, UnitKind
from zhixin.errors import NotFound
from zhixin.hours import policies
from zhixin.hours.models import Policy


def start(session: Session, enrolment: Enrolment, unit: Unit, now: datetime) -> Practice:
    """Begin a run of a practice unit; any number, also when the course is completed.

    Raises:
        NotFound: the unit is nothing to practise; a quiz's questions are not, before or after.
    """
    if unit.kind != UnitKind.PRACTICE or unit.paper_version_id is None:
        raise NotFound("这一节没有练习")
    return practice.start(
        session,
        person_id=enrolment.person_id,
        scope=scopes.of_practice(enrolment.version_id),
        paper_version_id=unit.paper_version_id,
        now=now,
    )


def finished(session: Session, enrolment: Enrolment) -> set[int]:
    """Paper versions of practice units that the learner has been through."""
    return practice.finished(session, enrolment.person_id, scopes.of_practice(enrolment.version_id))


def book(session: Session, person_id: int, needed: int) -> Book:
    """A person's mistakes of all courses; ``needed`` right answers in a row take one out."""
    return mistakes.of_person(session, person_id, needed=needed, allowed=_allowed(session))


def again(
    session: Session, person_id: int, scope: str | None, needed: int, now: datetime
) -> Practice:
    """Begin a run of the mistakes whose keys may be read; of one course, if named.

    Raises:
        Conflict: there are none.
    """
    found = book(session, person_id, needed).open
    wanted = [each for each in found if scope is None or each.scope == scope]
    return practice.again(session, person_id=person_id, mistakes=mistakes.drawn(wanted), now=now)


def titles(session: Session, wanted: Iterable[str]) -> dict[str, str]:
    """What the courses of some scopes are called."""
    ids = {version: scope for scope in wanted if (version := scopes.version_of(scope))}
    query = sa.select(CourseVersion.id, CourseVersion.title).where(CourseVersion.id.in_(ids))
    return {ids[version]: title for version, title in session.execute(query)}


def _allowed(session: Session) -> Callable[[str], int | None]:
    """Attempts that the policy of a course version allows."""

    def allowed(scope: str) -> int | None:
        if scope.startswith(scopes.PRACTICE):
            return 0  # nothing is kept back after practice
        version = session.get(CourseVersion, scopes.version_of(scope) or 0)
        if version is None:
            return None
        return policies.rule(session.get_one(Policy, version.policy_id)).attempts_allowed

    return allowed
