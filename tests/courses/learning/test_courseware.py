"""Interactive courseware: played apart from everything, and its word is a claim, never evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from courses import enrolments
from courses.courseware import claims, keeping, playing
from courses.courseware import views as courseware_views
from courses.courseware.claims import ClaimRefused
from courses.courseware.models import Courseware, CoursewareClaim, Edition
from courses.courseware.playing import Grant, GrantExpired
from courses.documents import CourseDocument
from courses.models import CourseVersion, Enrolment, EnrolmentState
from zhixin.hours.models import Award
from zhixin.people.models import Person

SECRET = b"secret of the application"


@pytest.fixture
def courseware(
    app: Flask, session: Session, author: Person, tmp_path: Path, now: datetime
) -> Courseware:
    """A package of two pages."""
    store = app.extensions["media_store"]
    store.root.mkdir(parents=True, exist_ok=True)
    files = {"a/开始.html": b"<html><head><title>t</title></head>go</html>", "own.js": b"1"}
    local = {}
    for at, (name, content) in enumerate(files.items()):
        local[name] = tmp_path / str(at)
        local[name].write_bytes(content)
    brought = keeping.bring(store, author.id, Edition.SCORM_12, local, now)
    kept = keeping.keep(session, store, brought)
    session.commit()
    return kept


@pytest.fixture
def enrolment(
    session: Session,
    create_offer: Callable[..., Any],
    courseware: Courseware,
    learner: Person,
    now: datetime,
) -> Enrolment:
    """A course that declares 99 hours and has nothing but courseware."""
    unit = {
        "key": "g", "kind": "scorm", "title": "课件", "courseware_id": courseware.id, "launch": "a/开始.html?p=1",
    }  # fmt: skip
    offer = create_offer((), hours="99", more=(unit,))
    made = enrolments.enrol(session, learner.id, offer.course.id, now)
    session.commit()
    return made


def say(client: FlaskClient, enrolment: Enrolment, **values: str) -> Any:
    named = {name.replace("__", "."): value for name, value in values.items()}
    address = f"/api/v1/enrolments/{enrolment.id}/courseware/g"
    return client.post(address, json={"values": named})


def test_claimed_hours_are_no_hours(
    session: Session, client: FlaskClient, enrolment: Enrolment
) -> None:
    """99 hours claimed, passed with 100 points: the unit is done as its courseware says, the
    course is at its end, and there is no hour and no confirmed second for it."""
    said = say(
        client,
        enrolment,
        cmi__core__session_time="99:00:00",
        cmi__core__lesson_status="passed",
        cmi__core__score__raw="100",
    )
    assert said.get_json() == {"done": True}
    session.expire_all()
    found = session.get_one(Enrolment, enrolment.id)
    assert (found.state, found.award_id) == (EnrolmentState.COMPLETED, None)
    assert session.scalar(sa.select(sa.func.count()).select_from(Award)) == 0
    claim = session.get_one(CoursewareClaim, (enrolment.id, "g"))
    assert claim.claimed_ms == 24 * 3600_000  # one sitting: a day at most, and only shown
    page = client.get(f"/learn/{enrolment.id}/g").text
    assert "学习记录由课件自报，不计学时" in page


def test_the_frame_is_alone(client: FlaskClient, enrolment: Enrolment, app: Flask) -> None:
    """The page frames one address; what is there may run scripts, without an origin, and may
    reach its own package alone. The learner's name is not in it."""
    answer = client.get(f"/learn/{enrolment.id}/g")
    frame = re.search(r'<iframe[^>]* sandbox="([^"]*)" data-address="([^"]*)"', answer.text)
    assert frame is not None
    assert frame[1] == "allow-scripts allow-modals"
    folder = "http://localhost" + "/".join(frame[2].split("/")[:3]) + "/"
    assert f"frame-src {folder}" in answer.headers["Content-Security-Policy"]
    nobody = app.test_client()
    got = nobody.get(frame[2])
    assert got.status_code == 200
    policy = got.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts allow-modals" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert f"connect-src {folder};" in policy
    assert "'self'" not in policy
    head = got.data[: got.data.index(b"<title>")]
    assert head.startswith(b"<html><head><script>")
    assert head.isascii()
    assert "xueyuan" not in got.text
    script = nobody.get(f"{folder.removeprefix('http://localhost')}own.js", buffered=True)
    assert (script.data, script.content_type.split(";")[0]) == (b"1", "text/javascript")
    for name in ("nothing.html", "..%2f..%2fown.js", "a/", ""):
        assert nobody.get(f"{folder.removeprefix('http://localhost')}{name}").status_code == 404
    forged = frame[2].replace(f".{enrolment.id}.", f".{enrolment.id + 1}.")
    assert nobody.get(forged).status_code == 403


