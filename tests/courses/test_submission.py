"""Submission: everything that is missing is said at once; what is whole is frozen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.models import Paper, PaperVersion
from courses import editing, submission
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, Field, UnitKind, VersionState
from media.models import Asset, AssetState
from zhixin.hours.models import Policy

Make = Callable[..., Course]
Submit = Callable[..., CourseVersion]


def problems(session: Session, course: Course, now: datetime) -> list[str]:
    return submission.standing(session, course, now).problems


def test_a_whole_course_has_no_problems(
    session: Session, create_course: Make, now: datetime
) -> None:
    """The counterpart of all below."""
    assert problems(session, create_course(), now) == []


def test_all_problems_at_once(session: Session, create_draft: Make, now: datetime) -> None:
    """An author corrects everything in one go, not one refusal after the other."""
    course = create_draft(summary=" ", teacher="", declared_hours=Decimal(0))
    add = editing.add_unit
    for kind, title in ((UnitKind.VIDEO, "一"), (UnitKind.QUIZ, "二"), (UnitKind.PAGE, "三")):
        add(session, course, course.chapters[0].id, kind, title, now)
    editing.add_chapter(session, course, "空章")
    expected = [
        "请填写课程简介",
        "请填写授课专家",
        "“空章”里还没有内容",
        "“一”还没有上传视频",
        "“二”还没有题目",
        "“三”还没有正文",
        "请填写申报学时",
    ]
    with pytest.raises(submission.Incomplete) as refused:
        submission.submit(session, course, now)
    assert refused.value.facts["problems"] == expected
    assert refused.value.message == "；".join(expected)


def test_a_course_needs_a_video(session: Session, create_draft: Make, now: datetime) -> None:
    """Hours follow the length of videos, so there is at least one."""
    assert "至少需要一节视频" in problems(session, create_draft(), now)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (AssetState.UPLOADED, "“第一讲”的视频还在处理中"),
        (AssetState.TRANSCODING, "“第一讲”的视频还在处理中"),
        (AssetState.FAILED, "“第一讲”的视频处理失败：文件不完整"),
    ],
)
def test_videos_must_be_ready(
    session: Session, create_course: Make, now: datetime, state: AssetState, said: str
) -> None:
    """No learner ever meets a video that cannot be played."""
    course = create_course()
    asset = session.get_one(Asset, course.chapters[0].units[0].asset_id)
    asset.state, asset.failure = state, "文件不完整"
    session.flush()
    assert problems(session, course, now) == [said]


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("2.5", "申报学时 2.5 超过了视频时长可支持的 2 学时"),
        ("1.25", "申报学时应为 0.5 的整数倍"),
        ("0", "请填写申报学时"),
    ],
)
def test_hours_follow_the_length(
    session: Session, create_course: Make, now: datetime, hours: str, said: str
) -> None:
    """90 minutes at 45 an hour justify two hours, in the rule's steps, never more."""
    assert problems(session, create_course(declared_hours=Decimal(hours)), now) == [said]


def test_less_may_be_declared(session: Session, create_course: Make, now: datetime) -> None:
    """An author may ask for less than the length justifies."""
    assert problems(session, create_course(declared_hours=Decimal("0.5")), now) == []


def test_arithmetic_is_shown(session: Session, create_course: Make, now: datetime) -> None:
    """The quotient before rounding is cut, not rounded: it never promises too much."""
    course = create_course()
    asset = session.get_one(Asset, course.chapters[0].units[0].asset_id)
    asset.duration_ms = 100 * 60_000
    session.flush()
    shown = submission.standing(session, course, now).arithmetic
    assert (shown.quotient, shown.justified) == (Decimal("2.22"), Decimal(2))


def test_unsound_paper(session: Session, create_course: Make, now: datetime) -> None:
    """A paper that could not be frozen is named before, not halfway through."""
    course = create_course()
    paper = session.get_one(Paper, course.chapters[0].units[1].paper_id)
    question = dict(paper.document["questions"][0], correct=[])
    paper.document = {**paper.document, "questions": [question]}
    session.flush()
    assert problems(session, course, now) == ["“小测”的试卷有误：题目第 1 项：没有给出答案"]


def test_field_no_longer_valid(session: Session, create_course: Make, now: datetime) -> None:
    """The lists of fields change: a course goes into one that is in force today."""
    course = create_course()
    session.get_one(Field, "bim").valid_to = date(2026, 1, 1)
    session.flush()
    assert problems(session, course, now) == ["所选领域已不在现行目录中，请重新选择"]


def test_submit_freezes(
    session: Session, create_course: Make, submit: Submit, policy: Policy, now: datetime
) -> None:
    """A version carries the whole document, its hash, length, hours and policy."""
    course = create_course()
    version = submit(course)
    document = CourseDocument.from_text(version.document)
    units = {unit.kind: unit for unit in document.units()}
    assert (version.number, version.state) == (1, VersionState.SUBMITTED)
    assert (version.sha256, version.duration_ms) == (document.sha256, 90 * 60_000)
    assert (version.declared_hours, version.policy_id) == (Decimal(2), policy.id)
    assert [unit.key for unit in document.units()] == [u.key for u in course.chapters[0].units]
    assert units[UnitKind.PAGE].body == "第一段\n\n第二段"
    assert units[UnitKind.QUIZ].questions == 1
    frozen = session.get_one(PaperVersion, units[UnitKind.QUIZ].paper_version_id)
    assert drafting.load(frozen).questions[0].correct == ("b",)


def test_a_later_edit_leaves_the_version(
    session: Session,
    published_course: Callable[..., CourseVersion],
    create_facts: Callable[..., Any],
    submit: Submit,
    now: datetime,
) -> None:
    """What was published does not change: the edit is version 2 at the next submission."""
    first = published_course()
    text = first.document
    course = editing.open_for_edit(session, first.course_id, first.course.owner_id, now)
    editing.update(session, course, create_facts(title="第二版"), course.revision)
    second = submit(course, now + timedelta(days=1))
    session.expire_all()
    assert (first.document, first.title, first.state) == (text, "建筑信息模型入门", "published")
    assert (second.number, second.title, second.state) == (2, "第二版", "submitted")


def test_unchanged_quiz_is_the_same_paper_version(
    session: Session, published_course: Callable[..., CourseVersion], submit: Submit, now: datetime
) -> None:
    """Submitting again without touching the questions freezes no second paper."""
    first = published_course()
    submit(editing.get(session, first.course_id, first.course.owner_id))
    assert session.scalar(sa.select(sa.func.count(PaperVersion.id))) == 1


def test_no_second_submission_waits(
    session: Session, create_course: Make, submit: Submit, now: datetime
) -> None:
    """The database itself keeps one waiting version a course, whatever races."""
    course = create_course()
    submit(course)
    with pytest.raises(IntegrityError):
        submission.submit(session, course, now)


def test_half_a_submission_leaves_nothing(
    session: Session, create_draft: Make, now: datetime
) -> None:
    """What was refused has stored no version."""
    with pytest.raises(submission.Incomplete):
        submission.submit(session, create_draft(), now)
    assert session.scalar(sa.select(sa.func.count(CourseVersion.id))) == 0
