"""Questions at which a video stops (弹题): shown when they are reached, judged by the server alone,
asked until they are right; without their answers a video is not done."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from courses import enrolments, evidence, presence, progress
from courses.documents import CourseDocument
from courses.models import CourseVersion, Enrolment
from courses.stops.models import StopAnswer
from tests.courses.learning.test_evidence import unguarded
from tests.courses.learning.test_learning_api import beating, opening
from zhixin.hours.models import Award

STOPS = (
    {"at_ms": 5_000, "text": "随便看看？", "options": ("是", "否"), "right": 0},
    {
        "at_ms": 10_000, "text": "每年至少多少学时？", "options": ("六十", "八十", "九十", "一百"),
        "right": 2, "everyone": True, "explanation": "见规定第八条",
    },
    {"at_ms": 40_000, "text": "谁负责？", "options": ("甲", "乙"), "right": 1, "everyone": True},
)  # fmt: skip


@pytest.fixture
def enrolment(create_enrolment: Any) -> Enrolment:
    made: Enrolment = create_enrolment(("video",), checks=STOPS)
    return made


def stops(client: FlaskClient, enrolment: Enrolment) -> Any:
    answer = client.get(f"/api/v1/enrolments/{enrolment.id}/units/u1/stops")
    assert answer.status_code == 200
    assert answer.json
    return answer.json["stops"]


def choose(client: FlaskClient, enrolment: Enrolment, place: int, text: str) -> Any:
    """Choose an option by its words, as they are shown now."""
    stop = next(each for each in stops(client, enrolment) if each["place"] == place)
    return client.post(
        f"/api/v1/enrolments/{enrolment.id}/units/u1/stops/{place}",
        json={"choice": stop["options"].index(text), "tries": stop["tries"]},
    )


def watch(client: FlaskClient, enrolment: Enrolment, server_clock: Any, seconds: int) -> Any:
    playback = opening(client, enrolment).json["playback"]
    server_clock.forward(seconds)
    return beating(client, playback, 1, [0, seconds], position=seconds).json


def test_nothing_is_said_before_it_is_reached(
    client: FlaskClient, enrolment: Enrolment, server_clock: Any
) -> None:
    """Neither words nor options before the part in front of it is confirmed; then those, and never
    what is right or why. What is no stop is not among them."""
    before = stops(client, enrolment)
    assert [(each["place"], each["at"]) for each in before] == [(1, 10), (2, 40)]
    assert [(each["reached"], each["text"], each["options"]) for each in before] == 2 * [
        (False, "", [])
    ]
    at = f"/api/v1/enrolments/{enrolment.id}/units/u1/stops"
    early = client.post(f"{at}/1", json={"choice": 0, "tries": 0})
    assert early.status_code == 409
    assert "stop-not-reached" in early.text
    watch(client, enrolment, server_clock, 10)
    reached, ahead = stops(client, enrolment)
    assert reached["text"] == "每年至少多少学时？"
    assert sorted(reached["options"]) == sorted(STOPS[1]["options"])  # type: ignore[call-overload]
    assert (reached["right"], reached["explanation"]) == (None, None)
    assert ahead["text"] == ""
    for answer in (client.get(at), client.get(f"/learn/{enrolment.id}/u1")):
        assert "见规定第八条" not in answer.text
        assert "谁负责" not in answer.text
    assert client.post(f"{at}/0", json={"choice": 0, "tries": 0}).status_code == 404
    assert client.post(f"{at}/1", json={"choice": 4, "tries": 0}).status_code == 422


def test_wrong_is_said_and_may_be_tried_again_after_a_pause(
    session: Session, client: FlaskClient, enrolment: Enrolment, server_clock: Any
) -> None:
    """The explanation comes with the right answer alone; that stands, whatever is sent later."""
    watch(client, enrolment, server_clock, 10)
    wrong = choose(client, enrolment, 1, "六十").json
    assert (wrong["right"], wrong["stop"]["tries"], wrong["stop"]["wait_s"]) == (False, 1, 3)
    assert (wrong["stop"]["right"], wrong["stop"]["explanation"]) == (None, None)
    assert choose(client, enrolment, 1, "九十").status_code == 429
    server_clock.forward(3)
    at = f"/api/v1/enrolments/{enrolment.id}/units/u1/stops/1"
    stale = client.post(at, json={"choice": 0, "tries": 0})  # a page of before the wrong choice
    assert stale.status_code == 409
    assert "stop-changed" in stale.text
    right = choose(client, enrolment, 1, "九十").json
    assert (right["right"], right["stop"]["right"]) == (True, "九十")
    assert right["stop"]["explanation"] == "见规定第八条"
    again = choose(client, enrolment, 1, "六十").json
    assert again["stop"]["answered"] is True
    tries = session.scalars(sa.select(StopAnswer)).one().tries
    assert [each["right"] for each in tries] == [False, True]


def test_a_video_is_done_when_its_stops_are_answered(
    session: Session, client: FlaskClient, enrolment: Enrolment, server_clock: Any
) -> None:
    """All of it confirmed is not enough, and nothing of that is lost; the last answer completes the
    course. The award's evidence holds the answers, and misses one that is taken away."""
    seen = watch(client, enrolment, server_clock, 60)
    assert seen["unit"] == {"confirmed_ms": 60_000, "needed_ms": 54_000, "done": False}
    assert not seen["course"]["complete"]
    assert "还差 2 个弹题" in client.get(f"/learn/{enrolment.id}/u1").text
    first = choose(client, enrolment, 1, "九十").json
    assert (first["unit"]["done"], first["course"]["complete"]) == (False, False)
    last = choose(client, enrolment, 2, "乙").json
    assert last["unit"] == {"confirmed_ms": 60_000, "needed_ms": 54_000, "done": True}
    assert last["course"]["complete"]
    award = session.get_one(Award, last["course"]["award"]["id"])
    assert evidence.verify(session, award.id).differences == []
    unguarded(session, "stop_answer")
    session.execute(sa.delete(StopAnswer).where(StopAnswer.place == 2))
    session.expire_all()
    assert "按原始记录，课程没有完成" in evidence.verify(session, award.id).differences


