"""Where proofs live: ``proofs/ab/abcd…``, named by the SHA-256 of their bytes. No name is a client's."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Container, Iterator
from pathlib import Path
from uuid import uuid4

from flask import current_app

from zhixin.errors import NotFound, OutOfSpace

#: Files are refused when less than this would remain, so that the database can go on.
RESERVE_BYTES = 512 * 1024**2
#: A file is written before its row is committed: only what is older has certainly no row.
ORPHAN_SECONDS = 24 * 3600


class ProofStore:
    """A folder of files that are written once and never changed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def keep(self, content: bytes) -> str:
        """Store ``content``; returns its SHA-256. The same content is stored once.

        Raises:
            OutOfSpace: storing it would leave less than the reserve.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            os.utime(path)  # as new as any: the sweeper leaves it to the row that comes
            return sha256
        if shutil.disk_usage(self.root).free - len(content) < RESERVE_BYTES:
            raise OutOfSpace
        making = path.with_name(f"{sha256}.{uuid4().hex}.making")
        with making.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
        return sha256

    def load(self, sha256: str) -> bytes:
        """The content of that name.

        Raises:
            NotFound: there is none, or it is no longer what its name says.
        """
        try:
            content = self.path(sha256).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise NotFound("证明材料缺失或已损坏，请联系运维", code="proof-missing")
        return content

    def names(self) -> Iterator[Path]:
        """All files, whole or half written."""
        return (path for path in self.root.glob("??/*") if path.is_file())

    def sweep(self, wanted: Container[str]) -> int:
        """Remove what no row names and is old enough to never be named; returns how many."""
        swept, young = 0, time.time() - ORPHAN_SECONDS
        for path in self.names():
            if path.name not in wanted and path.stat().st_mtime < young:
                path.unlink(missing_ok=True)
                swept += 1
        return swept


def store() -> ProofStore:
    """The current application's."""
    found: ProofStore = current_app.extensions["proof_store"]
    return found
