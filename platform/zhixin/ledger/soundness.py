"""Does the log hold? Yes or no, in little more time than hashing it takes.

Entries are swept in ranges, by several processes on several cores, of which this one is the
first; what is left for here are the signatures, the ends, and the tiles above the lowest, which
join the ranges.

What isn't done again is parsing each entry: a signed root vouches for its bytes, and the
sequencer signs only what is canonical (``log.append_waiting``). The inspection parses all.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.ledger import checkpoint, sweep, tiles
from zhixin.ledger.inspection import raw, text
from zhixin.ledger.models import Entry, Submission, Tile, TreeHead
from zhixin.ledger.rotation import Ring
from zhixin.ledger.sweep import Differs, PostgresRows, Rows, SqliteRows
from zhixin.ledger.tiles import WIDTH, Place

#: Below this many entries another process costs more than it brings.
WORTH_A_PROCESS = 50_000
#: Entries of a range at most and at least; whole tiles. A process that starts late takes fewer of
#: them, and towards the end they get shorter, so that all processes end together.
LONGEST, SHORTEST = 128 * WIDTH, 16 * WIDTH
_HEADS = 1000


def check(
    session: Session,
    ring: Ring,
    known: Mapping[int, list[bytes]],
    *,
    first: int,
    size: int,
    processes: int,
    on_progress: Callable[[int], None],
) -> None:
    """Check everything from entry ``first``, where a tile begins, to the newest head's ``size``.

    Args:
        known: roots kept outside, by their sizes.
        processes: that may be used.

    Raises:
        Differs: the log does not hold.
    """
    others = min(processes, (size - first) // WORTH_A_PROCESS) - 1 if _can_share(session) else 0
    ranges, told = _Ranges(first, size), _Sum(on_progress)
    with ThreadPoolExecutor(max(1, others)) as pool:
        order = _order(session) if others > 0 else {}
        elsewhere = [pool.submit(_in_another_process, order, ranges, told) for _ in range(others)]
        for each in elsewhere:  # nothing is left, or it has found a difference
            each.add_done_callback(lambda _: ranges.stop())
        try:  # while they start
            _check_ends(session, size)
            _check_known(session, known)
            _check_signatures(session, ring, first, size)
            rows = _rows(session)
            swept = {start: sweep.sweep(rows, start, end, told) for start, end in ranges}
        finally:
            ranges.stop()
        for each in elsewhere:
            swept |= each.result()
    roots = [root for start in sorted(swept) for root in swept[start]]
    _check_upper_tiles(session, first, size, roots)


def _check_ends(session: Session, size: int) -> None:
    """Nothing before the first entry or beyond the newest head."""
    for column in (Entry.index, Submission.entry_index):
        ends = session.execute(sa.select(sa.func.min(column), sa.func.max(column))).one()
        if tuple(ends) != ((0, size - 1) if size else (None, None)):
            raise Differs(f"{column} has other ends")
    count = session.scalar(sa.select(sa.func.count()).select_from(Tile))
    if count != tiles.expected(size):
        raise Differs("tiles are missing, or there are too many")


def _check_known(session: Session, known: Mapping[int, list[bytes]]) -> None:
    for size, roots in known.items():
        root = session.scalar(sa.select(raw(session, TreeHead.root)).where(TreeHead.size == size))
        if any(kept != root for kept in roots):
            raise Differs(f"the head of size {size} is another")


def _check_signatures(session: Session, ring: Ring, first: int, size: int) -> None:
    columns = (raw(session, column) for column in (TreeHead.root, TreeHead.checkpoint))
    rows = sa.select(TreeHead.size, *columns).order_by(TreeHead.size)
    after = first
    while page := session.execute(rows.where(TreeHead.size > after).limit(_HEADS)).all():
        for at, root, note in page:
            try:
                signed = ring.open(text(note))
            except checkpoint.NoteError as error:
                raise Differs(f"head {at}: {error}") from error
            if (signed.size, signed.root) != (at, root):
                raise Differs(f"head {at}")
        after = page[-1][0]
    if after != size:
        raise Differs("heads have other sizes")


def _check_upper_tiles(session: Session, first: int, size: int, roots: list[bytes]) -> None:
    """The tiles above the lowest level hold the roots of those below, and nothing else."""
    rows = _rows(session)
    edge: dict[Place, bytes] = {}
    for level, number in tiles.edge(first):
        width = (first >> tiles.HEIGHT * level) % WIDTH
        for place, hashes in rows.tiles(level, number, number + 1).items():
            edge[place] = hashes[: width * 32]
    try:
        grown = edge | tiles.grow(first // WIDTH, edge, roots, level=1)
    except tiles.TileMissing as error:
        raise Differs(str(error)) from error
    for place, hashes in grown.items():
        if rows.tiles(place.level, place.number, place.number + 1).get(place) != hashes:
            raise Differs(f"tile {place.level}/{place.number}")


class _Ranges:
    """What is to be swept, given out to whoever asks next."""

    def __init__(self, first: int, size: int) -> None:
        self._next, self._size = first, size
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while (taken := self._take()) is not None:
            yield taken

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            start, left = self._next, self._size - self._next
            length = max(SHORTEST, min(LONGEST, left // 4 // WIDTH * WIDTH))
            self._next = min(start + length, self._size)
            return (start, self._next) if left > 0 else None

    def stop(self) -> None:
        """Give out nothing more: somebody has found a difference, or all is done."""
        with self._lock:
            self._next = self._size


def _rows(session: Session) -> Rows:
    driver: Any = session.connection().connection.driver_connection
    return SqliteRows(driver) if _on_sqlite(session) else PostgresRows(driver)


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _can_share(session: Session) -> bool:
    """Whether another process sees what this session sees."""
    bind = session.get_bind()
    return (
        isinstance(bind, sa.Engine) and bool(bind.url.database) and bind.url.database != ":memory:"
    )


def _order(session: Session) -> dict[str, Any]:
    """How another process reads the same moment of the log."""
    bind = session.get_bind()
    assert isinstance(bind, sa.Engine)
    if _on_sqlite(session):
        # Below the newest head nothing changes any more: a later moment shows the same.
        return {"sqlite": bind.url.database}
    url = bind.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return {"postgres": url, "snapshot": session.scalar(sa.text("SELECT pg_export_snapshot()"))}


class _Sum:
    """Tells how many entries are done by all."""

    def __init__(self, on_progress: Callable[[int], None]) -> None:
        self._tell, self._done, self._lock = on_progress, 0, threading.Lock()

    def __call__(self, more: int) -> None:
        with self._lock:
            self._done += more
            self._tell(self._done)


def _in_another_process(
    order: dict[str, Any], ranges: _Ranges, told: Callable[[int], None]
) -> dict[int, list[bytes]]:
    """Have ranges swept; the roots of their full tiles, by where the range begins."""
    with subprocess.Popen(
        [sys.executable, "-m", sweep.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        # By its standard input: an address with a password is for nobody else to see.
        process.stdin.write(json.dumps(order) + "\n")
        swept = {}
        for start, end in ranges:
            process.stdin.write(f"{start} {end}\n")
            process.stdin.flush()
            swept[start] = _answer(process.stdout, told)
    return swept


def _answer(lines: Iterable[str], told: Callable[[int], None]) -> list[bytes]:
    for line in lines:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "done":
            told(int(value))
        elif word == "differs":
            raise Differs(value)
        elif word == "holds":
            roots = base64.b64decode(value)
            return [roots[at : at + 32] for at in range(0, len(roots), 32)]
    raise RuntimeError("a process of the verification failed")
