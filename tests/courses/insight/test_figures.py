"""An author's figures: what is counted, who reads it, and that nobody is singled out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import authors, editing, scopes
from courses.insight import figures, gathering
from courses.insight.models import CourseFigure, ViewingCurve
from courses.models import CourseVersion, Enrolment, EnrolmentState
from media.models import Asset, Coverage
from tests import scenes
from zhixin import db
from zhixin.hours import awards
from zhixin.hours.states import Transition
from zhixin.people.models import Person, Role

HALF_MS = 45 * 60_000


@pytest.fixture
def version(published_course: Callable[..., CourseVersion]) -> CourseVersion:
    return published_course()


@pytest.fixture
def asset(session: Session, version: CourseVersion) -> Asset:
    return session.scalars(sa.select(Asset)).one()


@pytest.fixture
def watch(
    session: Session, create_person: Callable[..., Person], version: CourseVersion, asset: Asset
) -> Callable[..., list[Person]]:
    """So many learners enrol and watch the first part: ``watch(6, until_ms, at)``."""

    def watching(count: int, until_ms: int, at: datetime) -> list[Person]:
        people = []
        for _ in range(count):
            person = create_person(f"xue{session.scalar(sa.select(sa.func.max(Person.id)))}")
            session.add(
                Enrolment(
                    person_id=person.id, course_id=version.course_id, version_id=version.id,
                    state=EnrolmentState.ACTIVE, pages_read=[], enrolled_at=at,
                )
            )  # fmt: skip
            session.add(
                Coverage(
                    person_id=person.id, scope=scopes.of_version(version.id), asset_id=asset.id,
                    spans=f"0-{until_ms}", covered_ms=until_ms, position_ms=0, updated_at=at,
                )
            )  # fmt: skip
            people.append(person)
        session.commit()
        return people

    return watching


def _gather(version: CourseVersion, at: datetime) -> CourseFigure:
    assert gathering.gather(db.database(), version.course_id, at)
    db.session().expire_all()
    found = figures.of_course(db.session(), version.course_id)
    assert found is not None
    return found


def test_a_curve_says_how_many_saw_what_and_where_they_stopped(
    session: Session, version: CourseVersion, watch: Any, now: datetime
) -> None:
    """Six stop half way, two see all of it: the second half has two viewers."""
    watch(6, HALF_MS, now)
    watch(2, 2 * HALF_MS, now)
    _gather(version, now)
    (viewing,) = figures.viewings(session, version.course_id)
    assert (viewing.curve.title, viewing.curve.learners, viewing.reached_end) == ("第一讲", 8, 2)
    assert viewing.curve.covered == [8] * 100 + [2] * 100
    assert [drop.stopped for drop in viewing.drops] == [6]


def test_of_four_learners_there_is_no_curve(
    session: Session,
    sign_in: Any,
    writer: Person,
    version: CourseVersion,
    watch: Any,
    now: datetime,
) -> None:
    """A curve of four people tells of each of them: neither drawn nor in the page's table."""
    watch(4, HALF_MS, now)
    _gather(version, now)
    (viewing,) = figures.viewings(session, version.course_id)
    assert not viewing.enough
    assert not viewing.table
    page = sign_in(writer).get(f"/studio/courses/{version.course_id}/figures").get_data(True)
    # The months are drawn, the video is not.
    assert "不足 5 人" in page
    assert page.count("data-chart") == 1
    assert "在此停下" not in page


def test_a_person_who_came_back_is_one_and_pending_hours_are_none(
    session: Session, version: CourseVersion, watch: Any, now: datetime
) -> None:
    """Enrolled twice, counted once; only hours that count are awarded hours."""
    first, second = watch(2, HALF_MS, now - timedelta(days=40))
    left = session.scalars(sa.select(Enrolment).where(Enrolment.person_id == first.id)).one()
    left.state = EnrolmentState.WITHDRAWN
    session.flush()
    session.add(
        Enrolment(
            person_id=first.id, course_id=version.course_id, version_id=version.id,
            state=EnrolmentState.COMPLETED, pages_read=[], enrolled_at=now, completed_at=now,
        )
    )  # fmt: skip
    counted = scenes._award(session, first, source_id=version.course_id)
    awards.decide(session, counted, Transition.VERIFY, actor_id=None, reason=None, now=now)
    scenes._award(session, second, source_id=version.course_id)
    session.commit()
    found = _gather(version, now)
    assert (found.enrolled, found.active, found.completed) == (2, 1, 1)
    assert (found.awards, found.hours) == (1, counted.hours)
    assert isinstance(found.hours, Decimal)
    assert [list(each) for each in found.months] == [["2026-10", 2, 0], ["2026-11", 0, 1]]


