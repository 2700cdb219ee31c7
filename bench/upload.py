"""One GiB through the whole server by tus, against ``dd`` of the same bytes to the same disk."""

from __future__ import annotations

import http.client
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bench.report import Comparison
from bench.servers import Server, group, serving
from zhixin import clock, db, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people import accounts, tokens
from zhixin.people.models import Role

SIZE = 1024**3
MIB = 1024**2
#: Small ones, what the upload page sends, and as a client that sends everything at once.
PIECES = {"pieces of 16 MiB": 16 * MIB, "pieces of 64 MiB": 64 * MIB, "one request": SIZE}


def measure() -> Iterator[Comparison]:
    found = Comparison(
        "Upload of 1 GiB on loopback (tus, Granian, SQLite), against dd conv=fsync to the same disk",
        ["", "s", "MiB/s", "ratio of speed", "server MiB before", "server MiB at most"],
        note="Client and server share the machine's cores. Every request ends with the bytes on disk.",
    )
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        source = Path(folder) / "lecture.mp4"
        with source.open("wb") as file:
            for _ in range(SIZE // (16 * MIB)):
                file.write(os.urandom(16 * MIB))
        settings = Settings(data_dir=Path(folder) / "var", broker_url="memory://")
        token = _author(settings)
        _dd(source)  # once for nothing: the source is in the page cache now
        with serving("zhixin.app:create_app", str(settings.data_dir)) as server:
            _upload(server, token, source.open("rb"), 16 * MIB, 64 * MIB)  # imports, connections
            for name, piece in PIECES.items():
                before, by_dd = _resident(server), _dd(source)
                with _watching(server) as most:
                    took = _upload(server, token, source.open("rb"), piece, SIZE)
                by_dd = min(by_dd, _dd(source))
                found.rows += [
                    [f"dd ({name})", *_speed(by_dd), "1.00", "", ""],
                    [f"tus, {name}", *_speed(took), f"{by_dd / took:.2f}", f"{before:.0f}", f"{most[0]:.0f}"],
                ]  # fmt: skip
    yield found


def _speed(seconds: float) -> tuple[str, str]:
    return f"{seconds:.2f}", f"{SIZE / MIB / seconds:.0f}"


def _dd(source: Path) -> float:
    """Seconds that ``dd`` takes. Its file stays, as an upload's does: a virtual machine
    fills memory that was just given back several times faster than what its host has yet to give."""
    target = Path(tempfile.mkstemp(dir=source.parent)[1])
    os.sync()
    started = time.perf_counter()
    subprocess.run(
        ["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True
    )
    return time.perf_counter() - started


def _upload(server: Server, token: str, file: BinaryIO, piece: int, size: int) -> float:
    """Seconds from the first request to the answer to the last byte."""
    os.sync()
    said = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300, blocksize=MIB)
    started = time.perf_counter()
    line.request("POST", "/api/v1/uploads", headers={**said, "Upload-Length": str(size)})
    answer = line.getresponse()
    answer.read()
    assert answer.status == 201, answer.status
    place = answer.headers["Location"]
    for offset in range(0, size, piece):
        length = min(piece, size - offset)
        line.putrequest("PATCH", place)
        for name, value in said.items():
            line.putheader(name, value)
        line.putheader("Content-Type", "application/offset+octet-stream")
        line.putheader("Content-Length", str(length))
        line.putheader("Upload-Offset", str(offset))
        line.endheaders()
        # Not os.sendfile: a socket with a time limit doesn't wait by itself.
        assert line.sock.sendfile(file, offset, length) == length
        answer = line.getresponse()
        answer.read()
        assert answer.status == 204, answer.status
    took = time.perf_counter() - started
    assert answer.headers["Zhixin-Asset"]
    line.close()
    return took


def _resident(server: Server) -> float:
    """MiB of memory of the server's processes."""
    pages = 0
    for pid in group(server.process.pid):
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


@contextmanager
def _watching(server: Server) -> Iterator[list[float]]:
    most, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            most[0] = max(most[0], _resident(server))

    thread = threading.Thread(target=look)
    thread.start()
    yield most
    over.set()
    thread.join()


def _author(settings: Settings) -> str:
    settings.data_dir.mkdir()
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    engine.dispose()
    app = create_app(settings)
    with app.app_context(), db.database().transaction() as session:
        author = accounts.create(
            session,
            sign_in_name="author",
            password="upload upload 2026",
            name="作者",
            now=clock.now(),
            roles=[Role.AUTHOR],
        )
        return tokens.create(session, author, "tus", 1, clock.now())
