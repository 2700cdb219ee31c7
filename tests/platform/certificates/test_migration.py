"""Certificates from before there were credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command

from zhixin import schema

BEFORE = "0009"
MOMENT = "2026-01-01 00:00:00"
#: What a certificate needs to stand on, written as the schema of then had it.
ROWS = (
    "INSERT INTO person (id, sign_in_name, password_hash, name, title_level, title_name, locale, "
    f"active, created_at) VALUES (1, 'p', '', '甲', 'none', '', 'zh', true, '{MOMENT}')",
    "INSERT INTO policy (id, area, version, title, source, effective_from, document, sha256, "
    f"published_at) VALUES (1, 'x', 1, '规则', '例', '2020-01-01', '{{}}', 's', '{MOMENT}')",
    f"INSERT INTO evidence (sha256, document, created_at) VALUES ('e', '{{}}', '{MOMENT}')",
    "INSERT INTO award (id, person_id, source_kind, source_id, source_version, title, "
    "subject_kind, day, year, hours, policy_id, evidence_sha256, state, sampled, flags, earned_at) "
    "VALUES (7, 1, 'course', 1, 1, '课程', 'general', '2026-01-01', 2026, 100, 1, 'e', 'recorded', "
    f"false, '[]', '{MOMENT}')",
    "INSERT INTO ledger_submission (id, key, kind, body, submitted_at) "
    f"VALUES (1, 'certificate:1', 'certificate-issued', '{{}}', '{MOMENT}')",
)


@pytest.fixture
def old(empty_engine: sa.Engine) -> Iterator[sa.Connection]:
    """A database of the schema before credentials."""
    with empty_engine.connect() as connection:
        command.upgrade(schema.alembic_config(connection), BEFORE)
        yield connection


def test_they_keep_what_they_are_and_are_tied_to_their_awards(old) -> None:
    """No credential is made up for them; when their hours fall, they fall too."""
    for row in ROWS:
        old.exec_driver_sql(row)
    snapshot = json.dumps({"facts": {"awards": [7]}})
    old.execute(
        sa.text(
            "INSERT INTO certificate (id, number, code, kind, subject_key, person_id, year, "
            "snapshot, sha256, submission_id, issued_at) VALUES (3, 'ZX-2026-000001', 'C', "
            "'course', 'award:7', 1, 2026, :snapshot, 's', 1, :moment)"
        ),
        {"snapshot": snapshot, "moment": MOMENT},
    )
    old.commit()
    schema.upgrade(old)
    assert old.execute(sa.text("SELECT * FROM certificate_award")).all() == [(3, 7)]
    kept = old.execute(sa.text("SELECT snapshot, core, status_list FROM certificate")).one()
    assert kept == (snapshot, None, None)


def test_what_is_frozen_is_frozen_by_the_database(old) -> None:
    """Cores, places and files are never written again, whoever asks."""
    schema.upgrade(old)
    for table, change in (
        ("certificate_credential", "document = ''"),
        ("certificate_award", "award_id = 1"),
    ):
        for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
            old.exec_driver_sql(statement)  # of no row: no harm, no trigger
    triggers = {
        "sqlite": "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger'",
        "postgresql": "SELECT event_object_table FROM information_schema.triggers",
    }[old.dialect.name]
    guarded = set(old.exec_driver_sql(triggers).scalars())
    assert {"certificate", "certificate_award", "certificate_credential"} <= guarded
