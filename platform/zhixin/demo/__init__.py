"""Demonstration data, made by the project itself. Never for a real installation."""

from __future__ import annotations

import time

import click
import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from zhixin import command, config, db
from zhixin.people.models import Person

ACCOUNTS = (
    ("learner", "学员（有两年学习记录）"),
    ("learner1", "学员"),
    ("author", "课程作者"),
    ("reviewer", "课程审核人"),
    ("employer", "单位经办人（长江汽车研究院）"),
    ("bureau", "主管部门审核人（市经济信息委）"),
    ("auditor", "学时审核员（全市）"),
    ("auditor1", "学时审核员（渝北区）"),
    ("admin", "管理员"),
)


def ensure_demo(_settings: config.Settings) -> None:
    """Build the demonstration where nobody has an account yet, and print the accounts."""
    with command.make_app().app_context():
        with db.database().transaction() as session:
            empty = session.scalar(sa.select(Person.id).limit(1)) is None
        if empty:
            _build()
        with db.database().transaction() as session:
            known = session.scalar(
                sa.select(sa.func.count()).where(Person.sign_in_name.in_([n for n, _ in ACCOUNTS]))
            )
    if known == len(ACCOUNTS):
        _print_accounts()


def _build() -> None:
    from zhixin.demo.build import build

    started = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, object] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.update(tasks[what], completed=done)  # type: ignore[arg-type]

        build(report)
    click.echo(f"✓ 演示数据已就绪（{time.monotonic() - started:.0f} 秒）")


def _print_accounts() -> None:
    from zhixin.demo.people import PASSWORD

    click.echo(f"\n演示账号（密码都是 {PASSWORD}）：")
    for name, role in ACCOUNTS:
        click.echo(f"  {name:<10} {role}")


@click.command()
def demo() -> None:
    """在空数据库中填入演示数据。"""
    from zhixin import operating

    settings = config.load()
    operating.upgrade_database(settings)
    ensure_demo(settings)
