"""tus concatenation: a whole made of parts that came side by side.

The parts are copied one after the other by the kernel (where the file system shares blocks,
nothing is copied at all) and go after the commit. Until then each is held, so that nobody writes
to it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import uploads
from media.file_models import Attachment
from media.models import Asset, Upload
from media.storage import MediaStore
from zhixin import db
from zhixin.errors import Conflict, Invalid

#: tus-js-client makes as many as its user says; nobody needs more.
MOST_PARTS = 64
PIECE_BYTES = 64 * 1024**2


def parts(session: Session, ids: Sequence[str], owner_id: int, now: datetime) -> list[Upload]:
    """One's own whole parts, in the order in which they are joined.

    Raises:
        Invalid: none, too many, one twice, one that is no part or not whole.
        NotFound, Gone: as for any upload.
    """
    if not 0 < len(ids) <= MOST_PARTS or len(set(ids)) != len(ids):
        raise Invalid("分段列表（Upload-Concat）有误", code="upload-concat")
    found = [uploads.get(session, each, owner_id, now) for each in ids]
    if any(not p.partial or not p.length_known or p.received < p.size for p in found):
        raise Invalid("还有分段没有上传完成，不能合并", code="upload-concat")
    return found


def copy(store: MediaStore, found: Sequence[Upload], whole: Upload) -> None:
    """Write the bytes of all parts into the file of ``whole``; slow, outside any transaction.

    Raises:
        Locked: somebody writes to a part. Gone: a part is not there any more.
        OutOfSpace: there is no room for both.
    """
    store.require_space(whole.size)
    with ExitStack() as held, store.upload(whole.id).open("r+b") as target:
        target.truncate(0)
        for part in found:
            source = held.enter_context(uploads.writing(store.upload(part.id)))
            _append(source.fileno(), target.fileno(), part.size)
        target.flush()
        os.fsync(target.fileno())


def finish(
    session: Session,
    store: MediaStore,
    found: Sequence[Upload],
    whole: Upload,
    brought: Asset | Attachment | None,
) -> Asset | Attachment | None:
    """The whole becomes what it was sent for (``brought`` by ``uploads.bring``); its parts are
    forgotten.

    Raises:
        Conflict: another request joined them meanwhile. Others: as ``uploads.advance``.
    """
    ids = [part.id for part in found]
    gone = session.execute(
        sa.delete(Upload)
        .where(Upload.id.in_(ids), Upload.partial.is_(True))
        .execution_options(synchronize_session=False)
    )
    if gone.rowcount != len(ids):  # type: ignore[attr-defined]
        raise Conflict("这些分段已经合并", code="upload-concat")
    made = uploads.advance(session, store, whole, whole.size, brought)
    for each in ids:
        db.after_commit(session, partial(store.upload(each).unlink, missing_ok=True))
    return made


def _append(source: int, target: int, size: int) -> None:
    at = 0
    while at < size:
        try:
            copied = os.copy_file_range(source, target, min(PIECE_BYTES, size - at), at)
        except OSError:  # not on this file system
            copied = os.write(target, os.pread(source, min(1024**2, size - at), at))
        if copied == 0:
            raise uploads.Gone
        at += copied
