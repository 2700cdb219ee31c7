"""Long videos: cut, made by many, joined without a seam."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from media import assets, binaries, holding, keeping, long, pieces, renditions, tasks, transcode
from media.models import Asset, AssetState
from media.piece_models import Piece
from media.probe import Probe
from media.storage import MediaStore
from zhixin import clock, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people.models import Person


@given(
    seconds=st.floats(1, 4 * 3600), piece_s=st.integers(1, 900), fps=st.sampled_from([1, 24, 25, 29.97, 30])
)  # fmt: skip
def test_cuts_cover_the_whole_and_lie_between_segments(
    make_probe: Callable[..., Probe], seconds: float, piece_s: int, fps: float
) -> None:
    """No gap, no overlap, no snippet at the end that might turn out to be empty."""
    plan = renditions.plan(make_probe(fps=fps))
    spans = pieces.cut(plan, round(seconds * 1000), piece_s)
    assert spans[0].first == 0
    assert spans[-1].end is None
    assert [s.end for s in spans[:-1]] == [s.first for s in spans[1:]]
    if len(spans) > 1:
        last_s = seconds - float(spans[-1].seconds(plan)[0])
        assert last_s >= float(plan.segment_s) - 0.01


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """A platform that cuts what is longer than 10 seconds into pieces of 8."""
    url = ""
    if request.param == "postgresql":
        server = sa.make_url(request.getfixturevalue("postgres_url"))
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS cutting WITH (FORCE)"))
            connection.execute(sa.text("CREATE DATABASE cutting"))
        admin.dispose()
        url = server.set(database="cutting").render_as_string(hide_password=False)
    settings = Settings(
        data_dir=tmp_path / "var", database_url=url, broker_url="memory://", log_level="ERROR",
        cut_from_seconds=10, piece_seconds=8,
    )  # fmt: skip
    app = create_app(settings, testing=True)
    engine = app.extensions["db"].engine
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield app
    engine.dispose()


@pytest.fixture
def lecture(samples: Any) -> Path:
    found: Path = samples.lecture("long-small.mp4", seconds=26.3, size="160x90", rate="12")
    return found


def _upload(app: Flask, source: Path) -> int:
    store: MediaStore = app.extensions["media_store"]
    with app.extensions["db"].transaction() as session:
        owner = Person(
            sign_in_name="author", password_hash="-", name="作者", created_at=clock.now()
        )
        session.add(owner)
        session.flush()
        asset = Asset(
            owner_id=owner.id, file_name="v.mp4", source="", source_bytes=1, progress=0, tries=0,
            state=AssetState.UPLOADED, created_at=clock.now(),
        )  # fmt: skip
        session.add(asset)
        session.flush()
        place = store.source(asset.id)
        place.write_bytes(source.read_bytes())
        asset.source = store.relative(place)
    return asset.id


def _asset(app: Flask, asset_id: int) -> Asset:
    with app.extensions["db"].transaction() as session:
        found: Asset = session.get_one(Asset, asset_id)
    return found


def _frames(playlist: Path, kind: str) -> list[tuple[int, int]]:
    """(presentation time, duration) of every decoded frame; any complaint fails."""
    asked = subprocess.run(
        [binaries.ffprobe(), "-v", "warning", "-allowed_extensions", "ALL", "-select_streams", kind,
         "-show_entries", "frame=pts,duration", "-of", "json", str(playlist)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stderr == ""
    return [(f["pts"], f["duration"]) for f in json.loads(asked.stdout)["frames"]]


def test_joined_is_as_if_made_in_one(
    app: Flask, lecture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same frames at the same times, the same segments, no complaint of the decoder, by two
    workers; a short or uncut one is made in one run."""
    made_by: list[tuple[int, str]] = []
    work = long.make_piece

    def noted(taken: pieces.Taken, *arguments: Any, **options: Any) -> None:
        made_by.append((taken.number, threading.current_thread().name))
        work(taken, *arguments, **options)

    monkeypatch.setattr(long, "make_piece", noted)
    cut_id = _upload(app, lecture)
    helpers = [threading.Thread(target=tasks.prepare, args=(cut_id,), name="holder")]
    helpers[0].start()
    while helpers[0].is_alive():
        tasks.piece(cut_id)
    helpers[0].join()
    cut = _asset(app, cut_id)
    assert cut.state == AssetState.READY
    assert sorted(number for number, _who in made_by) == [0, 1, 2, 3]
    assert len({who for _number, who in made_by}) == 2
    store: MediaStore = app.extensions["media_store"]
    tasks.sweep()
    assert [*(store.root / "pieces").iterdir()] == []
    with app.extensions["db"].transaction() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Piece)) == 0

    settings = replace(app.extensions["settings"], cut_from_seconds=3600)
    monkeypatch.setitem(app.extensions, "settings", settings)
    with app.extensions["db"].transaction() as session:
        session.execute(sa.update(Person).values(sign_in_name="other"))
    whole_id = _upload(app, lecture)
    tasks.prepare(whole_id)
    whole = _asset(app, whole_id)
    assert cut.segments_ms == whole.segments_ms
    assert cut.folder
    assert whole.folder
    joined, one = store.path(cut.folder), store.path(whole.folder)
    for name, kind in (("v0/index.m3u8", "v"), ("a0/index.m3u8", "a")):
        assert _frames(joined / name, kind) == _frames(one / name, kind)
    assert sorted(p.name for p in joined.rglob("*")) == sorted(p.name for p in one.rglob("*"))


