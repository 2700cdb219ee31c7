"""Hashing a range of the log once more, as fast as it can be read: does it hold, yes or no?

Bodies, hashes, tiles, roots of tree heads and decisions of a range of entries are held against
each other, without a word about what is wrong: that is ``zhixin.ledger.inspection``'s work,
which is slower. What the range begins with is believed from the stored tiles; whoever asks
checks those (``zhixin.ledger.soundness``). As a program of its own this is one of several
processes, which gets one range after another; it imports next to nothing.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from zhixin.ledger import tiles
from zhixin.ledger.merkle import Frontier, ProofError, leaf_hashes
from zhixin.ledger.tiles import WIDTH, Place

_KIND = b'"kind":"'


class Differs(Exception):
    """Something in the range is not as it must be."""


class Leaves(NamedTuple):
    """The entries under one tile."""

    kinds: Sequence[bytes]
    bodies: Sequence[bytes]
    hashes: bytes  # as they are stored beside the bodies


class Head(NamedTuple):
    """What a tree head says of the tree."""

    size: int
    root: bytes
    frontier: bytes


class Rows(Protocol):
    """What is stored, from index ``first`` up to, and without, ``last``."""

    #: Entries that are read at a time; whole tiles.
    step: int

    def leaves(self, first: int, last: int) -> Iterator[Leaves]:
        """Tile by tile; ``Differs`` where an entry is missing, or has not one decision.

        An entry and its submission have the same kind and the same hash.
        """

    def heads(self, first: int, last: int) -> list[Head]:
        """Of more than ``first`` entries and up to ``last``."""

    def tiles(self, level: int, first: int, last: int) -> dict[Place, bytes]:
        """Of one level, by their numbers."""


def sweep(
    rows: Rows, first: int, last: int, told: Callable[[int], None] = lambda done: None
) -> list[bytes]:
    """Check the entries from ``first``, where a tile begins, up to ``last``.

    Returns:
        The roots of the full tiles.

    Raises:
        Differs: they do not hold.
    """
    try:
        return _sweep(rows, first, last, told)
    except (tiles.TileMissing, ProofError, TypeError, ValueError) as error:
        raise Differs(str(error)) from error


def _sweep(rows: Rows, first: int, last: int, told: Callable[[int], None]) -> list[bytes]:
    stored: dict[Place, bytes] = {}
    for level, number in tiles.edge(first):
        stored |= rows.tiles(level, number, number + 1)
    upper = Frontier(first // WIDTH, tiles.frontier(first, stored).hashes)  # over full tiles
    roots: list[bytes] = []
    for begin in range(first, last, rows.step):
        end = min(begin + rows.step, last)
        stored = rows.tiles(0, begin // WIDTH, -(-end // WIDTH))
        heads = rows.heads(begin, end)[::-1]
        for at, leaves in enumerate(rows.leaves(begin, end)):
            start = begin + at * WIDTH
            tile = _tile(leaves, min(WIDTH, end - start))
            if tile != leaves.hashes or tile != stored.get(Place(0, start // WIDTH)):
                raise Differs(f"tile {start // WIDTH}")
            while heads and heads[-1].size < start + WIDTH:
                _check(heads.pop(), upper, tile)
            if len(tile) == tiles.TILE_BYTES:
                roots.append(tiles.fold(tile))
                upper = upper.push(roots[-1])
                if heads and heads[-1].size == start + WIDTH:
                    _check(heads.pop(), upper, b"")
        told(end - begin)
    return roots


def _tile(leaves: Leaves, width: int) -> bytes:
    if len(leaves.bodies) != width:
        raise Differs("an entry is missing")
    for kind in set(leaves.kinds):
        _check_kind(kind, leaves)
    return b"".join(leaf_hashes(leaves.bodies))


def _check_kind(kind: bytes, leaves: Leaves) -> None:
    """Behind the last ``_KIND`` in a canonical entry there is its own kind."""
    own = _KIND + kind + b'"'
    bodies = leaves.bodies
    if leaves.kinds.count(kind) != len(bodies):
        pairs = zip(leaves.kinds, bodies, strict=True)
        bodies = [body for named, body in pairs if named == kind]
    # From -1 on, where there is no such name, a body never starts with it.
    if [body for body in bodies if not body.startswith(own, body.rfind(_KIND))]:
        raise Differs("an entry is of another kind")


def _check(head: Head, upper: Frontier, tile: bytes) -> None:
    width = head.size % WIDTH
    inner = tiles.frontier(width, {Place(0, 0): tile}).hashes
    frontier = Frontier(head.size, upper.hashes + inner)
    if frontier.root() != head.root or frontier.to_bytes() != head.frontier:
        raise Differs(f"head {head.size}")


class SqliteRows:
    """From a ``sqlite3`` connection."""

    step = 4 * WIDTH  # what the processor's cache holds

    def __init__(self, connection: Any) -> None:
        self._execute = connection.cursor().execute

    def leaves(self, first: int, last: int) -> Iterator[Leaves]:
        # Both together, so that an entry is read once. CROSS: in the order of entries.
        found = self._execute(
            """
            SELECT CAST(e.kind AS BLOB), CAST(e.body AS BLOB), CAST(e.leaf_hash AS BLOB),
                s.leaf_hash IS e.leaf_hash AND s.kind IS e.kind
                AND typeof(e.body) = 'text' AND typeof(e.leaf_hash) = 'blob'
            FROM ledger_entry e CROSS JOIN ledger_submission s ON s.entry_index = e."index"
            WHERE e."index" >= ? AND e."index" < ? ORDER BY e."index"
            """,
            (first, last),
        ).fetchall()
        (decisions,) = self._execute(
            "SELECT count(*) FROM ledger_submission WHERE entry_index >= ? AND entry_index < ?",
            (first, last),
        ).fetchone()
        if not len(found) == decisions == last - first:
            raise Differs("entries or decisions are missing, or there are too many")
        for at in range(0, len(found), WIDTH):
            kinds, bodies, hashes, fits = zip(*found[at : at + WIDTH], strict=True)
            if not all(fits):
                raise Differs("an entry differs from its decision")
            yield Leaves(kinds, bodies, b"".join(hashes))

    def heads(self, first: int, last: int) -> list[Head]:
        found = self._execute(
            "SELECT size, CAST(root AS BLOB), CAST(frontier AS BLOB) FROM ledger_tree_head"
            " WHERE size > ? AND size <= ? ORDER BY size",
            (first, last),
        )
        return [Head(*row) for row in found.fetchall()]

    def tiles(self, level: int, first: int, last: int) -> dict[Place, bytes]:
        found = self._execute(
            "SELECT number, CAST(hashes AS BLOB) FROM ledger_tile"
            " WHERE level = ? AND number >= ? AND number < ?",
            (level, first, last),
        )
        return {Place(level, number): hashes for number, hashes in found.fetchall()}


#: A subquery for each tile: the entries and the submissions of 256 indexes, each in their index's
#: order, are merged as they are read, and nothing is sorted. Pairs that differ don't count.
_POSTGRES_LEAVES = """
SELECT start, page.* FROM generate_series(%(first)s::bigint, %(last)s - 1, 256) start
CROSS JOIN LATERAL (
    SELECT count(*),
        string_agg(e.kind, E'\\n' ORDER BY e."index"),
        string_agg(e.body, E'\\n' ORDER BY e."index"),
        string_agg(e.leaf_hash, '' ORDER BY e."index")
    FROM ledger_entry e JOIN ledger_submission s
        ON s.entry_index = e."index" AND s.leaf_hash = e.leaf_hash AND s.kind = e.kind
    WHERE e."index" >= start AND e."index" < least(start + 256, %(last)s)
    AND s.entry_index >= start AND s.entry_index < least(start + 256, %(last)s)
) page
"""


class PostgresRows:
    """From a ``psycopg`` connection: a row for each tile, so that little is left to unpack."""

    step = 32 * WIDTH  # fewer ways to the server and back

    def __init__(self, connection: Any) -> None:
        from psycopg.types.string import ByteaBinaryLoader

        self._cursor = connection.cursor(binary=True)
        # Words stay the bytes that are hashed.
        self._cursor.adapters.register_loader("text", ByteaBinaryLoader)
        self._cursor.execute("SET LOCAL client_encoding = 'UTF8'")
        # From a million entries on, a page seems dear enough to compile; that takes far longer.
        self._cursor.execute("SET LOCAL jit = off")

    def _execute(self, statement: str, values: Any) -> Any:
        return self._cursor.execute(statement, values).fetchall()

    def leaves(self, first: int, last: int) -> Iterator[Leaves]:
        # Canonical JSON has no line breaks: as one text the words of a tile are unpacked faster
        # than as an array of them. Where somebody put a line break in, the numbers don't match.
        found = self._execute(_POSTGRES_LEAVES, {"first": first, "last": last})
        for start, count, kinds, bodies, hashes in sorted(found, key=itemgetter(0)):
            if count != min(WIDTH, last - start):
                raise Differs("entries or decisions are missing, too many, or not the same")
            yield Leaves(kinds.split(b"\n"), bodies.split(b"\n"), hashes)

    def heads(self, first: int, last: int) -> list[Head]:
        found = self._execute(
            "SELECT size, root, frontier FROM ledger_tree_head"
            " WHERE size > %s AND size <= %s ORDER BY size",
            (first, last),
        )
        return [Head(*row) for row in found]

    def tiles(self, level: int, first: int, last: int) -> dict[Place, bytes]:
        found = self._execute(
            "SELECT number, hashes FROM ledger_tile"
            " WHERE level = %s AND number >= %s AND number < %s",
            (level, first, last),
        )
        return {Place(level, number): hashes for number, hashes in found}


def _connect(order: dict[str, Any]) -> Rows:
    if path := order.get("sqlite"):
        import sqlite3

        connection = sqlite3.connect(path, isolation_level=None, timeout=15)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        return SqliteRows(connection)
    import psycopg

    postgres = psycopg.connect(order["postgres"], autocommit=True)
    postgres.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    postgres.execute(f"SET TRANSACTION SNAPSHOT '{order['snapshot']}'".encode())
    return PostgresRows(postgres)


def main() -> None:
    """Sweep the ranges that standard input orders, one a line; answer line by line."""
    rows = _connect(json.loads(sys.stdin.readline()))

    def say(word: str, value: object) -> None:
        sys.stdout.write(f"{word} {value}\n")
        sys.stdout.flush()

    for line in sys.stdin:
        first, last = map(int, line.split())
        try:
            roots = sweep(rows, first, last, lambda done: say("done", done))
        except Differs as difference:
            say("differs", difference)
        else:
            say("holds", base64.b64encode(b"".join(roots)).decode())


if __name__ == "__main__":
    main()
