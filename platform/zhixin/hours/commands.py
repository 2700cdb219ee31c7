"""``zhixin policy``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from zhixin import clock, db
from zhixin.command import with_app
from zhixin.hours import policies


@click.group()
def policy() -> None:
    """学时规则：查看与发布。"""


@policy.command("list")
@with_app
def list_() -> None:
    """列出全部规则，最新生效的在前。"""
    for found in policies.history(db.session()):
        click.echo(f"{found.effective_from}  v{found.version}  {found.title}  {found.sha256[:12]}")


@policy.command()
@with_app
def show() -> None:
    """显示今天生效的规则。"""
    found = policies.in_force(db.session(), clock.local(clock.now()).date())
    click.echo(
        json.dumps(
            {
                "title": found.title,
                "source": found.source,
                "effective_from": found.effective_from.isoformat(),
                "version": found.version,
                "rule": found.document,
            },
            ensure_ascii=False,
            indent=2,
        )
    )


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app
def publish(file: Path) -> None:
    """发布 FILE（JSON）中的规则；格式同 `zhixin policy show` 的输出。"""
    published = policies.from_file(db.session(), file.read_text(), None, clock.now())
    click.echo(
        f"✓ 已发布：{published.title}，{published.effective_from} 起生效，第 {published.version} 版"
    )
