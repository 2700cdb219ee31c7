"""``zhixin ledger``."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click
import sqlalchemy as sa
from flask import current_app
from rich.console import Console
from rich.progress import Progress

from zhixin import db
from zhixin.command import with_app
from zhixin.errors import NotFound
from zhixin.ledger import (
    key_commands,
    log,
    party_commands,
    proof_commands,
    verification,
    witness,
    witness_commands,
)
from zhixin.ledger.key_commands import as_json_option
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry

#: Of a verification: beyond these the database is what it waits for.
MOST_PROCESSES = 4


@click.group()
def ledger() -> None:
    """学时账本：核验、导出、查看树头与公钥。"""


@ledger.command()
@as_json_option
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="此前在别处保存的签名树头，核对历史未被改写（可重复）。",
)
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="此前核对过并保存的签名树头：只重新计算其后的记录。",
)
@click.option(
    "--thorough", is_flag=True, help="逐条重新解析：签名已担保的格式也再检查一遍（较慢）。"
)
@with_app
def verify(
    as_json: bool, checkpoints: tuple[Path, ...], since: Path | None, thorough: bool
) -> None:
    """重新计算整个账本，并与学时表逐条核对；有任何一处不符即指出并以非零状态退出。"""
    known = [path.read_text(errors="replace") for path in checkpoints]
    console = Console(stderr=True)
    with (
        verification.snapshot(db.database()) as session,
        Progress(console=console, disable=as_json, transient=True) as progress,
    ):
        total = session.scalar(sa.select(sa.func.count()).select_from(Entry)) or 0
        task = progress.add_task("核验账本", total=total)
        report = verification.verify(
            session,
            Signer.of(current_app.extensions["settings"]).held,
            known,
            lambda done: progress.update(task, completed=done),
            since=since.read_text(errors="replace") if since else None,
            processes=min(os.cpu_count() or 1, MOST_PROCESSES),
            thorough=thorough,
        )
        for beside in current_app.extensions["beside_the_log"]:
            for found in beside(session):
                report.add(found.code, found.message, entry=found.entry)
    click.echo(_as_json(report) if as_json else _as_text(report))
    sys.exit(0 if report.holds else 1)


def _as_json(report: verification.Report) -> str:
    return json.dumps({"holds": report.holds, **asdict(report)}, ensure_ascii=False)


def _as_text(report: verification.Report) -> str:
    if report.holds:
        since = f"（从第 {report.since} 条起重新计算）" if report.since else ""
        return (
            f"✓ 账本完好{since}：{report.size} 条记录，{report.heads} 个签名树头，根 {report.root}"
        )
    lines = [f"✗ {finding.message}" for finding in report.findings]
    if report.more:
        lines.append(f"✗ 另有 {report.more} 处问题")
    return "\n".join(lines)


@ledger.command()
@as_json_option
@with_app
def head(as_json: bool) -> None:
    """显示最新的签名树头（C2SP checkpoint），连同见证人的联署。"""
    newest = log.head(db.session())
    if newest is None:
        raise NotFound("账本还没有记录")
    note = witness.cosigned_note(db.session(), newest)
    if as_json:
        facts = {"size": newest.size, "root": newest.root.hex(), "checkpoint": note}
        note = json.dumps(facts | {"signed_at": newest.signed_at.isoformat()}) + "\n"
    click.echo(note, nl=False)


for command in (
    key_commands.init,
    key_commands.key,
    key_commands.rotate_key,
    key_commands.retire_key,
    witness_commands.witness,
    proof_commands.prove,
    proof_commands.consistency,
    proof_commands.export,
    party_commands.follow_,
    party_commands.verify_copy,
):
    ledger.add_command(command)
witness_commands.witness.add_command(party_commands.witness_sign)
