"""``zhixin ledger``."""

from __future__ import annotations

import json
import sys

import click
import sqlalchemy as sa
from flask import current_app
from rich.console import Console
from rich.progress import Progress

from zhixin import db
from zhixin.command import with_app
from zhixin.errors import NotFound
from zhixin.ledger import log, verification
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry


def _verifier_key() -> str:
    return Signer.of(current_app.extensions["settings"]).verifier_key


@click.group()
def ledger() -> None:
    """学时账本：核验、导出、查看树头与公钥。"""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
@with_app
def verify(as_json: bool) -> None:
    """重新计算整个账本；有任何一条不符即指出并以非零状态退出。"""
    session = db.session()
    total = session.scalar(sa.select(sa.func.count()).select_from(Entry)) or 0
    with Progress(console=Console(stderr=True), disable=as_json, transient=True) as progress:
        task = progress.add_task("核验账本", total=total)
        report = verification.verify(
            session, [_verifier_key()], lambda done: progress.update(task, completed=done)
        )
    if as_json:
        found = {
            "holds": report.holds,
            "size": report.size,
            "root": report.root,
            "findings": report.findings,
        }
        click.echo(json.dumps(found, ensure_ascii=False))
    elif report.holds:
        click.echo(f"✓ 账本完好：{report.size} 条记录，{report.heads} 个签名树头，根 {report.root}")
    else:
        for finding in report.findings:
            click.echo(f"✗ {finding}")
        if report.more:
            click.echo(f"✗ 另有 {report.more} 处问题")
    sys.exit(0 if report.holds else 1)


@ledger.command()
@with_app
def head() -> None:
    """显示最新的签名树头（C2SP checkpoint）。"""
    newest = log.head(db.session())
    if newest is None:
        raise NotFound("账本还没有记录")
    click.echo(newest.checkpoint, nl=False)


@ledger.command()
@with_app
def key() -> None:
    """显示账本公钥（C2SP verifier key）。"""
    click.echo(_verifier_key())


@ledger.command()
@with_app
def export() -> None:
    """以 JSON Lines 导出全部记录（不含个人信息）。"""
    for entry in db.session().scalars(
        sa.select(Entry).order_by(Entry.index).execution_options(yield_per=1000)
    ):
        click.echo(
            json.dumps(
                {"index": entry.index, "body": entry.body, "leaf_hash": entry.leaf_hash.hex()},
                ensure_ascii=False,
            )
        )