def test_a_video_that_nobody_watched_since_is_not_read_again(
    session: Session, version: CourseVersion, watch: Any, now: datetime
) -> None:
    """The night reads what is new; the rest stands."""
    (one, *_others) = watch(5, HALF_MS, now)
    _gather(version, now + timedelta(hours=1))
    # Changed behind the platform's back, without an instant: only a second reading would see it.
    change = sa.update(Coverage).where(Coverage.person_id == one.id)
    session.execute(change.values(spans=f"0-{2 * HALF_MS}"))
    session.commit()
    _gather(version, now + timedelta(hours=2))
    assert session.scalars(sa.select(ViewingCurve)).one().covered[150] == 0
    session.execute(change.values(updated_at=now + timedelta(hours=3)))
    session.commit()
    _gather(version, now + timedelta(hours=4))
    assert session.scalars(sa.select(ViewingCurve)).one().covered[150] == 1


def test_the_night_finds_what_the_day_left_and_asking_is_answered_once(
    session: Session, version: CourseVersion, now: datetime
) -> None:
    """A lost doorbell costs a night at most; a second worker finds nothing to do."""
    course_id = version.course_id
    assert gathering.due(session, now, night=False) == []
    assert gathering.due(session, now, night=True) == [course_id]
    assert gathering.ask(session, course_id, now)
    assert not gathering.ask(session, course_id, now)
    session.commit()
    assert gathering.due(session, now, night=False) == [course_id]
    session.get_one(CourseFigure, course_id).claimed_until = now + gathering.CLAIM
    session.commit()
    assert not gathering.gather(db.database(), course_id, now)
    assert gathering.due(session, now, night=True) == []
    later = now + gathering.CLAIM + timedelta(seconds=1)
    assert gathering.gather(db.database(), course_id, later)
    assert gathering.due(session, later, night=True) == []


def test_who_reads_a_courses_figures(
    session: Session,
    sign_in: Callable[[Person], FlaskClient],
    create_person: Callable[..., Person],
    writer: Person,
    reviewer: Person,
    version: CourseVersion,
    now: datetime,
) -> None:
    """Its owner and whoever was let in, reviewers and the city's administrators; no other author."""
    course = editing.get(session, version.course_id, writer.id)
    viewer, other = create_person("kan", Role.AUTHOR), create_person("qita", Role.AUTHOR)
    authors.invite(session, course, writer.id, "kan", "viewer", now)
    session.commit()
    admin = create_person("guanli", Role.ADMINISTRATOR)
    address = f"/studio/courses/{version.course_id}/figures"
    assert {
        sign_in(each).get(address).status_code for each in (writer, viewer, reviewer, admin)
    } == {200}
    assert sign_in(other).get(address).status_code == 404


def test_the_page_asks_few_questions_of_the_database(
    app: Flask,
    session: Session,
    sign_in: Any,
    writer: Person,
    version: CourseVersion,
    watch: Any,
    now: datetime,
    connection: sa.Connection,
) -> None:
    """However many learners there are, the page reads kept rows only."""
    watch(6, HALF_MS, now)
    _gather(version, now)
    client, asked = sign_in(writer), []
    address = f"/studio/courses/{version.course_id}/figures"
    client.get(address)

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    sa.event.listen(connection, "before_cursor_execute", note)
    page = client.get(address)
    sa.event.remove(connection, "before_cursor_execute", note)
    assert page.status_code == 200
    assert page.get_data(True).count("data-chart") == 2
    reads = [each for each in asked if each.lstrip().upper().startswith("SELECT")]
    assert len(reads) <= 10
    assert not any("FROM coverage" in each for each in reads)
