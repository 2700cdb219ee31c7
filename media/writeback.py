"""The disk begins at once to write what somebody will wait for at the end.

Left alone, the system gathers what is written until ``fsync`` asks for all of it: the line waits for
the disk then, as the disk waited for the line before. Nothing is promised here: only ``fsync`` is.
"""

from __future__ import annotations

import ctypes
import sys

#: sync_file_range(2): begin to write, and don't wait for it.
_WRITE = 2
#: So many bytes at a time: few calls, and little is left for the end.
STEP_BYTES = 8 << 20


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


_libc = ctypes.CDLL(None)
