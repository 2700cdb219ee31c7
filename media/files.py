"""Files to be taken home: slides, exercises, data of a file unit.

They are kept as they came and never opened here, so they are only ever handed out as a download,
with headers under which no browser runs them: a PDF too, for its viewer runs scripts of the file
within our origin's frame. Kinds that a computer runs when they are opened are not taken.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import kept_once, names
from media.errors import FileRefused
from media.file_models import Attachment
from media.storage import MediaStore
from media.vaults import CHUNK_BYTES
from zhixin.errors import NotFound


class Kind(NamedTuple):
    """What a file with an ending is, and how one begins; () if it may begin with any text."""

    media_type: str
    begins: tuple[bytes, ...]


_ZIP, _OLE = (b"PK\x03\x04",), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
#: By the ending of the name. Macro documents (docm …) are not here, nor anything that runs.
KINDS = {
    "pdf": Kind("application/pdf", (b"%PDF-",)),
    "docx": Kind(f"{_OFFICE}wordprocessingml.document", _ZIP),
    "xlsx": Kind(f"{_OFFICE}spreadsheetml.sheet", _ZIP),
    "pptx": Kind(f"{_OFFICE}presentationml.presentation", _ZIP),
    "ppsx": Kind(f"{_OFFICE}presentationml.slideshow", _ZIP),
    "doc": Kind("application/msword", _OLE),
    "xls": Kind("application/vnd.ms-excel", _OLE),
    "ppt": Kind("application/vnd.ms-powerpoint", _OLE),
    "wps": Kind("application/vnd.ms-works", _OLE),
    "et": Kind("application/octet-stream", _OLE),
    "dps": Kind("application/octet-stream", _OLE),
    "odt": Kind(f"{_OPEN}text", _ZIP),
    "ods": Kind(f"{_OPEN}spreadsheet", _ZIP),
    "odp": Kind(f"{_OPEN}presentation", _ZIP),
    "epub": Kind("application/epub+zip", _ZIP),
    "zip": Kind("application/zip", (*_ZIP, b"PK\x05\x06")),
    "7z": Kind("application/x-7z-compressed", (b"7z\xbc\xaf\x27\x1c",)),
    "rar": Kind("application/vnd.rar", (b"Rar!\x1a\x07",)),
    "gz": Kind("application/gzip", (b"\x1f\x8b",)),
    "txt": Kind("text/plain", ()),
    "md": Kind("text/markdown", ()),
    "csv": Kind("text/csv", ()),
    "json": Kind("application/json", ()),
    "ipynb": Kind("application/x-ipynb+json", ()),
    "jpg": Kind("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": Kind("image/jpeg", (b"\xff\xd8\xff",)),
    "png": Kind("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "mp3": Kind("audio/mpeg", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
}


def import_bytes(
    session: Session,
    store: MediaStore,
    owner_id: int,
    sent: bytes,
    *,
    file_name: str,
    max_bytes: int,
    now: datetime,
) -> Attachment:
    """A small file that came from outside; see :func:`bring` and :func:`keep`."""
    brought = bring(
        store, owner_id, io.BytesIO(sent), file_name=file_name, max_bytes=max_bytes, now=now
    )
    return keep(session, store, brought)


def bring(
    store: MediaStore,
    owner_id: int,
    sent: BinaryIO | Path,
    *,
    file_name: str,
    max_bytes: int,
    now: datetime,
) -> Attachment:
    """A file, given as a local path or open at its start, into the vault: outside any transaction.
    What is returned is for :func:`keep`; without that, a night removes the bytes.

    Raises:
        FileRefused: it is empty, too large, or of a kind that is not taken.
        OutOfSpace: there is no room.
    """
    if not isinstance(sent, Path):
        return _spooled(store, owner_id, sent, file_name, max_bytes, now)
    size = sent.stat().st_size
    if size == 0:
        raise FileRefused("file-empty")
    if size > max_bytes:
        raise FileRefused("file-too-large", max_bytes=max_bytes)
    name = names.shown(file_name, "file")
    with sent.open("rb") as file:
        kind = kind_of(name, file.read(4096))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    store.require_space(size)
    brought = Attachment(
        id=secrets.token_hex(16),
        owner_id=owner_id,
        file_name=name,
        media_type=kind.media_type,
        size_bytes=size,
        sha256=digest,
        created_at=now,
    )
    store.vault.put(brought.key, sent)
    return brought


def keep(session: Session, store: MediaStore, brought: Attachment) -> Attachment:
    """The row of a file that was brought; the same file of one author is kept once."""
    remove = partial(store.vault.remove, brought.key)
    kept = kept_once.keep(session, brought, same=_same, remove=remove)
    kept.unused_since = kept.discarded_at = None  # it is wanted again
    return kept


def get(session: Session, file_id: str, owner_id: int) -> Attachment:
    """One's own file.

    Raises:
        NotFound: there is none, or it is another author's.
    """
    found = session.get(Attachment, file_id)
    if found is None or found.owner_id != owner_id:
        raise NotFound("没有这个文件")
    return found


def find(session: Session, file_id: str) -> Attachment:
    """Anybody's file: whether the person may have it was asked elsewhere.

    Raises:
        NotFound: there is none.
    """
    found = session.get(Attachment, file_id)
    if found is None:
        raise NotFound("没有这个文件")
    return found


def of_owner(session: Session, owner_id: int) -> Sequence[Attachment]:
    """An author's files, the newest first."""
    ordered = sa.select(Attachment).order_by(Attachment.created_at.desc(), Attachment.id)
    mine = (Attachment.owner_id == owner_id, Attachment.discarded_at.is_(None))
    return session.scalars(ordered.where(*mine)).all()


def check_name(name: str) -> Kind:
    """What a file of this name must be.

    Raises:
        FileRefused: of a kind that is not taken.
    """
    kind = KINDS.get(name.rsplit(".", 1)[-1].lower() if "." in name else "")
    if kind is None:
        raise FileRefused("file-kind")
    return kind


def kind_of(name: str, start: bytes) -> Kind:
    """What a file is by the ending of its name, if its first bytes agree.

    Raises:
        FileRefused: it is of a kind that is not taken, or begins like another.
    """
    kind = check_name(name)
    if kind.begins and not start.startswith(kind.begins):
        raise FileRefused("file-differs")
    if not kind.begins and b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused("file-differs")
    return kind


def _spooled(
    store: MediaStore,
    owner_id: int,
    sent: BinaryIO,
    file_name: str,
    max_bytes: int,
    now: datetime,
) -> Attachment:
    path = store.upload(f"{secrets.token_hex(16)}.file")
    try:
        size = 0
        with path.open("xb") as file:
            while chunk := sent.read(CHUNK_BYTES):
                size += len(chunk)
                if size > max_bytes:
                    raise FileRefused("file-too-large", max_bytes=max_bytes)
                file.write(chunk)
        return bring(store, owner_id, path, file_name=file_name, max_bytes=max_bytes, now=now)
    finally:
        path.unlink(missing_ok=True)


def _same(session: Session, brought: Attachment) -> Attachment | None:
    # Held, so that the night does not remove it meanwhile (see media.collecting).
    return session.scalar(
        sa.select(Attachment)
        .where(
            Attachment.owner_id == brought.owner_id,
            Attachment.sha256 == brought.sha256,
            Attachment.file_name == brought.file_name,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
