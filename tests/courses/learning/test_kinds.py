"""Optional units, units that wait for others, practice and live meetings, as a learner meets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.orm import Session

from courses import meetings, progress
from courses.documents import CourseDocument
from courses.meetings import Standing
from courses.models import CourseVersion, Enrolment, VersionState
from courses.progress import compute
from tests.courses.learning.test_progress import PAGE, QUIZ, course, rule, video
from zhixin.errors import Invalid

LIVE = {
    "key": "l", "kind": "live", "starts_at": "2026-11-26T01:00:00Z", "minutes": 90,
    "address": "https://meeting.example.cn/j/1",
}  # fmt: skip
PRACTICE = {"key": "x", "kind": "practice", "paper_version_id": 8, "questions": 1}


def test_completion_asks_for_required_units_only() -> None:
    """Optional units, practice and live meetings are offered; hours follow what is asked for."""
    optional = {**video(2, 5000), "required": False}
    document = course(video(1), optional, LIVE, PRACTICE)
    assert document.video_ms == 1000
    done = compute(document, rule(), {1: 1000}, (), ())
    assert done.complete
    assert done.percent == 100


def test_what_a_required_unit_waits_for_is_asked_for() -> None:
    """An optional video before a required quiz has to be watched, so it counts."""
    optional = {**video(2, 5000), "required": False}
    document = course(video(1), optional, {**QUIZ, "after": ["v2"]})
    assert document.video_ms == 6000
    done = compute(document, rule(), {1: 1000}, {7}, ())
    assert [unit.unit.key for unit in done.missing] == ["v2"]


def test_a_unit_opens_when_what_it_waits_for_is_done() -> None:
    """Locked until then; and what was done once is never locked again."""
    document = course({**PAGE, "after": ["v1"]}, video(1))
    before = compute(document, rule(), {}, (), ())
    page = before.unit("p")
    assert page is not None
    assert page.locked
    assert page.waits_for == ("v1",)
    assert before.next.unit.key == "v1"
    after = compute(document, rule(), {1: 1000}, (), ())
    assert after.next.unit.key == "p"
    assert not after.next.locked
    read = compute(document, rule(), {}, (), {"p"}).unit("p")
    assert read is not None
    assert not read.locked


@pytest.mark.parametrize(
    "units",
    [
        ({**PAGE, "after": ["q"]}, {**QUIZ, "after": ["p"]}),
        ({**PAGE, "after": ["p"]},),
        ({**PAGE, "after": ["gone"]},),
        ({**PAGE, "after": ["x"]}, PRACTICE),
        ({**LIVE, "address": None},),
    ],
)
def test_a_version_that_nobody_could_finish_is_not_frozen(units: Any) -> None:
    """Circles, waiting for what is not there or never done, a meeting without its place."""
    with pytest.raises(ValidationError):
        course(*units)


def test_versions_from_before_keep_their_text() -> None:
    """What was published before there were these kinds has the same text, so the same hash."""
    text = (
        '{"chapters":[{"title":"章","units":[{"body":"","key":"p","kind":"page","title":"p"},'
        '{"asset_id":1,"duration_ms":1000,"key":"v1","kind":"video","title":"v1"}]}],'
        '"declared_hours":"1","field_code":"x","level":"none","subject_kind":"professional",'
        '"summary":"","teacher":"","teacher_title":"","title":"课"}'
    )
    assert course(PAGE, video(1)).to_text() == CourseDocument.from_text(text).to_text() == text


def test_a_meeting_has_a_before_a_while_and_an_after() -> None:
    """The door opens a quarter of an hour early and closes at the end."""
    start = datetime(2026, 11, 26, 1, tzinfo=UTC)
    moments = {-16: Standing.BEFORE, -15: Standing.OPEN, 59: Standing.OPEN, 60: Standing.OVER}
    for minutes, expected in moments.items():
        now = start + timedelta(minutes=minutes)
        assert meetings.standing(start, 60, now) == expected


@pytest.mark.parametrize(
    "address",
    ["http://a.cn/1", "javascript:alert(1)", "https://", "https://u:p@a.cn/", "https://a.cn/ b",
     'https://a.cn/"x', "//a.cn", "https://[", "https://a.cn/" + "x" * 500, ""],
)  # fmt: skip
def test_a_meeting_is_at_an_https_address(address: str) -> None:
    """A learner is sent nowhere else."""
    with pytest.raises(Invalid):
        meetings.read_address(address)


def published(session: Session, enrolment: Enrolment) -> list[dict[str, Any]]:
    """The units of the enrolment's version."""
    text = session.get_one(CourseVersion, enrolment.version_id).document
    chapters = CourseDocument.from_text(text).model_dump(mode="json")["chapters"]
    units: list[dict[str, Any]] = chapters[0]["units"]
    return units


