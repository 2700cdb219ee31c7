"""How much of the storage an author's media take, and what they may take at most."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media.file_models import Attachment, Picture
from media.models import Asset, AssetState, Upload
from media.storage import MediaStore
from media.uploads import UNFINISHED
from zhixin.errors import Invalid

#: Folders added up by one run of the job.
AT_ONCE = 50


class StorageFull(Invalid):
    """The author has used what an author may use."""

    status = 413
    code = "author-storage-full"
    title = "您的存储空间已用完，请先删除不再使用的素材"


class Usage(NamedTuple):
    """Bytes of an author's media."""

    sources: int
    renditions: int
    pictures: int
    files: int
    unfinished: int

    @property
    def total(self) -> int:
        return sum(self)


def of(session: Session, owner_id: int) -> Usage:
    """What an author's media take; what was deleted counts until it is collected."""

    def added(column: Any, *where: Any) -> int:
        return int(session.scalar(sa.select(sa.func.sum(column)).where(*where)) or 0)

    mine = Asset.owner_id == owner_id
    return Usage(
        sources=added(Asset.source_bytes, mine),
        renditions=added(Asset.rendition_bytes, mine),
        pictures=added(Picture.size_bytes, Picture.owner_id == owner_id),
        files=added(Attachment.size_bytes, Attachment.owner_id == owner_id),
        unfinished=added(
            sa.case((Upload.length_known, Upload.size), else_=Upload.received),
            Upload.owner_id == owner_id,
            *UNFINISHED,
        ),
    )


def require(session: Session, owner_id: int, size: int, most: int) -> None:
    """Refuse what would take an author over ``most`` bytes; 0 is no limit.

    Raises:
        StorageFull: it would.
    """
    if most and of(session, owner_id).total + size > most:
        raise StorageFull(max_bytes=most)


def add_up(session: Session, store: MediaStore) -> int:
    """Note the size of renditions that are new; returns of how many videos."""
    new = session.scalars(
        sa.select(Asset)
        .where(Asset.state == AssetState.READY, Asset.rendition_bytes.is_(None))
        .limit(AT_ONCE)
    ).all()
    for asset in new:
        size = sum(kept.size for kept in store.vault.list(asset.folder or ""))
        session.execute(sa.update(Asset).where(Asset.id == asset.id).values(rendition_bytes=size))
    return len(new)
