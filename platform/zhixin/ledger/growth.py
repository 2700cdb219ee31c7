"""How the log grew: a few signed sizes, for a picture."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.clock import LOCAL, local
from zhixin.ledger.models import TreeHead

MONTHS, DAYS = 12, 14


def growth(session: Session, now: datetime) -> list[tuple[str, int]]:
    """(label, entries) at the end of the last months, or days while the log is young; then now."""
    first = session.scalar(sa.select(TreeHead.signed_at).order_by(TreeHead.size).limit(1))
    if first is None:
        return []
    ends = _months(now) if now - first > timedelta(days=62) else _days(now)
    form = "%Y-%m" if len(ends) == MONTHS else "%m-%d"
    return [
        # The end of a month is the first moment of the next.
        (local(end - timedelta(seconds=1)).strftime(form), size)
        for end, size in zip(ends, _sizes(session, ends), strict=True)
    ]


def _months(now: datetime) -> list[datetime]:
    last = local(now).year * 12 + local(now).month  # months since the year 0, to this one's end
    counts = range(last - MONTHS + 1, last + 1)
    return [datetime(each // 12, each % 12 + 1, 1, tzinfo=LOCAL) for each in counts]


def _days(now: datetime) -> list[datetime]:
    last = datetime.combine(local(now).date() + timedelta(days=1), time(), LOCAL)
    return [last - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _sizes(session: Session, ends: list[datetime]) -> list[int]:
    """The largest head signed before each of these moments: one index look-up each."""
    newest = [
        sa.select(TreeHead.size)
        .where(TreeHead.signed_at < end)
        .order_by(TreeHead.signed_at.desc(), TreeHead.size.desc())
        .limit(1)
        .scalar_subquery()
        for end in ends
    ]
    row = session.execute(sa.select(*newest)).one()
    return [size or 0 for size in row]
