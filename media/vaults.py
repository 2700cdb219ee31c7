"""Where finished media are kept: a folder here, or a bucket elsewhere (:mod:`media.s3`).

A key is a path with ``/`` that this program made; no part of it comes from a client. What lies
under a key is written once, whole, and never changed: a new content gets a new key.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

CHUNK_BYTES = 1024 * 1024


class VaultAway(OSError):
    """A vault elsewhere can't be reached, or does not do what it should. It may do so later."""


class Kept(NamedTuple):
    """Something under a key: its size in bytes, and since when it is there."""

    key: str
    size: int
    since: datetime


class Vault(Protocol):
    """What the platform asks of a place for media. Missing keys raise ``FileNotFoundError``;
    a vault elsewhere may raise ``VaultAway``."""

    def write(self, key: str, content: bytes) -> None:
        """Keep ``content``: whole, or not at all."""

    def put(self, key: str, path: Path) -> None:
        """Keep a local file, which stays where it is."""

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        """What is kept, to be read from byte ``start``; who says ``stop`` reads no further."""

    def size(self, key: str) -> int:
        """In bytes."""

    def local(self, key: str, scratch: Path) -> AbstractContextManager[Path]:
        """A local file with what is kept, while the context lasts; below ``scratch`` if it
        has to be fetched."""

    def remove(self, key: str) -> None:
        """Forget a key; one that is not there is forgotten already."""

    def remove_all(self, prefix: str) -> None:
        """Forget every key that begins with ``prefix``, a folder."""

    def share(self, prefix: str, other: str) -> None:
        """Keep all that is below the folder ``prefix`` below the folder ``other`` as well."""

    def list(self, prefix: str) -> Iterator[Kept]:
        """Every key below ``prefix``, a folder."""

    def address(self, key: str, *, media_type: str, seconds: int) -> str | None:
        """Where a browser gets it without us, for so long; None: only through this server."""


class FolderVault:
    """A local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        return self.root / key

    def write(self, key: str, content: bytes) -> None:
        path = self._made(key)
        # Appears whole or not at all, and is on disk before a row speaks of it.
        fresh = path.with_name(f".{secrets.token_hex(8)}.new")
        try:
            with fresh.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
        finally:
            fresh.unlink(missing_ok=True)

    def put(self, key: str, path: Path) -> None:
        kept = self._made(key)
        fresh = kept.with_name(f".{secrets.token_hex(8)}.new")
        try:
            try:
                fresh.hardlink_to(path)
            except OSError:  # another file system
                shutil.copyfile(path, fresh)
            fresh.rename(kept)
        finally:
            fresh.unlink(missing_ok=True)

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        file = self.path(key).open("rb")
        file.seek(start)
        return file

    def size(self, key: str) -> int:
        return self.path(key).stat().st_size

    @contextmanager
    def local(self, key: str, scratch: Path) -> Iterator[Path]:
        path = self.path(key)
        if not path.exists():
            raise FileNotFoundError(key)
        yield path

    def remove(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def remove_all(self, prefix: str) -> None:
        shutil.rmtree(self.path(prefix), ignore_errors=True)

    def share(self, prefix: str, other: str) -> None:
        for kept in [*self.list(prefix)]:
            self.put(other + kept.key.removeprefix(prefix), self.path(kept.key))

    def list(self, prefix: str) -> Iterator[Kept]:
        for folder, _, names in os.walk(self.path(prefix)):
            for name in names:
                path = Path(folder, name)
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue
                key = path.relative_to(self.root).as_posix()
                # Not since it was written, which may be years ago, but since it has this name too.
                since = datetime.fromtimestamp(found.st_ctime, UTC)
                yield Kept(key, found.st_size, since)

    def address(self, key: str, *, media_type: str, seconds: int) -> str | None:
        return None

    def _made(self, key: str) -> Path:
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
