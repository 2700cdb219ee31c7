"""The broker is a doorbell: out of order, it keeps nobody waiting and loses no work."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from limits import RateLimitItemPerHour
from sqlalchemy.orm import Session

from tests import scenes
from zhixin import db, jobs, rates
from zhixin.config import Settings
from zhixin.hours import tasks as hours_tasks
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.ledger import tasks as ledger_tasks
from zhixin.ledger.models import Entry, Submission
from zhixin.people.models import Role

#: What a person at a page still takes for an answer.
PATIENCE_S = 7


@pytest.fixture(params=["refuses", "swallows", "never connects"])
def broken_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """A closed port; a server that takes all and says nothing; one that packets do not reach."""
    if request.param == "refuses":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        yield f"redis://127.0.0.1:{port}/0"
        return
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64 if request.param == "swallows" else 0)
        at = server.getsockname()
        waiting = [socket.socket() for _ in range(4 if request.param == "never connects" else 0)]
        for each in waiting:  # its queue is full: the kernel drops who else knocks
            each.setblocking(False)
            each.connect_ex(at)
        yield f"redis://127.0.0.1:{at[1]}/0"
        for each in waiting:
            each.close()


@pytest.fixture
def deaf_app(app: Flask, settings: Settings, broken_redis: str) -> Iterator[Flask]:
    """The application as in production, its Redis out of order."""
    broken = replace(settings, broker_url=broken_redis)
    jobs.celery.amqp._producer_pool = None
    jobs.init_app(app, broken)
    rates.init_app(app, broken)
    yield app
    jobs.celery.amqp._producer_pool = None
    jobs.init_app(app, settings, eager=True)


def test_a_decision_is_answered_kept_and_found_by_the_sweep(
    deaf_app: Flask, session: Session, create_person: Any, sign_in: Any
) -> None:
    """An auditor verifies hours: answered in seconds, and the ledger has them when the sweep
    comes by. The next decision does not wait for what was just found silent."""
    auditor = create_person("auditor", Role.AUDITOR)
    awards = [scenes._award(session, create_person(name)) for name in ("one", "two")]
    session.commit()
    client = sign_in(auditor)
    took = []
    for award in awards:
        started = time.monotonic()
        answer = client.post(f"/audit/awards/{award.id}/decision", data={"decision": "verify"})
        took.append(time.monotonic() - started)
        assert answer.status_code == 303
    assert took[0] < PATIENCE_S
    assert took[1] < 1

    session.expire_all()
    assert session.scalars(sa.select(Award.state)).all() == [State.VERIFIED] * 2
    waiting = sa.select(sa.func.count()).where(Submission.key.startswith("award:"))
    assert session.scalar(waiting) == 2
    entries = sa.select(sa.func.count()).select_from(Entry)
    assert session.scalar(entries) == 0

    ledger_tasks.append()
    hours_tasks.record()
    session.expire_all()
    assert (session.scalar(entries) or 0) >= 2
    assert session.scalars(sa.select(Award.state)).all() == [State.RECORDED] * 2


def test_a_mended_broker_is_rung_again(
    deaf_app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone for some seconds only."""
    moment = 1000.0
    monkeypatch.setattr(jobs, "monotonic", lambda: moment)

    def decide() -> None:
        jobs.enqueue(session, ledger_tasks.append)
        db.commit(session)

    decide()  # finds it out of order
    rung: list[tuple[int, ...]] = []
    monkeypatch.setattr(ledger_tasks.append, "apply_async", rung.append)
    decide()
    assert rung == []
    moment += jobs.QUIET_S
    decide()
    assert rung == [()]


def test_counting_how_often_somebody_asks_keeps_nobody_waiting(deaf_app: Flask) -> None:
    """A counter out of reach turns nobody away, and at once."""
    started = time.monotonic()
    with deaf_app.app_context():
        rates.spend(RateLimitItemPerHour(1, namespace="test"), "alice", 5)
    assert time.monotonic() - started < 3
