"""Group commit: what several threads want to write at the same moment is written at once.

While one group is being written, whoever comes waits and goes with the next. Where there was
company last time, a group waits for as many again, for ``PATIENCE_S`` at most; who was alone
goes at once. Whoever completes a group writes it for all, so that nobody is woken but to be
answered; and nobody is answered before the write returned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")

#: How long the first of a group waits for company that was there last time. With less, groups
#: come apart: on an evening of 650 beats a second a third of it took 4 % more of two processors
#: on PostgreSQL and had the longer tail (``python -m bench december``).
PATIENCE_S = 0.01


class _Waiting(Generic[Item]):
    """One thread's item. Its turn comes when the item is done, or the group is its to write."""

    __slots__ = ("group", "is_late", "item", "turn", "written")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.group: list[_Waiting[Item]] = []
        self.is_late = False
        self.written: bool | None = None  # None when its turn comes: to be tried alone
        self.turn = threading.Lock()
        self.turn.acquire()


class Gathered(Generic[Item]):
    """A write for many threads, each of which has one item.

    Args:
        together: writes some items in one transaction and says of each whether it was written;
            an exception means that none was. One thread at a time calls it.
        alone: the same for one item; several threads may call it at once.
        most: items in one group.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Item]], Sequence[bool]],
        alone: Callable[[Item], bool],
        *,
        most: int,
    ) -> None:
        self._together, self._alone, self._most = together, alone, most
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Item]] = []
        self._is_writing = False
        self._expected = 1

    def write(self, item: Item) -> bool:
        """Write ``item``, in company or not; says whether it was written.

        An error in company is nobody's in particular: then each is tried alone.

        Raises:
            what the write raises for this item.
        """
        mine = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            group = self._take(self._expected)
            is_first = self._waiting[:1] == [mine]
        if not group:
            group = self._wait_first(mine) if is_first else self._wait(mine)
        if group:
            self._write(group)
        return self._alone(item) if mine.written is None else mine.written

    def _take(self, least: int) -> list[_Waiting[Item]]:
        """The group that is to be written now; empty: not yet. Needs the lock."""
        if self._is_writing or len(self._waiting) < least:
            return []
        self._is_writing = True
        group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if self._waiting:
            self._waiting[0].is_late = True  # it came second and has no patience of its own
        return group

    def _wait(self, mine: _Waiting[Item]) -> list[_Waiting[Item]]:
        """Until the item is done; or the group that this thread is to write."""
        mine.turn.acquire()
        return mine.group

    def _wait_first(self, mine: _Waiting[Item]) -> list[_Waiting[Item]]:
        """As ``_wait``, but when patience ends, the group is written as it is."""
        if mine.turn.acquire(timeout=PATIENCE_S):
            return mine.group
        with self._lock:
            mine.is_late = True
            group = self._take(1) if self._waiting[:1] == [mine] else []
        return group or self._wait(mine)

    def _write(self, group: list[_Waiting[Item]]) -> None:
        try:
            if len(group) == 1:
                (group[0].written,) = self._together([group[0].item])
                return
            with suppress(Exception):
                written = self._together([each.item for each in group])
                for each, its in zip(group, written, strict=True):
                    each.written = its
        finally:
            following = self._finish(len(group))
            for each in group:
                each.turn.release()
            if following:
                following[0].group = following
                following[0].turn.release()

    def _finish(self, written: int) -> list[_Waiting[Item]]:
        """Expect those who waited meanwhile too; the next group, if it is to go at once."""
        with self._lock:
            self._is_writing = False
            # Never more than one group takes: who completes a group has to be in it.
            self._expected = min(self._most, written + len(self._waiting))
            is_late = bool(self._waiting) and self._waiting[0].is_late
            return self._take(1 if is_late else self._expected)
