"""Which segments were sent to which playback: known without a database write for each.

A segment that is sent is noted in memory and in a journal file; once a second all that is new
goes to the database in one transaction. The journal survives a killed process: whoever comes
next finds it unlocked and takes it over. So what is lost is lost only with the machine itself,
and then the player fetches the segment again.

Sets of segments are the bits of an integer (segment 0 is the lowest), in the database as a
hexadecimal number: a lecture of two hours is 450 digits, and a union is one OR.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from media.booking import OFFLINE_MS
from media.intervals import Spans
from media.models import Asset, Delivery
from media.renditions import SEGMENT_S
from zhixin import db
from zhixin.clock import epoch_ms

log = structlog.get_logger("media.delivery")

FLUSH_EVERY_S = 1.0
#: How long a process remembers a playback that fetches nothing.
REMEMBERED_S = 1800.0
#: Media is sent this far ahead of what can have been watched: what a lease's bank can use.
AHEAD_MS = OFFLINE_MS
#: The highest speed at which anything is watched.
FASTEST = 2


@lru_cache(maxsize=4096)
def starts(segments_ms: tuple[int, ...]) -> tuple[int, ...]:
    """Where each segment begins, in ms; one more for the end."""
    at, found = 0, [0]
    for length in segments_ms:
        at += length
        found.append(at)
    return tuple(found)


def segments_of(asset: Asset) -> tuple[int, ...]:
    """Durations (ms) of an asset's segments; one for the whole when they are not known."""
    return tuple(asset.segments_ms or (asset.duration_ms or 0,))


def everything(asset: Asset) -> int:
    """All of an asset's segments."""
    return (1 << len(segments_of(asset))) - 1


def media_time(sent: int, bounds: tuple[int, ...], within: Spans) -> Spans:
    """The parts of media time near ``within`` (ms) whose segments are in ``sent``.

    Args:
        bounds: see ``starts``. The last segment reaches to the video's probed end, however
            its frames add up.
    """
    found: list[tuple[int, int]] = []
    last = len(bounds) - 2
    for start, end in within:
        index = min(last, bisect_right(bounds, start) - 1)
        while index <= last and bounds[index] < end:
            if sent >> index & 1:
                until = bounds[index + 1] if index < last else max(end, bounds[-1])
                if found and bounds[index] <= found[-1][1]:
                    found[-1] = (found[-1][0], max(until, found[-1][1]))
                else:
                    found.append((bounds[index], until))
            index += 1
    return tuple(found)


def runs(sent: int) -> Spans:
    """The set as half-open runs of indices, to read and to keep in evidence."""
    found: list[tuple[int, int]] = []
    index = 0
    while sent >> index:
        rest = sent >> index
        index += (rest & -rest).bit_length() - 1
        length = (~(sent >> index) & (sent >> index) + 1).bit_length() - 1
        found.append((index, index + length))
        index += length
    return tuple(found)


def merge(session: Session, sent: Mapping[str, int]) -> dict[str, int]:
    """Add to what the database knows; returns all that it knows now of these playbacks.

    A few statements for however many playbacks: an evening has a thousand of them each second.
    """
    ids = sorted(sent)  # in one order: two processes must not wait for each other in a ring
    known: dict[str, int] = {}
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = (postgres_insert if postgres else sqlite_insert)(Delivery)
    # In Python's order, whatever language the database sorts by.
    by_name = "C" if postgres else "BINARY"
    for some in (ids[at : at + 500] for at in range(0, len(ids), 500)):
        whose = _pairs(postgres, dict.fromkeys(some, "0"))
        missing = (
            sa.select(whose.c.key, whose.c.value)
            .where(sa.true())  # else SQLite reads ON CONFLICT as a join's
            .order_by(whose.c.key.collate(by_name))
        )
        session.execute(
            insert.from_select(["playback_id", "segments"], missing).on_conflict_do_nothing()
        )
        rows = session.execute(
            sa.select(Delivery.playback_id, Delivery.segments)
            .join(whose, Delivery.playback_id == whose.c.key)
            .order_by(Delivery.playback_id.collate(by_name))
            .with_for_update(of=Delivery)
        )
        before = dict(rows.all())
        known |= {id: int(before[id], 16) | sent[id] for id in some}
        new = _pairs(postgres, {id: f"{known[id]:x}" for id in some})
        session.execute(
            sa.update(Delivery)
            .where(Delivery.playback_id == new.c.key)
            .values(segments=new.c.value)
            .execution_options(synchronize_session=False)
        )
    return known


def _pairs(postgres: bool, texts: dict[str, str]) -> sa.TableValuedAlias:
    """``texts`` as a table of their keys and values."""
    each = sa.func.json_each_text if postgres else sa.func.json_each
    document = sa.bindparam("texts", texts, type_=sa.JSON, unique=True)
    columns = (sa.column("key", sa.Text), sa.column("value", sa.Text))
    return each(document).table_valued(*columns, name="pairs")


def of(session: Session, playback_ids: Iterable[str]) -> dict[str, int]:
    """What the database knows of these playbacks."""
    rows = session.execute(
        sa.select(Delivery.playback_id, Delivery.segments).where(
            Delivery.playback_id.in_(list(playback_ids))
        )
    )
    return {id: int(segments, 16) for id, segments in rows}


@dataclass(slots=True)
class _Remembered:
    sent: int
    saved: int  # of these, what is surely in the database
    at: float  # monotonic seconds of the last change


