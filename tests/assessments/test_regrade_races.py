"""Handing in against the confirmation of a regrade: whichever is first, by the right key in the end.

On real databases, each thread its own connection and commit.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from threading import Barrier
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts, drafting, handing_in, regrading, rekeyed
from assessments.models import Attempt
from assessments.regrade_models import AttemptRegrade, KeyCorrection, RegradeStep
from tests.assessments.conftest import single
from tests.locks import wait_for_a_lock
from zhixin.people.models import Person

LEARNERS = 12
on_postgresql = pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)


@pytest.fixture
def world(own_engine: sa.Engine, now: datetime) -> SimpleNamespace:
    """Committed: attempts that are answered and still open, at a paper whose key (``b``) is wrong
    and was put forward to be ``a``; one of two learners chose ``a``."""
    with Session(own_engine) as session:
        author, reviewer, *learners = [
            Person(sign_in_name=f"p{n}", password_hash="x", name=f"p{n}", created_at=now)
            for n in range(LEARNERS + 2)
        ]
        session.add_all([author, reviewer, *learners])
        session.flush()
        paper = drafting.create(session, owner_id=author.id, title="测验", now=now)
        drafting.add_question(session, paper.id, author.id, single(), now)
        version = drafting.freeze(session, paper.id, now)
        opened = [
            attempts.open(
                session, person_id=learner.id, scope="version:1", paper_version_id=version.id,
                pass_mark=Decimal("0.6"), attempts_allowed=1, now=now,
            )
            for learner in learners
        ]  # fmt: skip
        mended = single(correct=["a"])
        drafting.update_question(session, paper.id, author.id, mended, paper.revision, now)
        (found,) = rekeyed.candidates(session, paper)
        made = regrading.propose(session, paper, author.id, found.name, "印错", now)
        session.commit()
        return SimpleNamespace(
            correction=made.id,
            reviewer=reviewer.id,
            attempts=[(each.id, each.person_id) for each in opened],
        )


def _hand_in(session: Session, world: SimpleNamespace, n: int, now: datetime) -> None:
    attempt, person = world.attempts[n]
    handing_in.submit(session, attempt, person, {"s": ["ab"[n % 2]]}, now)


def _confirm(session: Session, world: SimpleNamespace, now: datetime) -> None:
    correction = session.get_one(KeyCorrection, world.correction)
    regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=world.reviewer, now=now)


def _regraded(engine: sa.Engine, world: SimpleNamespace, now: datetime) -> list[int]:
    """The job's work; the attempts that it changed or would have."""
    with Session(engine) as session:
        correction = session.get_one(KeyCorrection, world.correction)
        for attempt in regrading.next_attempts(session, correction, 0, 100):
            regrading.regrade(session, correction, attempt, now)
        session.commit()
        return list(session.scalars(sa.select(AttemptRegrade.attempt_id)))


def _crossing(
    engine: sa.Engine, first: Callable[[Session], None], second: Callable[[Session], None]
) -> None:
    """``second`` begins when ``first`` has done all but committed, and waits for it."""

    def whole(act: Callable[[Session], None]) -> None:
        with Session(engine) as session:
            act(session)
            session.commit()

    with ThreadPoolExecutor(1) as pool, Session(engine) as session:
        first(session)
        behind: Future[None] = pool.submit(whole, second)
        wait_for_a_lock(engine)
        assert not behind.done()
        session.commit()
        behind.result()


@on_postgresql
def test_who_hands_in_just_before_it_is_confirmed_is_regraded(
    own_engine: sa.Engine, world: SimpleNamespace, now: datetime
) -> None:
    """The confirmation waits for who is graded by the old key, counts them, and the job sees
    them."""
    _crossing(
        own_engine,
        lambda session: _hand_in(session, world, 0, now),
        lambda session: _confirm(session, world, now),
    )
    with Session(own_engine) as session:
        attempt, _person = world.attempts[0]
        assert session.get_one(Attempt, attempt).passed is False
        assert session.get_one(KeyCorrection, world.correction).total == 1
    assert _regraded(own_engine, world, now) == [attempt]
    with Session(own_engine) as session:
        assert session.get_one(Attempt, attempt).passed


@on_postgresql
def test_who_hands_in_while_it_is_confirmed_is_graded_by_the_new_key(
    own_engine: sa.Engine, world: SimpleNamespace, now: datetime
) -> None:
    """They wait for the confirmation, and the job finds nothing to change."""
    _crossing(
        own_engine,
        lambda session: _confirm(session, world, now),
        lambda session: _hand_in(session, world, 0, now),
    )
    attempt, _person = world.attempts[0]
    with Session(own_engine) as session:
        assert session.get_one(Attempt, attempt).passed
        assert session.get_one(KeyCorrection, world.correction).total == 0
    assert _regraded(own_engine, world, now) == []


def test_all_at_once(own_engine: sa.Engine, world: SimpleNamespace, now: datetime) -> None:
    """Twelve hand in while it is confirmed: in the end all who chose rightly have passed, each by
    the new key or by the regrade; who chose the wrong one passed by the old key or not at all."""
    barrier = Barrier(LEARNERS + 1)

    def act(n: int) -> None:
        barrier.wait()
        with Session(own_engine) as session:
            if n == LEARNERS:
                _confirm(session, world, now)
            else:
                _hand_in(session, world, n, now)
            session.commit()

    with ThreadPoolExecutor(LEARNERS + 1) as pool:
        list(pool.map(act, range(LEARNERS + 1)))
    changed = _regraded(own_engine, world, now)
    with Session(own_engine) as session:
        total = session.get_one(KeyCorrection, world.correction).total
        assert len(changed) == total  # all of before, and nobody else
        for n, (attempt, _person) in enumerate(world.attempts):
            passed = session.get_one(Attempt, attempt).passed
            assert passed == (n % 2 == 0 or attempt in changed)
