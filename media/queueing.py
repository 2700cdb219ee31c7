"""Which video is worked on next, how long one waits, and what one author may ask for.

The database is the queue: whichever worker hears a bell takes the video that is next, whatever
broker carried the bell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from media.models import Asset, AssetState, Upload
from media.work_states import TRANSITIONS, Step
from zhixin.errors import TooManyRequests

#: Short ones first, but nobody waits for ever: after this long it is one's turn.
PATIENCE = timedelta(hours=1)
DAY = timedelta(days=1)
#: Before this much is done the rest is a guess.
LEAST_PERCENT, LEAST_ELAPSED = 3, timedelta(seconds=5)
#: How long a video waits whose author has had the day's share, before it is looked at again.
NEXT_LOOK = timedelta(minutes=30)


class UploadedEnough(TooManyRequests):
    """The author's share of a day is used up."""

    code = "upload-day"
    title = "今天上传的内容已达上限"


@dataclass(frozen=True)
class Shares:
    """What one author may have: videos worked on at the same time, minutes and bytes a day."""

    at_once: int
    minutes_a_day: int
    bytes_a_day: int


@dataclass(frozen=True)
class Standing:
    """Where an unfinished video stands: how many come before it (None: it is not in the queue),
    the seconds left of the work (None: not known), why it was put off (None: it was not)."""

    ahead: int | None = None
    seconds_left: int | None = None
    postponed: str | None = None


def unclaimed(now: datetime) -> sa.ColumnElement[bool]:
    """Unfinished, and nobody works on it."""
    return sa.and_(
        Asset.state.in_(TRANSITIONS.before(Step.CLAIM)),
        sa.or_(Asset.claimed_until.is_(None), Asset.claimed_until < now),
    )


def within_share(at_once: int | None, now: datetime) -> sa.ColumnElement[bool]:
    """Its author has fewer than ``at_once`` other videos being worked on."""
    if at_once is None:
        return sa.true()
    other = aliased(Asset)
    busy = sa.select(sa.func.count()).where(
        other.owner_id == Asset.owner_id,
        other.id != Asset.id,
        other.state == AssetState.TRANSCODING,
        other.claimed_until >= now,
    )
    return busy.scalar_subquery() < at_once


def waiting(session: Session, now: datetime, at_once: int | None = None) -> Sequence[int]:
    """Whose turn it is, the next first: lost doorbells and dead workers among them."""
    long_ago = now - PATIENCE
    return session.scalars(
        sa.select(Asset.id)
        .where(unclaimed(now), within_share(at_once, now))
        .order_by(sa.case((_since() < long_ago, 0), else_=1), Asset.source_bytes, Asset.id)
    ).all()


def _since() -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(Asset.queued_at, Asset.created_at)


def standing(session: Session, asset: Asset, now: datetime) -> Standing:
    """What its author is told."""
    claimed = asset.claimed_until is not None and asset.claimed_until >= now
    if asset.state == AssetState.TRANSCODING and claimed:
        return Standing(seconds_left=seconds_left(asset.started_at, asset.progress, now))
    if asset.state not in TRANSITIONS.before(Step.CLAIM):
        return Standing()
    if claimed:
        return Standing(postponed=asset.postponed or "later")
    order = waiting(session, now)
    return Standing(ahead=order.index(asset.id) if asset.id in order else None)


def seconds_left(started_at: datetime | None, percent: int, now: datetime) -> int | None:
    """As much again as it took so far, by the part that is done."""
    if started_at is None or percent < LEAST_PERCENT or now - started_at < LEAST_ELAPSED:
        return None
    return round((now - started_at).total_seconds() * (100 - percent) / percent)


def admit(
    session: Session, asset: Asset, duration_ms: int, minutes_a_day: int, now: datetime
) -> bool:
    """Count the video to its author's day; False when the day's share is used up.

    The first of a day is always let in, however long.
    """
    used = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Asset.source_ms), 0)).where(
            Asset.owner_id == asset.owner_id, Asset.id != asset.id, Asset.started_at > now - DAY
        )
    )
    if used and used + duration_ms > minutes_a_day * 60_000:
        return False
    session.execute(sa.update(Asset).where(Asset.id == asset.id).values(source_ms=duration_ms))
    return True


def _promised() -> sa.ColumnElement[int]:
    """The bytes of an upload; of one whose length is not known yet, those that came."""
    return sa.case((Upload.length_known, Upload.size), else_=Upload.received)


def require_share(
    session: Session, owner_id: int, size: int, bytes_a_day: int, now: datetime
) -> None:
    """Refuse an upload of ``size`` bytes beyond the author's share of a day.

    Raises:
        UploadedEnough: with the seconds after which the oldest of the day is a day old.
    """
    used, oldest = session.execute(
        sa.select(sa.func.coalesce(sa.func.sum(_promised()), 0), sa.func.min(Upload.created_at))
        .where(Upload.owner_id == owner_id, Upload.created_at > now - DAY)
    ).one()  # fmt: skip
    if used and used + size > bytes_a_day:
        wait = max(1, round((oldest + DAY - now).total_seconds()))
        raise UploadedEnough(
            f"24 小时内上传的内容不能超过 {bytes_a_day / 1024**3:.1f} GB，请稍后再试",
            retry_after_s=wait,
        )
