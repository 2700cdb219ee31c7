"""Review: four eyes, one decision, one published version."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import editing, enrolments, fields, reviewing
from courses.models import Course, CourseVersion, VersionState
from courses.version_states import IllegalStep
from zhixin import db
from zhixin.app import create_app
from zhixin.audit import trail
from zhixin.config import Settings
from zhixin.errors import Invalid, NotAllowed, NotFound
from zhixin.hours import policies
from zhixin.people.models import Person

Make = Callable[..., Course]
Submit = Callable[..., CourseVersion]
Publish = Callable[..., CourseVersion]


@pytest.fixture
def waiting(session: Session, create_course: Make, submit: Submit) -> CourseVersion:
    """A version that waits for review."""
    return reviewing.get(session, submit(create_course()).id)


def test_queue_is_longest_waiting_first(
    session: Session, create_course: Make, submit: Submit, now: datetime
) -> None:
    """Who waits longest comes first; decided ones are gone."""
    late = submit(create_course(title="晚"), now + timedelta(hours=1))
    early = submit(create_course(title="早"), now)
    assert [version.id for version in reviewing.queue(session)] == [early.id, late.id]


def test_get_unknown(session: Session) -> None:
    """A version that does not exist is not found."""
    with pytest.raises(NotFound):
        reviewing.get(session, 999_999)


def test_send_back(
    session: Session, waiting: CourseVersion, reviewer: Person, now: datetime
) -> None:
    """The author gets the reason and may edit again; the decision is on the trail."""
    reviewing.send_back(session, waiting, reviewer.id, " 请补来源 ", now)
    assert (waiting.state, waiting.reason) == (VersionState.RETURNED, "请补来源")
    assert (waiting.decided_by_id, waiting.decided_at) == (reviewer.id, now)
    editing.open_for_edit(session, waiting.course_id, waiting.course.owner_id, now)
    [(trace, who)] = trail.of(session, "course-version", waiting.id)
    assert (trace.act, trace.reason, who) == ("send-back", "请补来源", "审核人")


@pytest.mark.parametrize("reason", ["", "  \n", "\0", "长" * 2001])
def test_send_back_needs_a_reason(
    session: Session, waiting: CourseVersion, reviewer: Person, now: datetime, reason: str
) -> None:
    """No course goes back without a word, and none with a book."""
    with pytest.raises(Invalid):
        reviewing.send_back(session, waiting, reviewer.id, reason, now)
    assert waiting.state == VersionState.SUBMITTED


def test_approve_publishes(
    session: Session, waiting: CourseVersion, reviewer: Person, now: datetime
) -> None:
    """An approved version is what new learners get."""
    reviewing.approve(session, waiting, reviewer.id, now)
    assert (waiting.state, waiting.decided_by_id) == (VersionState.PUBLISHED, reviewer.id)
    assert [trace.act for trace, _who in trail.of(session, "course-version", waiting.id)] == [
        "publish"
    ]


def test_four_eyes(session: Session, waiting: CourseVersion, now: datetime) -> None:
    """An author who is also a reviewer judges nothing of their own, neither way."""
    with pytest.raises(NotAllowed):
        reviewing.approve(session, waiting, waiting.course.owner_id, now)
    with pytest.raises(NotAllowed):
        reviewing.send_back(session, waiting, waiting.course.owner_id, "原因", now)
    assert waiting.state == VersionState.SUBMITTED


def test_more_hours_than_justified_are_refused(
    session: Session, waiting: CourseVersion, reviewer: Person, now: datetime
) -> None:
    """Hours follow the length by rule, even if a row should say otherwise."""
    waiting.declared_hours = Decimal("2.5")
    with session.no_autoflush, pytest.raises(Invalid, match="时长可支持"):
        reviewing.approve(session, waiting, reviewer.id, now)


def test_new_version_supersedes_the_old(
    session: Session,
    published_course: Publish,
    submit: Submit,
    reviewer: Person,
    create_person: Callable[..., Person],
    now: datetime,
) -> None:
    """One version is published; learners half way keep theirs, new ones get the new."""
    first = published_course()
    half_way = enrolments.enrol(session, create_person("a").id, first.course_id, now)
    again = submit(editing.get(session, first.course_id, first.course.owner_id))
    second = reviewing.get(session, again.id)
    assert reviewing.published_before(session, second) is first
    reviewing.approve(session, second, reviewer.id, now)
    session.refresh(first)
    session.refresh(half_way)
    new = enrolments.enrol(session, create_person("b").id, first.course_id, now)
    assert (first.state, second.state) == (VersionState.SUPERSEDED, VersionState.PUBLISHED)
    assert (half_way.version_id, new.version_id) == (first.id, second.id)


def test_sent_back_leaves_the_published_one(
    session: Session, published_course: Publish, submit: Submit, reviewer: Person, now: datetime
) -> None:
    """A returned revision changes nothing for learners."""
    first = published_course()
    again = submit(editing.get(session, first.course_id, first.course.owner_id))
    reviewing.send_back(session, reviewing.get(session, again.id), reviewer.id, "原因", now)
    session.refresh(first)
    assert first.state == VersionState.PUBLISHED


def test_decided_once(
    session: Session, waiting: CourseVersion, reviewer: Person, now: datetime
) -> None:
    """What is decided cannot be decided again, and stays what it is."""
    reviewing.approve(session, waiting, reviewer.id, now)
    with pytest.raises(IllegalStep):
        reviewing.approve(session, waiting, reviewer.id, now)
    with pytest.raises(IllegalStep):
        reviewing.send_back(session, waiting, reviewer.id, "原因", now)
    session.refresh(waiting)
    assert waiting.state == VersionState.PUBLISHED


def test_stale_page(
    session: Session, waiting: CourseVersion, reviewer: Person, now: datetime
) -> None:
    """A reviewer who still sees it waiting is told that another has decided."""
    session.execute(
        sa.update(CourseVersion)
        .values(state=VersionState.RETURNED)
        .execution_options(synchronize_session=False)
    )
    with pytest.raises(IllegalStep, match="其他审核人"):
        reviewing.approve(session, waiting, reviewer.id, now)


def test_history_names_reviewers(
    session: Session, waiting: CourseVersion, reviewer: Person, submit: Submit, now: datetime
) -> None:
    """A course's versions, the newest first, with who decided."""
    reviewing.send_back(session, waiting, reviewer.id, "原因", now)
    submit(editing.get(session, waiting.course_id, waiting.course.owner_id))
    found = reviewing.history(session, waiting.course_id)
    assert [(version.number, who) for version, who in found] == [(2, None), (1, "审核人")]
    assert reviewing.newest(session, [waiting.course_id])[waiting.course_id].number == 2
    assert reviewing.published_before(session, found[0][0]) is None


