"""A package's files: kept once for each author, each under a number."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.courseware.models import Courseware, Edition
from media.storage import MediaStore
from zhixin.archives import MIB
from zhixin.errors import NotFound

MOST_FILES = 3_000
MOST_BYTES = 500 * MIB
MOST_NAME = 400


def keep(
    session: Session,
    store: MediaStore,
    owner_id: int,
    edition: Edition,
    files: Mapping[str, Path],
    now: datetime,
) -> Courseware:
    """Keep local files under the names that they have in their package.

    Raises:
        OutOfSpace: there is no room.
    """
    digest = hashlib.sha256(edition.encode())
    sizes: dict[str, int] = {}
    for name in sorted(files):
        with files[name].open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        sizes[name] = files[name].stat().st_size
        digest.update(f"{len(name.encode())}:{name}={own};".encode())
    same = session.scalar(
        sa.select(Courseware).where(
            Courseware.owner_id == owner_id, Courseware.sha256 == digest.hexdigest()
        )
    )
    if same is not None:
        return same
    store.require_space(sum(sizes.values()))
    kept = Courseware(
        id=secrets.token_hex(16),
        owner_id=owner_id,
        edition=edition,
        files=[[name, size] for name, size in sizes.items()],
        size_bytes=sum(sizes.values()),
        sha256=digest.hexdigest(),
        created_at=now,
    )
    for place, name in enumerate(sizes):
        store.vault.put(f"{kept.folder}/{place}", files[name])
    session.add(kept)
    session.flush()
    return kept


def key_of(kept: Courseware, name: str) -> tuple[str, int]:
    """Where a file lies in the vault, and its size in bytes.

    Raises:
        NotFound: the package has no such file.
    """
    for place, (known, size) in enumerate(kept.files):
        if known == name:
            return f"{kept.folder}/{place}", size
    raise NotFound("课件中没有这个文件")