def test_answers_stay_with_who_leaves_and_comes_back(
    session: Session, client: FlaskClient, enrolment: Enrolment, server_clock: Any
) -> None:
    watch(client, enrolment, server_clock, 10)
    choose(client, enrolment, 1, "九十")
    old = session.get_one(Enrolment, enrolment.id)
    enrolments.withdraw(session, old, server_clock.now())
    session.commit()
    at = f"/api/v1/enrolments/{enrolment.id}/units/u1/stops"
    assert client.get(at).status_code == 404
    again = enrolments.enrol(session, old.person_id, old.course_id, server_clock.now())
    session.commit()
    assert [each["answered"] for each in stops(client, again)] == [True, False]


def test_others_stops_do_not_exist(
    sign_in: Any, stranger: Any, enrolment: Enrolment, server_clock: Any
) -> None:
    other = sign_in(stranger)
    at = f"/api/v1/enrolments/{enrolment.id}/units/u1/stops"
    assert other.get(at).status_code == 404
    assert other.post(f"{at}/1", json={"choice": 0, "tries": 0}).status_code == 404


def test_a_stop_is_no_presence_prompt_and_an_old_document_has_none(
    session: Session, enrolment: Enrolment
) -> None:
    """Asked of everybody at its moment it would be asked twice; documents from before keep their
    hash, for what says nothing is not in their text."""
    version = session.get_one(CourseVersion, enrolment.version_id)
    document = progress.document(version.document)
    asked = presence.questions(document, document.chapters[0].units[0].asset_id or 0)
    assert [each.ref for each in asked] == ["u1:0"]
    plain = json.loads(version.document)
    plain["chapters"][0]["units"][0]["checks"] = [STOPS[0]]
    text = CourseDocument.model_validate(plain).to_text()
    assert "everyone" not in text
    assert "explanation" not in text


def test_what_was_answered_is_not_rewritten(
    session: Session, enrolment: Enrolment, now: datetime
) -> None:
    """The database itself keeps it: choices are added until one is right, and none goes."""
    facts = {"version_id": enrolment.version_id, "unit_key": "u1", "place": 1}
    row = StopAnswer(person_id=enrolment.person_id, tries=[], **facts)
    session.add(row)
    session.flush()
    row.tries = [{"at": now.isoformat(), "right": False}]
    session.flush()
    row.tries = [*row.tries, {"at": now.isoformat(), "right": True}]
    row.answered_at = now
    session.flush()
    for change in (
        sa.update(StopAnswer).values(tries=[]),
        sa.update(StopAnswer).values(answered_at=None),
        sa.update(StopAnswer).values(place=2),
        sa.delete(StopAnswer),
    ):
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(change)
