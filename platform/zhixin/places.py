"""How many do something at once: a semaphore that every beat takes twice."""

from __future__ import annotations

from queue import SimpleQueue


class Places(SimpleQueue[None]):
    """So many at once; whoever comes beyond waits. ``get`` takes a place and ``put`` gives it
    back: both are written in C, which Python's own semaphore is not.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        for _ in range(count):
            self.put(None)

    def __enter__(self) -> None:
        self.get()

    def __exit__(self, *_error: object) -> None:
        self.put(None)
