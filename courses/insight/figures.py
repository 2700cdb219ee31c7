"""A course's figures as its authors read them: a few kept rows, whatever the course's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import authors, progress
from courses.insight import curves, gathering
from courses.insight.models import CourseFigure, ViewingCurve
from courses.models import Course, CourseVersion, UnitKind
from zhixin.errors import NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role

#: Months drawn, the last ones.
MONTHS = 24
#: Rows of a curve's table.
ROWS = 20


@dataclass(frozen=True)
class Stretch:
    """A part of a video in the table beside its curve (times in ms).

    Attributes:
        covered: learners who covered it, the mean over it.
        stopped: learners whose furthest moment lies in it.
    """

    start_ms: int
    end_ms: int
    covered: int
    stopped: int


@dataclass(frozen=True)
class Viewing:
    """One video's curve. ``enough``: it may be shown without showing somebody's own."""

    curve: ViewingCurve
    enough: bool
    staying: Sequence[int]
    reached_end: int
    drops: Sequence[Stretch]
    table: Sequence[Stretch]

    def moment_ms(self, part: int) -> int:
        return self.curve.duration_ms * part // curves.BINS


@dataclass(frozen=True)
class Month:
    month: str
    enrolled: int
    completed: int


def readable(session: Session, course_id: int, person: Person) -> Course:
    """A course whose figures this person may read: its authors and viewers, and who judges or
    administers for the whole city.

    Raises:
        NotFound: there is none, or it is others'.
    """
    query = sa.select(Course).where(Course.id == course_id)
    everywhere = any(
        role in person.roles and accounts.scope(session, person, role) is None
        for role in (Role.REVIEWER, Role.ADMINISTRATOR)
    )
    course = session.scalar(query if everywhere else query.where(authors.mine(person.id)))
    if course is None:
        raise NotFound("没有这门课程")
    return course


def of_course(session: Session, course_id: int) -> CourseFigure | None:
    """What was gathered last, or None."""
    found = session.get(CourseFigure, course_id)
    return found if found is not None and found.gathered_at is not None else None


def months(figure: CourseFigure, now_month: str) -> list[Month]:
    """By month, quiet ones too, up to this one; the last ``MONTHS``."""
    found = {month: Month(month, enrolled, done) for month, enrolled, done in figure.months}
    if not found:
        return []
    at, filled = min(found), []
    while at <= max(now_month, *found):
        filled.append(found.get(at, Month(at, 0, 0)))
        year, month = divmod(int(at[:4]) * 12 + int(at[5:]), 12)
        at = f"{year}-{month + 1:02}"
    return filled[-MONTHS:]


def viewings(session: Session, course_id: int) -> list[Viewing]:
    """The videos' curves: those of the newest version in its order, then older ones."""
    kept = session.scalars(
        sa.select(ViewingCurve)
        .where(ViewingCurve.course_id == course_id)
        .order_by(ViewingCurve.current.desc(), ViewingCurve.position, ViewingCurve.asset_id)
    )
    return [_viewing(curve) for curve in kept]


def _viewing(curve: ViewingCurve) -> Viewing:
    if curve.learners < curves.FEWEST:
        return Viewing(curve, False, (), 0, (), ())

    def stretch(begin: int, end: int) -> Stretch:
        return Stretch(
            curve.duration_ms * begin // curves.BINS,
            curve.duration_ms * end // curves.BINS,
            round(sum(curve.covered[begin:end]) / (end - begin)),
            sum(curve.stopped[begin:end]),
        )

    width = curves.BINS // ROWS
    found = curves.drops(curve.learners, curve.stopped)
    return Viewing(
        curve,
        True,
        curves.staying(curve.learners, curve.stopped),
        curves.reached_end(curve.stopped),
        [stretch(drop.begin, drop.end) for drop in found],
        [stretch(at, at + width) for at in range(0, curves.BINS, width)],
    )


def papers(session: Session, course_id: int) -> list[int]:
    """The papers of the newest version's quizzes, as frozen."""
    text = session.scalar(
        sa.select(CourseVersion.document)
        .where(CourseVersion.course_id == course_id, CourseVersion.state.in_(gathering.OFFERED))
        .order_by(CourseVersion.number.desc())
        .limit(1)
    )
    units = progress.document(text).units() if text else ()
    return [
        unit.paper_version_id
        for unit in units
        if unit.kind is UnitKind.QUIZ and unit.paper_version_id is not None
    ]


def this_month(local_now: datetime) -> str:
    return f"{local_now:%Y-%m}"
