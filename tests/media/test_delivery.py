"""What was sent is known: noted without a write each, kept through a crash, merged, paced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from media import delivery, intervals
from media.delivery import Deliveries
from media.models import Delivery
from zhixin import db, schema
from zhixin.clock import epoch_ms
from zhixin.config import Settings

KILLED = """
import sys, time
out, sys.stdout = sys.stdout, sys.stderr  # the log goes elsewhere
from pathlib import Path
from media.delivery import Deliveries
class Unreachable:
    def transaction(self):
        raise OSError
deliveries = Deliveries(Unreachable(), Path(sys.argv[1]), background=True)
for segment in (0, 1, 2, 7):
    deliveries.note("playback", segment)
print("noted", file=out, flush=True)
time.sleep(60)
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[db.Database]:
    settings = Settings(data_dir=tmp_path)
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield db.Database(settings, bind=engine)
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deliveries"


def stored(database: db.Database) -> dict[str, int]:
    with database.transaction() as session:
        return {
            row.playback_id: int(row.segments, 16) for row in session.scalars(sa.select(Delivery))
        }


@given(st.sets(st.integers(0, 400)))
def test_runs_say_the_same_as_bits(segments: set[int]) -> None:
    """Readable runs and stored bits are one set."""
    bits = sum(1 << segment for segment in segments)
    runs = delivery.runs(bits)
    assert intervals.normalise(runs) == runs
    assert {n for start, end in runs for n in range(start, end)} == segments


@given(
    sent=st.sets(st.integers(0, 9)),
    within=st.lists(
        st.tuples(st.integers(0, 40_500), st.integers(0, 40_500)).map(sorted), max_size=5
    ),
)
def test_media_time_is_that_of_sent_segments(sent: set[int], within: list[list[int]]) -> None:
    """Every claimed millisecond is in a sent segment, or it is not given; past the last
    segment's sum the last one reaches on, as players round."""
    bounds = delivery.starts((4000,) * 10)
    claims = intervals.normalise((start, end) for start, end in within)
    bits = sum(1 << segment for segment in sent)
    found = intervals.intersect(claims, delivery.media_time(bits, bounds, claims))
    expected = [(n * 4000, 1 << 30 if n == 9 else (n + 1) * 4000) for n in sent]
    assert found == intervals.intersect(claims, intervals.normalise(expected))


def test_what_is_noted_reaches_the_database_once(database: db.Database, folder: Path) -> None:
    """One transaction for all that is new; what is known is not written again."""
    deliveries = Deliveries(database, folder, background=False)
    for segment in (0, 1, 1, 5):
        deliveries.note("a", segment)
    deliveries.note("b", 3)
    assert deliveries.sent("a") == 0b100011
    assert deliveries.saved("a") == 0
    assert deliveries.flush() == 2
    assert deliveries.saved("a") == 0b100011
    assert stored(database) == {"a": 0b100011, "b": 0b1000}
    assert deliveries.flush() == 0


def test_two_processes_add_up(database: db.Database, folder: Path) -> None:
    """A browser's connections may end in different processes."""
    one, other = (Deliveries(database, folder, background=False) for _ in range(2))
    one.note("a", 0)
    other.note("a", 1)
    one.flush()
    other.flush()
    assert stored(database) == {"a": 0b11}
    assert other.sent("a") == 0b11, "told by its own flush"


def test_a_thousand_playbacks_at_once(own_engine: sa.Engine, folder: Path) -> None:
    """Old ones and new ones, from two processes in the same moment, on both databases: each
    segment is there, and no process waits for the other in a ring."""
    engine = db.Database(Settings(data_dir=folder), bind=own_engine)
    names = [f"playback{n:04}" for n in range(1200)]
    processes = [Deliveries(engine, folder / f"{n}", background=False) for n in range(2)]
    for first in range(2):  # nobody knows them; then the database does
        for number, process in enumerate(processes):
            for name in names if number else reversed(names):
                process.note(name, 2 * first + number)
        with ThreadPoolExecutor() as pool:
            assert list(pool.map(Deliveries.flush, processes)) == [1200, 1200]
    assert stored(engine) == dict.fromkeys(names, 0b1111)


def test_a_database_that_is_away_loses_nothing(database: db.Database, folder: Path) -> None:
    """What could not be written is written when it can be."""
    deliveries = Deliveries(database, folder, background=False)
    deliveries.note("a", 4)
    with database.transaction() as session:
        session.execute(sa.text("ALTER TABLE delivery RENAME TO away"))
    with pytest.raises(sa.exc.OperationalError):
        deliveries.flush()
    with database.transaction() as session:
        session.execute(sa.text("ALTER TABLE away RENAME TO delivery"))
    deliveries.note("a", 5)
    assert deliveries.saved("a") == 0
    deliveries.flush()
    assert stored(database) == {"a": 0b110000}


def test_a_killed_process_loses_nothing(database: db.Database, folder: Path) -> None:
    """Its journal outlives it; a living one's is left alone."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, "-c", KILLED, str(folder)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"noted\n"
    successor = Deliveries(database, folder, background=False)
    assert successor.adopt() == 0, "it is alive"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert successor.adopt() == 4
    assert stored(database) == {"playback": 0b10000111}
    assert [*folder.iterdir()] == []


def test_a_cut_line_in_a_journal_is_left_out(database: db.Database, folder: Path) -> None:
    """The machine went down while it was written."""
    folder.mkdir()
    (folder / "x.journal").write_text("playback 3\nplayback 4\nplayba")
    Deliveries(database, folder, background=False).adopt()
    assert stored(database) == {"playback": 0b11000}


def test_media_is_not_sent_much_faster_than_it_can_be_watched(
    database: db.Database, folder: Path, now: datetime
) -> None:
    """Fifteen minutes ahead, then at twice the speed of time; what was sent may be sent again."""
    deliveries = Deliveries(database, folder, background=False)
    opened = epoch_ms(now) // 1000
    ahead = delivery.AHEAD_MS // 4000
    for segment in range(ahead + 1):
        assert deliveries.may_send("a", segment, opened, now) is None
        deliveries.note("a", segment)
    wait_s = deliveries.may_send("a", ahead + 1, opened, now)
    assert wait_s is not None
    assert 0 < wait_s <= 4
    assert deliveries.may_send("a", 0, opened, now) is None
    later = now + timedelta(seconds=wait_s + 1)
    assert deliveries.may_send("a", ahead + 1, opened, later) is None
    assert deliveries.may_send("b", 800, opened, now) is None, "another playback"
