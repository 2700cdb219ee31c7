"""Resumable uploads: the tus 1.0 protocol's state, on disk and in the database."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import files, intake, names, writeback
from media.file_models import Attachment
from media.models import Asset, AssetState, Upload, UploadKind
from media.storage import MediaStore
from zhixin import db
from zhixin.errors import Conflict, DomainError, Invalid, NotFound

CHUNK_BYTES = 1024 * 1024
#: So much of a request at a time: small enough for the processor's cache.
BODY_BYTES = 256 * 1024
CHECKSUMS = ("sha1", "sha256", "md5")
UNFINISHED = (Upload.asset_id.is_(None), Upload.attachment_id.is_(None))


class TooLarge(Invalid):
    status = 413
    code = "too-large"
    title = "文件超过了允许的大小"


class OffsetMismatch(Conflict):
    code = "offset-mismatch"
    title = "续传位置与服务器不一致，请重新查询后继续"


class Locked(DomainError):
    status = 423
    code = "upload-locked"
    title = "该文件正由另一个连接上传"


class ChecksumMismatch(DomainError):
    status = 460  # tus: Checksum Mismatch
    code = "checksum-mismatch"
    title = "数据校验失败，请重新发送这一段"


class Gone(DomainError):
    status = 410
    code = "upload-expired"
    title = "上传已过期，请重新上传"


def create(
    session: Session,
    store: MediaStore,
    *,
    owner_id: int,
    file_name: str,
    size: int | None,
    max_bytes: int,
    keep: timedelta,
    kind: UploadKind = UploadKind.VIDEO,
    partial: bool = False,
    now: datetime,
) -> Upload:
    """Begin an upload of ``size`` bytes.

    Args:
        size: None if it will be told later.
        partial: one of several that :func:`media.joining.join` makes a whole of.

    Raises:
        Invalid: it is empty. TooLarge: it is over the limit. OutOfSpace: it would not fit.
        FileRefused: of a kind that is not taken, by its name.
    """
    if size is not None and size <= 0:
        raise Invalid("文件是空的，请重新选择", code="empty")
    check_size(size or 0, max_bytes)
    if kind is UploadKind.FILE and not partial:
        files.check_name(names.shown(file_name, "file"))
    store.require_space(size or 0)
    upload = Upload(
        id=secrets.token_hex(16),
        owner_id=owner_id,
        file_name=names.shown(file_name, "video"),
        size=size or max_bytes,
        length_known=size is not None,
        kind=kind,
        partial=partial,
        received=0,
        created_at=now,
        expires_at=now + keep,
    )
    store.upload(upload.id).touch()
    session.add(upload)
    session.flush()
    return upload


def check_size(size: int, max_bytes: int) -> None:
    """Refuse more than ``max_bytes``.

    Raises:
        TooLarge: it is.
    """
    if size > max_bytes:
        shown = (
            f"{max_bytes / 1024**3:.1f} GB"
            if max_bytes >= 1024**3
            else f"{max_bytes / 1024**2:.0f} MB"
        )
        raise TooLarge(f"文件不能超过 {shown}", max_bytes=max_bytes)


def tell_length(session: Session, upload: Upload, size: int) -> None:
    """The client says how long an upload is that it began without knowing.

    Raises:
        Invalid: it is known already, or less than what came. TooLarge: over the limit.
    """
    if upload.length_known or size < max(1, upload.received):
        raise Invalid("文件大小（Upload-Length）与先前不一致", code="upload-length")
    check_size(size, upload.size)
    told = session.execute(
        sa.update(Upload)
        .where(Upload.id == upload.id, Upload.length_known.is_(False), Upload.received <= size)
        .values(size=size, length_known=True)
    )
    if told.rowcount != 1:  # type: ignore[attr-defined]
        raise OffsetMismatch


def get(session: Session, upload_id: str, owner_id: int, now: datetime) -> Upload:
    """One's own upload.

    Raises:
        NotFound: no such upload, or another author's. Gone: it expired.
    """
    found = session.get(Upload, upload_id)
    if found is None or found.owner_id != owner_id:
        raise NotFound("没有这个上传")
    if not found.finished and found.expires_at < now:
        raise Gone
    return found


@contextmanager
def writing(path: Path) -> Iterator[FileIO]:
    """The file of an upload, for one request alone: held until its offset is on record.

    Raises:
        Locked: another request is writing. Gone: there is no such file any more.
    """
    try:
        file = FileIO(path, "r+")  # unbuffered: what was written is in the file, or was refused
    except FileNotFoundError:
        raise Gone from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked from None
        yield file


def receive(
    file: FileIO,
    *,
    offset: int,
    size: int,
    body: IO[bytes],
    checksum: tuple[str, bytes] | None,
    note: Callable[[int], None],
) -> int:
    """Append a request's body to the file at ``offset``; returns how far it is now, in bytes.

    Bytes that came before a broken connection are kept, unless a checksum was promised for
    the whole: then nothing is kept that was not checked.

    Args:
        note: told now and then, while a long request still lasts, how far its bytes are safe.

    Raises:
        ChecksumMismatch: the bytes differ. OffsetMismatch: the file is not ``offset`` long.
        TooLarge: more than ``size``.
    """
    if file.seek(0, os.SEEK_END) < offset:
        raise OffsetMismatch
    file.truncate(offset)  # bytes written by a request that could not say so
    file.seek(offset)
    digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    at, settling = offset, writeback.Settling(file.fileno(), offset)
    try:
        while chunk := body.read(BODY_BYTES):
            if at + len(chunk) > size:
                raise TooLarge("收到的数据超过了声明的文件大小")
            _write(file, chunk)
            at += len(chunk)
            safe = settling.reached(at)
            if digest:
                digest.update(chunk)
            elif safe is not None:
                note(safe)
                offset = safe
        if digest and checksum and digest.digest() != checksum[1]:
            raise ChecksumMismatch
    except Exception as error:
        # Unchecked bytes of a promised checksum are worth nothing; others are a good start.
        if digest or isinstance(error, DomainError):
            file.truncate(offset)
        raise
    finally:
        settling.close()
        os.fsync(file.fileno())
    return at


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:  # a disk that fills up takes a part, and refuses the next
        rest = rest[file.write(rest) :]


def note(session: Session, upload: Upload, received: int) -> None:
    """How far an upload is, on record.

    Raises:
        NotFound: it was given up meanwhile.
    """
    noted = session.execute(
        sa.update(Upload)
        .where(Upload.id == upload.id, Upload.received <= received)
        .values(received=received)
    )
    if noted.rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound("没有这个上传")


def bring(
    store: MediaStore, upload: Upload, received: int, now: datetime
) -> Asset | Attachment | None:
    """The bytes of an upload that is whole into the vault, outside any transaction: None if it is
    not. What is returned is for :func:`advance`; without that, a night removes them.

    Raises:
        FileRefused: it is no file of the kind that its name says.
    """
    if received < upload.size or not upload.length_known or upload.partial:
        return None
    begun = store.upload(upload.id)
    if upload.kind == UploadKind.FILE:
        return files.bring(
            store, upload.owner_id, begun,
            file_name=upload.file_name, max_bytes=upload.size, now=now,
        )  # fmt: skip
    # A second name (or a copy elsewhere) rather than a move: the first goes after the commit. If
    # that fails, the row is as it was and so is its file.
    source = intake.new_source()
    store.vault.put(source, begun)
    return intake.new(upload.owner_id, upload.file_name, source, upload.size, now)


def advance(
    session: Session,
    store: MediaStore,
    upload: Upload,
    received: int,
    brought: Asset | Attachment | None,
) -> Asset | Attachment | None:
    """Note how far an upload is; a whole one becomes what it was sent for.

    Args:
        brought: by :func:`bring`.

    Raises:
        NotFound: it was given up meanwhile. Conflict: it is a video already.
    """
    note(session, upload, received)
    if brought is None:
        return None
    if isinstance(brought, Attachment):
        brought = files.keep(session, store, brought)
        _becomes(session, upload, attachment_id=brought.id)
    else:
        intake.keep(session, brought)
        _becomes(session, upload, asset_id=brought.id)
    begun = store.upload(upload.id)
    db.after_commit(session, lambda: begun.unlink(missing_ok=True))
    return brought


def _becomes(session: Session, upload: Upload, **what: object) -> None:
    won = session.execute(
        sa.update(Upload)
        .where(Upload.id == upload.id, Upload.asset_id.is_(None), Upload.attachment_id.is_(None))
        .values(**what)
    )
    if won.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("这个文件已经上传完成")


def terminate(session: Session, store: MediaStore, upload: Upload) -> None:
    """Forget an unfinished upload."""
    store.upload(upload.id).unlink(missing_ok=True)
    session.execute(sa.delete(Upload).where(Upload.id == upload.id, *UNFINISHED))


def unfinished(session: Session, owner_id: int, now: datetime) -> Sequence[Upload]:
    """What an author began and may go on with, the newest first; parts are not shown."""
    return session.scalars(
        sa.select(Upload)
        .where(
            Upload.owner_id == owner_id,
            *UNFINISHED,
            Upload.partial.is_(False),
            Upload.expires_at >= now,
        )
        .order_by(Upload.created_at.desc(), Upload.id)
    ).all()


def known(session: Session, owner_id: int, sha256: str, size: int | None) -> Asset | None:
    """The author's own video with this hash. Another's is never told of: who knows a hash need
    not have the file."""
    if size is None:
        return None
    return session.scalar(
        sa.select(Asset)
        .where(*_sized(owner_id, size), Asset.source_sha256 == sha256)
        .order_by(Asset.id)
        .limit(1)
    )


def any_sized(session: Session, owner_id: int, size: int) -> bool:
    """Whether :func:`known` could find a video of this size, so that a hash is worth its work."""
    hashed = *_sized(owner_id, size), Asset.source_sha256.is_not(None)
    return session.scalar(sa.select(Asset.id).where(*hashed).limit(1)) is not None


def _sized(owner_id: int, size: int) -> list[sa.ColumnElement[bool]]:
    return [
        Asset.owner_id == owner_id,
        Asset.source_bytes == size,
        Asset.state == AssetState.READY,
        Asset.discarded_at.is_(None),
    ]


def recognise(session: Session, upload: Upload, asset: Asset) -> bool:
    """An upload of something that is here: it is whole before a byte was sent.

    False: it went meanwhile (:mod:`media.collecting`), and has to be sent.
    """
    kept = session.execute(  # it is wanted again: its time of grace is over
        sa.update(Asset)
        .where(Asset.id == asset.id, Asset.discarded_at.is_(None))
        .values(unused_since=None)
    )
    if kept.rowcount != 1:  # type: ignore[attr-defined]
        return False
    upload.received, upload.asset_id = upload.size, asset.id
    session.flush()
    return True


def drop_expired(session: Session, store: MediaStore, now: datetime) -> int:
    """Remove unfinished uploads past their time; returns how many."""
    expired = session.scalars(
        sa.select(Upload).where(*UNFINISHED, Upload.expires_at < now).limit(500)
    ).all()
    for upload in expired:
        terminate(session, store, upload)
    return len(expired)
