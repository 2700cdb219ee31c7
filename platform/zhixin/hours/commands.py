"""``zhixin policy``."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from zhixin import clock, db
from zhixin.command import with_app
from zhixin.hours import areas, drafts, policies
from zhixin.people import accounts


@click.group()
def policy() -> None:
    """学时规则：查看与发布。"""


@policy.command("list")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
@with_app
def list_(as_json: bool) -> None:
    """列出全部规则，最新生效的在前。"""
    found = policies.history(db.session())
    if as_json:
        click.echo(json.dumps([policies.to_file(each) for each in found], ensure_ascii=False))
        return
    for each in found:
        area = "" if each.area == areas.CITY else f"  {each.area}"
        click.echo(
            f"{each.effective_from}  v{each.version}  {each.title}  {each.sha256[:12]}{area}"
        )


@policy.command()
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="那一天生效的规则；默认今天。")
@click.option("--shipped", type=click.Choice(policies.SHIPPED), help="随程序提供的规则文件。")
@with_app
def show(on: datetime | None, shipped: str | None) -> None:
    """显示生效的规则（JSON，改写后可以再发布）。"""
    if shipped:
        click.echo(policies.shipped(shipped), nl=False)
        return
    day = (on or clock.local(clock.now())).date()
    found = policies.in_force(db.session(), day)
    click.echo(json.dumps(policies.to_file(found), ensure_ascii=False, indent=2))


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app
def publish(file: Path) -> None:
    """发布 FILE（JSON）中的规则；格式同 `zhixin policy show` 的输出。"""
    text = file.read_bytes().decode(errors="replace")
    published = policies.from_file(db.session(), text, None, clock.now())
    click.echo(
        f"✓ 已发布：{published.title}，{published.effective_from} 起生效，第 {published.version} 版"
    )


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", required=True, help="起草人（管理员）的登录名。")
@click.option("--area", default=areas.CITY, help="适用范围：city，或 organisation:单位编号。")
@with_app
def draft(file: Path, by: str, area: str) -> None:
    """把 FILE（JSON）导入为草案，由另一名管理员在网页上审核发布。"""
    session = db.session()
    content = policies.read(file.read_bytes().decode(errors="replace"))
    writer = accounts.administrator(session, by)
    made = drafts.create(session, writer, area, content, clock.now())
    click.echo(f"✓ 已导入为草案 {made.id}：{made.title}，{made.effective_from} 起生效")


@policy.command()
@with_app
def ensure() -> None:
    """没有任何规则时，发布随程序提供的国家规定与示例换算（可重复执行）。"""
    published = policies.ensure_shipped(db.session(), clock.now())
    click.echo(f"✓ 已发布：{published.title}" if published else "✓ 已有规则，未作改动")
