"""Removing media that nothing refers to, after a time of grace; what is referred to stays.

Every night each video, picture and file is looked up among all references (:mod:`media.references`):
what is used loses its mark, what is not gets one with the time. A mark older than the grace period,
or of something that its author deleted, lets it go. If the references cannot all be read, nothing
goes. The row goes first, and the database refuses that for what a row still points at; the bytes
go after the commit, and what a broken night leaves behind is found by the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from media import references
from media.file_models import Attachment, Picture
from media.models import Asset, AssetState, Upload
from media.storage import MediaStore
from zhixin import db
from zhixin.errors import Conflict

log = structlog.get_logger()

#: What was just brought may be written into a page in a moment.
FRESH = timedelta(days=1)
BATCH = 500
#: Nobody works on a video in one of these.
AT_REST = (AssetState.READY, AssetState.FAILED, AssetState.CANCELLED)
Medium = Asset | Picture | Attachment
KINDS: tuple[type[Medium], ...] = (Asset, Picture, Attachment)


def discard(
    session: Session, medium: Medium, uses: Iterable[references.Use], now: datetime
) -> None:
    """Its author deletes it: it leaves the lists, and goes the next night if nothing uses it.

    Raises:
        Conflict: a course of the author uses it.
    """
    if used := [use.title for use in uses if is_in(medium, use.found)]:
        titles = "》《".join(used[:3])
        raise Conflict(f"《{titles}》仍在使用它，不能删除", code="media-in-use")
    if isinstance(medium, Asset) and medium.state not in AT_REST:
        raise Conflict("视频正在处理，请等处理结束或取消后再删除", code="media-in-use")
    medium.discarded_at = now
    session.flush()


def is_in(medium: Medium, found: references.Found) -> bool:
    return medium.id in (found.assets if isinstance(medium, Asset) else found.names)


def collect(session: Session, store: MediaStore, grace: timedelta, now: datetime) -> int:
    """Mark and remove; returns how many went.

    Raises:
        NotSure: not all references could be read; nothing may be kept of what was changed.
    """
    found = references.everything(session)
    leaving: list[Medium] = []
    for kind in KINDS:
        _mark(session, kind, found, now)
        chosen: sa.Select[Any] = (
            sa.select(kind)
            .where(
                kind.unused_since.is_not(None),
                sa.or_(kind.unused_since <= now - grace, kind.discarded_at <= now - FRESH),
            )
            .limit(BATCH)
        )
        leaving += session.scalars(chosen)
    if not leaving:
        return 0
    # Who wrote one of them into a text meanwhile keeps it.
    later = references.since(session, found)
    return sum(_remove(session, store, each) for each in leaving if not is_in(each, later))


def _mark(session: Session, kind: type[Medium], found: references.Found, now: datetime) -> None:
    used: set[Any] = found.assets if kind is Asset else found.names
    asked = sa.select(kind.id, kind.unused_since).where(kind.created_at < now - FRESH)
    if kind is Asset:
        asked = asked.where(Asset.state.in_(AT_REST))
    rows = session.execute(asked).all()
    for ids, value in (
        ([id for id, since in rows if id in used and since is not None], None),
        ([id for id, since in rows if id not in used and since is None], now),
    ):
        for at in range(0, len(ids), BATCH):
            session.execute(
                sa.update(kind).where(kind.id.in_(ids[at : at + BATCH])).values(unused_since=value)
            )


def _remove(session: Session, store: MediaStore, medium: Medium) -> bool:
    try:
        with session.begin_nested():
            session.refresh(medium, with_for_update=True)
            if medium.unused_since is None:
                return False  # it was sent again meanwhile
            session.delete(medium)
    except IntegrityError:  # a row points at it after all
        log.warning("media in use were not removed", kind=type(medium).__name__, id=medium.id)
        return False
    if isinstance(medium, Asset):
        for folder in (f"assets/{medium.id}", f"sources/{medium.id}"):
            db.after_commit(session, partial(store.vault.remove_all, folder))
    else:
        db.after_commit(session, partial(store.vault.remove, medium.key))
    return True


def remove_strays(session: Session, store: MediaStore, now: datetime) -> int:
    """Bytes without a row, left by a request or a night that broke off; returns how many."""
    gone = 0
    for kind, folder in ((Picture, "pictures"), (Attachment, "files")):
        rows = set(session.scalars(sa.select(kind.id)))
        for kept in store.vault.list(folder):
            if kept.key.rsplit("/", 1)[-1] not in rows and kept.since < now - FRESH:
                store.vault.remove(kept.key)
                gone += 1
    assets = set(map(str, session.scalars(sa.select(Asset.id))))
    strays = {
        "/".join(kept.key.split("/")[:2])
        for folder in ("assets", "sources")
        for kept in store.vault.list(folder)
        if kept.key.split("/")[1] not in assets and kept.since < now - FRESH
    }
    for stray in strays:
        store.vault.remove_all(stray)
    begun = set(session.scalars(sa.select(Upload.id)))
    for path in store.upload("-").parent.iterdir():
        old = datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo) < now - FRESH
        if path.name not in begun and old:
            path.unlink(missing_ok=True)
            gone += 1
    return gone + len(strays)
