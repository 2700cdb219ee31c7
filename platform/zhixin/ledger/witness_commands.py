"""``zhixin ledger witness``: whom this log takes cosignatures from."""

from __future__ import annotations

from typing import Any

import click

from zhixin import clock, db
from zhixin.command import with_app
from zhixin.ledger import witness as witnesses
from zhixin.ledger.key_commands import as_json_option, tell
from zhixin.ledger.models import Witness


@click.group()
def witness() -> None:
    """见证人：登记、查看、停用。"""


def _facts(row: Witness) -> dict[str, Any]:
    return {"name": row.name, "key": row.verifier_key, "added_at": row.added_at.isoformat()}


@witness.command()
@click.argument("verifier_key")
@as_json_option
@with_app
def add(verifier_key: str, as_json: bool) -> None:
    """登记一位见证人的公钥（C2SP vkey，类型 0x04）；此后接受它的联署。"""
    row = witnesses.add(db.session(), verifier_key, clock.now())
    tell(as_json, _facts(row), f"✓ 已登记见证人 {row.name}")


@witness.command("list")
@as_json_option
@with_app
def list_(as_json: bool) -> None:
    """列出见证人，以及各自联署过的最大条数与时间。"""
    standings = witnesses.standings(db.session())
    facts = [
        _facts(each.witness)
        | {"size": each.size, "cosigned_at": each.at.isoformat() if each.at else None}
        for each in standings
    ]
    lines = [
        f"{each.witness.name}\t{each.size or '—'}\t"
        f"{clock.local(each.at).strftime('%Y-%m-%d %H:%M') if each.at else '尚未联署'}\t"
        f"{each.witness.verifier_key}"
        for each in standings
    ]
    tell(as_json, facts, *(lines or ["尚未登记见证人"]))


@witness.command()
@click.argument("name_or_key")
@as_json_option
@with_app
def remove(name_or_key: str, as_json: bool) -> None:
    """停用一位见证人；已有的联署保留。"""
    row = witnesses.retire(db.session(), name_or_key, clock.now())
    tell(as_json, _facts(row), f"✓ 不再接受 {row.name} 的联署")
