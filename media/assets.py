"""Videos: found by their owner, claimed by one worker at a time, ready or failed for good."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media.errors import MESSAGES
from media.models import Asset, AssetState
from media.transcode import Transcoded
from zhixin.errors import NotFound

#: A worker that is silent this long has died; its claim runs out and another takes over.
CLAIM = timedelta(seconds=60)
MOST_TRIES = 3
UNFINISHED = (AssetState.UPLOADED, AssetState.TRANSCODING)


def get(session: Session, asset_id: int, owner_id: int) -> Asset:
    """One's own video.

    Raises:
        NotFound: there is none, or it is another author's.
    """
    found = session.get(Asset, asset_id)
    if found is None or found.owner_id != owner_id:
        raise NotFound("没有这个视频")
    return found


def of_owner(session: Session, owner_id: int) -> Sequence[Asset]:
    """An author's videos, the newest first."""
    return session.scalars(
        sa.select(Asset).where(Asset.owner_id == owner_id).order_by(Asset.id.desc())
    ).all()


def claim(session: Session, asset_id: int, now: datetime) -> str | None:
    """Take an unfinished video that nobody works on; None when there is nothing to take.

    Returns:
        The claim's mark, to be shown with each later change.
    """
    mark = secrets.token_hex(8)
    taken = session.execute(
        sa.update(Asset)
        .where(
            Asset.id == asset_id,
            Asset.state.in_(UNFINISHED),
            sa.or_(Asset.claimed_until.is_(None), Asset.claimed_until < now),
        )
        .values(
            state=AssetState.TRANSCODING,
            claim=mark,
            claimed_until=now + CLAIM,
            tries=Asset.tries + 1,
            progress=0,
        )
    )
    return mark if taken.rowcount == 1 else None  # type: ignore[attr-defined]


def renew(session: Session, asset_id: int, mark: str, percent: int, now: datetime) -> bool:
    """Say that the work goes on; False when the claim was lost."""
    return _change(session, asset_id, mark, progress=percent, claimed_until=now + CLAIM)


def ready(
    session: Session,
    asset_id: int,
    mark: str,
    made: Transcoded,
    folder: str,
    sha256: str,
    now: datetime,
) -> bool:
    """Every file is in its final place."""
    return _change(
        session,
        asset_id,
        mark,
        state=AssetState.READY,
        progress=100,
        duration_ms=made.duration_ms,
        width=made.width,
        height=made.height,
        segments_ms=made.segments_ms,
        folder=folder,
        source_sha256=sha256,
        ready_at=now,
        claimed_until=None,
        claim=None,
    )


def failed(session: Session, asset_id: int, mark: str, code: str) -> bool:
    """Give up, and tell the author why."""
    return _change(
        session,
        asset_id,
        mark,
        state=AssetState.FAILED,
        failure_code=code,
        failure=MESSAGES[code],
        claimed_until=None,
        claim=None,
    )


def release(
    session: Session, asset_id: int, mark: str, retry_at: datetime, *, counted: bool = True
) -> bool:
    """Leave the work to a later try; ``counted``: this one was a try."""
    return _change(
        session,
        asset_id,
        mark,
        state=AssetState.UPLOADED,
        claimed_until=retry_at,
        claim=None,
        tries=Asset.tries if counted else Asset.tries - 1,
    )


def waiting(session: Session, now: datetime) -> Sequence[int]:
    """Unfinished videos that nobody works on: lost doorbells, dead workers."""
    return session.scalars(
        sa.select(Asset.id)
        .where(
            Asset.state.in_(UNFINISHED),
            sa.or_(Asset.claimed_until.is_(None), Asset.claimed_until < now),
        )
        .order_by(Asset.id)
    ).all()


def _change(session: Session, asset_id: int, mark: str, **values: object) -> bool:
    changed = session.execute(
        sa.update(Asset).where(Asset.id == asset_id, Asset.claim == mark).values(**values)
    )
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]
