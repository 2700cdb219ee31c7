"""Attempts whose time is over hand themselves in: the job ``courses.close_attempts``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from assessments import attempts, drafting, timing
from assessments.errors import AttemptClosed
from assessments.models import Attempt, AttemptState, Ending
from assessments.sheets import Change
from courses import enrolments, scopes, tasks
from courses.documents import CourseDocument
from courses.models import CourseVersion, Enrolment, EnrolmentState
from tests.courses.learning.conftest import Clock
from zhixin.people.models import Person

LIMIT = timedelta(minutes=30)


@pytest.fixture
def enrolment(
    session: Session, create_enrolment: Callable[..., Enrolment], monkeypatch: pytest.MonkeyPatch
) -> Enrolment:
    """Of a course whose page is read and whose quiz takes thirty minutes."""

    def limited(
        session: Session, paper_id: int, owner_id: int, question: dict[str, Any], now: datetime
    ) -> None:
        document = {"title": "测验", "questions": [question], "time_limit_minutes": 30}
        drafting.save(session, paper_id, owner_id, document, 0, now)

    monkeypatch.setattr(drafting, "add_question", limited)
    made = create_enrolment(("page", "quiz"))
    enrolments.note_read(session, made, "u1")
    return made


@pytest.fixture
def begin(session: Session, enrolment: Enrolment) -> Callable[[Person, datetime], Attempt]:
    """Somebody begins the quiz of the course."""
    version = session.get_one(CourseVersion, enrolment.version_id)
    unit = CourseDocument.from_text(version.document).unit("u2")
    assert unit is not None
    assert unit.paper_version_id is not None
    paper = unit.paper_version_id

    def begin(person: Person, at: datetime) -> Attempt:
        made = attempts.open(
            session, person_id=person.id, scope=scopes.of_version(enrolment.version_id),
            paper_version_id=paper, pass_mark=Decimal("0.6"), attempts_allowed=3, now=at,
        )  # fmt: skip
        session.commit()
        return made

    return begin


def test_what_ran_out_of_time_hands_itself_in_with_what_was_saved(
    session: Session,
    enrolment: Enrolment,
    begin: Callable[[Person, datetime], Attempt],
    learner: Person,
    server_clock: Clock,
) -> None:
    """By the server's clock, the grace for what is on its way included; the saved answer passes,
    so the course is complete though nobody was there. What comes later changes nothing."""
    attempt = begin(learner, server_clock.now())
    answer = Change("q1", ("b",), 1)
    attempts.save(session, attempt.id, learner.id, [answer], server_clock.now())
    session.commit()
    server_clock.forward((LIMIT + timing.GRACE).total_seconds())
    tasks.close_attempts()
    session.refresh(attempt)
    assert attempt.state == AttemptState.OPEN
    server_clock.forward(1)
    for _again in range(2):
        tasks.close_attempts()
        session.refresh(attempt)
        assert (attempt.state, attempt.ended_by) == (AttemptState.CLOSED, Ending.DEADLINE)
        assert (attempt.passed, attempt.answers) == (True, {"q1": ["b"]})
    session.refresh(enrolment)
    assert enrolment.state == EnrolmentState.COMPLETED
    late = [Change("q1", ("a",), 2)]
    with pytest.raises(AttemptClosed):
        attempts.save(session, attempt.id, learner.id, late, server_clock.now())


def test_one_that_cannot_be_closed_keeps_nobody_waiting_and_who_has_time_goes_on(
    session: Session,
    begin: Callable[[Person, datetime], Attempt],
    learner: Person,
    stranger: Person,
    create_person: Callable[..., Person],
    server_clock: Clock,
) -> None:
    """The first has no enrolment; the last began later."""
    broken = begin(stranger, server_clock.now())
    server_clock.forward(60)
    due = begin(learner, server_clock.now())
    server_clock.forward(LIMIT.total_seconds())
    in_time = begin(create_person("houlai"), server_clock.now())
    server_clock.forward(timing.GRACE.total_seconds() + 1)
    tasks.close_attempts()
    for attempt in (broken, due, in_time):
        session.refresh(attempt)
    states = (broken.state, due.state, in_time.state)
    assert states == (AttemptState.OPEN, AttemptState.CLOSED, AttemptState.OPEN)
    assert due.passed is False, "nothing was answered"
