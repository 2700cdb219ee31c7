"""Upgrading keeps what is there: a database as the first released schema left it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
import sqlalchemy as sa
from alembic import command
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from zhixin import schema
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.ledger import checkpoint, log, merkle, verification
from zhixin.ledger.checkpoint import Checkpoint

#: The newest schema of the first release.
FIRST = "0004"
ORIGIN, KEY = "upgrade.example/log", Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ENTRIES = 700  # more than two tiles
#: 31 December 17:00 UTC is New Year's Day in the city.
EARNED = datetime(2025, 12, 31, 17, 0, tzinfo=UTC)


def _first_release(connection: sa.Connection) -> None:
    """A person with an award, and a ledger, written as the first release wrote them."""
    command.upgrade(schema.alembic_config(connection), FIRST)
    tables = sa.MetaData()
    tables.reflect(connection)

    def put(table: str, *rows: dict[str, Any]) -> None:
        connection.execute(sa.insert(tables.tables[table]), list(rows))

    at = EARNED.replace(tzinfo=None) if connection.dialect.name == "sqlite" else EARNED
    put("person", {
        "id": 1, "sign_in_name": "learner", "password_hash": "-", "name": "欧阳明远", "title_level": "none",
        "title_name": "", "locale": "zh", "active": True, "created_at": at,
    })  # fmt: skip
    put("policy", {
        "id": 1, "area": "city", "version": 1, "title": "规则", "source": "示例", "sha256": "0" * 64,
        "effective_from": at.date(), "document": {}, "published_at": at,
    })  # fmt: skip
    put("evidence", {"sha256": "1" * 64, "document": "{}", "created_at": at})
    put("award", {
        "id": 1, "person_id": 1, "source_kind": "course", "source_id": 1, "source_version": 1, "title": "课",
        "subject_kind": "general", "year": 2026, "hours": 150, "policy_id": 1, "evidence_sha256": "1" * 64,
        "state": "recorded", "sampled": False, "flags": [], "earned_at": at,
    })  # fmt: skip
    bodies = [
        rfc8785.dumps({"kind": "award", "key": f"award:{n}", "facts": {"award": n}}).decode()
        for n in range(ENTRIES)
    ]
    leaves = [merkle.leaf_hash(body.encode()) for body in bodies]
    put("ledger_entry", *(
        {"index": n, "kind": "award", "body": body, "leaf_hash": leaf, "appended_at": at}
        for n, (body, leaf) in enumerate(zip(bodies, leaves, strict=True))
    ))  # fmt: skip
    put("ledger_submission", *(
        {"id": n + 1, "key": f"award:{n}", "kind": "award", "body": body, "submitted_at": at, "entry_index": n}
        for n, body in enumerate(bodies)
    ))  # fmt: skip
    for size in (300, ENTRIES):
        edge = merkle.frontier(leaves[:size])
        note = checkpoint.sign(Checkpoint(ORIGIN, size, edge.root()), ORIGIN, KEY)
        put("ledger_tree_head", {
            "size": size, "root": edge.root(), "frontier": edge.to_bytes(), "checkpoint": note, "signed_at": at,
        })  # fmt: skip
    connection.commit()


@pytest.fixture
def upgraded(empty_engine: sa.Engine) -> sa.Engine:
    with empty_engine.connect() as connection:
        _first_release(connection)
        schema.upgrade(connection)
    return empty_engine


def test_awards_get_the_day_of_the_city(upgraded: sa.Engine) -> None:
    """An award of New Year's night keeps everything and counts for the city's day."""
    with Session(upgraded) as session:
        award = session.scalars(sa.select(Award)).one()
        assert (str(award.day), award.year, str(award.hours)) == ("2026-01-01", 2026, "1.5")
        assert (award.state, award.activity, award.corrects_id) == (State.RECORDED, None, None)


def test_awards_are_guarded_as_before(upgraded: sa.Engine) -> None:
    """Old columns and new ones: only where an award stands may change."""
    for column in ("hours = 9", "day = '2020-01-01'", "activity = 'x'"):
        with upgraded.connect() as connection, pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql(f"UPDATE award SET {column}")
    with upgraded.connect() as connection:
        connection.exec_driver_sql("UPDATE award SET reason = '说明'")
        connection.commit()


def test_the_ledger_holds_and_proves_as_before(upgraded: sa.Engine) -> None:
    """Checkpoints that somebody kept are still those of this log."""
    keys = [checkpoint.verifier_key(ORIGIN, KEY)]
    with Session(upgraded) as session:
        report = verification.verify(session, keys)
        assert (report.findings, report.size) == ([], ENTRIES)
        head = log.head(session)
        for index in (0, 255, 256, 699):
            leaf = log.entry(session, index).leaf_hash
            path = log.inclusion(session, index, ENTRIES)
            merkle.verify_inclusion(index, ENTRIES, leaf, path, head.root)