def test_a_dead_holder_leaves_its_pieces_to_the_next(
    app: Flask, lecture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made is not made again; what a dead worker had in hand is."""
    asset_id = _upload(app, lecture)

    class Killed(BaseException):
        pass

    begun: list[int] = []
    work = long.make_piece

    def dies(taken: pieces.Taken, *arguments: Any, **options: Any) -> None:
        begun.append(taken.number)
        if taken.number == 2:
            raise Killed
        work(taken, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(long, "make_piece", dies)
        with pytest.raises(Killed):
            tasks.prepare(asset_id)
    present = clock.now() + holding.CLAIM + timedelta(seconds=5)
    monkeypatch.setattr(clock, "now", lambda: present)

    def noted(taken: pieces.Taken, *arguments: Any, **options: Any) -> None:
        begun.append(taken.number)
        work(taken, *arguments, **options)

    monkeypatch.setattr(long, "make_piece", noted)
    tasks.sweep()
    assert _asset(app, asset_id).state == AssetState.READY
    assert begun == [0, 1, 2, 2, 3]


def test_a_piece_that_cannot_be_made_fails_the_video(
    app: Flask, lecture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tries, then the author is told; nothing is left lying about; a retry cuts anew."""
    asset_id = _upload(app, lecture)
    work = transcode.piece

    def fails(*arguments: Any, **options: Any) -> None:
        raise transcode.TranscodeFailed("transcode-failed")

    present = clock.now()

    def moving() -> Any:
        nonlocal present
        present += timedelta(seconds=20)
        return present

    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", moving)
        patch.setattr(transcode, "piece", fails)
        patch.setattr(long, "LOOK_EVERY_S", 0)
        patch.setattr(keeping, "REPORT_EVERY_S", 0)
        tasks.prepare(asset_id)
    failed = _asset(app, asset_id)
    assert (failed.state, failed.failure_code) == (AssetState.FAILED, "transcode-failed")
    with app.extensions["db"].transaction() as session:
        assets.retry(session, session.get_one(Asset, asset_id), clock.now(), has_source=True)
    monkeypatch.setattr(transcode, "piece", work)
    tasks.sweep()
    assert _asset(app, asset_id).state == AssetState.READY
    tasks.sweep()
    store: MediaStore = app.extensions["media_store"]
    assert [*(store.root / "pieces").iterdir()] == []
