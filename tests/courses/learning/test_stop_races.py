"""The last beat of a video against the answer to its last stop: whichever commits first, the unit
and the course are complete.

On real PostgreSQL through the ordinary routes, each request its own connection. (On SQLite there
is one writer at a time anyway.)
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from courses import completion, enrolments, progress
from courses.models import EnrolmentState
from tests.courses.learning.conftest import Offer
from tests.courses.learning.test_express import Watching, site
from tests.locks import wait_for_a_lock
from zhixin import db
from zhixin.hours.models import Award

STOP = {
    "at_ms": 10_000, "text": "每年至少多少学时？", "options": ("六十", "九十"), "right": 1,
    "everyone": True,
}  # fmt: skip
LIMIT_S = 60
BEAT, ANSWER = "beat", "answer"

__all__ = ["site"]


@pytest.fixture
def watching_(
    site: Any, publish: Callable[..., Offer], monkeypatch: pytest.MonkeyPatch
) -> Watching:
    """All but the last ten seconds are seen; the stop is reached and not answered."""

    def with_stop(session: Any, owner_id: int, now: Any, _kinds: Any) -> Offer:
        return publish(session, owner_id, now, ("video",), checks=(STOP,))

    found = Watching(site, with_stop, monkeypatch)
    found.forward(50)
    assert found.beat(1, 0, 50).json["credited_ms"] == 50_000
    found.forward(10)
    return found


def _other(w: Watching) -> tuple[FlaskClient, dict[str, str]]:
    """Another page of the same learner's."""
    client = w.app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = w.token
    page = client.get("/my/learning").text
    return client, {"X-CSRFToken": page.split('name="csrf-token" content="')[1].split('"')[0]}


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("first", [BEAT, ANSWER])
def test_the_last_beat_against_the_last_answer(
    watching_: Watching, own_engine: sa.Engine, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have written and neither has committed when the first looks whether all is there: it
    finds that something is missing. The second, which waited for it, completes the course."""
    w = watching_
    client, headers = _other(w)
    stops = f"/api/v1/enrolments/{w.enrolment.id}/units/u1/stops"
    (stop,) = client.get(stops).json["stops"]  # type: ignore[index]
    written = {BEAT: Event(), ANSWER: Event()}
    looked = Event()
    check, given = completion.check, dict[str, Any]()

    def crossing(session: Any, enrolment_id: int, **rest: Any) -> Any:
        who = BEAT if session.scalar(sa.text("SELECT count(*) FROM beat")) == 2 else ANSWER
        written[who].set()
        assert all(each.wait(LIMIT_S) for each in written.values())
        if who != first:
            assert looked.wait(LIMIT_S)
        given[who] = check(session, enrolment_id, **rest)
        if who == first:
            looked.set()
            wait_for_a_lock(own_engine)
        return given[who]

    monkeypatch.setattr(completion, "check", crossing)
    with ThreadPoolExecutor(2) as pool:
        beat = pool.submit(w.beat, 2, 50, 60)
        answer = pool.submit(
            client.post, f"{stops}/0", headers=headers,
            json={"choice": stop["options"].index("九十"), "tries": 0},
        )  # fmt: skip
        said = {BEAT: beat.result(), ANSWER: answer.result()}
    assert {each.status_code for each in said.values()} == {200}
    second = ANSWER if first == BEAT else BEAT
    assert (given[first], given[second] is None) == (None, False)
    assert not said[first].json["course"]["complete"]
    assert said[second].json["course"]["complete"]
    with w.app.app_context(), db.database().transaction() as session:
        found = enrolments.get(session, w.enrolment.id, w.learner_id)
        assert found.state == EnrolmentState.COMPLETED
        assert [unit.done for unit in progress.of(session, found).units] == [True]
        assert session.scalar(sa.select(sa.func.count(Award.id))) == 1
