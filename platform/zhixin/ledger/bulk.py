"""Thousands of entries a statement: as each of the databases does it fastest.

Bodies are bytes all the way. On SQLite they don't travel back: they are copied from the outbox
where they are. To PostgreSQL they go by COPY, which costs it less than copying them from row to
row.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import repeat
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

_COPY = """
COPY ledger_entry ("index", kind, body, leaf_hash, appended_at) FROM STDIN (FORMAT binary)
"""
#: The body's bytes are what its column is sent; as "text" they would have to be a string first.
_TYPES = ("int8", "varchar", "bytea", "bytea", "timestamptz")
#: The outbox row learns its place and hands its words over. Of the outbox only what waits between
#: these ids is read: else PostgreSQL hashes the whole table, all that ever was in the log, to join
#: it with what is given.
_POSTGRES_PLACE = """
UPDATE ledger_submission AS s SET entry_index = %(before)s + given.at, body = NULL,
    leaf_hash = substr(%(leaves)b, (given.at::int - 1) * 32 + 1, 32)
FROM unnest(%(ids)b::int[]) WITH ORDINALITY AS given (id, at)
WHERE s.id = given.id AND s.entry_index IS NULL AND s.id BETWEEN %(lowest)s AND %(highest)s
"""
_WAITING = """
SELECT id, kind, {body} FROM ledger_submission WHERE entry_index IS NULL ORDER BY id LIMIT {limit}
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
    bodies: Sequence[bytes]


def waiting(session: Session, limit: int) -> Waiting:
    """The oldest of the outbox."""
    driver: Any = session.connection().connection.driver_connection
    if session.get_bind().dialect.name == "postgresql":
        from psycopg.types.string import ByteaBinaryLoader

        cursor, body = driver.cursor(binary=True), "body"
        cursor.adapters.register_loader("text", ByteaBinaryLoader)
    else:
        cursor, body = driver.cursor(), "CAST(body AS BLOB)"
    with closing(cursor):
        found = cursor.execute(_WAITING.format(body=body, limit=int(limit))).fetchall()
    ids, kinds, bodies = zip(*found, strict=True) if found else ((), (), ())
    return Waiting(ids, kinds, bodies)


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
            for row in zip(indexes, rows.kinds, rows.bodies, leaves, repeat(now), strict=False):
                copy.write_row(row)
        cursor.close()
        values = {
            "before": first - 1, "ids": list(rows.ids), "leaves": b"".join(leaves),
            "lowest": rows.ids[0], "highest": rows.ids[-1],
        }  # fmt: skip
        return connection.exec_driver_sql(_POSTGRES_PLACE, values).rowcount
    moment = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    entries = list(zip(indexes, leaves, repeat(moment), rows.ids, strict=False))
    inserted = connection.exec_driver_sql(_SQLITE_INSERT, entries)
    connection.exec_driver_sql(_SQLITE_PLACE, list(zip(indexes, leaves, rows.ids, strict=True)))
    return inserted.rowcount
