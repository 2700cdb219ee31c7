"""From an uploaded file to a playable video, by workers that may die at any moment."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from media import assets, holding, keeping, queueing, storage, tasks, transcode, vaults
from media.errors import MESSAGES, TranscodeFailed
from media.models import Asset, AssetState
from media.storage import MediaStore
from zhixin import clock, db, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people.models import Person


@dataclass
class Workshop:
    """A platform with a database whose transactions really commit."""

    app: Flask
    settings: Settings
    store: MediaStore

    def upload(self, source: Path, owner_id: int | None = None) -> int:
        """A video whose file has just come in."""
        with self.transaction() as session:
            if owner_id is None:
                owner = Person(
                    sign_in_name="author", password_hash="-", name="作者", created_at=clock.now()
                )
                session.add(owner)
                session.flush()
                owner_id = owner.id
            asset = Asset(
                owner_id=owner_id,
                file_name=source.name,
                source="",
                source_bytes=source.stat().st_size,
                state=AssetState.UPLOADED,
                progress=0,
                tries=0,
                created_at=clock.now(),
            )
            session.add(asset)
            session.flush()
            place = self.store.source(asset.id)
            shutil.copy(source, place)
            asset.source = self.store.relative(place)
        return asset.id

    def transaction(self) -> Any:
        database: db.Database = self.app.extensions["db"]
        return database.transaction()

    def asset(self, asset_id: int) -> Asset:
        with self.transaction() as session:
            found = session.get(Asset, asset_id)
        assert found is not None
        return found

    def runs(self, asset_id: int) -> list[str]:
        return sorted(p.name for p in (self.store.root / "assets" / str(asset_id)).iterdir())


@pytest.fixture(params=["sqlite", "postgresql"])
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    url = ""
    if request.param == "postgresql":
        server = sa.make_url(request.getfixturevalue("postgres_url"))
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS preparing WITH (FORCE)"))
            connection.execute(sa.text("CREATE DATABASE preparing"))
        admin.dispose()
        url = server.set(database="preparing").render_as_string(hide_password=False)
    settings = Settings(
        data_dir=tmp_path / "var", database_url=url, broker_url="memory://", log_level="ERROR"
    )
    app = create_app(settings, testing=True)
    engine = app.extensions["db"].engine
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield Workshop(app, settings, app.extensions["media_store"])
    engine.dispose()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let time pass: claims run out."""

    def move(passed: timedelta) -> None:
        present = clock.now() + passed
        monkeypatch.setattr(clock, "now", lambda: present)

    return move


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_ready_means_every_file_is_there(workshop: Workshop, samples: Any) -> None:
    """READY comes with the facts, the hash of the source, and one whole folder."""
    asset_id = workshop.upload(samples.lecture())
    tasks.prepare(asset_id)
    asset = workshop.asset(asset_id)
    assert (asset.state, asset.progress, asset.tries) == (AssetState.READY, 100, 1)
    assert asset.duration_ms is not None
    assert 5_900 <= asset.duration_ms <= 6_100
    assert sum(asset.segments_ms or []) == asset.duration_ms
    assert asset.source_sha256 == hashlib.sha256(samples.lecture().read_bytes()).hexdigest()
    assert asset.claim is asset.claimed_until is None
    assert asset.folder is not None
    assert (workshop.store.path(asset.folder) / transcode.MASTER).is_file()
    assert workshop.runs(asset_id) == [asset.folder.rsplit("/", 1)[-1]]


def test_the_sweep_waits_for_the_claim_to_run_out(
    workshop: Workshop, samples: Any, later: Callable[[timedelta], None]
) -> None:
    """A worker that has said nothing for a while may be alive; after a minute it is not. What
    it left is removed, and its work done once, however often the bell rings."""
    asset_id = workshop.upload(samples.lecture())
    with workshop.transaction() as session:
        mark = assets.claim(session, asset_id, clock.now())
    assert mark is not None
    left = workshop.settings.scratch_dir / "0123456789abcdef"
    (left / "v0").mkdir(parents=True)
    workshop.store.run(asset_id, mark).mkdir()  # published, and killed before saying READY
    tasks.sweep()
    assert workshop.asset(asset_id).claim == mark
    assert not left.exists()

    later(holding.CLAIM + timedelta(seconds=3))
    tasks.sweep()
    done = workshop.asset(asset_id)
    assert (done.state, done.tries) == (AssetState.READY, 2)
    assert done.folder is not None
    assert workshop.runs(asset_id) == [done.folder.rsplit("/", 1)[-1]]

    tasks.prepare(asset_id)  # a doubled bell
    tasks.sweep()
    again = workshop.asset(asset_id)
    assert (again.tries, again.ready_at, again.folder) == (2, done.ready_at, done.folder)


def test_a_wrong_file_fails_at_once_in_words(workshop: Workshop, samples: Any) -> None:
    """A file that is no video is not tried again: its author reads what is wrong."""
    asset_id = workshop.upload(samples.written("letter.mp4", "不是视频\n".encode() * 100))
    tasks.prepare(asset_id)
    asset = workshop.asset(asset_id)
    assert (asset.state, asset.tries, asset.failure_code) == (AssetState.FAILED, 1, "not-a-video")
    assert asset.failure == MESSAGES["not-a-video"]


