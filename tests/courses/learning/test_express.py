"""The express lane says and does what the ordinary route does, or leaves it to that route."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import enrolments, express, learning_api, scopes
from media import delivery, watching
from media.models import Asset, Beat, Coverage, Playback
from zhixin import clock, db
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people import accounts, sign_ins
from zhixin.people.models import Person, Role, SignIn


@pytest.fixture
def site(own_engine: sa.Engine, tmp_path: Path) -> Flask:
    """An application as it is served, on a database of its own."""
    settings = Settings(
        data_dir=tmp_path, database_url=own_engine.url.render_as_string(hide_password=False),
        broker_url="memory://", log_level="ERROR",
    )  # fmt: skip
    return create_app(settings, bind=own_engine)


def lane(app: Flask) -> express.BeatLane:
    layer: Any = app.wsgi_app
    while not isinstance(layer, express.BeatLane):
        layer = layer._inner
    return layer


class Watching:
    """A learner's browser in the middle of a course, and which way its beats were answered."""

    def __init__(self, app: Flask, publish: Callable[..., Any], monkeypatch: Any) -> None:
        self.app, self.now = app, clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        with app.app_context(), db.database().transaction() as session:
            owner, learner = (self.person(session, name) for name in ("zuozhe", "xueyuan"))
            accounts.grant(session, learner, Role.LEARNER)
            offer = publish(session, owner.id, self.now, ("video", "page"))
            self.enrolment = enrolments.enrol(session, learner.id, offer.course.id, self.now)
            self.playback = watching.open(
                session, person_id=learner.id, asset=offer.asset,
                scope=scopes.of_version(offer.version.id), address="::1", user_agent="t", now=self.now,
            )  # fmt: skip
            delivery.merge(session, {self.playback.id: delivery.everything(offer.asset)})
            self.token = sign_ins.open(
                session, learner, address="::1", user_agent="t", now=self.now
            )
            self.learner_id = learner.id
        self.client: FlaskClient = app.test_client()
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = self.token
        self.headers = {"X-CSRFToken": self.csrf()}
        self.ordinary = 0
        beat = app.view_functions["learning_api.beat"]

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.ordinary += 1
            return beat(*args, **kwargs)

        counted.access = beat.access  # type: ignore[attr-defined]
        app.view_functions["learning_api.beat"] = counted

    @staticmethod
    def person(session: Session, name: str) -> Person:
        person = Person(sign_in_name=name, password_hash="-", name=name, created_at=clock.now())
        session.add(person)
        session.flush()
        return person

    def csrf(self) -> str:
        page = self.client.get("/my/learning").text
        return page.split('name="csrf-token" content="')[1].split('"')[0]

    def beat(self, seq: int, start: float, end: float, **headers: str) -> Any:
        body = {"seq": seq, "played": [[start, end]], "position": end}
        return self.client.post(
            f"/api/v1/playbacks/{self.playback.id}/beats",
            data=json.dumps(body), content_type="application/json", headers=self.headers | headers,
        )  # fmt: skip

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def kept(self, model: Any) -> list[Any]:
        with self.app.app_context(), db.database().transaction() as session:
            return list(session.scalars(sa.select(model)))


