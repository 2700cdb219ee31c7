"""Uploads that last, on a real server of one process and few threads: nobody waits for them, and
little of them is ever lost."""

from __future__ import annotations

import http.client
import json
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest
import sqlalchemy as sa

from media.models import Upload
from tests.media.test_tus import NODE, granian_serving
from zhixin import clock, db, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people import accounts, tokens
from zhixin.people.models import Role

#: So many uploads at once; the process has four threads for everything else.
UPLOADS = 8
SIZE = 300_000


@dataclass
class Narrow:
    """The server, and an author's token."""

    port: int
    token: str
    database: db.Database

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, Message, bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        said = {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0", **headers}
        line.request(method, path, b"0", said)
        answer = line.getresponse()
        body = answer.read()
        line.close()
        return answer.status, answer.headers, body

    def begin(self, size: int) -> str:
        status, headers, _body = self.ask("POST", "/api/v1/uploads", **{"Upload-Length": str(size)})
        assert status == 201
        return str(headers["Location"])

    def line(self, path: str, size: int) -> socket.socket:
        """A connection that is going to bring an upload's ``size`` bytes, and brought none yet."""
        head = (
            f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nExpect: 100-continue\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {size}\r\n\r\n"
        )
        line = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        line.sendall(head.encode())
        return line

    def received(self, path: str) -> int:
        with self.database.transaction() as session:
            found = session.get_one(Upload, path.rsplit("/", 1)[-1])
            return found.received


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("narrow"), broker_url="memory://", log_level="ERROR"
    )
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
        token = tokens.create(session, author, "tus", 1, clock.now())
    database: db.Database = app.extensions["db"]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ZHIXIN_WEB_UPLOADS", str(UPLOADS))
        with granian_serving(settings) as port:
            yield Narrow(port, token, database)
    assert isinstance(database.engine, sa.Engine)
    database.engine.dispose()


def _taken(lines: list[socket.socket], count: int) -> None:
    """The server asks for the bodies of so many: each has a thread that waits for its bytes."""
    waiting, deadline = list(lines), time.monotonic() + 60
    while len(lines) - len(waiting) < count:
        assert time.monotonic() < deadline, "nobody reads what comes on these lines"
        for line in select.select(waiting, [], [], 1)[0]:
            assert line.recv(4096, socket.MSG_PEEK).startswith(b"HTTP/1.1 100 ")
            waiting.remove(line)


def test_slow_uploads_keep_nobody_waiting(server: Narrow, tmp_path: Path) -> None:
    """Eight authors on slow lines are served at once, and so is whoever wants a page or sends a
    beat. A ninth is told when to come again; clients do so by themselves, and nothing is lost."""
    with ExitStack() as lines:
        places = [server.begin(SIZE) for _ in range(UPLOADS)]
        slow = [lines.enter_context(server.line(place, SIZE)) for place in places]
        _taken(slow, 4)
        assert server.ask("GET", "/sign-in")[0] == 200
        assert server.ask("POST", "/api/v1/playbacks/none/beats")[0] == 403
        _taken(slow, UPLOADS)
        piece = {"Content-Type": "application/offset+octet-stream"}
        status, headers, body = server.ask("PATCH", places[0], **piece)
        assert (status, headers["Retry-After"], headers["Tus-Resumable"]) == (503, "5", "1.0.0")
        assert json.loads(body)["type"].endswith("#uploads-full")
        assert server.ask("GET", "/sign-in")[0] == 200
        _another_client_comes_again(server, tmp_path / "讲座.mp4", slow[0])


def _another_client_comes_again(server: Narrow, file: Path, slow: socket.socket) -> None:
    file.write_bytes(bytes(SIZE))
    words = [NODE, str(Path(__file__).with_name("tus_client.mjs"))]
    words += [f"http://127.0.0.1:{server.port}/api/v1/uploads", server.token, str(file)]
    words.append(json.dumps({"retryDelays": [100] * 600, "noting": True}))
    client = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "503\n"
    slow.sendall(bytes(SIZE))  # one of the slow ones is whole: there is a place
    said = json.loads(client.communicate(timeout=60)[0].splitlines()[-1])
    assert server.received(said["url"]) == SIZE


def test_a_server_that_dies_loses_little_of_a_long_request(server: Narrow) -> None:
    """While a request still lasts, what came is put on record."""
    size = 10**9
    place = server.begin(size)
    with server.line(place, size) as line:
        sent = 0
        while not (kept := server.received(place)):
            assert sent < size, "nothing was put on record"
            line.sendall(bytes(300_000))
            sent += 300_000
            time.sleep(0.2)
        assert 0 < kept <= sent