def test_work_that_fails_is_tried_three_times(
    workshop: Workshop,
    samples: Any,
    later: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it has failed, and the author is told."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise TranscodeFailed("transcode-failed")

    monkeypatch.setattr(transcode, "transcode", fail)
    asset_id = workshop.upload(samples.lecture())
    states = []
    for _ in range(4):
        tasks.sweep()
        states.append((workshop.asset(asset_id).state, workshop.asset(asset_id).tries))
        later(holding.CLAIM + timedelta(seconds=1))
    waiting = AssetState.UPLOADED
    failed = AssetState.FAILED
    assert states == [(waiting, 1), (waiting, 2), (failed, 3), (failed, 3)]
    assert workshop.asset(asset_id).failure == MESSAGES["transcode-failed"]


def test_a_worker_that_always_dies_gives_up(
    workshop: Workshop, samples: Any, later: Callable[[timedelta], None]
) -> None:
    """A file that kills its worker each time is not tried for ever."""
    asset_id = workshop.upload(samples.lecture())
    for _ in range(assets.MOST_TRIES):
        with workshop.transaction() as session:
            assert assets.claim(session, asset_id, clock.now())
        later(holding.CLAIM + timedelta(seconds=1))
    tasks.sweep()
    assert workshop.asset(asset_id).state == AssetState.FAILED


def test_a_full_disk_costs_no_try(
    workshop: Workshop,
    samples: Any,
    later: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is not the file's fault: it waits for room, for as long as it takes."""
    asset_id = workshop.upload(samples.lecture())
    with monkeypatch.context() as full:
        full.setattr(storage, "RESERVE_BYTES", 1 << 60)
        for _ in range(assets.MOST_TRIES + 1):
            tasks.sweep()
            later(holding.CLAIM + timedelta(seconds=1))
    assert workshop.asset(asset_id).state == AssetState.UPLOADED
    tasks.sweep()
    assert workshop.asset(asset_id).state == AssetState.READY


def test_a_lost_claim_ends_the_work(
    workshop: Workshop, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was too slow leaves the field to the other, and takes nothing of theirs along."""
    monkeypatch.setattr(keeping, "REPORT_EVERY_S", 0.2)
    asset_id = workshop.upload(samples.lecture("long.mp4", seconds=45, size="640x360"))
    slow = threading.Thread(target=tasks.prepare, args=(asset_id,))
    slow.start()
    wait_for(lambda: [*workshop.store.root.glob("scratch/*/v0/*.m4s")])
    with workshop.transaction() as session:
        session.execute(sa.update(Asset).values(claim="another"))
    slow.join(30)
    asset = workshop.asset(asset_id)
    assert (asset.state, asset.claim, asset.tries) == (AssetState.TRANSCODING, "another", 1)
    assert workshop.runs(asset_id) == []


def test_a_claim_lost_at_the_last_moment_leaves_no_folder(
    workshop: Workshop, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published, but no longer ours to say READY: the other worker's folder will be the one."""
    publish = transcode.publish

    def slowly(made: Path, final: Path) -> None:
        publish(made, final)
        with workshop.transaction() as session:
            session.execute(sa.update(Asset).values(claim="another"))

    monkeypatch.setattr(transcode, "publish", slowly)
    asset_id = workshop.upload(samples.lecture())
    tasks.prepare(asset_id)
    assert workshop.asset(asset_id).state == AssetState.TRANSCODING
    assert workshop.runs(asset_id) == []


def test_no_transaction_stays_open_while_ffmpeg_works(
    workshop: Workshop, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others go on writing: on SQLite an open transaction would keep all of them out."""
    work = transcode.transcode

    def watched(*arguments: Any, **options: Any) -> transcode.Transcoded:
        database: db.Database = workshop.app.extensions["db"]
        assert isinstance(database.engine, sa.Engine)
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        return work(*arguments, **options)

    monkeypatch.setattr(transcode, "transcode", watched)
    asset_id = workshop.upload(samples.lecture())
    tasks.prepare(asset_id)
    assert workshop.asset(asset_id).state == AssetState.READY


def test_many_workers_rung_at_once_claim_once(workshop: Workshop, samples: Any) -> None:
    """Eight bells for one video: one worker takes it."""
    asset_id = workshop.upload(samples.lecture())

    def claim(_worker: int) -> str | None:
        with workshop.transaction() as session:
            return assets.claim(session, asset_id, clock.now())

    with ThreadPoolExecutor(8) as pool:
        marks = [mark for mark in pool.map(claim, range(8)) if mark]
    assert marks == [workshop.asset(asset_id).claim]
    assert workshop.asset(asset_id).tries == 1


def test_a_cancelled_video_stops_and_may_be_wanted_again(
    workshop: Workshop, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds nobody works on it and nothing is left of the work; its file is kept."""
    monkeypatch.setattr(keeping, "REPORT_EVERY_S", 0.2)
    asset_id = workshop.upload(samples.lecture("long.mp4", seconds=45, size="640x360"))
    work = threading.Thread(target=tasks.prepare, args=(asset_id,))
    work.start()
    wait_for(lambda: [*workshop.store.root.glob("scratch/*/v0/*.m4s")])
    with workshop.transaction() as session:
        assets.cancel(session, session.get_one(Asset, asset_id))
    work.join(30)
    assert workshop.asset(asset_id).state == AssetState.CANCELLED
    assert [*workshop.settings.scratch_dir.iterdir()] == []
    tasks.sweep()
    assert workshop.asset(asset_id).state == AssetState.CANCELLED
    with workshop.transaction() as session:
        asset = session.get_one(Asset, asset_id)
        kept = workshop.store.path(asset.source).is_file()
        assets.retry(session, asset, clock.now(), has_source=kept)
    tasks.sweep()
    assert workshop.asset(asset_id).state == AssetState.READY


def test_more_than_a_days_minutes_wait(
    workshop: Workshop, samples: Any, later: Callable[[timedelta], None]
) -> None:
    """Put off, not refused: it costs no try and goes on by itself the next day."""
    first = workshop.upload(samples.lecture())
    tasks.sweep()
    with workshop.transaction() as session:
        session.execute(sa.update(Asset).values(source_ms=600 * 60_000))
        owner = session.get_one(Asset, first).owner_id
    second = workshop.upload(samples.lecture(), owner_id=owner)
    tasks.sweep()
    waits = workshop.asset(second)
    assert (waits.state, waits.tries) == (AssetState.UPLOADED, 0)
    with workshop.transaction() as session:
        standing = queueing.standing(session, waits, clock.now())
    assert standing.postponed == "minutes-a-day"
    later(timedelta(hours=25))
    tasks.sweep()
    assert workshop.asset(second).state == AssetState.READY


def test_a_bell_for_a_long_video_begins_the_short_one(workshop: Workshop, samples: Any) -> None:
    """Whoever is rung takes the video whose turn it is, and rings for the next."""
    long = workshop.upload(samples.lecture("longer.mp4", seconds=12))
    short = workshop.upload(samples.lecture(), owner_id=workshop.asset(long).owner_id)
    tasks.prepare(long)
    first, second = workshop.asset(short), workshop.asset(long)
    assert first.ready_at
    assert second.ready_at
    assert first.ready_at < second.ready_at


def test_a_twin_that_goes_meanwhile_is_no_twin(
    workshop: Workshop, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night removes it while its renditions are shared: the video is made like any other."""
    source = samples.lecture(seconds=2, name="short.mp4")
    first = workshop.upload(source)
    tasks.prepare(first)
    second = workshop.upload(source, workshop.asset(first).owner_id)
    vault = workshop.store.vault
    share = vault.share

    def too_late(prefix: str, other: str) -> None:
        with workshop.transaction() as session:
            session.delete(session.get_one(Asset, first))
        vault.remove_all(prefix)
        share(prefix, other)

    monkeypatch.setattr(vault, "share", too_late)
    tasks.prepare(second)
    found = workshop.asset(second)
    assert found.state == AssetState.READY
    assert workshop.store.has(f"{found.folder}/master.m3u8")
    assert len(workshop.runs(second)) == 1


def test_a_twins_renditions_are_shared_outside_any_transaction(
    workshop: Workshop, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a bucket that takes as long as it likes: others write meanwhile."""
    source = samples.lecture(seconds=2, name="short.mp4")
    first = workshop.upload(source)
    tasks.prepare(first)
    second = workshop.upload(source, workshop.asset(first).owner_id)
    share, seen = workshop.store.vault.share, []

    def slowly(prefix: str, other: str) -> None:
        with workshop.transaction() as session:  # would wait for ever
            session.execute(sa.update(Asset).values(rendition_bytes=7))
        seen.append(other)
        share(prefix, other)

    monkeypatch.setattr(workshop.store.vault, "share", slowly)
    monkeypatch.setattr(transcode, "transcode", None)
    tasks.prepare(second)
    found = workshop.asset(second)
    assert (found.state, seen) == (AssetState.READY, [found.folder])


def test_a_vault_that_is_away_costs_no_try(
    workshop: Workshop,
    samples: Any,
    monkeypatch: pytest.MonkeyPatch,
    later: Callable[[timedelta], None],
) -> None:
    """However long a bucket can't be reached, no video fails for it; then it is made."""
    asset_id = workshop.upload(samples.lecture(seconds=2, name="short.mp4"))
    vault = workshop.store.vault
    local = vault.local

    def away(key: str, scratch: Path) -> Any:
        raise vaults.VaultAway(key)

    monkeypatch.setattr(vault, "local", away)
    for _ in range(assets.MOST_TRIES + 1):
        tasks.prepare(asset_id)
        found = workshop.asset(asset_id)
        assert (found.state, found.tries, found.postponed) == (AssetState.UPLOADED, 0, "vault-away")
        later(holding.CLAIM + timedelta(seconds=1))
    monkeypatch.setattr(vault, "local", local)
    tasks.prepare(asset_id)
    assert workshop.asset(asset_id).state == AssetState.READY
