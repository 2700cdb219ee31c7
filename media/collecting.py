"""Removing media that nothing refers to, after a time of grace; what is referred to stays.

Every night each video, picture and file is looked up among all references (:mod:`media.references`):
what is used loses its mark, what is not gets one with the time. A mark older than the grace period,
or of something that its author deleted, lets it go. If the references cannot all be read, nothing
goes. The row goes first, and the database refuses that for what a row still points at; the bytes
go after the commit, and what a broken night leaves behind is found by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
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
#: PostgreSQL's lock of one night at a time.
NIGHT = 7310002


class Root(NamedTuple):
    """A folder of the vault, and what it holds of each row."""

    folder: str
    #: The column with the row's name there, or with a key of its own.
    name: Any
    #: The name stands below its own first two digits.
    spread: bool = True
    #: One file has the name, not a folder.
    single: bool = False

    def home(self, name: object) -> str:
        """Where the row of this name has its bytes."""
        told = str(name)
        if "/" in told:
            return self.home_of(told)
        return f"{self.folder}/{told[:2]}/{told}" if self.spread else f"{self.folder}/{told}"

    def home_of(self, key: str) -> str:
        """Where this key of the vault belongs."""
        return "/".join(key.split("/")[: 3 if self.spread else 2])

    def clear(self, store: MediaStore, home: str) -> None:
        (store.vault.remove if self.single else store.vault.remove_all)(home)


class Kind(NamedTuple):
    """A table of media (``id``, ``created_at``, ``unused_since``), and where their bytes lie."""

    model: type[Any]
    roots: tuple[Root, ...]


KINDS = (
    Kind(
        Asset, (Root("assets", Asset.id, spread=False), Root("sources", Asset.source, spread=False))
    ),
    Kind(Picture, (Root("pictures", Picture.id, single=True),)),
    Kind(Attachment, (Root("files", Attachment.id, single=True),)),
)


def also(app: Flask, kind: Kind) -> None:
    """Have media collected that another domain keeps."""
    app.extensions.setdefault("media_kinds", []).append(kind)


def kinds() -> Sequence[Kind]:
    return (*KINDS, *current_app.extensions.get("media_kinds", ()))


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
    if not _is_alone(session):
        return 0  # another night is at it
    found = references.everything(session)
    leaving: list[tuple[Kind, Any]] = []
    for kind in kinds():
        _mark(session, kind.model, found, now)
        leaving += [(kind, each) for each in session.scalars(_due(kind.model, grace, now))]
    if not leaving:
        return 0
    # Who wrote one of them into a text meanwhile keeps it.
    later = references.since(session, found)
    return sum(
        _remove(session, store, kind, each.id) for kind, each in leaving if not is_in(each, later)
    )


def _is_alone(session: Session) -> bool:
    """No other night is at work until this transaction ends. (On SQLite none could be.)"""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(NIGHT))))


def _due(model: type[Any], grace: timedelta, now: datetime) -> sa.Select[Any]:
    given_up = getattr(model, "discarded_at", sa.null())  # not all that is kept can be
    chosen = sa.or_(model.unused_since <= now - grace, given_up <= now - FRESH)
    return sa.select(model).where(model.unused_since.is_not(None), chosen).limit(BATCH)


def _mark(session: Session, model: type[Any], found: references.Found, now: datetime) -> None:
    used: set[Any] = found.assets if model is Asset else found.names
    asked = sa.select(model.id, model.unused_since).where(model.created_at < now - FRESH)
    if model is Asset:
        asked = asked.where(Asset.state.in_(AT_REST))
    rows = session.execute(asked).all()
    for ids, value in (
        ([id for id, since in rows if id in used and since is not None], None),
        ([id for id, since in rows if id not in used and since is None], now),
    ):
        for at in range(0, len(ids), BATCH):
            some = model.id.in_(ids[at : at + BATCH])
            session.execute(sa.update(model).where(some).values(unused_since=value))


def _remove(session: Session, store: MediaStore, kind: Kind, id: Any) -> bool:
    model = kind.model
    held = (
        sa.select(model)
        .where(model.id == id, model.unused_since.is_not(None))
        # Who has it in hand wants it: nobody is waited for, who may wait for this night.
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    try:
        with session.begin_nested():
            if (medium := session.scalar(held)) is None:
                return False  # it was sent again meanwhile
            session.delete(medium)
    except IntegrityError:  # a row points at it after all
        log.warning("media in use were not removed", kind=model.__name__, id=id)
        return False
    for root in kind.roots:
        if name := getattr(medium, root.name.key):
            db.after_commit(session, partial(root.clear, store, root.home(name)))
    return True


def remove_strays(session: Session, store: MediaStore, now: datetime) -> int:
    """Bytes without a row, left by a request or a night that broke off; returns how many."""
    gone = 0
    for root in (each for kind in kinds() for each in kind.roots):
        homes = set(map(root.home, session.scalars(sa.select(root.name))))
        strays = {
            root.home_of(kept.key)
            for kept in store.vault.list(root.folder)
            if root.home_of(kept.key) not in homes and kept.since < now - FRESH
        }
        for stray in strays:
            root.clear(store, stray)
        gone += len(strays)
    begun = set(session.scalars(sa.select(Upload.id)))
    for path in store.upload("-").parent.iterdir():
        old = datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo) < now - FRESH
        if path.name not in begun and old:
            path.unlink(missing_ok=True)
            gone += 1
    return gone
