"""How FFmpeg and FFprobe are run on a stranger's file: bounded, and gone when left.

``ffmpeg.run`` and ``ffmpeg.probe`` keep all output in memory and leave the process behind
on a time-out, so ffmpeg-python writes the commands and this module runs them.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from media import binaries
from zhixin import sandbox

#: What is kept of stderr, for the operator.
TAIL_LINES = 40
LINE_BYTES = 500
#: The longest line read from stdout.
MOST_BYTES = 1 << 20
#: The most that one run takes: hours of video, all cores busy.
BOUNDS = sandbox.Bounds(cpu_s=6 * 3600 * (os.cpu_count() or 1))


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
def running(
    arguments: list[str],
    *,
    folder: Path | None = None,
    reads: Sequence[Path] = (),
    bounds: sandbox.Bounds = BOUNDS,
) -> Iterator[Run]:
    """Start ``arguments`` in a sandbox; however the block is left, the process is gone.

    It may write into ``folder``, where it starts, and read that, ``reads`` and the files that
    ``arguments`` name as ``file:/…``: nothing else, and no network (``zhixin.sandbox``).
    """
    named = [Path(word[5:]) for word in arguments if word.startswith("file:/")]
    # Whoever calls them through a shell may.
    tools = [Path(tool).resolve() for tool in (binaries.ffmpeg(), binaries.ffprobe())]
    process = subprocess.Popen(
        sandbox.wrap(arguments, folder=folder, reads=[*named, *reads, *tools], bounds=bounds),
        cwd=folder or "/",
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