def test_what_was_said_is_there_next_time(
    session: Session, client: FlaskClient, enrolment: Enrolment, app: Flask
) -> None:
    """Bookmark and state come back; sittings add up; another's courseware learns nothing of it."""
    assert say(client, enrolment, cmi__suspend_data="第 3 页</script>").get_json() == {
        "done": False
    }
    say(client, enrolment, cmi__core__session_time="00:10:00", cmi__core__lesson_location="7")
    say(client, enrolment, cmi__core__session_time="00:05:30.5")
    page = client.get(f"/learn/{enrolment.id}/g").text
    frame = re.search(r'<iframe[^>]* data-address="([^"]*)"', page)
    assert frame is not None
    assert "15:30" in page
    told = app.test_client().get(frame[1]).text
    values = json.loads(told[told.index("})(") + 3 : told.index(");</script>")])["values"]
    assert values["cmi.suspend_data"] == "第 3 页</script>"
    assert values["cmi.core.lesson_location"] == "7"
    assert values["cmi.core.total_time"] == "0000:15:30"
    assert values["cmi.core.entry"] == "resume"
    assert values["cmi.core.lesson_status"] == "not attempted"
    assert "cmi.core.session_time" not in values


def test_a_stranger_says_nothing(
    client: FlaskClient,
    enrolment: Enrolment,
    stranger: Person,
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Another's enrolment, or a unit that is no courseware, is not there."""
    assert say(sign_in(stranger), enrolment, cmi__suspend_data="x").status_code == 404
    address = f"/api/v1/enrolments/{enrolment.id}/courseware/other"
    assert client.post(address, json={"values": {}}).status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        {"hours": "99"},
        {"cmi.": "x"},
        {"cmi.suspend_data": "x" * 64_001},
        {"cmi.suspend_data": "\0"},
        {f"cmi.interactions.{at}.id": "x" for at in range(1_001)},
        {f"cmi.interactions.{at}.id": "x" * 60_000 for at in range(4)},
    ],
)
def test_it_says_no_more_than_the_data_model_holds(
    client: FlaskClient, enrolment: Enrolment, values: dict[str, str]
) -> None:
    """Other names, more than a value holds, more than all may hold: refused, nothing kept."""
    address = f"/api/v1/enrolments/{enrolment.id}/courseware/g"
    assert client.post(address, json={"values": values}).status_code == 422


@given(st.text(max_size=40))
def test_no_time_breaks_the_reader(text: str) -> None:
    """A sitting is between nothing and a day, whatever is written."""
    assert 0 <= claims.sitting_ms(text) <= claims.MOST_SITTING_MS


def test_times_of_both_editions() -> None:
    """HHHH:MM:SS.SS and ISO 8601 periods."""
    assert claims.sitting_ms("0001:02:03.45") == 3723_000
    assert claims.sitting_ms("PT1H2M3.5S") == 3723_000
    assert claims.sitting_ms("P9999D") == claims.MOST_SITTING_MS
    assert claims.sitting_ms("P") == claims.sitting_ms("99 hours") == 0


