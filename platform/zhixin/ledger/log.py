"""The log's operations: submit with the decision, append in order, prove.

A decision writes a ``Submission`` in its own transaction (the outbox); the sequencer
appends waiting submissions as ``Entry`` rows under one newly signed ``TreeHead``, and their
hashes to the tree's ``Tile`` rows, from which all proofs are made. So there is no entry
without its decision, no decision that stays without its entry, and two sequencers cannot
fork the log: both would need the same primary keys.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import jobs
from zhixin.errors import Invalid, NotFound
from zhixin.ledger import bulk, merkle, rotation, tiles
from zhixin.ledger.canonical import first_strange
from zhixin.ledger.keys import Signer
from zhixin.ledger.merkle import Span
from zhixin.ledger.models import Entry, EntryKind, Opening, Submission, Tile, TreeHead
from zhixin.ledger.tiles import Place

SALT_BYTES = 32
#: Entries under one tree head at most: SQLite's other writers wait meanwhile.
BATCH = 4096
_POSTGRES_TURN = (
    "SELECT pg_advisory_xact_lock(7310001), set_config('client_encoding', 'UTF8', true)"
)
_TILES = (
    "SELECT level, number, hashes, (SELECT max(size) FROM ledger_tree_head) FROM ledger_tile WHERE "
)
_NEWEST = sa.select(sa.func.max(TreeHead.size))  # put together once: a proof takes a millisecond


class LogBroken(Exception):
    """The log was altered behind the program's back; nothing is appended until a person looks."""


def commitment(person_id: int, salt: bytes) -> str:
    """A person as the ledger names them: opened by whoever holds the salt, silent otherwise."""
    opening = rfc8785.dumps({"person": person_id, "salt": salt.hex()})
    return hashlib.sha256(opening).hexdigest()


def submit(
    session: Session,
    kind: EntryKind,
    key: str,
    facts: Mapping[str, Any],
    *,
    person_id: int | None = None,
    now: datetime,
) -> Submission:
    """Put a fact into the outbox, in the transaction of the decision it records.

    Args:
        key: names the decision (``award:17``); a second one with the same key is refused
            by the database.
        facts: JSON without personal data.
        person_id: whom it is about; enters as a salted commitment.

    Raises:
        Invalid: it is longer than 65,535 bytes, the most that a tiled log can serve.
    """
    body: dict[str, Any] = {
        "kind": kind.value,
        "key": key,
        "facts": dict(facts),
        "decided_at": now.isoformat(),
    }
    salt = secrets.token_bytes(SALT_BYTES)
    if person_id is not None:
        body["person"] = commitment(person_id, salt)
    canonical = rfc8785.dumps(body)
    if len(canonical) > tiles.MOST_ENTRY_BYTES:
        raise Invalid("记录过长，无法写入账本", code="entry-too-long")
    submission = Submission(key=key, kind=kind, body=canonical.decode(), submitted_at=now)
    session.add(submission)
    session.flush()
    if person_id is not None:
        session.add(Opening(submission_id=submission.id, person_id=person_id, salt=salt))
        session.flush()
    from zhixin.ledger.tasks import append

    jobs.enqueue(session, append)
    return submission


