"""Days and moments as people type them, on the city's clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from zhixin.clock import LOCAL
from zhixin.errors import Invalid


def moment(text: str) -> datetime | None:
    """What ``date`` and ``datetime-local`` inputs send; a day alone is its 00:00; empty: None.

    Raises:
        Invalid: it is neither.
    """
    text = text.strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None or not 2000 <= found.year <= 2199:
            raise ValueError
    except ValueError:
        raise Invalid("请选择日期或时刻", code="moment") from None
    return found.replace(tzinfo=LOCAL)


def day(text: str) -> date:
    """A day that has to be there.

    Raises:
        Invalid: it is not, or is none.
    """
    found = moment(text)
    if found is None:
        raise Invalid("请选择日期", code="moment")
    return found.date()


def begin(of: date) -> datetime:
    """00:00 of a day."""
    return datetime.combine(of, time(), LOCAL)


def end(of: date) -> datetime:
    """The end of a day: 00:00 of the next."""
    return begin(of + timedelta(days=1))
