"""Writes of one moment go together, and each thread hears of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from zhixin import gathering
from zhixin.gathering import Gathered


class Store:
    """Keeps even numbers, says no to odd ones; a negative one spoils the whole transaction."""

    def __init__(self) -> None:
        self.kept: set[int] = set()
        self.written: list[int] = []
        self.groups: list[int] = []
        self.alone: list[int] = []
        self.busy = threading.Lock()
        self.hold = threading.Event()
        self.hold.set()

    def together(self, items: Sequence[int]) -> list[bool]:
        assert self.busy.acquire(blocking=False), "two groups at once"
        try:
            self.groups.append(len(items))
            assert self.hold.wait(10)
            return self._write(items)
        finally:
            self.busy.release()

    def by_itself(self, item: int) -> bool:
        self.alone.append(item)
        (written,) = self._write([item])
        return written

    def _write(self, items: Sequence[int]) -> list[bool]:
        if min(items) < 0:
            raise ValueError(min(items))
        self.written.extend(items)
        self.kept.update(item for item in items if item % 2 == 0)
        return [item % 2 == 0 for item in items]


def gathered(store: Store, most: int = 64) -> Gathered[int]:
    return Gathered(store.together, store.by_itself, most=most)


def beside_one(
    store: Store, pool: ThreadPoolExecutor, write: Callable[[int], bool], items: Sequence[int]
) -> list[Future[bool]]:
    """``items`` come while 100 is being written."""
    store.hold.clear()
    first = pool.submit(write, 100)
    while not store.groups:
        time.sleep(0.001)
    others = [pool.submit(write, item) for item in items]
    time.sleep(0.1)
    assert not any(each.done() for each in (first, *others))
    store.hold.set()
    return [first, *others]


def test_who_is_alone_waits_for_nobody() -> None:
    store = Store()
    write = gathered(store).write
    assert [write(number) for number in (2, 3, 4)] == [True, False, True]
    assert (store.groups, store.alone) == ([1, 1, 1], [])


def test_who_comes_meanwhile_goes_together() -> None:
    """Nobody is answered before the write returned, and each hears of its own item."""
    store = Store()
    with ThreadPoolExecutor(8) as pool:
        answers = beside_one(store, pool, gathered(store).write, [2, 3, 4, 5])
        assert [each.result(10) for each in answers] == [True, True, False, True, False]
    assert (store.groups, store.kept) == ([1, 4], {100, 2, 4})


def test_a_group_has_its_limit() -> None:
    store = Store()
    with ThreadPoolExecutor(8) as pool:
        answers = beside_one(store, pool, gathered(store, most=2).write, [2, 4, 6, 8, 10])
        assert all(each.result(10) for each in answers)
    assert store.groups == [1, 2, 2, 1]


def test_one_that_fails_fails_alone() -> None:
    """What spoils a group is tried by itself, and so is everybody else in it."""
    store = Store()
    with ThreadPoolExecutor(8) as pool:
        answers = beside_one(store, pool, gathered(store).write, [2, -1, 4])
        assert [answers[place].result(10) for place in (1, 3)] == [True, True]
        with pytest.raises(ValueError, match="-1"):
            answers[2].result(10)
    assert (store.kept, sorted(store.alone)) == ({100, 2, 4}, [-1, 2, 4])


def test_one_that_fails_without_company_is_tried_once() -> None:
    store = Store()
    write = gathered(store).write
    with pytest.raises(ValueError, match="-1"):
        write(-1)
    assert (store.groups, store.alone) == ([1], [])
    assert write(2)


def test_company_that_does_not_come_is_not_waited_for_long() -> None:
    """After a group of many, one that comes alone is written all the same."""
    store = Store()
    write = gathered(store).write
    with ThreadPoolExecutor(8) as pool:
        for each in beside_one(store, pool, write, [2, 4, 6]):
            each.result(10)
    started = time.monotonic()
    assert [write(8), write(10)] == [True, True]
    assert time.monotonic() - started < 2
    assert store.groups == [1, 3, 1, 1]


def test_a_full_group_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """More company than one group takes is not expected; who would come as one too many for a
    group would write it for the others and be left in the next, which nobody then writes."""
    monkeypatch.setattr(gathering, "PATIENCE_S", 20)
    store = Store()
    write = gathered(store, most=2).write
    with ThreadPoolExecutor(8) as pool:
        for each in beside_one(store, pool, write, [2, 4]):
            assert each.result(10)
        assert [pool.submit(write, 6), pool.submit(write, 8)][1].result(10)
    assert (store.groups, store.alone) == ([1, 2, 2], [])


def test_nothing_is_lost_or_doubled_in_a_crowd() -> None:
    """Sixteen threads, two thousand items, some of which spoil their groups."""
    store = Store()
    write = gathered(store, most=5).write

    def each(number: int) -> bool | None:
        try:
            return write(-1 if number % 50 == 0 else number)
        except ValueError:
            return None

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(each, range(2000)))
    for number, answer in enumerate(answers):
        assert answer is (None if number % 50 == 0 else number % 2 == 0)
    assert sorted(store.written) == [n for n in range(2000) if n % 50]
    assert max(store.groups) <= 5