@pytest.fixture
def watching_(
    site: Flask, publish: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Watching:
    return Watching(site, publish, monkeypatch)


def test_what_the_database_does_not_know_yet_takes_the_ordinary_route(watching_: Watching) -> None:
    """A credit that stands on segments noted a moment ago writes them down with it."""
    w = watching_
    with w.app.app_context(), db.database().transaction() as session:
        session.execute(sa.text("DELETE FROM delivery"))
    deliveries = w.app.extensions["deliveries"]
    deliveries._thread = threading.current_thread()  # no flush in the background
    for segment in range(15):
        deliveries.note(w.playback.id, segment)
    w.forward(10)
    assert w.beat(1, 0, 10).json["credited_ms"] == 10_000
    assert w.ordinary == 1
    with w.app.app_context(), db.database().transaction() as session:
        assert delivery.of(session, [w.playback.id])[w.playback.id] & 0b111 == 0b111
    w.forward(10)
    assert w.beat(2, 10, 20).json["credited_ms"] == 10_000
    assert w.ordinary == 1


def test_ordinary_beats_take_the_lane(watching_: Watching) -> None:
    """Credited, committed and answered in the ordinary route's words, without it."""
    w = watching_
    for seq in range(1, 4):
        w.forward(10)
        answer = w.beat(seq, seq * 10 - 10, seq * 10)
        learning_api.BeatReplyOut.model_validate_json(answer.data)
        assert answer.json["unit"] == {
            "confirmed_ms": seq * 10_000, "needed_ms": 54_000, "done": False,
        }  # fmt: skip
    assert w.ordinary == 0
    assert [beat.credited for beat in w.kept(Beat)] == ["0-10000", "10000-20000", "20000-30000"]
    assert all(beat.received_at <= w.now for beat in w.kept(Beat))
    (coverage,) = w.kept(Coverage)
    assert (coverage.spans, coverage.covered_ms, coverage.position_ms) == (
        "0-30000",
        30_000,
        30_000,
    )
    (playback,) = w.kept(Playback)
    assert (playback.booked_ms, playback.heard_at) == (30_000, w.now)


def test_a_double_is_answered_as_before(watching_: Watching) -> None:
    w = watching_
    w.forward(10)
    assert w.beat(1, 0, 10).json["credited_ms"] == 10_000
    again = w.beat(1, 0, 10)
    assert (again.status_code, again.json["unit"]["confirmed_ms"]) == (200, 10_000)
    assert w.beat(1, 0, 5).status_code == 409
    assert len(w.kept(Beat)) == 1


def test_what_must_be_refused_is_refused_in_words(watching_: Watching) -> None:
    """More than time allows; then the last part, which completes the unit: the ordinary route."""
    w = watching_
    w.forward(10)
    assert w.beat(1, 0, 60).json["reason"] == "faster-than-time"
    w.forward(50)
    assert w.beat(2, 0, 60).json["unit"]["done"]
    assert w.ordinary == 2


@pytest.mark.parametrize("how", ["taken over", "signed out", "no longer a learner", "deactivated"])
def test_what_the_process_remembers_is_never_believed(watching_: Watching, how: str) -> None:
    """Another process ended the lease or the sign-in: nothing more is booked."""
    w = watching_
    w.forward(10)
    w.beat(1, 0, 10)
    with w.app.app_context(), db.database().transaction() as session:
        if how == "taken over":
            watching.open(
                session, person_id=w.learner_id, asset=session.scalars(sa.select(Asset)).one(),
                scope="version:1", address="::1", user_agent="t", now=w.now,
            )  # fmt: skip
        elif how == "signed out":
            sign_ins.end_all(session, w.learner_id, w.now)
        elif how == "no longer a learner":
            session.execute(sa.text("DELETE FROM role_grant"))
        else:
            session.get_one(Person, w.learner_id).active = False
    w.forward(10)
    answer = w.beat(2, 10, 20)
    if how == "taken over":
        assert answer.json["ended"] == "taken-over"
    else:
        assert answer.status_code in (401, 403)
    assert w.kept(Coverage)[0].covered_ms == 10_000


def test_a_coverage_changed_elsewhere_is_read_again(watching_: Watching) -> None:
    """Beats by two processes: each decides on what is so, and nothing is written over."""
    w = watching_
    w.forward(10)
    w.beat(1, 0, 5)
    known = copy.deepcopy(lane(w.app)._known)
    w.beat(2, 5, 10)
    lane(w.app)._known.update(known)  # as another process, which has not heard of the second
    w.forward(10)
    assert w.beat(3, 10, 20).json["unit"]["confirmed_ms"] == 20_000
    assert w.kept(Playback)[0].booked_ms == 20_000
    assert w.ordinary == 0


def test_visits_are_noted_all_the_same(watching_: Watching) -> None:
    """Who only watches stays signed in."""
    w = watching_
    w.forward(sign_ins.SEEN_EVERY.total_seconds() + 1)
    assert w.beat(1, 0, 10).status_code == 200
    assert w.ordinary == 1
    assert w.kept(SignIn)[0].seen_at == w.now


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-CSRFToken": ""}, 400),
        ({"Cookie": "zhixin=forged"}, 400),
        ({"Authorization": "Bearer nothing"}, 401),
    ],
)
def test_forgeries_are_refused(watching_: Watching, headers: dict[str, str], status: int) -> None:
    """Another site's form, a forged cookie, a wrong token: nothing is booked."""
    w = watching_
    w.forward(10)
    if "Cookie" in headers:
        w.client.delete_cookie("zhixin")
    if headers == {"X-CSRFToken": ""}:
        w.headers = {}
        headers = {}
    assert w.beat(1, 0, 10, **headers).status_code == status
    assert w.kept(Beat) == []


def test_another_persons_playback_is_not_found(watching_: Watching) -> None:
    w = watching_
    w.forward(10)
    with w.app.app_context(), db.database().transaction() as session:
        other = w.person(session, "luren")
        accounts.grant(session, other, Role.LEARNER)
        token = sign_ins.open(session, other, address="::1", user_agent="t", now=w.now)
    with w.client.session_transaction() as cookie:
        cookie["_user_id"] = token
    w.headers = {"X-CSRFToken": w.csrf()}
    assert w.beat(1, 0, 10).status_code == 404
    assert w.kept(Beat) == []


def test_nonsense_is_refused_whole(watching_: Watching) -> None:
    """The body is read once by the lane, and again by the route that says what is wrong."""
    w = watching_
    for body in ("{", "[]", '{"seq": 1, "played": [[0, 1]], "position": 0, "completed": true}'):
        answer = w.client.post(
            f"/api/v1/playbacks/{w.playback.id}/beats",
            data=body, content_type="application/json", headers=w.headers,
        )  # fmt: skip
        assert answer.status_code in (400, 422)
        assert answer.json["detail"]
    assert w.kept(Beat) == []


