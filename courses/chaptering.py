"""Chapter marks: what begins where in a video, as its author writes it, one to a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from courses import checks, editing
from courses.documents import ChapterMark
from courses.models import Course, Unit, UnitKind
from media.models import Asset
from zhixin.errors import Invalid, NotFound

MOST_MARKS = 100
MOST_TITLE = 80
MOST_CHARACTERS = 20_000

_LINE = re.compile(r"(\S+)\s+(\S.*)")


class MarksRefused(Invalid):
    """``facts['problems']`` names everything that is wrong by line, at once."""

    code = "chapter-marks"
    title = "章节标记有误"


def read(text: str) -> list[dict[str, Any]]:
    """Lines of ``12:30 标题``, in the order of time; empty lines are left out.

    Raises:
        MarksRefused: with every problem by line.
    """
    if len(text) > MOST_CHARACTERS:
        _refuse([f"文字过长：最多 {MOST_CHARACTERS} 个字"])
    found: list[ChapterMark] = []
    problems: list[str] = []
    for number, line in enumerate(text.replace("\0", "").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(_mark(line, found))
        except Invalid as wrong:
            problems.append(f"第 {number} 行：{wrong.message}")
    if len(found) > MOST_MARKS:
        problems.append(f"一节视频最多 {MOST_MARKS} 个章节标记")
    if problems:
        _refuse(problems)
    return [mark.model_dump(mode="json") for mark in found]


def _refuse(problems: list[str]) -> None:
    raise MarksRefused("；".join(problems), problems=problems)


def _mark(line: str, before: Sequence[ChapterMark]) -> ChapterMark:
    parts = _LINE.fullmatch(line.strip())
    if parts is None:
        raise Invalid("请写“时刻 标题”，例如 12:30 通风方式")
    at_ms, title = checks.moment_ms(parts[1]), " ".join(parts[2].split())
    if len(title) > MOST_TITLE:
        raise Invalid(f"标题最多 {MOST_TITLE} 个字，现有 {len(title)} 个字")
    if before and at_ms <= before[-1].at_ms:
        raise Invalid("时刻应晚于上一个标记")
    return ChapterMark(at_ms=at_ms, title=title)


def sound(marks: Sequence[ChapterMark]) -> bool:
    """Whether marks that come from elsewhere could have been written here."""
    times = [mark.at_ms for mark in marks]
    titles = [mark.title for mark in marks]
    return (
        len(marks) <= MOST_MARKS
        and times == sorted(set(times))
        and all(title == " ".join(title.split()) for title in titles)
        and max(map(len, titles), default=0) <= MOST_TITLE
    )


def beyond(marks: Sequence[dict[str, Any]] | None, video: Asset | None) -> bool:
    """Whether a mark lies at or behind the end of the video."""
    if video is None or not video.duration_ms:
        return False
    return any(mark["at_ms"] >= video.duration_ms for mark in marks or ())


def lay_down(
    session: Session, course: Course, unit: Unit, marks: list[dict[str, Any]], *, revision: int
) -> None:
    """Put these marks in place of those there are.

    Raises:
        NotFound: not a video. MarksRefused: one lies beyond the video's end.
        ChangedElsewhere: the course has been rewritten since ``revision``.
    """
    if unit.kind != UnitKind.VIDEO:
        raise NotFound("没有这一节视频")
    video = session.get(Asset, unit.asset_id) if unit.asset_id else None
    if beyond(marks, video):
        _refuse(["有标记的时刻超出了视频，请修改"])
    editing.rewrite(course, revision)
    unit.chapter_marks = marks or None
    session.flush()
