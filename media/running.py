"""How FFmpeg and FFprobe are run on a stranger's file: bounded, and gone when left.

``ffmpeg.run`` and ``ffmpeg.probe`` keep all output in memory and leave the process behind
on a time-out, so ffmpeg-python writes the commands and this module runs them.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

#: What is kept of stderr, for the operator.
TAIL_LINES = 40
LINE_BYTES = 500
#: The longest line read from stdout.
MOST_BYTES = 1 << 20


class Run:
    """One process under supervision."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._errors: deque[str] = deque(maxlen=TAIL_LINES)
        self._reader = threading.Thread(target=self._drain, args=(process.stderr,), daemon=True)
        self._reader.start()

    def lines(self, deadline: float, *, pause_s: float = 0.5) -> Iterator[str]:
        """Its stdout by lines until it ends; an empty line whenever it was silent for a while.

        Args:
            deadline: by ``time.monotonic()``.

        Raises:
            TimeoutError: it did not end in time.
            ValueError: a line without end.
        """
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        # Not ``select``: a server may hold more than 1024 open files.
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        rest = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not poll.poll(min(left, pause_s) * 1000):
                yield ""
                continue
            block = os.read(descriptor, 65536)
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
            if len(rest) > MOST_BYTES:
                raise ValueError("a line without end")
            if not block:
                break
        if rest:
            yield rest.decode(errors="replace")
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def errors(self) -> str:
        """The last lines of its stderr, after its end."""
        self._reader.join(timeout=5)
        return "\n".join(self._errors)

    def kill(self) -> None:
        """End it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _drain(self, pipe: IO[bytes]) -> None:
        while line := pipe.readline(LINE_BYTES):
            if text := line.decode(errors="replace").rstrip():
                self._errors.append(text)


@contextmanager
def running(arguments: list[str], *, folder: Path | None = None) -> Iterator[Run]:
    """Start ``arguments`` politely in ``folder``; however the block is left, the process is gone."""
    process = subprocess.Popen(
        [*_manners(), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    run = Run(process)
    try:
        yield run
    finally:
        if process.poll() is None:
            run.kill()
            process.wait()
        run.errors()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@cache
def _manners() -> tuple[str, ...]:
    """Behind the web in the queue for the processor, and never an orphan.

    A worker that is killed outright cannot end its FFmpeg: the kernel does (Linux).
    """
    manners: list[str] = []
    if setpriv := shutil.which("setpriv"):
        manners += [setpriv, "--pdeathsig", "KILL"]
    if nice := shutil.which("nice"):
        manners += [nice, "-n", "10"]
    return tuple(manners)
