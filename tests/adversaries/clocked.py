"""The platform under a test clock: real time plus an offset that a file holds.

Served by the same server as in production; only ``zhixin.clock.now`` is another. So a driver
in another process can let an hour pass in an instant, for all server processes at once.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from zhixin import clock

#: Environment variable that names the file.
PLACE = "ADVERSARIES_CLOCK"


class Clock:
    """The driver's side. Time passes by itself as well, at its usual pace."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._offset_s = 0.0
        self.forward(0)

    def forward(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self._offset_s += seconds
        writing = self._place.with_suffix(".new")
        writing.write_text(repr(self._offset_s))
        os.replace(writing, self._place)  # a server process reads the old or the new, never half

    def seconds(self) -> float:
        """The server's time, seconds since 1970."""
        return time.time() + self._offset_s


def create_app() -> Flask:
    """What the server processes run."""
    place = Path(os.environ[PLACE])

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(place.read_text()))

    clock.now = now
    from zhixin import app

    return app.create_app()
