"""Required, optional, and waiting for others: an author can't lay down what nobody could finish."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from courses import conditions, editing, meetings, submission
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, UnitKind
from zhixin.errors import Invalid

Make = Callable[..., Course]


def test_a_circle_is_refused_in_words(session: Session, create_course: Make) -> None:
    """However long: the refusal names the units, and nothing is changed."""
    course = create_course()
    video, quiz, page = course.chapters[0].units
    conditions.lay_down(session, course, quiz, required=True, after=[video.id])
    conditions.lay_down(session, course, page, required=True, after=[quiz.id])
    assert conditions.candidates(course, video) == []
    with pytest.raises(conditions.WaitsForItself, match=r"第一讲.*要先完成.*第一讲"):
        conditions.lay_down(session, course, video, required=True, after=[page.id])
    assert video.waits == []


def test_nothing_waits_for_what_is_never_done_or_elsewhere(
    session: Session, create_course: Make, now: datetime
) -> None:
    """Practice and another course's units are nothing to wait for."""
    course, other = create_course(), create_course(title="别的")
    practice = editing.add_unit(
        session, course, course.chapters[0].id, UnitKind.PRACTICE, "练", now
    )
    page = course.chapters[0].units[2]
    for id in (practice.id, other.chapters[0].units[0].id, 999_999):
        with pytest.raises(Invalid):
            conditions.lay_down(session, course, page, required=True, after=[id])


def test_a_removed_unit_is_waited_for_no_longer(session: Session, create_course: Make) -> None:
    """Who waited for it is open."""
    course = create_course()
    video, quiz, _page = course.chapters[0].units
    conditions.lay_down(session, course, quiz, required=True, after=[video.id])
    session.commit()
    session.expire_all()
    course = editing.get(session, course.id, course.owner_id)
    editing.remove(session, course.chapters[0].units, course.chapters[0].units[0])
    session.commit()
    session.expire_all()
    course = editing.get(session, course.id, course.owner_id)
    assert course.chapters[0].units[0].waits == []


def test_conditions_are_frozen_with_the_course(
    session: Session, create_course: Make, submit: Callable[..., CourseVersion], now: datetime
) -> None:
    """A version holds them by the units' own keys; an optional video's length does not count."""
    course = create_course()
    video, quiz, page = course.chapters[0].units
    conditions.lay_down(session, course, quiz, required=True, after=[video.id])
    conditions.lay_down(session, course, page, required=False, after=[])
    live = editing.add_unit(session, course, course.chapters[0].id, UnitKind.LIVE, "答疑", now)
    assert "“答疑”还没有填写直播的时间和地址" in submission.standing(session, course, now).problems
    meetings.lay_down(
        session, live, starts_at="2026-12-01T19:30", minutes=90, address="https://m.cn/1"
    )
    session.commit()
    document = CourseDocument.from_text(submit(course).document)
    frozen = {unit.title: unit for unit in document.units()}
    assert frozen["小测"].after == (video.key,)
    assert (frozen["讲义"].required, frozen["第一讲"].required) == (False, None)
    assert str(frozen["答疑"].starts_at) == "2026-12-01 11:30:00+00:00"
    assert frozen["讲义"].rich


def test_optional_videos_justify_no_hours(
    session: Session, create_course: Make, now: datetime
) -> None:
    """Unless something required waits for them."""
    course = create_course()
    video, quiz, _page = course.chapters[0].units
    conditions.lay_down(session, course, video, required=False, after=[])
    assert submission.standing(session, course, now).arithmetic.video_ms == 0
    conditions.lay_down(session, course, quiz, required=True, after=[video.id])
    assert submission.standing(session, course, now).arithmetic.video_ms > 0
