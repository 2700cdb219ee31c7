"""``zhixin user`` and ``zhixin token``, in a process's shoes."""

from __future__ import annotations

import json
from datetime import date

import pytest
from click.testing import CliRunner, Result

from zhixin import clock, command, db
from zhixin.people import identity_number, tokens
from zhixin.people.commands import token, user
from zhixin.people.models import Role

NUMBER = identity_number.make("500103", date(1990, 1, 2), 7)


@pytest.fixture
def run(app, monkeypatch):
    """Run a command inside the test's application."""
    monkeypatch.setattr(command, "make_app", lambda: app)

    def invoke(group, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(group, list(arguments), input=typed)

    return invoke


def test_a_user_is_created_from_standard_input(run, session) -> None:
    """Password and identity number stay out of the process list."""
    made = run(
        user, "create", "Li.Na", "--name", "李娜", "--role", "author",
        "--password-stdin", "--id-number-stdin", typed=f"a good passphrase\n{NUMBER}\n",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert NUMBER not in made.output
    listed = json.loads(run(user, "list", "--json").output)
    assert listed == [
        {
            "sign_in_name": "li.na",
            "name": "李娜",
            "roles": ["author"],
            "employer": None,
            "active": True,
        }
    ]


def test_a_refusal_is_one_line_and_status_one(run, session) -> None:
    """What the domain refuses reaches the operator as its message."""
    made = run(user, "create", "li.na", "--name", "李娜", "--password-stdin", typed="short\n")
    assert made.exit_code == 1
    assert "密码至少需要" in made.output


def test_roles_come_and_go(run, session, create_person) -> None:
    """Granting and revoking by name."""
    create_person("alice")
    assert run(user, "role", "alice", "reviewer").exit_code == 0
    assert run(user, "role", "alice", "reviewer", "--revoke").exit_code == 0
    assert run(user, "role", "alice", "reviewer", "--revoke").exit_code == 1
    assert run(user, "role", "nobody", "reviewer").exit_code == 1


def test_the_last_administrator_survives_the_command_line(run, session, create_person) -> None:
    """An operator cannot lock everybody out by a slip."""
    create_person("admin", Role.ADMINISTRATOR)
    assert run(user, "deactivate", "admin").exit_code == 1
    create_person("second", Role.ADMINISTRATOR)
    assert run(user, "deactivate", "admin").exit_code == 0


def test_a_new_password_ends_sign_ins(run, create_person, sign_in) -> None:
    """A forgotten or stolen password is replaced on the spot."""
    client = sign_in(create_person("alice"))
    changed = run(user, "password", "alice", "--password-stdin", typed="another passphrase\n")
    assert changed.exit_code == 0, changed.output
    assert client.get("/api/v1/me").status_code == 401


def test_tokens_are_made_listed_and_revoked(run, session, create_person) -> None:
    """Standard output of ``create`` is the token alone, for scripts."""
    create_person("alice")
    made = run(token, "create", "人事系统", "--person", "alice", "--days", "30")
    secret = made.stdout.strip()
    assert tokens.find(db.session(), secret, clock.now()).sign_in_name == "alice"
    rows = json.loads(run(token, "list", "--person", "alice", "--json").output)
    assert [row["name"] for row in rows] == ["人事系统"]
    assert secret not in json.dumps(rows)
    assert run(token, "revoke", str(rows[0]["id"]), "--person", "alice").exit_code == 0
    assert tokens.find(db.session(), secret, clock.now()) is None
