"""Many learners at once, each on a connection of its own, from one thread.

Python's own clients cost more than the server under measurement; here a request is bytes and
an answer is a length, so that thousands of browsers fit beside the server on two cores.
"""

from __future__ import annotations

import heapq
import random
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
#: Answers are read into this and forgotten, but for their first bytes.
_BUFFER = bytearray(1 << 20)


@dataclass
class Kind:
    """One sort of request that each learner makes again and again.

    Attributes:
        every_s: between two of a learner's, on average; each is up to a fifth early or late.
        request: ``(learner, number, seconds since the learner began)`` → the whole request.
    """

    name: str
    every_s: float
    request: Callable[[int, int, float], bytes]
    accepted: int = 0  # while counting
    total: int = 0
    refused: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def percentile(self, part: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class _Learner:
    __slots__ = ("begun", "connection", "current", "left", "number", "numbers", "queue")

    def __init__(self, number: int, connection: socket.socket, kinds: int) -> None:
        self.number, self.connection = number, connection
        self.queue: deque[tuple[float, int]] = deque()
        self.current: tuple[float, int, bool] | None = None  # due, kind, accepted
        self.left = 0
        self.numbers = [0] * kinds
        self.begun = 0.0


class Crowd:
    """``count`` learners who come within ``ramp_s`` and stay."""

    def __init__(self, port: int, count: int, kinds: list[Kind], ramp_s: float) -> None:
        self._kinds = kinds
        self._selector = selectors.EpollSelector()
        self._learners: list[_Learner] = []
        self._chance = random.Random(20261223)
        self._due: list[tuple[float, int, int]] = []
        self.counting = False
        start = time.perf_counter()
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            learner = _Learner(number, connection, len(kinds))
            self._learners.append(learner)
            self._selector.register(connection, selectors.EVENT_READ, learner)
        for number, learner in enumerate(self._learners):
            begun = learner.begun = start + self._chance.uniform(0, ramp_s)
            for place, kind in enumerate(kinds):
                first = begun + kind.every_s * self._chance.uniform(0.8, 1.2)
                heapq.heappush(self._due, (first, number, place))

    def run(self, seconds: float) -> None:
        """Let them go on for ``seconds``."""
        stop = time.perf_counter() + seconds
        while (now := time.perf_counter()) < stop:
            while self._due and self._due[0][0] <= now:
                self._fall_due(*heapq.heappop(self._due))
            wait = min(stop, self._due[0][0] if self._due else stop) - time.perf_counter()
            for key, _events in self._selector.select(max(0.0, wait)):
                self._read(key.data)

    def finish(self, patience_s: float = 10) -> None:
        """Wait for the answers that are still to come, then leave."""
        stop = time.perf_counter() + patience_s
        while any(each.current for each in self._learners) and time.perf_counter() < stop:
            for key, _events in self._selector.select(0.1):
                learner: _Learner = key.data
                learner.queue.clear()
                self._read(learner)
        for learner in self._learners:
            learner.connection.close()
        self._selector.close()

    def _fall_due(self, due: float, number: int, place: int) -> None:
        """A learner's request falls due: it goes out when the one before was answered."""
        every = self._kinds[place].every_s * self._chance.uniform(0.8, 1.2)
        heapq.heappush(self._due, (due + every, number, place))
        learner = self._learners[number]
        if learner.current is None:
            self._send(learner, due, place)
        else:
            learner.queue.append((due, place))

    def _send(self, learner: _Learner, due: float, place: int) -> None:
        kind = self._kinds[place]
        played = time.perf_counter() - learner.begun
        message = kind.request(learner.number, learner.numbers[place], played)
        learner.numbers[place] += 1
        learner.current = (due, place, False)
        if learner.connection.send(message) != len(message):
            raise RuntimeError("a request did not fit into the connection")

    def _read(self, learner: _Learner) -> None:
        try:
            got = learner.connection.recv_into(_BUFFER)
        except BlockingIOError:
            return
        if got == 0:
            raise RuntimeError("the server closed a connection")
        assert learner.current is not None
        due, place, accepted = learner.current
        if learner.left == 0:
            end = _BUFFER.find(b"\r\n\r\n", 0, got)
            length = _LENGTH.search(_BUFFER, 0, end)
            if end < 0 or length is None:
                raise RuntimeError("an answer without its head in one piece")
            accepted = _BUFFER.startswith(b"HTTP/1.1 200")
            learner.current = (due, place, accepted)
            learner.left = end + 4 + int(length[1])
        learner.left -= got
        if learner.left == 0:
            self._answered(learner, due, place, accepted)

    def _answered(self, learner: _Learner, due: float, place: int, accepted: bool) -> None:
        kind = self._kinds[place]
        if self.counting:
            kind.latencies_ms.append((time.perf_counter() - due) * 1000)
            kind.accepted += accepted
        kind.total += accepted
        kind.refused += not accepted
        learner.current = None
        if learner.queue:
            due, place = learner.queue.popleft()
            self._send(learner, due, place)
