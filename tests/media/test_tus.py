"""The tus 1.0 protocol against real servers, with the clients that people use."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from tusclient.client import TusClient
from werkzeug.serving import make_server

from media.models import Asset, AssetState, Upload
from zhixin import clock, db, jobs, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people import accounts, tokens
from zhixin.people.models import Role

SIZE = 3_000_000
NODE = str(Path(sys.executable).with_name("node"))


@dataclass
class Site:
    """A served platform with an author's token."""

    url: str
    port: int
    token: str
    database: db.Database

    def upload(self) -> Upload:
        with self.database.transaction() as session:
            return session.scalars(sa.select(Upload)).one()


@pytest.fixture(params=["werkzeug", "granian"])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """Granian is what ``zhixin serve`` starts; Werkzeug tells of broken connections otherwise."""
    settings = Settings(data_dir=tmp_path / "var", broker_url="memory://", log_level="ERROR")
    settings.data_dir.mkdir()
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    engine.dispose()
    app = create_app(settings)
    # The doorbell is not under test: what was uploaded stays as it came.
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)
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
    serving = werkzeug_serving(app) if request.param == "werkzeug" else granian_serving(settings)
    with serving as port:
        yield Site(f"http://127.0.0.1:{port}/api/v1/uploads", port, token, database)
    assert isinstance(database.engine, sa.Engine)
    database.engine.dispose()


@contextmanager
def werkzeug_serving(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def granian_serving(settings: Settings) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "ZHIXIN_DATA_DIR": str(settings.data_dir),
        "ZHIXIN_BROKER_URL": settings.broker_url,
        "ZHIXIN_PORT": str(port),
        "ZHIXIN_WEB_WORKERS": "1",
    }
    words = [sys.executable, "-m", "zhixin", "serve"]
    server = subprocess.Popen(words, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(15)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "讲座.mp4"
    path.write_bytes(os.urandom(SIZE))
    return path


def test_a_third_partys_client_uploads_in_pieces(site: Site, file: Path, tmp_path: Path) -> None:
    """tuspy, which knows nothing of us, brings the file over whole, and it becomes a video."""
    client = TusClient(site.url, headers={"Authorization": f"Bearer {site.token}"})
    with file.open("rb") as stream:
        client.uploader(
            file_stream=stream,
            chunk_size=1_000_000,
            metadata={"filename": "讲座.mp4"},
            upload_checksum=True,
        ).upload()
    with site.database.transaction() as session:
        asset = session.scalars(sa.select(Asset)).one()
    assert asset.state == AssetState.UPLOADED
    assert asset.file_name == "讲座.mp4"
    assert (tmp_path / "var" / "media" / asset.source).read_bytes() == file.read_bytes()


def test_bytes_before_a_broken_connection_are_kept(site: Site, file: Path) -> None:
    """The line breaks in the middle of a piece: the next request goes on where it broke."""
    client = TusClient(site.url, headers={"Authorization": f"Bearer {site.token}"})
    with file.open("rb") as stream:
        uploader = client.uploader(file_stream=stream, chunk_size=SIZE)
        uploader.set_url(uploader.create_url())
        assert uploader.url is not None
        _send_and_hang_up(site, uploader.url, file.read_bytes()[:2_000_000])
        deadline = time.monotonic() + 10
        while site.upload().received == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        kept = site.upload().received
        assert 1_000_000 <= kept <= 2_000_000
        resumed = client.uploader(file_stream=stream, chunk_size=SIZE, url=uploader.url)
        assert resumed.offset == kept
        resumed.upload()
    assert site.upload().received == SIZE


def _send_and_hang_up(site: Site, url: str, part: bytes) -> None:
    path = url.removeprefix(f"http://127.0.0.1:{site.port}")
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {site.token}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {SIZE}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port)) as line:
        line.sendall(head.encode() + part)


@pytest.mark.parametrize("site", ["granian"], indirect=True)
@pytest.mark.parametrize(
    "options",
    [
        {"parallelUploads": 3},
        {"parallelUploads": 2, "chunkSize": 600_000},
        {"chunkSize": 1_000_000, "uploadDataDuringCreation": True},
        {"chunkSize": 700_000, "uploadLengthDeferred": True, "uploadSize": None},
    ],
    ids=["parallel", "parallel-pieces", "with-creation", "deferred"],
)
def test_tus_js_client_uploads_as_it_likes(
    site: Site, file: Path, tmp_path: Path, options: dict[str, object]
) -> None:
    """In parts side by side that are joined, with the first request, or without saying how much:
    what arrives is the file, as one video, and nothing is left over."""
    words = [NODE, str(Path(__file__).with_name("tus_client.mjs"))]
    words += [site.url, site.token, str(file), json.dumps(options)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    with site.database.transaction() as session:
        asset = session.scalars(sa.select(Asset)).one()
        uploads = session.scalars(sa.select(Upload)).all()
    said = json.loads(done.stdout)
    assert said["became"] == str(asset.id)
    assert [(u.partial, u.asset_id, said["url"].endswith(u.id)) for u in uploads] == [
        (False, asset.id, True)
    ]
    assert asset.file_name == "讲座.mp4"
    assert (tmp_path / "var" / "media" / asset.source).read_bytes() == file.read_bytes()
    assert list((tmp_path / "var" / "media" / "uploads").iterdir()) == []
