"""A log from before there were tiles."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.orm import Session

from zhixin import schema
from zhixin.ledger import log, merkle, tiles
from zhixin.ledger.models import Entry, EntryKind, Tile, TreeHead

BEFORE = "0005"
SIZE = 700


@pytest.fixture
def old(empty_engine: sa.Engine) -> Iterator[sa.Connection]:
    """A database of the schema before tiles, whose log has entries under signed heads."""
    with empty_engine.connect() as connection:
        command.upgrade(schema.alembic_config(connection), BEFORE)
        yield connection


def fill(connection, signer, now, *, leaf=None):
    """Entries under two heads, written as the program did it then."""
    edge = merkle.Frontier()
    for size in (300, SIZE):
        first = edge.size
        bodies = [f'{{"kind":"award","n":{n}}}' for n in range(first, size)]
        leaves = [merkle.leaf_hash(body.encode()) for body in bodies]
        edge = merkle.frontier([*edge_leaves(connection), *leaves])
        rows = [
            {"index": first + n, "kind": "award", "body": body, "leaf_hash": hashed, "appended_at": now}
            for n, (body, hashed) in enumerate(zip(bodies, leaves, strict=True))
        ]  # fmt: skip
        if leaf is not None:
            rows[7]["leaf_hash"], leaf = leaf, None
        connection.execute(sa.insert(Entry), rows)
        connection.execute(
            sa.insert(TreeHead).values(
                size=size, root=edge.root(), frontier=edge.to_bytes(),
                checkpoint=signer.sign(size, edge.root()), signed_at=now,
            )
        )  # fmt: skip
    connection.commit()
    return edge


def edge_leaves(connection):
    bodies = connection.scalars(sa.select(Entry.body).order_by(Entry.index)).all()
    return [merkle.leaf_hash(body.encode()) for body in bodies]


def stored(session):
    return {tiles.Place(t.level, t.number): t.hashes for t in session.scalars(sa.select(Tile))}


@pytest.mark.parametrize("step", [65_536, 100])
def test_an_existing_log_gets_its_tiles(old, signer, now, monkeypatch, step):
    """They are those of its entries, lead to the signed root, and the sequencer goes on."""
    migration = importlib.import_module("zhixin.migrations.versions.0006_ledger_tiles")
    monkeypatch.setattr(migration, "STEP", step)
    edge = fill(old, signer, now)
    schema.upgrade(old)
    old.commit()
    with Session(old) as session:
        assert stored(session) == tiles.grow(0, {}, edge_leaves(old))
        path = log.inclusion(session, 650, SIZE)
        merkle.verify_inclusion(650, SIZE, edge_leaves(old)[650], path, edge.root())
        log.submit(session, EntryKind.AWARD, "award:new", {}, now=now)
        assert log.append_waiting(session, signer, now) == 1
        session.commit()
        with pytest.raises(sa.exc.IntegrityError, match="append-only"):
            session.execute(sa.update(Tile).values(hashes=bytes(32)))


@pytest.mark.parametrize("leaf", [bytes(32), b"short"])
def test_an_altered_log_gets_no_tiles(old, signer, now, leaf):
    """The upgrade goes through, and the sequencer stops there as it must."""
    fill(old, signer, now, leaf=leaf)
    schema.upgrade(old)
    old.commit()
    with Session(old) as session:
        assert stored(session) == {}
        log.submit(session, EntryKind.AWARD, "award:new", {}, now=now)
        with pytest.raises(log.LogBroken):
            log.append_waiting(session, signer, now)


def test_an_empty_log_has_none(old):
    """A new installation."""
    schema.upgrade(old)
    old.commit()
    with Session(old) as session:
        assert stored(session) == {}
