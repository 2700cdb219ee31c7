"""The express lane of answers says and does what the ordinary route does, or leaves it to it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from assessments import attempts, handing_in, sheets, timing
from assessments.models import Attempt
from assessments.sheets import Change
from bench.exam import paper_of_fifty
from bench.seeding import learner, signed_in
from courses import answer_lane
from zhixin import clock, db
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people.models import Person, SignIn


@pytest.fixture
def site(own_engine: sa.Engine, tmp_path: Path) -> Flask:
    """An application as it is served, on a database of its own."""
    settings = Settings(
        data_dir=tmp_path, database_url=own_engine.url.render_as_string(hide_password=False),
        broker_url="memory://", log_level="ERROR",
    )  # fmt: skip
    return create_app(settings, bind=own_engine)


class Sitting:
    """A learner in the middle of an examination, and which way the answers went."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app, self.now, self.express = app, clock.now(), 0
        monkeypatch.setattr(clock, "now", lambda: self.now)
        with app.app_context(), db.database().transaction() as session:
            self.person_id, self.headers = learner(app, session, self.now)
            version = paper_of_fifty(session, self.person_id)
            attempt = attempts.open(
                session, person_id=self.person_id, scope="version:1", pass_mark=Decimal("0.6"),
                paper_version_id=version, attempts_allowed=None, now=self.now,
            )  # fmt: skip
            self.attempt_id = attempt.id
        ordinary = answer_lane.AnswerLane.answer

        def counting(lane: Any, *what: Any) -> bytes | None:
            reply = ordinary(lane, *what)
            self.express += reply is not None
            return reply

        monkeypatch.setattr(answer_lane.AnswerLane, "answer", counting)

    def save(self, *changes: tuple[str, str, int], writer: str = "w", **headers: str) -> Any:
        sent = [{"question": q, "answer": [a], "seq": n} for q, a, n in changes]
        return self.app.test_client(use_cookies=False).put(
            f"/api/v1/attempts/{self.attempt_id}/answers",
            json={"writer": writer, "changes": sent},
            headers={**self.headers, **headers},
        )

    def kept(self) -> list[Change]:
        with self.app.app_context(), db.database().transaction() as session:
            return sheets.of(session, self.attempt_id)


@pytest.fixture
def sitting(site, monkeypatch):
    return Sitting(site, monkeypatch)


def test_both_ways_answer_alike(sitting):
    """Byte for byte, right or wrong, first or changed; the ordinary way is forced by two answers
    or by what only it takes."""
    replies = [
        sitting.save(("q0", "a", 1)),  # right
        sitting.save(("q0", "b", 2)),  # wrong
        sitting.save(("q1", "a", 3)),
    ]
    assert sitting.express == 3
    replies.append(sitting.save(("q2", "a", 4), ("q3", "a", 5)))
    assert sitting.express == 3
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.data for reply in replies}) == 1
    assert [change.answer for change in sitting.kept()] == [("b",), ("a",), ("a",), ("a",)]


def test_what_is_unusual_goes_the_ordinary_way(sitting, site, monkeypatch):
    """Overtaken, impossible, forged, signed out, somebody else's, closed, too late: as there."""
    assert sitting.save(("q0", "b", 5)).status_code == 200
    overtaken = sitting.save(("q0", "a", 4))
    assert overtaken.json["overtaken"][0]["answer"] == ["b"]
    assert sitting.save(("q0", "z", 6)).status_code == 422
    assert sitting.save(("q99", "a", 6)).status_code == 422
    assert sitting.save(("q0", "a", 6), **{"X-CSRFToken": "x"}).status_code in (200, 400)
    assert sitting.save(("q0", "a", 7), Cookie="zhixin=x").status_code in (400, 401)
    with site.app_context(), db.database().transaction() as session:
        other = Person(sign_in_name="o", password_hash="-", name="o", created_at=sitting.now)
        session.add(other)
        session.flush()
        theirs = signed_in(site, session, other, sitting.now)
    assert sitting.save(("q0", "a", 8), **theirs).status_code in (403, 404)
    before = sitting.kept()
    with site.app_context(), db.database().transaction() as session:
        session.execute(sa.update(SignIn).values(ended_at=sitting.now))
    assert sitting.save(("q0", "c", 9)).status_code == 401
    assert sitting.kept() == before


def test_the_end_is_the_servers(sitting, site):
    """Within the grace it takes, after it neither way does; nor once it was handed in."""
    end = sitting.now + timedelta(minutes=1)
    with site.app_context(), db.database().transaction() as session:
        session.execute(sa.update(Attempt).values(deadline_at=end))
    sitting.now = end + timing.GRACE
    assert sitting.save(("q0", "a", 1)).json["remaining_ms"] == 0
    assert sitting.express == 1
    sitting.now += timedelta(milliseconds=1)
    late = sitting.save(("q0", "b", 2))
    assert (late.status_code, late.json["type"].split("#")[1]) == (409, "time-over")
    with site.app_context(), db.database().transaction() as session:
        closed = handing_in.submit(
            session, sitting.attempt_id, sitting.person_id, None, sitting.now
        )
        assert closed.answers == {"q0": ["a"]}
    sitting.now = end
    closed_too = sitting.save(("q0", "b", 3))
    assert closed_too.json["type"].split("#")[1] == "attempt-closed"
    assert sitting.express == 1