def rewritten(session: Session, enrolment: Enrolment, *units: dict[str, Any]) -> None:
    """Let the learner study a version of other units."""
    version = session.get_one(CourseVersion, enrolment.version_id)
    facts = CourseDocument.from_text(version.document).model_dump(mode="json")
    facts["chapters"] = [{"title": "章", "units": list(units)}]
    document = CourseDocument.model_validate(facts)
    columns = {each.key: getattr(version, each.key) for each in sa.inspect(CourseVersion).columns}
    del columns["id"]
    changed = {
        "number": 2, "state": VersionState.SUPERSEDED, "document": document.to_text(),
        "sha256": document.sha256, "duration_ms": document.video_ms,
    }  # fmt: skip
    other = CourseVersion(**(columns | changed))
    session.add(other)
    session.flush()
    enrolment.version_id = other.id
    session.commit()
    session.expire_all()


def test_a_locked_unit_is_closed_on_every_way(
    session: Session, client: Any, create_enrolment: Callable[..., Enrolment]
) -> None:
    """Neither page, playback nor attempt opens before its time, and reading it is not noted."""
    enrolment = create_enrolment()
    units = published(session, enrolment)
    first = {"key": "first", "kind": "page", "title": "先读这页", "body": "甲"}
    last = {"key": "last", "kind": "page", "title": "后读", "body": "秘密内容"}
    rewritten(session, enrolment, first, *({**unit, "after": ["first"]} for unit in [*units, last]))
    at = f"/learn/{enrolment.id}"
    page = client.get(f"{at}/last")
    assert page.status_code == 409
    assert "先读这页" in page.text
    assert "秘密内容" not in page.text
    assert client.get(f"{at}/u1").status_code == 409
    assert client.post(f"{at}/last/read").status_code == 409
    assert client.post(f"{at}/u2/attempt").status_code == 409
    playback = client.post(
        f"/api/v1/enrolments/{enrolment.id}/playbacks", json={"unit": "u1", "take_over": True}
    )
    assert (playback.status_code, playback.json["type"].rsplit("#", 1)[-1]) == (409, "unit-locked")
    assert client.post(f"{at}/first/read").status_code == 303
    assert "秘密内容" in client.get(f"{at}/last").text
    assert client.post(f"{at}/u2/attempt").status_code == 303


def test_practice_is_repeated_without_end_and_counts_for_nothing(
    session: Session, client: Any, create_enrolment: Callable[..., Enrolment]
) -> None:
    """Its key is told after each attempt, right or wrong; the course stays as far as it was."""
    enrolment = create_enrolment(("quiz", "page"))
    quiz, page = published(session, enrolment)
    rewritten(session, enrolment, {**quiz, "kind": "practice", "required": False}, page)
    at = f"/learn/{enrolment.id}/u1"
    for number, answer in enumerate(("b", "a", "b", "a", "b"), 1):
        opened = client.post(f"{at}/attempt")
        assert opened.status_code == 303
        page_ = client.get(at).text
        assert "解析" not in page_
        attempt = page_.split(f"{at}/attempts/")[1].split('"')[0]
        client.post(f"{at}/attempts/{attempt}", data={"q-q1": answer})
        result = client.get(at).text
        assert f"第 {number} 次作答" in result
        assert "正确答案" in result
    assert progress.of(session, enrolment).percent == 0
    client.post(f"/learn/{enrolment.id}/u2/read")
    assert session.get_one(Enrolment, enrolment.id).state == "completed"
    assert client.post(f"{at}/attempt").status_code == 303


def test_a_meeting_shows_its_door_only_while_it_is_open(
    session: Session, client: Any, create_enrolment: Callable[..., Enrolment], server_clock: Any
) -> None:
    """Before and after, its address is not on the page."""
    enrolment = create_enrolment(("page",))
    start = server_clock.now() + timedelta(hours=1)
    unit = {**LIVE, "title": "答疑", "required": False, "starts_at": start.isoformat()}
    page = {"key": "u1", "kind": "page", "title": "页", "body": "甲"}
    rewritten(session, enrolment, page, unit)
    seen = []
    for minutes in (0, 60, 60, 60):
        server_clock.forward(minutes * 60)
        seen.append("meeting.example.cn/j/1" in client.get(f"/learn/{enrolment.id}/l").text)
    assert seen == [False, True, True, False]


def test_hours_of_a_version_follow_the_videos_asked_for() -> None:
    """A course of optional videos alone justifies nothing."""
    assert course({**video(1), "required": False}, PAGE).video_ms == 0
    assert course(video(1), PAGE).declared_hours == Decimal(1)
