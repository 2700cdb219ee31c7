"""A package's files: kept once for each author, each under a number."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.courseware.models import Courseware, Edition
from media import kept_once
from media.storage import MediaStore
from zhixin.archives import MIB
from zhixin.errors import NotFound

MOST_FILES = 3_000
MOST_BYTES = 500 * MIB
MOST_NAME = 400


def bring(
    store: MediaStore, owner_id: int, edition: Edition, files: Mapping[str, Path], now: datetime
) -> Courseware:
    """Local files, under the names that they have in their package, into the vault: outside any
    transaction. What is returned is for :func:`keep`; without that, a night removes them.

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
    store.require_space(sum(sizes.values()))
    brought = Courseware(
        id=secrets.token_hex(16),
        owner_id=owner_id,
        edition=edition,
        files=[[name, size] for name, size in sizes.items()],
        size_bytes=sum(sizes.values()),
        sha256=digest.hexdigest(),
        created_at=now,
    )
    try:
        for place, name in enumerate(sizes):
            store.vault.put(key_of(brought, place), files[name])
    except BaseException:
        store.vault.remove_all(brought.folder)
        raise
    return brought


def keep(session: Session, store: MediaStore, brought: Courseware) -> Courseware:
    """The row of files that were brought; the same package of one author is kept once."""
    remove = partial(store.vault.remove_all, brought.folder)
    kept = kept_once.keep(session, brought, same=_same, remove=remove)
    kept.unused_since = None  # it is wanted again
    return kept


def _same(session: Session, brought: Courseware) -> Courseware | None:
    # Held, so that the night does not remove it meanwhile (see media.collecting).
    return session.scalar(
        sa.select(Courseware)
        .where(Courseware.owner_id == brought.owner_id, Courseware.sha256 == brought.sha256)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def place_of(kept: Courseware, name: str) -> tuple[int, int]:
    """At which place of the package a file is, and its size in bytes.

    Raises:
        NotFound: the package has no such file.
    """
    for place, (known, size) in enumerate(kept.files):
        if known == name:
            return place, size
    raise NotFound("课件中没有这个文件")


def key_of(kept: Courseware, place: int) -> str:
    """Where a file lies in the vault."""
    return f"{kept.folder}/{place}"
