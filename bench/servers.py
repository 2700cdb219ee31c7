"""Servers under measurement: started alike, driven alike, their CPU time read from /proc."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from zhixin.config import Settings
from zhixin.serving import server_command

TICKS = os.sysconf("SC_CLK_TCK")
WARM_UP_S = 1.5
#: One request: path, headers and body.
Request = tuple[str, dict[str, str], bytes]


@dataclass(frozen=True)
class Load:
    """What a driven server did in ``seconds`` of wall time and ``cpu_s`` of its processes."""

    accepted: int
    refused: int
    seconds: float
    cpu_s: float
    latencies_ms: list[float]

    def percentile(self, part: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def serving(factory: str, folder: str, database_url: str = "") -> Iterator[Server]:
    """A server of ``factory`` with its data in ``folder``, started as ``zhixin serve`` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    metrics = Path(folder) / "metrics"
    metrics.mkdir()
    environment = {
        "ZHIXIN_DATA_DIR": folder,
        "ZHIXIN_DATABASE_URL": database_url,
        "ZHIXIN_BROKER_URL": "memory://",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    command = server_command(Settings(port=port), factory)
    process = subprocess.Popen(
        [sys.executable, *command], env=os.environ | environment, start_new_session=True
    )
    try:
        _wait(port)
        _wait_until_idle(process.pid)
        yield Server(port, process)
    finally:
        process.terminate()
        try:
            process.wait(15)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not start")
        time.sleep(0.2)


def _wait_until_idle(pid: int) -> None:
    """One of the server's processes answers before the others have loaded what they need: what
    that costs is nobody's request."""
    before, now = -1.0, cpu_s(pid)
    while now - before > 2 / TICKS:
        time.sleep(0.5)
        before, now = now, cpu_s(pid)


def cpu_s(*roots: int) -> float:
    """CPU seconds so far of these processes, their groups and their children."""
    return sum(group(*roots).values()) / TICKS


def _stolen_s() -> float:
    with open("/proc/stat") as stat:
        return int(stat.readline().split()[8]) / TICKS


def group(*roots: int) -> dict[int, int]:
    """These processes, their groups and their children, with the CPU ticks of each."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, rest = int(stat.parent.name), stat.read_text().rsplit(") ", 1)[1].split()
            if {pid, int(rest[1]), int(rest[2])} & set(roots):  # itself, parent, group
                found[pid] = int(rest[11]) + int(rest[12])
    return found


@dataclass
class Spent:
    """Seconds that passed, and seconds of processors: of servers, of this process that drives
    them, and those that the host of a virtual machine gave to others meanwhile."""

    wall: float = 0.0
    servers: float = 0.0
    driver: float = 0.0
    host: float = 0.0

    def share(self, seconds: float) -> str:
        """Of the whole machine."""
        return f"{seconds / ((os.cpu_count() or 1) * self.wall):.0%}"


@contextmanager
def spending(*roots: int) -> Iterator[Spent]:
    """What is spent inside; known at the end."""
    spent = Spent()
    begun = (time.monotonic(), cpu_s(*roots), time.process_time(), _stolen_s())
    yield spent
    ended = (time.monotonic(), cpu_s(*roots), time.process_time(), _stolen_s())
    spent.wall, spent.servers, spent.driver, spent.host = (
        after - before for before, after in zip(begun, ended, strict=True)
    )


class Driver:
    """Sends ``requests(client, number)`` to a server from kept connections, in turns.

    Args:
        also: processes whose CPU time counts as the server's, such as the database's.
    """

    def __init__(
        self,
        server: Server,
        requests: Callable[[int, int], Request],
        *,
        clients: int,
        also: tuple[int, ...] = (),
    ) -> None:
        self._requests = requests
        self._processes = (server.process.pid, *also)
        self._connections = [
            http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(clients)
        ]
        self._begun = [0] * clients
        self._begin()

    def _begin(self) -> None:
        self._accepted, self._refused = ([0] * len(self._connections) for _ in range(2))
        self._latencies: list[list[float]] = [[] for _ in self._connections]
        self._seconds, self._spent_before = 0.0, cpu_s(*self._processes)

    def warm_up(self) -> None:
        """The same load before the clock starts: imports, caches, connections."""
        self.turn(WARM_UP_S)
        self._begin()

    def turn(self, seconds: float) -> None:
        started = time.monotonic()
        places = range(len(self._connections))
        threads = [
            threading.Thread(target=self._send, args=(place, started + seconds)) for place in places
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._seconds += time.monotonic() - started

    def _send(self, place: int, stop: float) -> None:
        connection = self._connections[place]
        while time.monotonic() < stop:
            path, headers, body = self._requests(place, self._begun[place])
            self._begun[place] += 1
            started = time.perf_counter()
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
            self._latencies[place].append((time.perf_counter() - started) * 1000)
            (self._accepted if response.status == 200 else self._refused)[place] += 1

    def end(self) -> Load:
        """What came of all turns; the CPU time includes what was done between them."""
        spent = cpu_s(*self._processes) - self._spent_before
        for connection in self._connections:
            connection.close()
        latencies = [ms for each in self._latencies for ms in each]
        return Load(sum(self._accepted), sum(self._refused), self._seconds, spent, latencies)


def json_request(path: str, body: dict[str, object], headers: dict[str, str]) -> Request:
    return path, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()
