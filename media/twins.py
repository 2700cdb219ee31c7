"""A file that the same author brought before is not transcoded again: it shares the renditions.

In a folder they are second names of the same bytes, in a bucket copies made there; so each video
can be removed without a thought for the other.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media.models import Asset, AssetState
from media.refinement_models import Refinement, RefinementState

#: What is a video's own, whatever its twin is like.
OWN = {
    "id", "owner_id", "file_name", "source", "source_bytes", "tries", "claim", "claimed_until",
    "folder", "created_at", "ready_at", "unused_since", "discarded_at",
}  # fmt: skip


def possible(session: Session, asset: Asset) -> bool:
    """Is there one as large? If not, nobody needs to wait for the hash."""
    return session.scalar(_as_large(asset).limit(1)) is not None


def of(session: Session, asset: Asset, sha256: str) -> Asset | None:
    """The same author's ready video of the same bytes; not one of which something is still to be
    made, which would never come to the other."""
    return session.scalar(_as_large(asset).where(Asset.source_sha256 == sha256).limit(1))


def _as_large(asset: Asset) -> sa.Select[Asset]:
    unfinished = sa.exists().where(
        Refinement.asset_id == Asset.id, Refinement.state != RefinementState.DONE
    )
    return (
        sa.select(Asset)
        .where(
            Asset.owner_id == asset.owner_id,
            Asset.id != asset.id,
            Asset.source_bytes == asset.source_bytes,
            Asset.state == AssetState.READY,
            ~unfinished,
        )
        .order_by(Asset.id)
    )


def share(
    session: Session, asset: Asset, twin: Asset, folder: str, mark: str, now: datetime
) -> bool:
    """Make ``asset`` ready with its twin's renditions, which lie in ``folder`` by now. False: the
    claim was lost meanwhile, or the twin was: then nobody knows whether all came along."""
    there = sa.select(Asset.id).where(Asset.id == twin.id, Asset.folder == twin.folder)
    if session.scalar(there.with_for_update(read=True)) is None:
        return False
    columns = [c.name for c in Asset.__table__.columns if c.name not in OWN]
    done = session.execute(
        sa.update(Asset)
        .where(Asset.id == asset.id, Asset.claim == mark)
        .values(
            {name: getattr(twin, name) for name in columns},
        )
        .values(folder=folder, ready_at=now, claim=None, claimed_until=None)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]
