"""What a new version changes, in words for its reviewer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from courses import differences
from courses.documents import Captions, Chapter, CourseDocument, Unit, VideoCheck
from courses.models import UnitKind
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel

VIDEO = Unit(key="u1", kind=UnitKind.VIDEO, title="第一讲", asset_id=7, duration_ms=60_000)
QUIZ = Unit(key="u2", kind=UnitKind.QUIZ, title="小测", paper_version_id=3, questions=5)
PAGE = Unit(key="u3", kind=UnitKind.PAGE, title="讲义", body="正文")
BEFORE = CourseDocument(
    title="旧名",
    summary="",
    teacher="王工",
    teacher_title="",
    field_code="bim",
    subject_kind=SubjectKind.PROFESSIONAL,
    level=TitleLevel.NONE,
    declared_hours=Decimal(1),
    chapters=(Chapter(title="第一章", units=(VIDEO, QUIZ, PAGE)),),
)


def changed(*units: Unit, **facts: Any) -> list[str]:
    chapters = (Chapter(title="第一章", units=units or (VIDEO, QUIZ, PAGE)),)
    return differences.between(BEFORE, BEFORE.model_copy(update={"chapters": chapters, **facts}))


def test_none(session: Session) -> None:
    """The same content has no differences."""
    assert changed() == []


def test_facts(session: Session) -> None:
    """Short facts show old and new; long ones are named."""
    found = changed(title="新名", summary="介绍", declared_hours=Decimal("1.5"))
    assert found == ["课程名称：旧名 → 新名", "申报学时：1 → 1.5", "课程简介有修改"]


def test_units(session: Session) -> None:
    """Units added, changed (and in what) and removed are each a line, in the course's order."""
    new = Unit(key="u4", kind=UnitKind.PAGE, title="附录", body="x")
    other = VIDEO.model_copy(update={"asset_id": 8, "title": "第一讲（修订）"})
    found = changed(other, new, PAGE)
    assert found == [
        "改动：第一讲（修订）（原标题“第一讲”，更换了视频）",
        "新增：附录",
        "删去：小测",
    ]


def test_questions(session: Session) -> None:
    """Another frozen paper means that the questions have changed."""
    assert changed(VIDEO, QUIZ.model_copy(update={"paper_version_id": 4}), PAGE) == [
        "改动：小测（题目有修改）"
    ]


def test_speed_and_questions_while_watching(session: Session) -> None:
    """What is counted and what is asked while watching is the reviewer's to judge."""
    check = VideoCheck(at_ms=1000, text="？", options=("甲", "乙"), right=0)
    found = changed(VIDEO.model_copy(update={"checks": (check,)}), QUIZ, PAGE, rate_percent=150)
    assert found == ["计时速度：1× → 1.5×", "改动：第一讲（新增课间提问：0:01 ？）"]


def test_which_question_while_watching(session: Session) -> None:
    """The one that was changed is named, and what of it; by its words, or else its moment."""
    kept = VideoCheck(at_ms=1000, text="不变", options=("甲", "乙"), right=0)
    moved = VideoCheck(at_ms=2000, text="移动", options=("甲", "乙"), right=0)
    reworded = VideoCheck(at_ms=65_000, text="改写前", options=("甲", "乙"), right=0)
    gone = VideoCheck(at_ms=4000, text="删" * 30, options=("甲", "乙"), right=0)
    before = VIDEO.model_copy(update={"checks": (kept, moved, gone, reworded)})
    after = VIDEO.model_copy(
        update={
            "checks": (
                kept,
                moved.model_copy(update={"at_ms": 3000, "right": 1}),
                reworded.model_copy(update={"text": "改写后", "options": ("甲", "丙")}),
            )
        }
    )
    assert list(differences.within(before, after)) == [
        "课间提问“0:02 移动”的时刻、答案有修改",
        "课间提问“1:05 改写前”的问题、选项有修改",
        f"删去课间提问：0:04 {'删' * 20}…",
    ]


def test_captions(session: Session) -> None:
    """By language: what came, what was rewritten, what went."""
    chinese, english, german = (
        Captions(version_id=at, language=code, label=code.upper())
        for at, code in enumerate(("zh-Hans", "en", "de"))
    )
    before = VIDEO.model_copy(update={"captions": (chinese, english)})
    again = chinese.model_copy(update={"version_id": 9})
    after = VIDEO.model_copy(update={"captions": (again, german)})
    assert list(differences.within(before, after)) == [
        "字幕有修改：ZH-HANS",
        "新增字幕：DE",
        "删去字幕：EN",
    ]


def test_order(session: Session) -> None:
    """Moving units is told once, not unit by unit."""
    assert changed(PAGE, VIDEO, QUIZ) == ["内容的顺序有调整"]


def test_key_given_again(session: Session) -> None:
    """A unit of another kind under a deleted unit's key is a new unit."""
    again = Unit(key="u3", kind=UnitKind.QUIZ, title="再测", paper_version_id=9)
    assert changed(VIDEO, QUIZ, again) == ["新增：再测", "删去：讲义"]
