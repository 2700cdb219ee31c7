"""``zhixin ledger`` on a real installation, as an operator runs it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.platform.ledger.tampering import DETACH
from zhixin import config, db, schema
from zhixin.ledger import log
from zhixin.ledger.commands import ledger
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import EntryKind

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
EDIT = "UPDATE ledger_entry SET body = replace(body, '1.5', '9.5') WHERE \"index\" = 3"


def fill(installation: dict[str, str]) -> dict[str, str]:
    """An installation whose log has five entries under two tree heads."""
    settings = config.load(installation)
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    with Session(engine) as session:
        for n in range(5):
            # Of no award in the table of hours, which is held against the log too.
            log.submit(
                session, EntryKind.POLICY_PUBLISHED, f"award:{n}", {"hours": "1.5"}, now=MOMENT
            )
            if n in (2, 4):
                log.append_waiting(session, Signer.of(settings), MOMENT)
        session.commit()
    engine.dispose()
    return installation


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """Environment of an installation on SQLite."""
    return fill({"ZHIXIN_DATA_DIR": str(tmp_path), "ZHIXIN_LOG_LEVEL": "ERROR"})


@pytest.fixture
def production(tmp_path: Path, postgres_engine: sa.Engine) -> Iterator[dict[str, str]]:
    """Environment of an installation on PostgreSQL."""
    name = f"own_{uuid4().hex}"
    url = postgres_engine.url.set(database=name).render_as_string(hide_password=False)
    with postgres_engine.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
        server.exec_driver_sql(f"CREATE DATABASE {name}")
        yield fill(
            {
                "ZHIXIN_DATA_DIR": str(tmp_path),
                "ZHIXIN_DATABASE_URL": url,
                "ZHIXIN_LOG_LEVEL": "ERROR",
            }
        )
        server.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def zhixin(embedded: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``zhixin ledger …`` on the embedded installation."""
    for name, value in embedded.items():
        monkeypatch.setenv(name, value)
    # The runner closes the stream that logs would go to.
    monkeypatch.setattr("zhixin.observe.configure_logging", lambda _settings: None)
    return lambda *arguments: CliRunner().invoke(ledger, arguments)


def as_operator(installation: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZHIXIN_")}
    return subprocess.run(
        [sys.executable, "-m", "zhixin", *arguments],
        env=environment | installation,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def tamper_sqlite(installation: dict[str, str], *statements: str) -> None:
    """Drop the triggers and write, with a tool that knows nothing of the program."""
    path = Path(installation["ZHIXIN_DATA_DIR"]) / "zhixin.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        guards = (
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'ledger_%'"
        )
        for (name,) in connection.execute(guards).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def tamper_postgres(installation: dict[str, str], *statements: str) -> None:
    """As a superuser, for whom neither triggers nor foreign keys are asked."""
    engine = db.make_engine(installation["ZHIXIN_DATABASE_URL"])
    with engine.begin() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "tamper"), [("embedded", tamper_sqlite), ("production", tamper_postgres)]
)
def test_an_operator_is_told(request, name, tamper):
    """Exit status 0 while the log holds; 1, and the entry's number, once somebody edited it."""
    installation = request.getfixturevalue(name)
    done = as_operator(installation, "ledger", "verify")
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert "账本完好：5 条记录，2 个签名树头" in done.stdout
    tamper(installation, EDIT)
    done = as_operator(installation, "ledger", "verify")
    assert (done.returncode, done.stderr.strip()) == (1, "")
    assert "第 3 条记录的内容与其哈希不符" in done.stdout


def test_a_sound_log_as_json(zhixin):
    """Size and root for programs."""
    done = zhixin("verify", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["holds"], found["size"], found["findings"]) == (0, True, 5, [])
    assert len(found["root"]) == 64


