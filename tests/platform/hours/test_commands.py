"""``zhixin policy`` on a real installation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from zhixin import clock, config, db, schema
from zhixin.hours import policies
from zhixin.hours.commands import policy
from zhixin.people import accounts
from zhixin.people.models import Person, Role


@pytest.fixture
def zhixin_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command of the group on an empty SQLite installation."""
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ZHIXIN_BROKER_URL", "memory://")
    # The runner closes the stream that logs would go to.
    monkeypatch.setattr("zhixin.observe.configure_logging", lambda _settings: None)
    engine = db.make_engine(config.load().database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    engine.dispose()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(policy, arguments)

    return run


def test_without_a_policy_it_says_so(zhixin_policy):
    """One line and exit status 1."""
    done = zhixin_policy("show")
    assert done.exit_code == 1
    assert "尚未发布" in done.output


def test_the_default_is_ensured_once(zhixin_policy):
    """Repeating it changes nothing."""
    assert "国家规定与示例换算" in zhixin_policy("ensure").output
    assert "未作改动" in zhixin_policy("ensure").output
    assert len(json.loads(zhixin_policy("list", "--json").output)) == 1


def test_an_edited_policy_is_published(zhixin_policy, tmp_path):
    """`show` → edit → `publish`: in force from its date."""
    zhixin_policy("ensure")
    content = json.loads(zhixin_policy("show", "--shipped", "example").output)
    content |= {"title": "本市规则", "effective_from": "2026-01-01"}
    file = tmp_path / "city.json"
    file.write_text(json.dumps(content))
    assert zhixin_policy("publish", str(file)).exit_code == 0
    assert json.loads(zhixin_policy("show").output)["title"] == "本市规则"
    earlier = json.loads(zhixin_policy("show", "--on", "2020-01-01").output)
    assert earlier["title"] == "国家规定与示例换算"


def test_a_broken_file_is_refused(zhixin_policy, tmp_path):
    """In one line, with nothing published."""
    file = tmp_path / "city.json"
    file.write_bytes(b"\xff\xfe{")
    done = zhixin_policy("publish", str(file))
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert zhixin_policy("list").output == ""


def test_a_file_becomes_an_administrators_draft(zhixin_policy, tmp_path):
    """To be reviewed and published by another; nobody else's name will do."""
    file = tmp_path / "city.json"
    file.write_text(policies.shipped("example"))
    assert zhixin_policy("draft", str(file), "--by", "root").exit_code == 1
    engine = db.make_engine(config.load().database)
    with Session(engine) as session:
        root = Person(sign_in_name="root", password_hash="x", name="管理员", created_at=clock.now())
        session.add(root)
        accounts.grant(session, root, Role.ADMINISTRATOR)
        session.commit()
    engine.dispose()
    done = zhixin_policy("draft", str(file), "--by", "root")
    assert done.exit_code == 0
    assert "已导入为草案 1" in done.output
    assert json.loads(zhixin_policy("list", "--json").output) == []
