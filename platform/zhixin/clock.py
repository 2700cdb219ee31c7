"""The one place that reads the time. Domain code receives ``now`` as an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

#: Year attribution and everything on screen use the city's time.
LOCAL = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def local(instant: datetime) -> datetime:
    """``instant`` on the wall clock of Asia/Shanghai."""
    return instant.astimezone(LOCAL)


def is_night(instant: datetime) -> bool:
    """Are these the quiet hours of the city, from one to six in the morning?"""
    return 1 <= local(instant).hour < 6


def epoch_ms(instant: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00Z."""
    return int(instant.timestamp() * 1000)
