"""Chapter marks: written one to a line, refused by line, frozen with the version, jumped to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from courses import chaptering, editing, history, reviewing
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, Unit
from zhixin import clock
from zhixin.errors import Invalid
from zhixin.pages import format_duration
from zhixin.people.models import Person, Role

TYPED = "0:00 引言\n\n12:30  通风 方式\n1:02:30 小结"
KEPT = [
    {"at_ms": 0, "title": "引言"},
    {"at_ms": 750_000, "title": "通风 方式"},
    {"at_ms": 3_750_000, "title": "小结"},
]


def video(course: Course) -> Unit:
    return course.chapters[0].units[0]


def kept(session: Session, course: Course) -> Any:
    session.expire_all()
    return video(editing.get(session, course.id, course.owner_id)).chapter_marks


def send(client: FlaskClient, course: Course, marks: str, **changes: Any) -> Any:
    data = {"revision": str(course.revision), "marks": marks} | changes
    return client.post(f"/studio/units/{video(course).id}/chapter-marks", data=data)


title = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=40)


@given(st.dictionaries(st.integers(0, 99 * 3600), title, max_size=20))
def test_marks_are_read_as_they_are_shown(marks: dict[int, str]) -> None:
    """What the page shows can be sent back as it stands."""
    wanted = [{"at_ms": at * 1000, "title": marks[at]} for at in sorted(marks)]
    shown = "\n".join(f"{format_duration(at * 1000)} {marks[at]}" for at in sorted(marks))
    assert chaptering.read(shown) == wanted


@given(st.text())
def test_whatever_is_typed_is_read_or_refused_in_words(text: str) -> None:
    """No text breaks the form; what is taken stands in order."""
    times, problems = [], None
    try:
        times = [mark["at_ms"] for mark in chaptering.read(text)]
    except Invalid as refusal:
        problems = refusal.facts["problems"]
    assert problems is None or problems
    assert times == sorted(set(times))


def test_every_wrong_line_is_named_at_once(
    create_course: Callable[..., Course], writer: Person, sign_in: Callable[..., FlaskClient],
    session: Session,
) -> None:  # fmt: skip
    """The author sees all that is wrong by line, keeps what was typed, and nothing is saved."""
    course = create_course()
    answer = send(sign_in(writer), course, f"1:00 甲\n乙\n0:30 丙\n2:00 {'丁' * 81}")
    assert answer.status_code == 422
    for words in (
        "第 2 行：请写“时刻 标题”",
        "第 3 行：时刻应晚于上一个标记",
        "第 4 行：标题最多 80 个字",
    ):
        assert words in answer.text
    assert "0:30 丙" in answer.text
    assert kept(session, course) is None


def test_written_taken_back_and_not_beyond_the_end(
    create_course: Callable[..., Course], writer: Person, sign_in: Callable[..., FlaskClient],
    session: Session,
) -> None:  # fmt: skip
    """Saved marks are shown again; the author's own undo takes them back; one behind the video's
    end, and one written over somebody else's, are refused."""
    course, client = create_course(), sign_in(writer)
    stale = course.revision
    assert send(client, course, TYPED).status_code == 303
    assert kept(session, course) == KEPT
    assert "1:02:30 小结" in client.get(f"/studio/units/{video(course).id}").text
    assert send(client, course, "0:10 甲", revision=str(stale)).status_code == 409
    assert send(client, course, "98:00:00 太远").status_code == 422
    assert kept(session, course) == KEPT
    history.take_back(session, course.id, writer.id, clock.now())
    assert kept(session, course) is None


def test_a_stranger_may_not_write_marks(
    create_course: Callable[..., Course], create_person: Callable[..., Person],
    sign_in: Callable[..., FlaskClient],
) -> None:  # fmt: skip
    """Another author's course is not there."""
    other = sign_in(create_person("bieren", Role.AUTHOR))
    assert send(other, create_course(), TYPED).status_code == 404


def test_frozen_shown_and_compared(
    session: Session,
    create_course: Callable[..., Course],
    create_person: Callable[..., Person],
    submit: Callable[..., CourseVersion],
    reviewer: Person,
    sign_in: Callable[..., FlaskClient],
    now: datetime,
) -> None:
    """A version carries its marks to reviewer and learner; without any nothing is written, so
    that documents from before keep their hash."""
    plain = json.loads(submit(create_course()).document)
    assert "chapter_marks" not in plain["chapters"][0]["units"][0]
    course = create_course()
    video(course).chapter_marks = KEPT
    session.commit()
    version = submit(course)
    unit = CourseDocument.from_text(version.document).chapters[0].units[0]
    assert [mark.at_ms for mark in unit.chapter_marks or ()] == [0, 750_000, 3_750_000]
    assert "通风 方式" in sign_in(reviewer).get(f"/review/{version.id}").text
    reviewing.approve(session, reviewing.get(session, version.id), reviewer.id, now)
    session.commit()
    learner = sign_in(create_person("xuesheng", Role.LEARNER))
    enrolment = learner.post(f"/courses/{course.id}/enrol").location.rpartition("/")[2]
    page = learner.get(f"/learn/{enrolment}/{video(course).key}").text
    assert 'data-chapter="750.0"' in page
    assert "data-watermark" not in page


def test_marks_beyond_a_shorter_video_stop_the_submission(
    session: Session, create_course: Callable[..., Course], submit: Callable[..., CourseVersion]
) -> None:
    """The video may be changed for a shorter one after the marks were written."""
    course = create_course()
    video(course).chapter_marks = [{"at_ms": 99 * 3_600_000, "title": "太远"}]
    session.commit()
    with pytest.raises(Invalid, match="章节标记的时刻超出了视频"):
        submit(course)
