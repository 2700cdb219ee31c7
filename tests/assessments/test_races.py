"""Many requests at once on real databases: each thread its own connection and commit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts, drafting, handing_in, sheets, timing
from assessments.errors import AttemptClosed
from assessments.models import Attempt
from assessments.sheets import Change
from zhixin.people.models import Person

THREADS = 20


@pytest.fixture
def learner(own_engine, now):
    """A committed learner and paper version: (person id, version id)."""
    asked = {
        "id": "s",
        "kind": "single",
        "stem": "题",
        "options": [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}],
        "correct": ["a"],
    }
    with Session(own_engine) as session:
        person = Person(sign_in_name="x", password_hash="x", name="x", created_at=now)
        session.add(person)
        session.flush()
        paper = drafting.create(session, owner_id=person.id, title="测验", now=now)
        drafting.add_question(session, paper.id, person.id, asked, now)
        version = drafting.freeze(session, paper.id, now)
        session.commit()
        return person.id, version.id


def at_once(own_engine: sa.Engine, act: Callable[[Session, int], object]) -> list[object]:
    """What ``act(session, n)`` returns in each of the threads, all started together."""
    barrier = Barrier(THREADS)

    def run(n: int) -> object:
        barrier.wait()
        with Session(own_engine) as session:
            answer = act(session, n)
            session.commit()
        return answer

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def opening(session, learner, now, **changes):
    facts = {"scope": "version:1", "pass_mark": Decimal("0.6"), "attempts_allowed": 1, "now": now}
    person, version = learner
    return attempts.open(session, person_id=person, paper_version_id=version, **(facts | changes))


def test_one_attempt_is_opened(own_engine, learner, now):
    """Twenty requests to begin get the same attempt, and one is counted."""
    found = at_once(own_engine, lambda session, _n: opening(session, learner, now).id)
    assert len(set(found)) == 1
    with Session(own_engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Attempt)) == 1


def test_an_attempt_is_graded_once(own_engine, learner, now):
    """Twenty different sheets handed in at once: one is graded, and all see that result."""
    with Session(own_engine) as session:
        attempt = opening(session, learner, now).id
        session.commit()

    def hand_in(session: Session, n: int) -> object:
        answers = {"s": ["ab"[n % 2]]}
        closed = handing_in.submit(session, attempt, learner[0], answers, now)
        return closed.passed, closed.answers["s"][0], closed.closed_at

    found = at_once(own_engine, hand_in)
    assert len(set(found)) == 1
    (passed, chosen, _at) = found[0]
    assert passed is (chosen == "a")


def test_the_deadline_and_the_learner_hand_in_at_once(own_engine, learner, now):
    """At the very end, with a hundred copies of each: one closes it, all see that result, and
    what was saved is in it."""
    with Session(own_engine) as session:
        attempt = opening(session, learner, now)
        attempt.deadline_at = now + timedelta(minutes=1)
        number = attempt.id
        attempts.save(session, number, learner[0], [Change("s", ("a",), 1)], now)
        session.commit()
    over = now + timedelta(minutes=1) + timing.GRACE

    def hand_in(session: Session, n: int) -> object:
        closed = None
        for copy in range(5):  # five times in each of the twenty threads
            late = over + timedelta(microseconds=(n + copy) % 2)
            closed = handing_in.submit(session, number, learner[0], None, late)
            session.commit()
        return closed.ended_by, closed.closed_at, closed.answers["s"][0], closed.passed

    assert len(set(at_once(own_engine, hand_in))) == 1


def test_what_was_confirmed_is_graded(own_engine, learner, now):
    """Twenty saves against a handing-in: whoever was told "saved" before it is in the graded
    sheet, the highest number stands, and the others are told that it is closed."""
    with Session(own_engine) as session:
        number = opening(session, learner, now).id
        session.commit()

    def act(session: Session, n: int) -> object:
        if n == 10:
            return handing_in.submit(session, number, learner[0], None, now).answers.get("s")
        try:
            attempts.save(session, number, learner[0], [Change("s", ("ab"[n % 2],), n + 1)], now)
        except AttemptClosed:
            return None
        return n

    said = at_once(own_engine, act)
    graded = said.pop(10)
    saved = [n for n in said if n is not None]
    assert graded == (["ab"[max(saved) % 2]] if saved else None)


def test_two_tabs_leave_one_sheet(own_engine, learner, now):
    """Twenty pages with the same numbers at once: the same one stands as in any order."""
    with Session(own_engine) as session:
        number = opening(session, learner, now).id
        session.commit()
    sent = [Change("s", ("ab"[n % 2],), 1 + n % 3, f"tab{n}") for n in range(THREADS)]
    at_once(
        own_engine, lambda session, n: attempts.save(session, number, learner[0], [sent[n]], now)
    )
    with Session(own_engine) as session:
        assert sheets.of(session, number) == list(sheets.merge(sent).values())
