"""A video that is on this machine already: taken as an upload that is whole would be."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from media import names
from media.errors import MediaRejected
from media.models import Asset, AssetState
from media.storage import MediaStore
from zhixin import jobs


def take(
    session: Session,
    store: MediaStore,
    owner_id: int,
    path: Path,
    *,
    file_name: str,
    max_bytes: int,
    now: datetime,
) -> Asset:
    """A video from a local file, which stays where it is; its preparation is rung for.

    What it really is, is found out by the job, as with every upload.

    Raises:
        MediaRejected: it is empty or too large. OutOfSpace: there is no room.
    """
    size = path.stat().st_size
    if size == 0:
        raise MediaRejected("empty")
    if size > max_bytes:
        raise MediaRejected("too-large")
    asset = Asset(
        owner_id=owner_id,
        file_name=names.shown(file_name, "video"),
        source="",
        source_bytes=size,
        state=AssetState.UPLOADED,
        progress=0,
        tries=0,
        created_at=now,
    )
    session.add(asset)
    session.flush()
    asset.source = f"sources/{asset.id}/source"
    session.flush()
    store.require_space(size)
    store.vault.put(asset.source, path)
    from media.tasks import prepare

    jobs.enqueue(session, prepare, asset.id)
    return asset
