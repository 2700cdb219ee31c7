"""Thousands of entries a statement: as each of the databases does it fastest.

On SQLite bodies don't travel: they are copied from the outbox where they are. To PostgreSQL they
go back by COPY, which costs it less than copying them from row to row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import NamedTuple

from sqlalchemy.orm import Session

_COPY = """
COPY ledger_entry ("index", kind, body, leaf_hash, appended_at) FROM STDIN (FORMAT binary)
"""
_TYPES = ("int8", "varchar", "text", "bytea", "timestamptz")
#: The outbox row learns its place and hands its words over.
_POSTGRES_PLACE = """
UPDATE ledger_submission SET entry_index = given.at + %(before)s, leaf_hash = given.leaf, body = NULL
FROM unnest(%(ids)b::int[], %(leaves)b::bytea[]) WITH ORDINALITY AS given (id, leaf, at)
WHERE ledger_submission.id = given.id
"""
_WAITING = """
SELECT id, kind, body FROM ledger_submission WHERE entry_index IS NULL ORDER BY id LIMIT {}
"""
_SQLITE_INSERT = """
INSERT INTO ledger_entry ("index", kind, body, leaf_hash, appended_at)
SELECT ?, kind, body, ?, ? FROM ledger_submission WHERE id = ?
"""
_SQLITE_PLACE = """
UPDATE ledger_submission SET entry_index = ?, leaf_hash = ?, body = NULL WHERE id = ?
"""


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


def append(session: Session, first: int, rows: Waiting, leaves: list[bytes], now: datetime) -> int:
    """Make entries of the submissions ``rows``, from index ``first`` on.

    Returns:
        How many there are now.
    """
    connection = session.connection()
    indexes = range(first, first + len(rows.ids))
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            bodies = map(bytes.decode, rows.bodies)
            for row in zip(indexes, rows.kinds, bodies, leaves, repeat(now), strict=False):
                copy.write_row(row)
        cursor.close()
        values = {"before": first - 1, "ids": list(rows.ids), "leaves": leaves}
        return connection.exec_driver_sql(_POSTGRES_PLACE, values).rowcount
    moment = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    entries = list(zip(indexes, leaves, repeat(moment), rows.ids, strict=False))
    inserted = connection.exec_driver_sql(_SQLITE_INSERT, entries)
    connection.exec_driver_sql(_SQLITE_PLACE, list(zip(indexes, leaves, rows.ids, strict=True)))
    return inserted.rowcount
