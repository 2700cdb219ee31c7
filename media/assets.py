"""Videos: found by their owner, claimed by one worker at a time, ready or failed for good."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import queueing
from media.errors import MESSAGES
from media.holding import CLAIM, Work
from media.models import Asset
from media.transcode import Transcoded
from media.work_states import TRANSITIONS, Step
from zhixin.errors import Conflict, NotFound
from zhixin.people.models import Person

MOST_TRIES = 3
WORK = Work(Asset, Asset.id, TRANSITIONS)


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
        sa.select(Asset)
        .where(Asset.owner_id == owner_id, Asset.discarded_at.is_(None))
        .order_by(Asset.id.desc())
    ).all()


def claim(
    session: Session, asset_id: int, now: datetime, *, at_once: int | None = None
) -> str | None:
    """Take an unfinished video that nobody works on; None when there is nothing to take.

    Args:
        at_once: how many of one author's videos may be worked on together.

    Returns:
        The claim's mark, to be shown with each later change.
    """
    mark = secrets.token_hex(8)
    if at_once is not None:
        # One after the other for one author, so that they are counted right (PostgreSQL; on
        # SQLite writers are alone anyway).
        owner = sa.select(Asset.owner_id).where(Asset.id == asset_id).scalar_subquery()
        session.execute(
            sa.select(Person.id).where(Person.id == owner).with_for_update(key_share=True)
        )
    taken = session.execute(
        sa.update(Asset)
        .where(Asset.id == asset_id, queueing.unclaimed(now), queueing.within_share(at_once, now))
        .values(
            state=TRANSITIONS.end(Step.CLAIM),
            started_at=now,
            postponed=None,
            claim=mark,
            claimed_until=now + CLAIM,
            tries=Asset.tries + 1,
            progress=0,
        )
    )
    return mark if taken.rowcount == 1 else None  # type: ignore[attr-defined]


def renew(session: Session, asset_id: int, mark: str, percent: int, now: datetime) -> bool:
    """Say that the work goes on; False when the claim was lost."""
    return WORK.renew(session, asset_id, mark, percent, now)


def reported(session: Session, asset_id: int, mark: str, report: dict[str, Any]) -> bool:
    """Keep what was found in the file (``media.report``)."""
    return WORK.change(session, asset_id, mark, report=report)


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
    return WORK.change(
        session,
        asset_id,
        mark,
        state=TRANSITIONS.end(Step.FINISH),
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
    return WORK.failed(session, asset_id, mark, code, failure=MESSAGES[code])


def release(
    session: Session,
    asset_id: int,
    mark: str,
    retry_at: datetime,
    *,
    counted: bool = True,
    postponed: str | None = None,
) -> bool:
    """Leave the work to a later try; ``counted``: this one was a try; ``postponed``: why."""
    return WORK.release(session, asset_id, mark, retry_at, counted=counted, postponed=postponed)


def cancel(session: Session, asset: Asset) -> None:
    """Stop the work: its worker finds the claim gone within seconds. The file stays.

    Raises:
        Conflict: it is finished, or was stopped already.
    """
    values = {"claimed_until": None, "claim": None, "postponed": None, "progress": 0, "cut": None}
    if not _step(session, asset, Step.CANCEL, **values):
        raise Conflict("这个视频没有在处理，不能取消")


def retry(session: Session, asset: Asset, now: datetime, *, has_source: bool) -> None:
    """Into the queue again, at its end, with all tries.

    Raises:
        Conflict: it did not fail and was not stopped, or its file is gone.
    """
    if not has_source:
        raise Conflict("原始文件已经不在，请重新上传")
    values = {
        "queued_at": now, "claimed_until": None, "postponed": None, "tries": 0, "progress": 0,
        "failure": None, "failure_code": None, "cut": None,
    }  # fmt: skip
    if not _step(session, asset, Step.RETRY, **values):
        raise Conflict("这个视频不需要重新处理")


def _step(session: Session, asset: Asset, step: Step, **values: object) -> bool:
    taken = WORK.step(session, asset.id, step, **values)
    session.refresh(asset)
    return taken
