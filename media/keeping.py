"""A worker keeps its claim while it does something long, and notices when it was lost."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from media.errors import TranscodeFailed
from media.uploads import CHUNK_BYTES
from media.vaults import VaultAway
from zhixin import db

#: How long one try may take: generous for hours of video on two cores.
TRY_S = 6 * 3600
#: Progress is written at most this often.
REPORT_EVERY_S = 2.0
Done = TypeVar("Done")


def meanwhile(act: Callable[[], Done], lost: Callable[[], bool]) -> Done:
    """Do something long that needs no database, and keep the claim: ``lost`` renews it."""
    with ThreadPoolExecutor(1) as thread:
        doing = thread.submit(act)
        while not wait([doing], timeout=REPORT_EVERY_S).done:
            lost()
    return doing.result()


@contextmanager
def reached() -> Iterator[None]:
    """Work that needs the vault.

    Raises:
        TranscodeFailed: the vault can't be reached, which no video is to blame for.
    """
    try:
        yield
    except VaultAway as error:
        raise TranscodeFailed("vault-away", log=str(error)) from error


class Keeper:
    """Holds no transaction between its reports.

    Args:
        renew: writes the percentage and prolongs the claim; false when it is another's.
    """

    def __init__(self, renew: Callable[[Session, int], bool]) -> None:
        self._renew = renew
        self._percent, self._reported, self._lost = 0, 0.0, False

    def report(self, percent: float) -> None:
        # 100 is said by the end alone, when the files are in their final place.
        self._percent = min(99, int(percent))
        self.lost()

    def meanwhile(self, act: Callable[[], Done]) -> Done:
        return meanwhile(act, self.lost)

    def lost(self) -> bool:
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._reported = time.monotonic()
            with db.database().transaction() as session:
                self._lost = not self._renew(session, self._percent)
        return self._lost

    @contextmanager
    def hashing(self, path: Path) -> Iterator[Callable[[], str]]:
        """The file's SHA-256 is found beside other work; the call that is handed over waits for it.

        Reading hours of video takes longer than a claim lasts, so that waiting keeps the claim. Left
        early, the block ends the hashing.

        Raises:
            TranscodeFailed: (the call) the claim was lost.
        """
        left = threading.Event()
        with ThreadPoolExecutor(1) as thread:
            doing = thread.submit(_sha256, path, left)

            def found() -> str:
                while not wait([doing], timeout=REPORT_EVERY_S).done:
                    if self.lost():
                        raise TranscodeFailed("cancelled")
                return doing.result()

            try:
                yield found
            finally:
                left.set()


def _sha256(path: Path, left: threading.Event) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while not left.is_set() and (chunk := file.read(CHUNK_BYTES)):
            digest.update(chunk)
    return digest.hexdigest()
