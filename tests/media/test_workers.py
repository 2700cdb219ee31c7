"""Videos prepared by real worker processes, rung for through real brokers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from celery import Celery

from media import storage, transcode
from media.models import Asset, AssetState
from media.piece_models import Piece
from zhixin import clock, db, schema
from zhixin.config import Settings
from zhixin.people.models import Person


@dataclass
class Plant:
    """A database, a broker and a media folder, with workers that come and go."""

    database: db.Database
    bells: Celery
    environment: dict[str, str]
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def store(self) -> storage.MediaStore:
        return storage.MediaStore(self.folder / "var" / "media")

    def ring(self, task: str, *ids: int) -> None:
        """A message from another process."""
        self.bells.send_task(f"media.{task}", ids, ignore_result=True)

    def start_worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("a") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "zhixin", "worker"],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.workers.append(worker)
        return worker

    def upload(self, source: Path) -> int:
        with self.database.transaction() as session:
            owner = Person(
                sign_in_name="author", password_hash="-", name="作者", created_at=clock.now()
            )
            session.add(owner)
            session.flush()
            asset = Asset(
                owner_id=owner.id,
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

    def asset(self) -> Asset:
        with self.database.transaction() as session:
            return session.scalars(sa.select(Asset)).one()

    def wait_for(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "worker.log").read_text()[-4000:]
            time.sleep(0.1)


@pytest.fixture(params=["embedded", "services"])
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    """SQLite with SQLite for a broker, as one machine runs it; PostgreSQL with Redis."""
    url = f"sqlite:///{tmp_path / 'plant.sqlite3'}"
    broker = ""
    if request.param == "services":
        server = sa.make_url(request.getfixturevalue("postgres_url"))
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS plant WITH (FORCE)"))
            connection.execute(sa.text("CREATE DATABASE plant"))
        admin.dispose()
        url = server.set(database="plant").render_as_string(hide_password=False)
        broker = request.getfixturevalue("redis_url")
    engine = db.make_engine(url)
    with engine.connect() as connection:
        schema.upgrade(connection)
    environment = {n: text for n, text in os.environ.items() if not n.startswith("ZHIXIN_")} | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "ZHIXIN_DATA_DIR": str(tmp_path / "var"),
        "ZHIXIN_DATABASE_URL": url,
        "ZHIXIN_BROKER_URL": broker,
        "ZHIXIN_JOB_WORKERS": "1",
        "ZHIXIN_CUT_FROM_SECONDS": "60",
        "ZHIXIN_PIECE_SECONDS": "16",
    }
    settings = Settings(data_dir=tmp_path / "var", broker_url=broker)
    settings.data_dir.mkdir()
    bells = Celery("bells", broker=settings.broker, set_as_current=False)
    plant = Plant(db.Database(settings, bind=engine), bells, environment, tmp_path)
    yield plant
    bells.close()
    for worker in plant.workers:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    engine.dispose()


# Kombu's SQL transport speaks to an older SQLAlchemy.
@pytest.mark.filterwarnings("ignore:The ``noload``")
def test_a_killed_workers_video_is_finished_by_the_next(plant: Plant, samples: Any) -> None:
    """Rung for through the broker, killed half way with all its processes, found by the sweep
    when the claim has run out, and finished once by another worker."""
    asset_id = plant.upload(samples.lecture("long.mp4", seconds=45, size="640x360"))
    plant.ring("prepare", asset_id)
    first = plant.start_worker()
    begun = plant.store.root / "assets" / str(asset_id)
    plant.wait_for(lambda: [*plant.store.root.glob("scratch/*/v0/*.m4s")])
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    left = plant.asset()
    assert (left.state, left.tries) == (AssetState.TRANSCODING, 1)

    with plant.database.transaction() as session:
        session.execute(sa.update(Asset).values(claimed_until=clock.now() - timedelta(seconds=1)))
    plant.ring("sweep")
    plant.ring("sweep")  # two bells for one video
    plant.start_worker()
    plant.wait_for(lambda: plant.asset().state == AssetState.READY)
    done = plant.asset()
    assert (done.tries, done.progress) == (2, 100)
    plant.ring("sweep")
    plant.wait_for(lambda: not [*(plant.store.root / "scratch").iterdir()])  # both runs' folders
    assert done.folder is not None
    assert [path.name for path in begun.iterdir()] == [done.folder.rsplit("/", 1)[-1]]
    assert (plant.store.path(done.folder) / transcode.MASTER).is_file()


@pytest.mark.filterwarnings("ignore:The ``noload``")
def test_pieces_of_killed_workers_are_made_by_the_others(plant: Plant, samples: Any) -> None:
    """Two workers share a long video; one is killed with a piece in its hands, then the other,
    which held the video. A third finishes: what was made is kept, nothing is left lying."""
    asset_id = plant.upload(samples.lecture("minutes.mp4", seconds=90, size="640x360", rate="12"))
    plant.ring("prepare", asset_id)
    workers = [plant.start_worker(), plant.start_worker()]

    def pieces() -> list[tuple[int, str]]:
        with plant.database.transaction() as session:
            found = session.execute(sa.select(Piece.number, Piece.state).order_by(Piece.number))
            return [(number, state) for number, state in found]

    plant.wait_for(lambda: sum(state == "making" for _n, state in pieces()) == 2, 180)
    plant.wait_for(lambda: sum(state == "made" for _n, state in pieces()) >= 1, 120)
    for worker in workers:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    kept = {number for number, state in pieces() if state == "made"}
    cut = plant.asset().cut
    assert cut
    lying = plant.store.root / "pieces" / cut
    times = {number: (lying / str(number)).stat().st_mtime_ns for number in kept}

    past = clock.now() - timedelta(seconds=1)
    with plant.database.transaction() as session:
        session.execute(sa.update(Asset).values(claimed_until=past))
        session.execute(sa.update(Piece).values(claimed_until=past))
    plant.ring("sweep")
    plant.start_worker()
    plant.wait_for(lambda: plant.asset().tries == 2, 180)
    assert plant.asset().cut == cut
    assert {n: (lying / str(n)).stat().st_mtime_ns for n in kept} == times
    plant.wait_for(lambda: plant.asset().state == AssetState.READY, 120)
    done = plant.asset()
    assert done.folder is not None
    assert (plant.store.path(done.folder) / transcode.MASTER).is_file()
    assert done.duration_ms == pytest.approx(90_000, abs=100)
    plant.ring("sweep")
    for name in ("scratch", "pieces"):
        folder = plant.store.root / name
        plant.wait_for(lambda folder=folder: not [*folder.iterdir()])  # type: ignore[misc]
