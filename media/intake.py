"""A video that is on this machine already: taken as an upload that is whole would be."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from media import names
from media.errors import MediaRejected
from media.models import Asset, AssetState
from media.storage import MediaStore
from zhixin import jobs


def bring(
    store: MediaStore,
    owner_id: int,
    path: Path,
    *,
    file_name: str,
    max_bytes: int,
    now: datetime,
) -> Asset:
    """A video's bytes from a local file, which stays where it is, into the vault: outside any
    transaction. What is returned is for :func:`keep`; without that, a night removes them.

    Raises:
        MediaRejected: it is empty or too large. OutOfSpace: there is no room.
    """
    size = path.stat().st_size
    if size == 0:
        raise MediaRejected("empty")
    if size > max_bytes:
        raise MediaRejected("too-large")
    store.require_space(size)
    source = new_source()
    store.vault.put(source, path)
    return new(owner_id, file_name, source, size, now)


def new_source() -> str:
    """Where a video's bytes will lie: their own place, before a row has a number."""
    return f"sources/{secrets.token_hex(16)}/source"


def new(owner_id: int, file_name: str, source: str, size: int, now: datetime) -> Asset:
    """A video of ``size`` bytes that lie at ``source``, not in the database yet."""
    return Asset(
        owner_id=owner_id,
        file_name=names.shown(file_name, "video"),
        source=source,
        source_bytes=size,
        state=AssetState.UPLOADED,
        progress=0,
        tries=0,
        created_at=now,
    )


def keep(session: Session, brought: Asset) -> Asset:
    """The row of a video that was brought; its preparation is rung for.

    What it really is, is found out by the job, as with every upload.
    """
    session.add(brought)
    session.flush()
    from media.tasks import prepare

    jobs.enqueue(session, prepare, brought.id)
    return brought