@pytest.mark.parametrize(
    ("statement", "code", "entry"),
    [
        (EDIT, "edited", 3),
        ('DELETE FROM ledger_entry WHERE "index" = 1', "missing", 1),
        ('DELETE FROM ledger_entry WHERE "index" = 4', "truncated", 4),
        ("DELETE FROM ledger_tree_head WHERE size = 5", "unsigned", 3),
    ],
)
def test_tampering_is_named(embedded, zhixin, statement, code, entry):
    """Which entry is wrong, and exit status 1."""
    tamper_sqlite(embedded, statement)
    done = zhixin("verify", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert done.exit_code == 1
    assert (code, entry) in {(finding["code"], finding["entry"]) for finding in findings}
    assert any(f"第 {entry} " in finding["message"] for finding in findings)


def test_a_kept_checkpoint_is_held_against_the_log(embedded, zhixin, tmp_path):
    """`ledger head` today, `ledger verify --checkpoint` ever after."""
    kept = tmp_path / "kept.txt"
    kept.write_text(zhixin("head").stdout)
    assert zhixin("verify", "--checkpoint", str(kept)).exit_code == 0
    tamper_sqlite(
        embedded,
        DETACH + " WHERE entry_index >= 3",
        'DELETE FROM ledger_entry WHERE "index" >= 3',
        "DELETE FROM ledger_tree_head WHERE size = 5",
        "UPDATE ledger_tile SET hashes = substr(hashes, 1, 3 * 32)",
    )
    assert zhixin("verify").exit_code == 0  # shorter, but consistent
    done = zhixin("verify", "--checkpoint", str(kept))
    assert done.exit_code == 1
    assert "被截去或改写" in done.stdout


def test_only_what_came_after_a_checkpoint(embedded, zhixin, tmp_path):
    """`ledger verify --since`: the log still begins with what was verified then."""
    kept = tmp_path / "kept.txt"
    kept.write_text(zhixin("head").stdout)
    done = zhixin("verify", "--since", str(kept))
    assert (done.exit_code, "账本完好" in done.stdout) == (0, True)
    tamper_sqlite(embedded, "UPDATE ledger_tile SET hashes = zeroblob(160)")
    done = zhixin("verify", "--since", str(kept))
    assert done.exit_code == 1
    assert "账本不再以此前保存的、大小为 5 的树头开始" in done.stdout


def test_a_thorough_verification_finds_the_same(embedded, zhixin):
    """Slower, and of one mind with the quick one."""
    assert zhixin("verify", "--thorough").exit_code == 0
    tamper_sqlite(embedded, EDIT)
    assert zhixin("verify", "--thorough").exit_code == 1


def test_hours_that_only_the_log_has_are_told(embedded, zhixin):
    """The log holds in itself; what is kept beside it does not agree."""
    settings = config.load(embedded)
    engine = db.make_engine(settings.database)
    with Session(engine) as session:
        log.submit(session, EntryKind.AWARD, "award:7", {"hours": "1.5"}, now=MOMENT)
        log.append_waiting(session, Signer.of(settings), MOMENT)
        session.commit()
    engine.dispose()
    done = zhixin("verify")
    assert done.exit_code == 1
    assert done.stdout == "✗ 账本中的“award:7”在学时表中没有对应的记录\n"


def test_the_log_can_be_exported(zhixin):
    """One JSON line an entry."""
    lines = [json.loads(line) for line in zhixin("export").stdout.splitlines()]
    assert [line["index"] for line in lines] == list(range(5))
    assert set(lines[0]) == {"index", "body", "leaf_hash"}


def test_the_key_is_shown(zhixin):
    """As C2SP signed-note writes it."""
    assert zhixin("key").stdout.startswith("zhixin.example/ledger+")


def test_init_encrypts_what_was_plain(embedded, zhixin, monkeypatch):
    """The key that signed so far goes on, now under a passphrase; a second run changes nothing."""
    before = zhixin("key").stdout
    plain = zhixin("init")
    assert "密钥未加密" in plain.stderr
    monkeypatch.setenv("ZHIXIN_KEY_PASSPHRASE", "three words long")
    done = json.loads(zhixin("init", "--json").stdout)
    assert [key["encrypted_now"] for key in done["keys"]] == [True, True]
    assert [
        key["encrypted_now"] for key in json.loads(zhixin("init", "--json").stdout)["keys"]
    ] == [
        False,
        False,
    ]
    assert zhixin("key").stdout == before
    names = {path.name for path in (Path(embedded["ZHIXIN_DATA_DIR"]) / "keys").iterdir()}
    assert {n for n in names if n.startswith(("ledger", "issuer"))} == {
        "ledger_key.pem",
        "issuer_key.pem",
    }


def test_a_wrong_passphrase_is_one_line(zhixin, monkeypatch):
    """Exit status 1 and the reason."""
    monkeypatch.setenv("ZHIXIN_KEY_PASSPHRASE", "three words long")
    zhixin("init")
    monkeypatch.setenv("ZHIXIN_KEY_PASSPHRASE", "other words")
    done = zhixin("key")
    assert done.exit_code == 1
    assert "口令不对" in done.stderr


PROGRAM = config.ROOT / "platform/zhixin/ledger/offline/zhixin_verify.py"


def offline(*arguments: str) -> int:
    """Exit status of the program that others have."""
    command = [sys.executable, "-I", str(PROGRAM), *arguments]
    return subprocess.run(command, capture_output=True, timeout=180, check=False).returncode


def test_a_proof_is_checked_by_others(zhixin, tmp_path):
    """`prove` and `consistency` write what the offline verifier reads."""
    key = zhixin("key").stdout.strip()
    proof, path = tmp_path / "proof.json", tmp_path / "path.json"
    assert "第 1 条" in zhixin("prove", "1", "-o", str(proof)).stdout
    assert offline(str(proof), "--key", key) == 0
    assert json.loads(zhixin("prove", "--entry", "1", "--json").stdout) == json.loads(
        proof.read_text()
    )
    kept = tmp_path / "kept.txt"
    zhixin("export", str(tmp_path / "copy"))
    kept.write_text((tmp_path / "copy" / "checkpoint").read_text())
    assert zhixin("consistency", "3", "-o", str(path)).exit_code == 0
    assert json.loads(path.read_text())["to"] == 5
    assert offline(str(proof), "--key", key, "--checkpoint", str(kept)) == 0
    proof.write_text(proof.read_text().replace("1.5", "9.5"))
    assert offline(str(proof), "--key", key) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prove"], "二者择一"),
        (["prove", "1", "--entry", "1"], "二者择一"),
        (["prove", "99"], "award:99"),
        (["prove", "--entry", "99"], "99"),
        (["prove", "1", "--with-opening"], "承诺"),
        (["consistency", "9"], "起始"),
        (["consistency", "3", "9"], "5 条"),
    ],
)
def test_what_cannot_be_proved_is_one_line(zhixin, arguments, told):
    """Exit status 1 and the reason."""
    done = zhixin(*arguments)
    assert done.exit_code == 1
    assert told in done.stderr


