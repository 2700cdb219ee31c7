"""``zhixin forget``: the log no longer says whom its entries are about."""

from __future__ import annotations

import click
import sqlalchemy as sa

from zhixin import acts, clock, db
from zhixin.command import with_app
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.ledger import openings
from zhixin.people import accounts
from zhixin.people.models import Person


@click.command()
@click.argument("sign_in_name")
@click.option("--by", required=True, help="经办人（管理员）的登录名，记入审计记录。")
@click.option("--reason", required=True, help="依据，例如本人申请的编号，记入审计记录。")
@with_app
def forget(sign_in_name: str, by: str, reason: str) -> None:
    """抹去账本中关于一个人的全部盐：记录里的承诺从此打不开。不可恢复。"""
    session = db.session()
    actor = accounts.administrator(session, by)
    name = sign_in_name.strip().lower()
    person = session.scalar(sa.select(Person).where(Person.sign_in_name == name))
    if person is None:
        raise NotFound(f"没有登录名为 {sign_in_name} 的人")
    if person.active:
        raise Conflict("账号仍在使用：请先停用（zhixin user deactivate）")
    if not reason.strip():
        raise Invalid("请填写依据")
    count = openings.erase(session, person.id)
    acts.note(
        session, actor_id=actor.id, act="forget", object_kind="person", object_id=person.id,
        reason=reason.strip(), now=clock.now(),
    )  # fmt: skip
    click.echo(f"✓ 已抹去 {count} 条记录的盐。账本不变；学时、证书和学习记录按保存期限另行保留。")
