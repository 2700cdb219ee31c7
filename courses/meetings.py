"""Live meetings: when, how long and where. They earn no hours by themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from courses.documents import Unit as Frozen
from courses.models import Unit, UnitKind
from zhixin import clock
from zhixin.errors import Invalid, NotFound

MOST_MINUTES = 24 * 60
MOST_ADDRESS = 500
#: The door opens this long before.
EARLY = timedelta(minutes=15)


class Standing(StrEnum):
    BEFORE = "before"
    OPEN = "open"  # soon or now
    OVER = "over"


def standing(starts_at: datetime, minutes: int, now: datetime) -> Standing:
    """Where a meeting stands."""
    if now < starts_at - EARLY:
        return Standing.BEFORE
    return Standing.OPEN if now < starts_at + timedelta(minutes=minutes) else Standing.OVER


def read_moment(text: str) -> datetime:
    """A moment as the browser's ``datetime-local`` sends it, of the city's clock.

    Raises:
        Invalid: it is none.
    """
    try:
        local = datetime.fromisoformat(text.strip())
        if local.tzinfo is not None or not 2000 <= local.year <= 2100:
            raise ValueError
    except ValueError:
        raise Invalid("请填写直播的开始时间", code="meeting-start") from None
    return local.replace(tzinfo=clock.LOCAL).astimezone(UTC)


def read_address(text: str) -> str:
    """An address that a learner may be sent to: https, with a host, without a password in it.

    Raises:
        Invalid: it is none.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        sound = (
            parts.scheme == "https" and parts.hostname and not parts.username and parts.port != 0
        )
    except ValueError:
        sound = False
    if not sound or len(text) > MOST_ADDRESS or re.search(r"[\s\x00-\x1f\\\"<>]", text):
        raise Invalid(
            "直播地址须以 https:// 开头，例如 https://meeting.example.cn/j/123",
            code="meeting-address",
        )
    return text


def lay_down(
    session: Session, unit: Unit, *, starts_at: str, minutes: int | None, address: str
) -> None:
    """Say when and where a live unit meets.

    Raises:
        NotFound: the unit is of another kind. Invalid: a value can't be used.
    """
    if unit.kind != UnitKind.LIVE:
        raise NotFound("没有这一节直播")
    if minutes is None or not 1 <= minutes <= MOST_MINUTES:
        raise Invalid(f"直播时长应在 1 到 {MOST_MINUTES} 分钟之间", code="meeting-minutes")
    unit.starts_at, unit.minutes = read_moment(starts_at), minutes
    unit.address = read_address(address)
    session.flush()


def of(unit: Frozen, now: datetime) -> Standing:
    """Where a published meeting stands."""
    assert unit.starts_at is not None
    assert unit.minutes is not None
    return standing(unit.starts_at, unit.minutes, now)
