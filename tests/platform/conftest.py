"""Databases that a test has to itself, for races and for tampering from outside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

THREADS = 20


@pytest.fixture
def at_once() -> Callable[[Callable[[int], Any]], list[Any]]:
    """Call something in twenty threads started together; what each returned or raised."""

    def together(act: Callable[[int], Any]) -> list[Any]:
        barrier = Barrier(THREADS)

        def run(number: int) -> Any:
            barrier.wait()
            try:
                return act(number)
            except Exception as error:  # the test asks what was raised
                return error

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(run, range(THREADS)))

    return together
