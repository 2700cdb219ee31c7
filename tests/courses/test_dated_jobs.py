"""Days that come by themselves: the scheduler's own job, before the moment and after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from courses import catalogue, reviewing
from courses import tasks as course_tasks
from courses.models import Course, CourseVersion, VersionState
from courses.reviews import publication, rules, seats, verdicts
from zhixin import clock
from zhixin.jobs import celery
from zhixin.people.models import Person

SECOND = timedelta(seconds=1)
ALL = {item.key: {"mark": "pass", "remark": ""} for item in rules.SHIPPED.items}


@pytest.fixture
def dated(
    session: Session,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    reviewer: Person,
    now: datetime,
) -> Callable[..., CourseVersion]:
    """An approved version that waits for its moment: ``dated("甲课", moment)``."""

    def make(title: str, moment: datetime) -> CourseVersion:
        version = reviewing.get(session, submit(create_course(title=title)).id)
        seats.take(session, version, reviewer.id, now)
        verdicts.approve(session, version, reviewer.id, marks=ALL, publish_at=moment, now=now)
        session.commit()
        return version

    return make


def test_the_job_publishes_at_its_moment_and_not_before(
    session: Session,
    dated: Callable[..., CourseVersion],
    monkeypatch: pytest.MonkeyPatch,
    now: datetime,
) -> None:
    """Nobody has to press anything: a second early nothing happens; then the course is offered,
    once, and the one of the next day still waits."""
    moment = now + timedelta(days=2)
    today, tomorrow = dated("甲课", moment), dated("乙课", moment + timedelta(days=1))

    def run(at: datetime) -> tuple[list[str], set[str]]:
        monkeypatch.setattr(clock, "now", lambda: at)
        course_tasks.publish_due()
        session.expire_all()
        listing = catalogue.browse(session, catalogue.Filters(), page=1, today=at.date())
        return [today.state, tomorrow.state], {card.title for card in listing.cards}

    approved, published = VersionState.APPROVED, VersionState.PUBLISHED
    assert run(moment - SECOND) == ([approved, approved], set())
    assert run(moment) == ([published, approved], {"甲课"})
    assert today.decided_at == moment
    assert run(moment + timedelta(hours=1)) == ([published, approved], {"甲课"})
    assert today.decided_at == moment
    assert run(moment + timedelta(days=1)) == ([published, published], {"甲课", "乙课"})


def test_one_that_fails_keeps_no_other_back(
    session: Session,
    dated: Callable[..., CourseVersion],
    monkeypatch: pytest.MonkeyPatch,
    now: datetime,
) -> None:
    """It is tried again with the next beat."""
    moment = now + timedelta(days=2)
    bad, good = dated("甲课", moment), dated("乙课", moment)
    publish, harm = publication.publish, {bad.id}

    def harmed(session: Session, version_id: int, now: datetime) -> bool:
        done = publish(session, version_id, now)
        if version_id in harm:
            raise RuntimeError
        return done

    monkeypatch.setattr(publication, "publish", harmed)
    monkeypatch.setattr(clock, "now", lambda: moment)
    course_tasks.publish_due()
    session.expire_all()
    assert [bad.state, good.state] == [VersionState.APPROVED, VersionState.PUBLISHED]
    harm.clear()
    course_tasks.publish_due()
    session.expire_all()
    assert bad.state == VersionState.PUBLISHED


@pytest.mark.parametrize(("name", "every_s"), [("courses.publish", 30), ("courses.quality", 600)])
def test_the_scheduler_calls_them(name: str, every_s: int) -> None:
    """As often as the operator's handbook says."""
    beat = celery.conf.beat_schedule[name]
    assert (beat["task"], beat["schedule"].run_every) == (name, timedelta(seconds=every_s))