def test_an_export_can_be_checked_elsewhere(zhixin, tmp_path):
    """Without the database; an edited file is found."""
    folder = tmp_path / "copy"
    key = zhixin("key").stdout.strip()
    assert json.loads(zhixin("export", str(folder), "--json").stdout)["size"] == 5
    done = zhixin("verify-copy", str(folder), "--key", key, "--json")
    assert (done.exit_code, json.loads(done.stdout)["size"]) == (0, 5)
    bundle = folder / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b"1.5", b"9.5"))
    assert zhixin("verify-copy", str(folder)).exit_code == 1


def test_the_key_is_changed(embedded, zhixin, monkeypatch):
    """By a command, at once; the old one goes by another; the log verifies all along."""
    monkeypatch.setenv("ZHIXIN_BROKER_URL", "memory://")
    before = zhixin("key").stdout.strip()
    assert zhixin("retire-key", "--yes").exit_code == 1  # nothing to retire yet
    done = zhixin("rotate-key", "--yes", "--json")
    assert done.exit_code == 0
    changed = json.loads(done.stdout)
    assert changed["old"] == before
    assert zhixin("key").stdout.strip() == changed["new"]
    lines = zhixin("key", "--all").stdout.splitlines()
    assert lines == [f"{before} 0", f"{changed['new']} 5"]
    assert zhixin("head").stdout.count("— ") == 2
    assert zhixin("verify").exit_code == 0
    assert zhixin("retire-key", "--yes").exit_code == 0
    assert zhixin("verify").exit_code == 0
    names = {path.name for path in (Path(embedded["ZHIXIN_DATA_DIR"]) / "keys").iterdir()}
    assert {name for name in names if name.startswith("ledger")} == {"ledger_key.pem"}


def test_witnesses_are_managed(zhixin):
    """Made known, listed, retired."""
    key = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    assert zhixin("witness", "add", key).exit_code == 0
    (row,) = json.loads(zhixin("witness", "list", "--json").stdout)
    assert (row["name"], row["size"]) == ("remora.n621.de", None)
    assert zhixin("witness", "remove", "remora.n621.de").exit_code == 0
    assert json.loads(zhixin("witness", "list", "--json").stdout) == []
    assert zhixin("witness", "add", "nonsense").exit_code == 1
