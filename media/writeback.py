"""The disk begins at once to write what somebody will wait for at the end.

Left alone, the system gathers what is written until ``fsync`` asks for all of it: the line waits for
the disk then, as the disk waited for the line before. Only what ``fsync`` was done for is safe.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

#: sync_file_range(2): begin to write, and don't wait for it.
_WRITE = 2
#: So many bytes at a time: few calls, and little is left for the end.
STEP_BYTES = 8 << 20
#: A server that dies takes along what came since: so much at most, or in so long.
SAFE_EVERY_BYTES = 64 << 20
SAFE_EVERY_S = 5.0


def begin(descriptor: int, offset: int, length: int) -> None:
    """Have these bytes of a file written soon. Where the system can't, it does so when it likes."""
    if sys.platform != "linux":
        return
    _libc.sync_file_range(
        ctypes.c_int(descriptor), ctypes.c_int64(offset), ctypes.c_int64(length), ctypes.c_uint(_WRITE)
    )  # fmt: skip


class Behind:
    """Follows a file that grows from ``at`` on, a step at a time."""

    def __init__(self, descriptor: int, at: int) -> None:
        self._descriptor, self._at = descriptor, at

    def reached(self, at: int) -> None:
        """So far it is now."""
        if at - self._at >= STEP_BYTES:
            begin(self._descriptor, self._at, at - self._at)
            self._at = at


class Settling:
    """Follows a file that grows from ``at`` on and makes it safe a step at a time, in a thread of
    its own: the line goes on meanwhile. Close it before the file."""

    def __init__(self, descriptor: int, at: int) -> None:
        self._descriptor, self._asked, self._since = descriptor, at, time.monotonic()
        self._behind = Behind(descriptor, at)
        self._running: Future[None] | None = None

    def reached(self, at: int) -> int | None:
        """So far it is now. Returns how far it is safe, if that is news.

        Raises:
            OSError: the disk could not keep it.
        """
        self._behind.reached(at)
        if self._running is None:
            late = time.monotonic() - self._since >= SAFE_EVERY_S
            if late or at - self._asked >= SAFE_EVERY_BYTES:
                self._asked, self._since = at, time.monotonic()
                self._running = _disk.submit(os.fsync, self._descriptor)
        elif self._running.done():
            finished, self._running = self._running, None
            finished.result()
            return self._asked
        return None

    def close(self) -> None:
        """Wait for what was begun: it names the file by a number that another will have next.

        Raises:
            OSError: the disk could not keep it, and says so only once.
        """
        if self._running is not None:
            self._running.result()


_disk = ThreadPoolExecutor(8, thread_name_prefix="fsync")
_libc = ctypes.CDLL(None)
