"""``zhixin ledger`` on a real installation, as an operator runs it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from zhixin import config, db, schema
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import EntryKind

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Environment of an installation whose log has five entries."""
    own = {"ZHIXIN_DATA_DIR": str(tmp_path), "ZHIXIN_LOG_LEVEL": "ERROR"}
    if request.param == "postgresql":
        url = _own_database(request.getfixturevalue("postgres_engine"))
        own["ZHIXIN_DATABASE_URL"] = url
    settings = config.load(own)
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    with Session(engine) as session:
        for n in range(5):
            log.submit(session, EntryKind.AWARD, f"award:{n}", {"hours": "1.5"}, now=MOMENT)
            if n in (2, 4):
                log.append_waiting(session, Signer.of(settings), MOMENT)
        session.commit()
    engine.dispose()
    return own


def _own_database(shared: Any) -> str:
    name = "ledger_commands"
    with shared.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
        server.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.exec_driver_sql(f"CREATE DATABASE {name}")
    url: str = shared.url.set(database=name).render_as_string(hide_password=False)
    return url


def zhixin(installation: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZHIXIN_")}
    return subprocess.run(
        [sys.executable, "-m", "zhixin", *arguments],
        env=environment | installation,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def tamper(installation: dict[str, str], *statements: str) -> None:
    """Drop the triggers and write, with a tool that knows nothing of the program."""
    if url := installation.get("ZHIXIN_DATABASE_URL"):
        engine = db.make_engine(url)
        with engine.begin() as connection:
            # As a superuser: neither triggers nor foreign keys are asked.
            connection.exec_driver_sql("SET session_replication_role = replica")
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()
        return
    path = Path(installation["ZHIXIN_DATA_DIR"]) / "zhixin.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        for table in ("entry", "tree_head"):
            connection.execute(f"DROP TRIGGER ledger_{table}_no_update")
            connection.execute(f"DROP TRIGGER ledger_{table}_no_delete")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_sound_log_is_confirmed(installation):
    """Size and root, and exit status 0."""
    done = zhixin(installation, "ledger", "verify")
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert "账本完好：5 条记录，2 个签名树头" in done.stdout
    found = json.loads(zhixin(installation, "ledger", "verify", "--json").stdout)
    assert found["holds"]
    assert found["size"] == 5
    assert len(found["root"]) == 64
    assert found["root"] in done.stdout


@pytest.mark.parametrize(
    ("statement", "code", "entry"),
    [
        (
            "UPDATE ledger_entry SET body = replace(body, '1.5', '9.5') WHERE \"index\" = 3",
            "edited",
            3,
        ),
        ('DELETE FROM ledger_entry WHERE "index" = 1', "missing", 1),
        ('DELETE FROM ledger_entry WHERE "index" = 4', "truncated", 4),
        ("DELETE FROM ledger_tree_head WHERE size = 5", "unsigned", 3),
    ],
)
def test_tampering_is_named(installation, statement, code, entry):
    """Which entry is wrong, and exit status 1."""
    tamper(installation, statement)
    done = zhixin(installation, "ledger", "verify", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert done.returncode == 1
    assert (code, entry) in {(finding["code"], finding["entry"]) for finding in findings}
    assert any(f"第 {entry} " in finding["message"] for finding in findings)


def test_a_kept_checkpoint_is_held_against_the_log(installation, tmp_path):
    """`ledger head` today, `ledger verify --checkpoint` ever after."""
    kept = tmp_path / "kept.txt"
    kept.write_text(zhixin(installation, "ledger", "head").stdout)
    assert zhixin(installation, "ledger", "verify", "--checkpoint", str(kept)).returncode == 0
    tamper(
        installation,
        "UPDATE ledger_submission SET entry_index = NULL WHERE entry_index >= 3",
        'DELETE FROM ledger_entry WHERE "index" >= 3',
        "DELETE FROM ledger_tree_head WHERE size = 5",
    )
    assert zhixin(installation, "ledger", "verify").returncode == 0  # shorter, but consistent
    done = zhixin(installation, "ledger", "verify", "--checkpoint", str(kept))
    assert done.returncode == 1
    assert "被截去或改写" in done.stdout


def test_the_log_can_be_exported(installation):
    """One JSON line an entry."""
    done = zhixin(installation, "ledger", "export")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["index"] for line in lines] == list(range(5))
    assert set(lines[0]) == {"index", "body", "leaf_hash"}


def test_the_key_is_shown(installation):
    """As C2SP signed-note writes it."""
    assert zhixin(installation, "ledger", "key").stdout.startswith("zhixin.example/ledger+")