def append_waiting(session: Session, signer: Signer, now: datetime, limit: int = BATCH) -> int:
    """The sequencer: append waiting submissions in order under one new tree head.

    Returns:
        How many entries were appended.

    Raises:
        LogBroken: the newest tree head is not what was signed, or a submission is not what
            ``submit`` writes.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Sequencers take turns; SQLite's BEGIN IMMEDIATE does the same. Words are sent as bytes.
        session.execute(sa.text(_POSTGRES_TURN))
    waiting = bulk.waiting(session, limit)
    if not waiting.ids:
        return 0
    edge = _edge(session, head(session))
    leaves = _leaves(waiting)
    if bulk.append(session, edge.size, waiting, leaves, now) != len(leaves):
        raise LogBroken(f"of {len(leaves)} submissions not all became entries")
    _sign(session, signer, edge, leaves, now)
    return len(leaves)


def _leaves(waiting: bulk.Waiting) -> list[bytes]:
    """The hashes that are going to be signed: only of what ``submit`` may have written."""
    strange = first_strange(waiting.bodies, waiting.kinds)
    if strange is None and len(max(waiting.bodies, key=len)) <= tiles.MOST_ENTRY_BYTES:
        return merkle.leaf_hashes(waiting.bodies)
    which = f"submission {waiting.ids[strange]}" if strange is not None else "a submission"
    raise LogBroken(f"{which} is not in canonical form, of another kind, or too long")


@dataclass(frozen=True)
class _Edge:
    """Where appending goes on: the tiles that are not full yet."""

    size: int
    tiles: tiles.Tiles


def _edge(session: Session, last: TreeHead | None) -> _Edge:
    """The edge under the newest head. Never one that the last signature does not cover."""
    size = last.size if last else 0
    stored = stored_tiles(session, tiles.edge(size))
    try:
        root = tiles.frontier(size, stored).root()
    except tiles.TileMissing as error:
        raise LogBroken(f"tree head {size}: {error}") from None
    if last and root != last.root:
        raise LogBroken(f"tree head {size}: its tiles lead to another root")
    return _Edge(size, stored)


def _sign(
    session: Session, signer: Signer, edge: _Edge, leaves: list[bytes], now: datetime
) -> None:
    """Add ``leaves`` to the tiles and sign the tree that they make."""
    grown = tiles.grow(edge.size, edge.tiles, leaves)
    rows = [place._asdict() | {"hashes": hashes} for place, hashes in grown.items()]
    longer = [row for row, place in zip(rows, grown, strict=True) if place in edge.tiles]
    new = [row for row, place in zip(rows, grown, strict=True) if place not in edge.tiles]
    for statement, changes in ((sa.update(Tile), longer), (sa.insert(Tile), new)):
        if changes:
            session.execute(statement, changes)
    frontier = tiles.frontier(edge.size + len(leaves), {**edge.tiles, **grown})
    root = frontier.root()
    session.add(
        TreeHead(
            size=frontier.size,
            root=root,
            frontier=frontier.to_bytes(),
            checkpoint=rotation.sign_head(session, signer, frontier.size, root),
            signed_at=now,
        )
    )
    session.flush()


def head(session: Session) -> TreeHead | None:
    """The newest tree head; None while the log is empty."""
    return session.scalar(sa.select(TreeHead).order_by(TreeHead.size.desc()).limit(1))


def entry(session: Session, index: int) -> Entry:
    """One entry.

    Raises:
        NotFound: the log is shorter.
    """
    found = session.get(Entry, index)
    if found is None:
        raise NotFound(f"账本中没有第 {index} 条记录")
    return found


def inclusion(session: Session, index: int, size: int) -> list[bytes]:
    """Proof that entry ``index`` is in the tree of ``size`` entries (RFC 9162 §2.1.3)."""
    if not 0 <= index < size:
        raise Invalid("证明的位置必须小于账本大小", code="out-of-range")
    return _proof(session, size, merkle.inclusion_spans(index, size))


def inclusions(session: Session, indexes: Iterable[int], size: int) -> dict[int, list[bytes]]:
    """``inclusion`` of many entries below ``size`` in one query: hashes that proofs share are made
    once. An entry whose tiles are missing is left out."""
    wanted = {index: merkle.inclusion_spans(index, size) for index in indexes}
    spans = {span for of_one in wanted.values() for span in of_one}
    stored = stored_tiles(session, tiles.places(spans))
    hashes: dict[Span, bytes] = {}
    for span in spans:
        with suppress(tiles.TileMissing):
            hashes[span] = tiles.subtree_hash(span, stored)
    return {
        index: [hashes[span] for span in of_one]
        for index, of_one in wanted.items()
        if hashes.keys() >= set(of_one)
    }


def consistency(session: Session, old: int, new: int) -> list[bytes]:
    """Proof that the tree of ``new`` entries only adds to that of ``old`` (RFC 9162 §2.1.4)."""
    if not 0 < old <= new:
        raise Invalid("起始大小必须大于 0 且不超过结束大小", code="out-of-range")
    return _proof(session, new, merkle.consistency_spans(old, new))


def _proof(session: Session, size: int, spans: list[Span]) -> list[bytes]:
    """The hashes of subtrees of the tree of ``size``: a handful of tiles, in one query."""
    stored, newest = _look(session, tiles.places(spans))
    if newest is None:  # no tile to tell it
        newest = session.scalar(_NEWEST) or 0
    if newest < size:
        raise NotFound(f"账本目前只有 {newest} 条记录")
    try:
        return [tiles.subtree_hash(span, stored) for span in spans]
    except tiles.TileMissing as error:
        raise LogBroken(str(error)) from None


def stored_tiles(session: Session, places: Iterable[Place]) -> dict[Place, bytes]:
    """What is stored at these places, in one query."""
    return _look(session, places)[0]


def _look(session: Session, places: Iterable[Place]) -> tuple[dict[Place, bytes], int | None]:
    """What is stored at these places, and of how many entries the newest head is; None where
    nothing is stored."""
    of_level: dict[int, list[int]] = {}
    for at in sorted(places):
        of_level.setdefault(at.level, []).append(at.number)
    if not of_level:
        return {}, None
    connection = session.connection()
    rows = connection.exec_driver_sql(*_query(connection.dialect.name, of_level)).all()
    stored = {Place(level, number): hashes for level, number, hashes, _newest in rows}
    return stored, rows[0][3] if rows else None


def _query(dialect: str, of_level: dict[int, list[int]]) -> tuple[str, tuple[Any, ...]]:
    """Put together by hand: as an expression that takes four times as long as the answer.

    PostgreSQL gets the same text for all proofs of a tree, so that it plans but one. For SQLite
    the numbers, whole ones of our own, are written out: by pairs it would read the whole table.
    """
    if dialect == "postgresql":
        which = " OR ".join("level = %s AND number = ANY(%s)" for _level in of_level)
        return _TILES + which, tuple(value for each in of_level.items() for value in each)
    which = " OR ".join(
        f"level = {level:d} AND number IN ({','.join(f'{number:d}' for number in numbers)})"
        for level, numbers in of_level.items()
    )
    return _TILES + which, ()


def tile(session: Session, place: Place, width: int) -> bytes | None:
    """The first ``width`` hashes of a tile; None while it is not as wide."""
    stored = session.scalar(
        sa.select(Tile.hashes).where(Tile.level == place.level, Tile.number == place.number)
    )
    wanted = (stored or b"")[: width * merkle.HASH_SIZE]
    return wanted if len(wanted) == width * merkle.HASH_SIZE else None


def bundle(session: Session, number: int, width: int) -> bytes | None:
    """The entries of that many leaves of a tile of level 0; None while there are not as many."""
    first = number * tiles.WIDTH
    bodies = session.scalars(
        sa.select(Entry.body)
        .where(Entry.index >= first, Entry.index < first + width)
        .order_by(Entry.index)
    ).all()
    return tiles.bundle(map(str.encode, bodies)) if len(bodies) == width else None
