"""Media in a bucket, against a real S3 server over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config
from flask import Flask
from flask.testing import FlaskClient
from moto.server import ThreadedMotoServer
from sqlalchemy.orm import Session

from media import streaming, tasks, twins
from media.models import Asset, AssetState
from media.s3 import S3Vault
from media.vaults import VaultAway
from tests.media.conftest import Samples
from zhixin import clock, jobs
from zhixin.config import Settings
from zhixin.people.models import Person, Role


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a real S3 server."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def settings(settings: Settings, s3_server: str) -> Settings:
    chosen = replace(
        settings,
        media_s3_bucket="media",
        media_s3_prefix="zhixin",
        media_s3_endpoint=s3_server,
        media_s3_region="us-east-1",
        media_s3_access_key="key",
        media_s3_secret_key="secret",
    )
    requests.post(f"{s3_server}/moto-api/reset", timeout=5)
    boto3.client(
        "s3", endpoint_url=s3_server, region_name="us-east-1", aws_access_key_id="key",
        aws_secret_access_key="secret",
    ).create_bucket(Bucket="media")  # fmt: skip
    return chosen


@pytest.fixture
def vault(app: Flask) -> S3Vault:
    vault: S3Vault = app.extensions["media_store"].vault
    return vault


@pytest.fixture(params=["sqlite"])
def connection(request: pytest.FixtureRequest, sqlite_engine: object) -> Iterator[object]:
    """What is kept where does not depend on the database: one is enough."""
    with sqlite_engine.connect() as connection:  # type: ignore[attr-defined]
        outer = connection.begin()
        yield connection
        outer.rollback()


def test_a_bucket_keeps_what_a_folder_keeps(vault: S3Vault, tmp_path: Path) -> None:
    """Written, put (in parts if it is large), read, fetched, listed, shared, removed."""
    large = tmp_path / "large"
    large.write_bytes(b"0123456789abcdef" * (70 * 1024**2 // 16))
    vault.write("pictures/aa/1", b"small")
    vault.put("sources/1/source", large)
    assert vault.size("sources/1/source") == 70 * 1024**2
    with vault.open("pictures/aa/1") as file:
        assert file.read() == b"small"
    with vault.local("sources/1/source", tmp_path / "scratch") as fetched:
        assert fetched.read_bytes() == large.read_bytes()
    assert not fetched.exists()
    vault.share("pictures/aa", "pictures/bb")
    assert [kept.key for kept in vault.list("pictures")] == ["pictures/aa/1", "pictures/bb/1"]
    vault.remove_all("pictures/a")  # a folder's name, not the beginning of one
    vault.remove_all("pictures/aa")
    vault.remove("pictures/none")
    assert [kept.key for kept in vault.list("pictures")] == ["pictures/bb/1"]
    with pytest.raises(FileNotFoundError):
        vault.open("pictures/aa/1")
    with pytest.raises(FileNotFoundError), vault.local("sources/2/source", tmp_path):
        pass
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("redirects", [False, True])
def test_a_video_goes_through_the_bucket(
    app: Flask, session: Session, create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient], vault: S3Vault, samples: Samples,
    monkeypatch: pytest.MonkeyPatch, redirects: bool,
) -> None:  # fmt: skip
    """Uploaded, prepared, played: nothing stays on the server's disk, and what was sent is noted
    whether it went through the server or the way to it was shown."""
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)
    monkeypatch.setattr(vault, "_redirect", redirects)
    author = create_person("author", Role.AUTHOR)
    client, content = sign_in(author), samples.lecture(seconds=2, name="short.mp4").read_bytes()
    name = base64.b64encode(b"v.mp4").decode()
    sent = client.post(
        "/api/v1/uploads", data=content,
        headers={
            "Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)),
            "Upload-Metadata": f"filename {name}", "Content-Type": "application/offset+octet-stream",
        },
    )  # fmt: skip
    asset_id = int(sent.headers["Zhixin-Asset"])
    tasks.prepare(asset_id)
    session.expire_all()
    asset = session.get_one(Asset, asset_id)
    assert asset.state == AssetState.READY
    root = app.extensions["media_store"].root
    assert [path for path in root.rglob("*") if path.is_file()] == []
    keys = {kept.key for kept in vault.list(asset.folder or "")}
    assert f"{asset.folder}/master.m3u8" in keys

    with app.test_request_context():
        playlist = streaming.playlist_url(asset, viewer=author.id, now=clock.now())
    assert client.get(playlist, buffered=True).data.startswith(b"#EXTM3U")
    got = client.get(playlist.replace("master.m3u8", "v0/s00000.m4s"), buffered=True)
    with vault.open(f"{asset.folder}/v0/s00000.m4s") as file:
        segment = file.read()
    if redirects:
        assert got.status_code == 302
        assert requests.get(got.location, timeout=5).content == segment
    else:
        assert got.data == segment
        part = client.get(
            playlist.replace("master.m3u8", "v0/s00000.m4s"), headers={"Range": "bytes=0-9"}, buffered=True
        )  # fmt: skip
        assert (part.status_code, part.data) == (206, segment[:10])
        # The same bytes once more: shared, not transcoded again.
        monkeypatch.setattr("media.transcode.transcode", None)
        again = Asset(
            owner_id=author.id, file_name="again.mp4", source=asset.source, source_bytes=len(content),
            state=AssetState.UPLOADED, progress=0, tries=0, created_at=clock.now(),
        )  # fmt: skip
        session.add(again)
        session.commit()
        assert twins.of(session, again, asset.source_sha256 or "") is asset
        tasks.prepare(again.id)
        session.expire_all()
        assert (again.state, again.duration_ms) == (AssetState.READY, asset.duration_ms)
        assert len(list(vault.list(again.folder or ""))) == len(keys)


def test_a_bucket_that_is_away(vault: S3Vault, tmp_path: Path) -> None:
    """Whatever is asked of it, one kind of error says that it may do so later."""
    (tmp_path / "a").write_bytes(b"x")
    client = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1",
        aws_access_key_id="key", aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 1}),
    )  # fmt: skip
    for away in (S3Vault(client, "media"), S3Vault(vault._s3, "nobody-has-this")):
        for ask in (
            lambda v: v.write("k", b""),
            lambda v: v.put("k", tmp_path / "a"),
            lambda v: list(v.list("k")),
            lambda v: v.remove("k"),
            lambda v: v.remove_all("k"),
        ):
            with pytest.raises(VaultAway):
                ask(away)