def test_a_grant_is_for_one_unit_and_a_while(now: datetime) -> None:
    """Changed in any part, or hours later, it opens nothing."""
    what = Grant("a" * 32, 7, "u1")
    text = playing.grant(SECRET, what, now)
    assert playing.check(SECRET, text, now) == what
    with pytest.raises(GrantExpired):
        playing.check(SECRET, text, now + playing.LIFETIME + timedelta(seconds=2))
    for changed in (
        text.replace(".7.", ".8."),
        text.replace("u1", "u2"),
        "b" + text[1:],
        text + "x",
        "x",
    ):
        with pytest.raises(GrantExpired):
            playing.check(SECRET, changed, now)


def test_a_look_back_changes_nothing(session: Session, enrolment: Enrolment, now: datetime) -> None:
    """After completion nothing more is written; a value that is too long never is."""
    enrolment.state, enrolment.completed_at = EnrolmentState.COMPLETED, now
    unit = CourseDocument.from_text(
        session.get_one(CourseVersion, enrolment.version_id).document
    ).unit("g")
    assert unit is not None
    assert not claims.note(session, enrolment, unit, {"cmi.core.lesson_status": "passed"}, now)
    assert session.get(CoursewareClaim, (enrolment.id, "g")) is None
    with pytest.raises(ClaimRefused):
        claims.note(session, enrolment, unit, {"x": ""}, now)


def test_a_page_of_any_size_is_passed_on_piece_by_piece(
    app: Flask, session: Session, author: Person, tmp_path: Path, now: datetime
) -> None:
    """The API stands before the first script; of the rest only a piece is in memory at a time."""
    page = b"<html><head><script>own()</script></head>" + b"x" * 3_000_000 + b"</html>"
    (tmp_path / "big.html").write_bytes(page)
    store = app.extensions["media_store"]
    brought = keeping.bring(
        store, author.id, Edition.SCORM_12, {"big.html": tmp_path / "big.html"}, now
    )
    kept = keeping.keep(session, store, brought)
    session.commit()
    with app.test_request_context():
        address = courseware_views.address(kept.id, "big.html")
    with app.test_client().get(address, buffered=False) as got:
        pieces = list(got.iter_encoded())
    whole = b"".join(pieces)
    assert max(map(len, pieces)) <= 1024 * 1024
    start, _mark, rest = whole.partition(b"<head>")
    added = rest.index(b"<script>own()")
    assert start + b"<head>" + rest[added:] == page
    assert b"API" in rest[:added]


def test_a_film_in_a_package_can_be_had_in_parts(
    app: Flask, session: Session, author: Person, tmp_path: Path, now: datetime
) -> None:
    """Some browsers play no film otherwise; under whatever part the file is as locked up as ever."""
    (tmp_path / "f.mp4").write_bytes(b"0123456789")
    store = app.extensions["media_store"]
    store.root.mkdir(parents=True, exist_ok=True)
    brought = keeping.bring(store, author.id, Edition.SCORM_12, {"f.mp4": tmp_path / "f.mp4"}, now)
    kept = keeping.keep(session, store, brought)
    session.commit()
    with app.test_request_context():
        address = courseware_views.address(kept.id, "f.mp4")
    client = app.test_client()
    whole = client.get(address)
    assert (whole.status_code, whole.data, whole.content_length) == (200, b"0123456789", 10)
    told = whole.headers["ETag"]
    for asked, status, data in (
        ({"Range": "bytes=2-4"}, 206, b"234"),
        ({"Range": "bytes=99-"}, 416, b""),
        ({"If-None-Match": told}, 304, b""),
        ({"Range": "bytes=2-4", "If-Range": '"another"'}, 200, b"0123456789"),
    ):
        got = client.get(address, headers=asked)
        assert (got.status_code, got.data) == (status, data)
        policy = got.headers["Content-Security-Policy"]
        assert "sandbox allow-scripts" in policy
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Referrer-Policy"] == "no-referrer"
    assert client.get(address, headers={"Range": "bytes=2-4"}).content_type == "video/mp4"
    head = client.head(address, headers={"Range": "bytes=2-4"})
    assert (head.status_code, head.content_length, head.data) == (200, 10, b"")
