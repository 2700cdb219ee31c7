"""Pictures of pages and questions: ``![what it shows](picture:ID)`` in :mod:`zhixin.richtext`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import kept_once, names
from media.errors import PictureRefused
from media.file_models import Picture
from media.reencoding import Encoded, encode
from media.storage import MediaStore
from zhixin import richtext
from zhixin.errors import NotFound


def import_bytes(
    session: Session,
    store: MediaStore,
    owner_id: int,
    sent: bytes,
    *,
    file_name: str = "",
    max_bytes: int,
    now: datetime,
) -> Picture:
    """A picture that came from outside; see :func:`bring` and :func:`keep`."""
    brought = bring(store, owner_id, sent, file_name=file_name, max_bytes=max_bytes, now=now)
    return keep(session, store, brought)


def bring(
    store: MediaStore,
    owner_id: int,
    sent: bytes,
    *,
    file_name: str = "",
    max_bytes: int,
    now: datetime,
    encoded: Encoded | None = None,
) -> Picture:
    """A picture into the vault, encoded anew: outside any transaction. What is returned is for
    :func:`keep`; without that, a night removes the bytes.

    Args:
        encoded: what ``reencoding.encode`` made of ``sent``, if it was done before.

    Raises:
        PictureRefused: it is empty, too large, damaged, or neither PNG, JPEG, WebP nor GIF.
        OutOfSpace: there is no room.
    """
    if not sent:
        raise PictureRefused("picture-empty")
    if len(sent) > max_bytes:
        raise PictureRefused("picture-too-large", max_bytes=max_bytes)
    encoded = encoded or encode(sent)
    store.require_space(len(encoded.content))
    brought = Picture(
        id=secrets.token_hex(16),
        owner_id=owner_id,
        file_name=names.shown(file_name, "picture"),
        media_type=encoded.media_type,
        width=encoded.width,
        height=encoded.height,
        size_bytes=len(encoded.content),
        sent_sha256=hashlib.sha256(sent).hexdigest(),
        created_at=now,
    )
    store.vault.write(brought.key, encoded.content)
    return brought


def keep(session: Session, store: MediaStore, brought: Picture) -> Picture:
    """The row of a picture that was brought; the same picture of one author is kept once."""
    remove = partial(store.vault.remove, brought.key)
    kept = kept_once.keep(session, brought, same=_same, remove=remove)
    kept.unused_since = kept.discarded_at = None  # it is wanted again
    return kept


def get(session: Session, picture_id: str, owner_id: int) -> Picture:
    """One's own picture.

    Raises:
        NotFound: there is none, or it is another author's.
    """
    found = session.get(Picture, picture_id)
    if found is None or found.owner_id != owner_id:
        raise NotFound("没有这张图片")
    return found


def of_owner(session: Session, owner_id: int) -> Sequence[Picture]:
    """An author's pictures, the newest first."""
    ordered = sa.select(Picture).order_by(Picture.created_at.desc(), Picture.id)
    mine = (Picture.owner_id == owner_id, Picture.discarded_at.is_(None))
    return session.scalars(ordered.where(*mine)).all()


def missing(session: Session, ids: Collection[str]) -> set[str]:
    """Those of ``ids`` (say, ``richtext.pictures(text)``) that are no pictures here."""
    there = session.scalars(sa.select(Picture.id).where(Picture.id.in_(ids)))
    return set(ids) - set(there)


def content(session: Session, store: MediaStore, picture_id: str) -> tuple[str, bytes]:
    """Media type and bytes of any picture, for an archive.

    Raises:
        NotFound: there is none.
    """
    found = session.get(Picture, picture_id)
    if found is None:
        raise NotFound("没有这张图片")
    with store.vault.open(found.key) as file:
        return found.media_type, file.read()


def markdown(picture: Picture, words: str = "") -> str:
    """As it is written in a page; ``words`` say what it shows."""
    plain = words.translate({ord(c): " " for c in "[]\\\n\r"}).strip()
    return f"![{plain}](picture:{picture.id})"


def url(picture: Picture) -> str:
    """Where it is served from."""
    return f"{richtext.PICTURES}{picture.id}"


def _same(session: Session, brought: Picture) -> Picture | None:
    # Held, so that the night does not remove it meanwhile (see media.collecting).
    return session.scalar(
        sa.select(Picture)
        .where(Picture.owner_id == brought.owner_id, Picture.sent_sha256 == brought.sent_sha256)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
