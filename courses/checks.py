"""The author's questions on what a video shows, asked of learners as presence prompts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from courses import editing
from courses.documents import VideoCheck
from courses.models import Course, Unit, UnitKind
from media.models import Asset
from zhixin.errors import Invalid, NotFound

MOST_CHECKS = 50
MOST_OPTIONS = 6
MOST_TEXT = 300
MOST_OPTION = 120
#: Prompts never come in the last seconds of a video, so a question there would never be asked.
LAST_MS = 30_000
#: The video still has to be playing when it stops.
STOP_LAST_MS = 1_000
MOST_EXPLANATION = 1_000

_MOMENT = re.compile(r"(?:([0-9]{1,2})[:：])?([0-9]{1,3})[:：]([0-5][0-9])")


def latest_ms(video: Asset, *, everyone: bool | None = False) -> int:
    """The last moment of a video about which something can be asked. ``everyone``: at a stop."""
    return max(0, (video.duration_ms or 0) - (STOP_LAST_MS if everyone else LAST_MS))


def moment_ms(text: str) -> int:
    """Read ``12:30`` or ``1:02:30``.

    Raises:
        Invalid: it is neither.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None or (found[1] and int(found[2]) > 59):
        raise Invalid("请按“分:秒”填写时刻，例如 12:30", code="check-moment")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def read(
    moment: str,
    text: str,
    options: Sequence[str],
    right: int | None,
    *,
    everyone: bool = False,
    explanation: str = "",
) -> dict[str, Any]:
    """A question as it was typed; empty options are left out.

    Args:
        everyone: the video stops for it. explanation: shown then after the right answer.
        right: the place in ``options``, as typed, of the right one.

    Raises:
        Invalid: what is wrong, in words.
    """
    at_ms, text = moment_ms(moment), _line(text, MOST_TEXT)
    if not text:
        raise Invalid("请填写问题", code="check-text")
    typed = [_line(option, MOST_OPTION) for option in options[:MOST_OPTIONS]]
    filled = [option for option in typed if option]
    if len(filled) < 2:
        raise Invalid("请填写至少两个选项", code="check-options")
    if len(set(filled)) < len(filled):
        raise Invalid("有两个选项相同", code="check-options")
    if right is None or not 0 <= right < len(typed) or not typed[right]:
        raise Invalid("请标出哪个选项正确", code="check-right")
    check = VideoCheck(
        at_ms=at_ms,
        text=text,
        options=tuple(filled),
        right=filled.index(typed[right]),
        everyone=everyone or None,
        explanation=_line(explanation, MOST_EXPLANATION) or None if everyone else None,
    )
    return check.model_dump(mode="json", exclude_none=True)


def save(
    session: Session,
    course: Course,
    unit: Unit,
    place: int | None,
    check: dict[str, Any],
    *,
    revision: int,
) -> None:
    """Add a question (``place`` None) or put it in place of another.

    Raises:
        ChangedElsewhere: the course has been rewritten since ``revision``.
        Invalid: beyond the video's end, or there are too many. NotFound: no such question.
    """
    if unit.kind != UnitKind.VIDEO:
        raise NotFound("没有这一节视频")
    video = session.get(Asset, unit.asset_id) if unit.asset_id else None
    everyone = check.get("everyone")
    if (
        video is not None
        and video.duration_ms
        and check["at_ms"] > latest_ms(video, everyone=everyone)
    ):
        before = "1 秒" if everyone else "30 秒"
        raise Invalid(f"时刻应早于视频结束前 {before}", code="check-moment")
    kept = _others(unit, place)
    if len(kept) >= MOST_CHECKS:
        raise Invalid(f"一节视频最多 {MOST_CHECKS} 个课间提问", code="too-many-checks")
    editing.rewrite(course, revision)
    unit.checks = sorted([*kept, check], key=lambda each: each["at_ms"])
    session.flush()


def remove(session: Session, course: Course, unit: Unit, place: int, *, revision: int) -> None:
    """Take a question away.

    Raises:
        ChangedElsewhere: the course has been rewritten since. NotFound: no such question.
    """
    kept = _others(unit, place)
    editing.rewrite(course, revision)
    unit.checks = kept or None
    session.flush()


def _others(unit: Unit, place: int | None) -> list[dict[str, Any]]:
    every = list(unit.checks or ())
    if place is None:
        return every
    if not 0 <= place < len(every):
        raise NotFound("没有这个提问")
    return every[:place] + every[place + 1 :]


def _line(text: str, most: int) -> str:
    text = " ".join(text.replace("\0", "").split())
    if len(text) > most:
        raise Invalid(f"文字过长：最多 {most} 个字，现有 {len(text)} 个字", code="text-too-long")
    return text
