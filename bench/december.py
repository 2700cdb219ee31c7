"""A December evening: ten thousand learners at once, on whatever machine this is."""

from __future__ import annotations

import json
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from bench.beats import postgres
from bench.crowd import Crowd, Kind
from bench.report import Comparison
from bench.seeding import Watching, fresh, quiet, watchers
from bench.servers import group, serving, spending
from media import intervals, streaming
from media.models import Asset, Beat, Coverage, Playback
from media.renditions import SEGMENT_S
from media.storage import MediaStore
from zhixin import clock, config, db

LEARNERS = int(os.environ.get("BENCH_LEARNERS", "10000"))
BEAT_S = 15
#: They come within this time, so that each is somewhere else between two beats.
RAMP_S = 20
SECONDS = 60
#: A segment of a lecture's slides with speech, 360p: about 120 kbit/s.
SEGMENT_BYTES = 60_000
#: No two begin at the same place, and none comes to the end.
LATEST_START_S = 1800


def measure() -> Iterator[Comparison]:
    found = Comparison(
        f"A December evening: {LEARNERS} learners, a beat every {BEAT_S} s and a segment every"
        f" {SEGMENT_S} s each",
        ["", "a second", "p50 ms", "p95 ms", "p99 ms", "CPU share", "memory MiB", "lost"],
        note=(
            f"{SECONDS} s, after they came within {RAMP_S} s. Latency counts from when a request"
            " fell due. CPU share is of the whole machine; the driver, on the same one, has its"
            " own row, and what the host of a virtual machine took. Lost: beats answered as taken"
            " that are not in the database with all of their time credited."
        ),
    )
    found.rows += _evening("SQLite", "", ())
    with postgres() as (url, postmaster):
        found.rows += _evening("PostgreSQL", url, (postmaster,))
    yield found


def _evening(name: str, database_url: str, also: tuple[int, ...]) -> list[list[str]]:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        settings = quiet(Path(folder), database_url)
        app = fresh(settings)
        learners = watchers(app, LEARNERS)
        kinds = [
            Kind("beat", BEAT_S, _beats(learners)),
            Kind("segment", SEGMENT_S, _segments(_lecture(app))),
        ]
        with serving("zhixin.app:create_app", folder, database_url) as server:
            crowd = Crowd(server.port, LEARNERS, kinds, RAMP_S)
            crowd.run(RAMP_S + BEAT_S)
            crowd.counting = True
            roots = (server.process.pid, *also)
            with spending(*roots) as spent:
                crowd.run(SECONDS)
            crowd.counting = False
            memory = _memory_mib(*roots)
            crowd.finish()
        lost = _lost(settings, kinds[0])
    rows = [
        [
            f"{name}: {kind.name}s", f"{kind.accepted / spent.wall:.0f}",
            *(f"{kind.percentile(part):.1f}" for part in (0.5, 0.95, 0.99)),
            "", "", "",
        ]
        for kind in kinds
    ]  # fmt: skip
    rows[0][5:] = [spent.share(spent.servers), f"{memory:.0f}", str(lost)]
    refused = sum(kind.refused for kind in kinds)
    for who, theirs, of_them in (
        ("the driver", spent.driver, f"{refused} refused"), ("taken by the host", spent.host, "")
    ):  # fmt: skip
        rows.append([f"{name}: {who}", *[""] * 4, spent.share(theirs), "", of_them])
    return rows


def _beats(learners: list[Watching]) -> Callable[[int, int, float], bytes]:
    """Each beat claims what was played since the one before it."""
    heads = [
        (
            f"POST /api/v1/playbacks/{playback}/beats HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            + "".join(f"{name}: {text}\r\n" for name, text in headers.items())
            + "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        for playback, headers in learners
    ]
    reported = [0.0] * len(heads)

    def beat(learner: int, number: int, played: float) -> bytes:
        start = _start(learner)
        span = [start + reported[learner], start + round(played, 3)]
        reported[learner] = round(played, 3)
        body = json.dumps({"seq": number + 1, "played": [span], "position": span[1]}).encode()
        return b"%s%d\r\n\r\n%s" % (heads[learner], len(body), body)

    return beat


def _segments(addresses: list[str]) -> Callable[[int, int, float], bytes]:
    def segment(learner: int, number: int, _played: float) -> bytes:
        index = int(_start(learner)) // SEGMENT_S + number
        path = addresses[learner].replace("master.m3u8", f"v0/s{index:05}.m4s")
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    return segment


def _start(learner: int) -> float:
    return float(learner * 7 % LATEST_START_S)


def _lecture(app: Flask) -> list[str]:
    """Put the lecture's segments in place; returns each learner's address of the playlist."""
    store: MediaStore = app.extensions["media_store"]
    with app.test_request_context(), db.database().transaction() as session:
        asset = session.scalars(sa.select(Asset)).one()
        folder = Path(store.path(asset.folder or "")) / "v0"
        folder.mkdir(parents=True)
        first = folder / "s00000.m4s"
        first.write_bytes(os.urandom(SEGMENT_BYTES))
        for number in range(1, 900):
            (folder / f"s{number:05}.m4s").hardlink_to(first)
        playbacks = {each.id: each for each in session.scalars(sa.select(Playback))}
        now = clock.now()
        return [
            streaming.playlist_url(asset, playback=playbacks[f"bench{n}"], now=now)
            for n in range(len(playbacks))
        ]


def _memory_mib(*roots: int) -> float:
    """Memory of these processes and their children, shared pages divided among their users."""
    total_kib = 0
    for pid in group(*roots):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total_kib += int(line.split()[1])
    return total_kib / 1024


def _lost(settings: config.Settings, beats: Kind) -> int:
    """Beats that were answered as taken and are not there, or not credited in full."""
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        kept, refused_ms = connection.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Beat.refused_ms), 0))
        ).one()
        credited = sum(
            intervals.total(intervals.decode(text))
            for text in connection.scalars(sa.select(Beat.credited))
        )
        covered = connection.scalar(sa.select(sa.func.sum(Coverage.covered_ms)))
    engine.dispose()
    if credited != covered:
        raise RuntimeError(f"{credited} ms credited by beats, {covered} ms covered")
    return max(0, beats.total - int(kept)) + (int(refused_ms) > 0)
