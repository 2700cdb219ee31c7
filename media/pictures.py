"""Pictures of pages and questions: ``![what it shows](picture:ID)`` in :mod:`zhixin.richtext`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from media import names
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
    encoded: Encoded | None = None,
) -> Picture:
    """Keep a picture that came from outside, whoever made it; the same one is kept once.

    Args:
        encoded: what ``reencoding.encode`` made of ``sent``, if it was done before the transaction.

    Raises:
        PictureRefused: it is empty, too large, damaged, or neither PNG, JPEG, WebP nor GIF.
        OutOfSpace: there is no room.
    """
    if not sent:
        raise PictureRefused("picture-empty")
    if len(sent) > max_bytes:
        raise PictureRefused("picture-too-large", max_bytes=max_bytes)
    digest = hashlib.sha256(sent).hexdigest()
    if same := _same(session, owner_id, digest):
        same.unused_since = same.discarded_at = None  # it is wanted again
        return same
    encoded = encoded or encode(sent)
    store.require_space(len(encoded.content))
    picture = Picture(
        id=secrets.token_hex(16),
        owner_id=owner_id,
        file_name=names.shown(file_name, "picture"),
        media_type=encoded.media_type,
        width=encoded.width,
        height=encoded.height,
        size_bytes=len(encoded.content),
        sent_sha256=digest,
        created_at=now,
    )
    # Before the row: what a row speaks of is there. Without a row, the nightly job removes it.
    store.vault.write(picture.key, encoded.content)
    try:
        with session.begin_nested():
            session.add(picture)
    except IntegrityError:  # the same picture came twice at once
        store.vault.remove(picture.key)
        if same := _same(session, owner_id, digest):
            return same
        raise
    return picture


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


def _same(session: Session, owner_id: int, digest: str) -> Picture | None:
    return session.scalar(
        sa.select(Picture).where(Picture.owner_id == owner_id, Picture.sent_sha256 == digest)
    )