class Deliveries:
    """This process's own account of what it sent; ``app.extensions['deliveries']``.

    Args:
        folder: for journals, on a local disk; processes of one machine share it.
        background: write to the database by itself; tests call ``flush``.
    """

    def __init__(self, database: db.Database, folder: Path, *, background: bool) -> None:
        self._database, self._folder, self._background = database, folder, background
        self._lock = threading.Lock()
        self._remembered: dict[str, _Remembered] = {}
        self._fresh: dict[str, int] = {}  # of these, what was not yet given to the database
        self._journal: _Journal | None = None
        self._thread: threading.Thread | None = None

    def note(self, playback_id: str, segment: int) -> None:
        """This segment is about to be sent to this playback."""
        bit = 1 << segment
        with self._lock:
            known = self._remembered.get(playback_id)
            if known is None:
                known = self._remembered[playback_id] = _Remembered(0, 0, 0)
            known.at = time.monotonic()
            if known.sent & bit:
                return
            known.sent |= bit
            self._fresh[playback_id] = self._fresh.get(playback_id, 0) | bit
            if self._background:
                self._open_journal().add(playback_id, segment)
        self._start()

    def sent(self, playback_id: str) -> int:
        """What this process knows to have been sent; the database may know more, or less."""
        self._start()
        known = self._remembered.get(playback_id)
        return known.sent if known else 0

    def saved(self, playback_id: str) -> int:
        """What this process has sent and the database is known to have."""
        self._start()
        known = self._remembered.get(playback_id)
        return known.saved if known else 0

    def may_send(
        self, playback_id: str, segment: int, opened_at_s: int, now: datetime
    ) -> float | None:
        """None, or in how many seconds this segment may be fetched: not much faster than it can
        be watched. What other processes sent is known within a flush."""
        known = self._remembered.get(playback_id)
        if known is None or known.sent >> segment & 1:
            return None
        media_ms = known.sent.bit_count() * SEGMENT_S * 1000
        early_ms = media_ms - AHEAD_MS - FASTEST * (epoch_ms(now) - opened_at_s * 1000)
        return early_ms / FASTEST / 1000 if early_ms > 0 else None

    def flush(self) -> int:
        """Tell the database what is new; returns of how many playbacks."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            journal, self._journal = self._journal, None
        try:
            with self._database.transaction() as session:
                merged = merge(session, fresh) if fresh else {}
        except BaseException:
            with self._lock:  # nothing is lost: the journal stays until the next flush succeeds
                for id, bits in fresh.items():
                    self._fresh[id] = self._fresh.get(id, 0) | bits
                if self._journal is None:
                    self._journal = journal
                elif journal is not None:
                    for id, bits in fresh.items():
                        self._journal.add_all(id, bits)
                    journal.remove()
            raise
        if journal is not None:
            journal.remove()
        with self._lock:
            for id, bits in merged.items():
                if id in self._remembered:
                    self._remembered[id].sent |= bits
                    self._remembered[id].saved |= bits
        return len(fresh)

    def adopt(self) -> int:
        """Take over the journals of processes that are gone; returns how many notes they held."""
        adopted = 0
        for path in sorted(self._folder.glob("*.journal")):
            if (orphan := _Journal.orphan(path)) is None:
                continue
            for playback_id, segment in orphan.notes():
                self.note(playback_id, segment)
                adopted += 1
            self.flush()
            orphan.remove()
        return adopted

    def _open_journal(self) -> _Journal:
        if self._journal is None:
            self._journal = _Journal.new(self._folder)
        return self._journal

    def _forget(self) -> None:
        limit = time.monotonic() - REMEMBERED_S
        for id, known in list(self._remembered.items()):
            if known.at < limit:
                with self._lock:
                    if known.at < limit and id not in self._fresh:
                        del self._remembered[id]

    def _start(self) -> None:
        if self._thread is None and self._background:
            with self._lock:
                if self._thread is not None:
                    return
                self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        rounds = 0
        while True:
            try:
                if rounds % 60 == 0:
                    self.adopt()
                    self._forget()
                self.flush()
            except Exception as error:
                log.warning("segments not noted yet", error=type(error).__name__)
            rounds += 1
            time.sleep(FLUSH_EVERY_S)


class _Journal:
    """One process's notes since its last flush. Its lock says that the process is alive."""

    def __init__(self, path: Path, file: int) -> None:
        self.path, self._file = path, file

    @classmethod
    def new(cls, folder: Path) -> _Journal:
        folder.mkdir(parents=True, exist_ok=True)
        name = secrets.token_hex(8)
        making, path = folder / f"{name}.new", folder / f"{name}.journal"
        file = os.open(making, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        making.rename(path)  # locked before anybody can see it
        return cls(path, file)

    @classmethod
    def orphan(cls, path: Path) -> _Journal | None:
        """The journal of a process that is gone; None while it is alive."""
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None  # its owner has just finished with it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return cls(path, file)

    def add(self, playback_id: str, segment: int) -> None:
        os.write(self._file, f"{playback_id} {segment}\n".encode())

    def add_all(self, playback_id: str, sent: int) -> None:
        for start, end in runs(sent):
            for segment in range(start, end):
                self.add(playback_id, segment)

    def notes(self) -> list[tuple[str, int]]:
        """What it holds; a line cut off by the end of its process is left out."""
        found = []
        for line in os.pread(self._file, os.fstat(self._file).st_size, 0).decode().splitlines():
            playback_id, _, segment = line.partition(" ")
            if segment.isdecimal() and len(segment) < 6:
                found.append((playback_id, int(segment)))
        return found

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._file)
