"""Media addresses: what is served, to whom, for how long, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from media import streaming
from media.models import Asset, AssetState
from media.storage import MediaStore
from zhixin import clock, db
from zhixin.people.models import Person

SEGMENT = bytes(range(256)) * 4
FILES = {
    "master.m3u8": b"#EXTM3U\n",
    "poster.jpg": b"\xff\xd8",
    "v0/index.m3u8": b"#EXTM3U\n",
    "v0/init_0.mp4": b"init",
    "v0/s00000.m4s": SEGMENT,
    "notes.txt": b"not to be served",
}


@pytest.fixture
def asset(
    app: Flask, session: Session, create_person: Callable[..., Person], now: datetime
) -> Asset:
    asset = Asset(
        owner_id=create_person("author").id,
        file_name="讲座.mp4",
        source="sources/1/source",
        source_bytes=1,
        state=AssetState.READY,
        progress=100,
        tries=1,
        duration_ms=60_000,
        folder="",
        created_at=now,
    )
    session.add(asset)
    session.flush()
    store: MediaStore = app.extensions["media_store"]
    folder = store.run(asset.id, "run1")
    asset.folder = store.relative(folder)
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    secret = store.source(asset.id)
    secret.write_bytes(b"the author's own file")
    session.commit()
    return asset


class Stranger(FlaskClient):
    """Nobody signed in, who reads every answer to its end."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=True, **kwargs)


@pytest.fixture
def stranger(app: Flask) -> Stranger:
    """The address alone is the permission."""
    return Stranger(app)


def address(app: Flask, asset: Asset, *, viewer: str = "7", at: datetime | None = None) -> str:
    with app.test_request_context():
        return streaming.playlist_url(asset, viewer=viewer, now=at or clock.now())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl"),
        ("v0/index.m3u8", "application/vnd.apple.mpegurl"),
        ("v0/init_0.mp4", "video/mp4"),
        ("v0/s00000.m4s", "video/iso.segment"),
    ],
)
def test_the_grant_opens_playlists_and_segments(
    app: Flask, asset: Asset, stranger: Stranger, name: str, kind: str
) -> None:
    """Relative addresses in a playlist inherit the grant; every file says what it is."""
    answer = stranger.get(urljoin(address(app, asset), name))
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.data == FILES[name]
    assert answer.headers["Cache-Control"] == "private, max-age=21600"


def test_a_part_of_a_segment_can_be_asked_for(app: Flask, asset: Asset, stranger: Stranger) -> None:
    """Players ask for ranges."""
    answer = stranger.get(
        urljoin(address(app, asset), "v0/s00000.m4s"), headers={"Range": "bytes=10-19"}
    )
    assert answer.status_code == 206
    assert answer.data == SEGMENT[10:20]
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(SEGMENT)}"


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [("bytes=0-", True), ("bytes=0-9", False), ("bytes=1-", False), ("bytes=-5", False)],
)
def test_a_range_that_is_all_of_it_is_a_delivery(
    app: Flask, asset: Asset, stranger: Stranger, wanted: str, counts: bool
) -> None:
    """Some players ask for the whole file as a range; a part of it is not the segment."""
    playing = SimpleNamespace(id=f"range{wanted[6:].replace('-', 'x')}")
    with app.test_request_context():
        playlist = streaming.playlist_url(asset, playback=playing, now=clock.now())  # type: ignore[arg-type]
    answer = stranger.get(urljoin(playlist, "v0/s00000.m4s"), headers={"Range": wanted})
    assert answer.status_code == 206
    assert (app.extensions["deliveries"].sent(playing.id) == 1) is counts


def test_a_segment_costs_no_database(
    app: Flask,
    asset: Asset,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Segments are most of all requests, and browsers send their cookie along."""
    client = sign_in(create_person("learner"))
    url = urljoin(address(app, asset), "v0/s00000.m4s")
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    bound = app.extensions["db"].engine.engine
    sa.event.listen(bound, "before_cursor_execute", note)
    try:
        assert client.get(url, buffered=True).status_code == 200
    finally:
        sa.event.remove(bound, "before_cursor_execute", note)
    assert asked == []


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "poster.jpg",
        "v0/",
        "v0/../notes.txt",
        "../../../sources/1/source",
        "..%2f..%2f..%2fsources%2f1%2fsource",
        "%2e%2e/%2e%2e/sources/1/source",
        "v0/s00000.m4s%00.txt",
        "v0/s00000.m4s%0a",
        "v0\\s00000.m4s",
        "/etc/passwd",
        "v0/s99999.m4s",
    ],
)
def test_nothing_else_is_served(app: Flask, asset: Asset, stranger: Stranger, name: str) -> None:
    """Only names that our own playlists use; no way out of the folder, however it is spelled."""
    base = address(app, asset).removesuffix("master.m3u8")
    answer = stranger.get(base + name)
    assert answer.status_code in (308, 404, 422)
    assert b"author" not in answer.data


def test_an_address_outlives_its_video_and_a_pause(
    app: Flask, asset: Asset, stranger: Stranger
) -> None:
    """A minute of video at half speed and half an hour of pause; passed on, it ends soon."""
    fresh = address(app, asset, at=clock.now() - timedelta(minutes=31))
    old = address(app, asset, at=clock.now() - timedelta(minutes=33))
    assert stranger.get(fresh).status_code == 200
    answer = stranger.get(old)
    assert answer.status_code == 403
    assert "播放地址已失效" in answer.text


def _changed(grant: str, part: int, value: str) -> str:
    parts = grant.split(".")
    parts[part] = value
    return ".".join(parts)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (0, "run2"),
        (0, "..%2frun1"),
        (1, "8"),
        (2, "9999999999"),
        (2, "9" * 5000),
        (2, "²"),
        (2, "-1"),
        (3, ""),
        (3, "AAAAAAAAAAAAAAAAAAAAAAAA"),
        (3, "签名"),
    ],
)
def test_a_changed_grant_is_refused(
    app: Flask, asset: Asset, stranger: Stranger, part: int, value: str
) -> None:
    """Another run, viewer or time, no signature, or letters where there are none."""
    _, media, asset_id, grant, name = address(app, asset).split("/")
    changed = f"/{media}/{asset_id}/{_changed(grant, part, value)}/{name}"
    assert stranger.get(changed).status_code in (403, 404)


def test_a_grant_is_for_one_video(app: Flask, asset: Asset, stranger: Stranger) -> None:
    """The grant of one video does not open another."""
    url = address(app, asset).replace(f"/{asset.id}/", f"/{asset.id + 1}/", 1)
    assert stranger.get(url).status_code == 403


def test_posters_are_public_once_ready(app: Flask, asset: Asset, stranger: Stranger) -> None:
    """The catalogue shows the picture of every ready video, of others none."""
    with app.test_request_context():
        url = streaming.poster_url(asset)
    assert url is not None
    answer = stranger.get(url)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    asset.state = AssetState.FAILED
    with db.database().transaction() as fresh:
        fresh.merge(asset)
    assert stranger.get(url).status_code == 404
    with app.test_request_context():
        assert streaming.poster_url(asset) is None
