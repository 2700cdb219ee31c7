"""Many requests at once on real databases: each thread its own connection and commit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts, drafting
from assessments.models import Attempt
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
        closed = attempts.submit(session, attempt, learner[0], answers, now)
        return closed.passed, closed.answers["s"][0], closed.closed_at

    found = at_once(own_engine, hand_in)
    assert len(set(found)) == 1
    (passed, chosen, _at) = found[0]
    assert passed is (chosen == "a")
