"""The rest of the work on videos that were taken over: claimed by one worker at a time, last of
all work, done or given up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import queueing
from media.holding import CLAIM, Work
from media.models import Asset, AssetState
from media.refinement_models import Refinement, RefinementState
from media.refinement_states import TRANSITIONS
from media.storage import MediaStore
from media.streaming import PAUSE
from media.work_states import Step
from zhixin import db
from zhixin.errors import Conflict

#: A video that nobody has taken for so long finds all workers busy.
ALL_BUSY = timedelta(seconds=20)
WORK = Work(Refinement, Refinement.asset_id, TRANSITIONS)
OPEN = (RefinementState.WAITING, RefinementState.WORKING)


def begin(session: Session, asset_id: int, now: datetime) -> None:
    """The video is READY with what was taken over; this is left."""
    session.add(Refinement(asset_id=asset_id, state=RefinementState.WAITING, queued_at=now))
    session.flush()


def of(session: Session, asset: Asset) -> Refinement | None:
    """What is left of a video; None: it was not taken over."""
    if asset.state != AssetState.READY or not (asset.report or {}).get("copied"):
        return None
    return session.get(Refinement, asset.id)


def waiting(session: Session, now: datetime, at_once: int | None = None) -> Sequence[int]:
    """Whose turn it is, the next first; while a video waits that can't be played yet, only who
    has waited long."""
    query = sa.select(Refinement.asset_id).where(_unclaimed(now))
    if queueing.waiting(session, now, at_once):
        query = query.where(Refinement.queued_at <= now - queueing.PATIENCE)
    return session.scalars(query.order_by(Refinement.queued_at, Refinement.asset_id)).all()


def tries(session: Session, asset_id: int) -> int:
    return session.get_one(Refinement, asset_id, populate_existing=True).tries


def claim(session: Session, asset_id: int, now: datetime) -> str | None:
    """Take it; None when there is nothing to take."""
    mark = secrets.token_hex(8)
    taken = session.execute(
        sa.update(Refinement)
        .where(Refinement.asset_id == asset_id, _unclaimed(now))
        .values(
            state=TRANSITIONS.end(Step.CLAIM),
            started_at=now,
            claim=mark,
            claimed_until=now + CLAIM,
            tries=Refinement.tries + 1,
            progress=0,
        )
        .execution_options(synchronize_session=False)
    )
    return mark if taken.rowcount == 1 else None  # type: ignore[attr-defined]


def gives_way(session: Session, asset_id: int, now: datetime, at_once: int | None = None) -> bool:
    """A video that can't be played at all yet finds no worker. But nobody waits for ever: after
    an hour the work goes on."""
    since = sa.func.coalesce(Asset.queued_at, Asset.created_at)
    left = sa.exists().where(
        queueing.unclaimed(now), queueing.within_share(at_once, now), since < now - ALL_BUSY
    )
    young = sa.exists().where(
        Refinement.asset_id == asset_id, Refinement.queued_at > now - queueing.PATIENCE
    )
    return bool(session.scalar(sa.select(sa.and_(left, young))))


def done(
    session: Session, asset: Asset, mark: str, folder: str, report: dict[str, Any], now: datetime
) -> bool:
    """From now on ``folder`` is played, a run that is cut as the one before; False when the claim
    was lost, or the video has another run by now."""
    # In the order in which a night that removes the video takes them.
    session.execute(sa.select(Asset.id).where(Asset.id == asset.id).with_for_update())
    held = session.scalar(
        sa.select(Refinement)
        .where(
            Refinement.asset_id == asset.id,
            Refinement.claim == mark,
            Refinement.state == RefinementState.WORKING,
        )
        .with_for_update()
    )
    if held is None:
        return False
    changed = session.execute(
        sa.update(Asset)
        .where(Asset.id == asset.id, Asset.state == AssetState.READY, Asset.folder == asset.folder)
        .values(folder=folder, report=report, rendition_bytes=None)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    return WORK.change(
        session,
        asset.id,
        mark,
        state=TRANSITIONS.end(Step.FINISH),
        progress=100,
        done_at=now,
        replaced=asset.folder,
        claimed_until=None,
        claim=None,
    )


def cancel(session: Session, asset_id: int) -> None:
    """Its author is content with the one quality; its worker stops within seconds.

    Raises:
        Conflict: there is nothing to stop.
    """
    values = {"claimed_until": None, "claim": None, "progress": 0}
    if not WORK.step(session, asset_id, Step.CANCEL, **values):
        raise Conflict("这个视频没有在处理，不能取消")


def retry(session: Session, asset_id: int, now: datetime, *, has_source: bool) -> None:
    """Into the queue again, with all tries.

    Raises:
        Conflict: it did not fail and was not stopped, or its file is gone.
    """
    if not has_source:
        raise Conflict("原始文件已经不在，请重新上传")
    values = {"queued_at": now, "claimed_until": None, "tries": 0, "failure_code": None}
    if not WORK.step(session, asset_id, Step.RETRY, **values):
        raise Conflict("这个视频不需要重新处理")


def seconds_left(refinement: Refinement, now: datetime) -> int | None:
    """Of the work; None: not known."""
    if refinement.state != RefinementState.WORKING:
        return None
    return queueing.seconds_left(refinement.started_at, refinement.progress, now)


def drop_replaced(database: db.Database, store: MediaStore, now: datetime) -> int:
    """Remove the runs before, once nobody can be playing them; returns how many.

    The bytes go first: who is killed between leaves them on record, to be removed again.
    """
    with database.session(writes=False) as session:
        found = session.execute(
            sa.select(
                Refinement.asset_id, Refinement.replaced, Refinement.done_at, Asset.duration_ms
            )
            .join(Asset, Asset.id == Refinement.asset_id)
            .where(
                Refinement.replaced.is_not(None),
                Refinement.replaced != Asset.folder,
                Refinement.done_at < now - PAUSE,
            )
        ).all()
    gone = 0
    for asset_id, run, done_at, duration_ms in found:
        assert run is not None
        assert done_at is not None
        # As long as an address that was given at the last moment: see streaming.playlist_url.
        if done_at > now - timedelta(milliseconds=2 * (duration_ms or 0)) - PAUSE:
            continue
        store.vault.remove_all(run)
        with database.transaction() as session:
            session.execute(
                sa.update(Refinement)
                .where(Refinement.asset_id == asset_id, Refinement.replaced == run)
                .values(replaced=None)
            )
        gone += 1
    return gone


def _unclaimed(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Refinement.state.in_(OPEN),
        sa.or_(Refinement.claimed_until.is_(None), Refinement.claimed_until < now),
    )