def test_the_clock_of_sign_ins_is_the_servers(watching_: Watching) -> None:
    """A sign-in that ran out is asked for again, and the beat is not lost: it may be sent later."""
    w = watching_
    w.forward(3 * 3600)
    assert w.beat(1, 0, 10).status_code == 401
    assert isinstance(w.now, datetime)


class Together:
    """Three learners' next beats as the lane decided them, none of them written yet."""

    def __init__(self, w: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
        self.w, self.lane = w, lane(w.app)
        playbacks = [w.playback, self.another("lisi"), self.another("wangwu")]
        self.ids = [playback.id for playback in playbacks]
        w.forward(10)
        self.values: list[dict[str, Any]] = []
        with monkeypatch.context() as patch:
            patch.setattr(self.lane, "_write", lambda values: self.values.append(values) or True)
            for w.playback in playbacks:
                self.sign_in(w.playback.person_id)
                assert w.beat(1, 0, 10).json["credited_ms"] == 10_000
        assert (w.ordinary, w.kept(Beat)) == (0, [])

    def another(self, name: str) -> Playback:
        with self.w.app.app_context(), db.database().transaction() as session:
            learner = self.w.person(session, name)
            accounts.grant(session, learner, Role.LEARNER)
            asset = session.scalars(sa.select(Asset)).one()
            playback = watching.open(
                session, person_id=learner.id, asset=asset, scope=self.w.playback.scope,
                address="::1", user_agent="t", now=self.w.now,
            )  # fmt: skip
            delivery.merge(session, {playback.id: delivery.everything(asset)})
        return playback

    def sign_in(self, person_id: int) -> None:
        with self.w.app.app_context(), db.database().transaction() as session:
            person = session.get_one(Person, person_id)
            token = sign_ins.open(
                session, person, address="::1", user_agent="t", now=self.w.now
            )  # fmt: skip
        with self.w.client.session_transaction() as cookie:
            cookie["_user_id"] = token

    def write(self) -> list[bool]:
        return self.lane._write_together(self.values)

    def booked(self) -> list[bool]:
        """For whom the beat is in all three tables; nobody's may be in one of them only."""
        beats = {beat.playback_id: beat.credited for beat in self.w.kept(Beat)}
        leases = {playback.id: playback for playback in self.w.kept(Playback)}
        people = {coverage.person_id: coverage for coverage in self.w.kept(Coverage)}
        found = []
        for id in self.ids:
            coverage = people[leases[id].person_id]
            traces = (beats.get(id), leases[id].booked_ms, coverage.spans, coverage.revision)
            assert traces in (("0-10000", 10_000, "0-10000", 1), (None, 0, "", 0))
            found.append(id in beats)
        return found


@pytest.fixture
def together(watching_: Watching, monkeypatch: pytest.MonkeyPatch) -> Together:
    return Together(watching_, monkeypatch)


def test_beats_of_one_moment_are_written_together(together: Together) -> None:
    assert together.write() == [True, True, True] == together.booked()


@pytest.mark.parametrize("how", ["changed", "ended", "signed out"])
def test_what_no_longer_stands_keeps_nobody_else_back(together: Together, how: str) -> None:
    """A coverage that was changed, a lease or a sign-in that ended: that beat alone is not written."""
    if how == "changed":
        together.values[1]["decided_on"] = 7
    elif how == "signed out":
        together.values[1]["token_digest"] = b"\0" * 32
    else:
        with together.w.app.app_context(), db.database().transaction() as session:
            session.get_one(Playback, together.ids[1]).ended_at = together.w.now
    assert together.write() == [True, False, True] == together.booked()


def test_a_group_is_written_whole_or_not_at_all(together: Together) -> None:
    """A double in it, which the database refuses: nobody's is written, each is then tried alone."""
    assert together.lane._write_alone(together.values[1])
    together.values[1] = together.values[1] | {"decided_on": 1}
    with pytest.raises(together.lane._unusual):
        together.write()
    assert together.booked() == [False, True, False]
    assert together.lane._write_alone(together.values[0])
    assert together.booked() == [True, True, False]


def test_two_beats_decided_on_the_same_are_not_both_written(together: Together) -> None:
    """One playback's two beats of one moment: the second is decided anew."""
    together.values = [together.values[0], together.values[0] | {"seq": 2}]
    assert sorted(together.write()) == [False, True]
    assert together.booked() == [True, False, False]


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_nobodys_beat_waits_for_anothers_lock(together: Together, own_engine: sa.Engine) -> None:
    """Whose playback is held just now, by the ordinary route say, is left to that route."""
    with own_engine.begin() as connection:
        held = sa.select(Playback.id).where(Playback.id == together.ids[1]).with_for_update()
        connection.execute(held)
        assert together.write() == [True, False, True]
        assert not together.lane._write_alone(together.values[1])
    assert together.booked() == [True, False, True]
    assert together.lane._write_alone(together.values[1])