# Two reviewers at once, each with a connection and a commit of their own.


@pytest.fixture
def racing_app(own_engine: sa.Engine, settings: Settings) -> Flask:
    return create_app(settings, bind=own_engine, testing=True)


def test_two_reviewers_at_once(own_engine: sa.Engine, racing_app: Flask, now: datetime) -> None:
    """Of an approval and a return at the same time one counts; the other is told, no more."""
    with racing_app.app_context():
        version_id, reviewers = _waiting_version(db.session(), now)
    barrier = Barrier(2)

    def decide(place: int) -> str:
        with racing_app.app_context(), Session(own_engine, expire_on_commit=False) as session:
            version = reviewing.get(session, version_id)
            session.commit()  # both have the page open
            barrier.wait()
            try:
                if place:
                    reviewing.approve(session, version, reviewers[place], now)
                else:
                    reviewing.send_back(session, version, reviewers[place], "原因", now)
            except IllegalStep:
                return "told"
            session.commit()
            return "decided"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(decide, range(2))) == ["decided", "told"]
    with Session(own_engine) as session:
        version = session.get_one(CourseVersion, version_id)
        assert version.state in (VersionState.PUBLISHED, VersionState.RETURNED)
        assert len(trail.of(session, "course-version", version_id)) == 1


def _waiting_version(session: Session, now: datetime) -> tuple[int, list[int]]:
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    people = [
        Person(sign_in_name=name, password_hash="x", name=name, created_at=now) for name in "abc"
    ]
    session.add_all(people)
    session.flush()
    facts = {
        "title": "题",
        "field_code": fields.valid(session, now.date())[0].code,
        "subject_kind": "professional",
        "level": "none",
        "declared_hours": Decimal(0),
    }
    course = Course(
        owner_id=people[0].id,
        summary="",
        teacher="",
        teacher_title="",
        created_at=now,
        updated_at=now,
        **facts,
    )
    session.add(course)
    session.flush()
    version = CourseVersion(
        course_id=course.id,
        number=1,
        state=VersionState.SUBMITTED,
        document="{}",
        sha256="0" * 64,
        duration_ms=0,
        policy_id=policies.in_force(session, now.date()).id,
        submitted_at=now,
        **facts,
    )
    session.add(version)
    session.commit()
    return version.id, [people[1].id, people[2].id]


def test_the_database_keeps_a_version_as_submitted(
    session: Session, waiting: CourseVersion
) -> None:
    """Not even a programming error changes what a reviewer judges."""
    waiting.declared_hours = Decimal(1)
    with pytest.raises(IntegrityError):
        session.flush()
