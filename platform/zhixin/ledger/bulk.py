"""Thousands of entries a statement: as each of the databases does it fastest.

Bodies don't travel: they are copied from the outbox where they are. Hashes are the program's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import NamedTuple

from sqlalchemy.orm import Session

#: The outbox row learns its place in the statement that copies it: one pass over both.
_POSTGRES = """
WITH place AS (
    SELECT id, leaf_hash, %(first)s + at - 1 AS entry_index
    FROM unnest(%(ids)b::int[], %(leaves)b::bytea[]) WITH ORDINALITY AS given (id, leaf_hash, at)
), placed AS (
    UPDATE ledger_submission SET entry_index = place.entry_index
    FROM place WHERE ledger_submission.id = place.id
    RETURNING place.entry_index, kind, body, leaf_hash
)
INSERT INTO ledger_entry ("index", kind, body, leaf_hash, appended_at)
SELECT entry_index, kind, body, leaf_hash, %(now)s FROM placed
"""
_WAITING = """
SELECT id, kind, body FROM ledger_submission WHERE entry_index IS NULL ORDER BY id LIMIT {}
"""
_SQLITE_INSERT = """
INSERT INTO ledger_entry ("index", kind, body, leaf_hash, appended_at)
SELECT ?, kind, body, ?, ? FROM ledger_submission WHERE id = ?
"""
_SQLITE_PLACE = "UPDATE ledger_submission SET entry_index = ? WHERE id = ?"


class Waiting(NamedTuple):
    """Submissions that are not in the log yet, in their order."""

    ids: Sequence[int]
    kinds: Sequence[str]
    bodies: list[bytes]


def waiting(session: Session, limit: int) -> Waiting:
    """The oldest of the outbox."""
    cursor = session.connection().connection.cursor()
    cursor.execute(_WAITING.format(int(limit)))
    found = cursor.fetchall()
    cursor.close()
    ids, kinds, bodies = zip(*found, strict=True) if found else ((), (), ())
    return Waiting(ids, kinds, list(map(str.encode, bodies)))


def append(
    session: Session, first: int, ids: Sequence[int], leaves: list[bytes], now: datetime
) -> int:
    """Make entries of the submissions ``ids``, from index ``first`` on.

    Returns:
        How many there are now.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        values = {"first": first, "ids": list(ids), "leaves": leaves, "now": now}
        return connection.exec_driver_sql(_POSTGRES, values).rowcount
    moment = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    indexes = range(first, first + len(ids))
    rows = list(zip(indexes, leaves, repeat(moment), ids, strict=False))
    inserted = connection.exec_driver_sql(_SQLITE_INSERT, rows)
    connection.exec_driver_sql(_SQLITE_PLACE, list(zip(indexes, ids, strict=True)))
    return inserted.rowcount
