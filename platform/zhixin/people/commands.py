"""``zhixin user`` and ``zhixin token``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import sqlalchemy as sa

from zhixin import clock, db
from zhixin.command import with_app
from zhixin.errors import NotFound
from zhixin.people import accounts, administration, cipher, sign_ins
from zhixin.people import tokens as tokens_
from zhixin.people.models import Organisation, Person, Role

ROLES = click.Choice([role.value for role in Role])
as_json_option = click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
from_stdin_option = click.option(
    "--password-stdin", is_flag=True, help="从标准输入读取密码（供脚本使用，不出现在命令行中）。"
)


def _person(sign_in_name: str) -> Person:
    by_name = sa.select(Person).where(Person.sign_in_name == sign_in_name.strip().lower())
    person: Person | None = db.session().scalars(by_name).one_or_none()
    if person is None:
        raise NotFound("没有这个登录名")
    return person


def _organisation(name: str | None) -> Organisation | None:
    if name is None:
        return None
    named = sa.select(Organisation).where(Organisation.name == name)
    found = db.session().scalars(named).all()
    if len(found) != 1:
        raise NotFound("没有这个单位" if not found else "有多个同名单位，请在网页上操作")
    return found[0]


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("密码", hide_input=True, confirmation_prompt="再输一次")
    return password


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo("  ".join("—" if value in (None, "") else str(value) for value in row.values()))


@click.group()
def user() -> None:
    """账号：开通、列出、授予角色、修改密码、停用。"""


@user.command("create")
@click.argument("sign_in_name")
@click.option("--name", required=True, help="姓名。")
@click.option("--role", "roles", type=ROLES, multiple=True, help="角色，可多次给出；默认学员。")
@click.option("--employer", help="用人单位名称（须已存在）。")
@click.option("--id-number-stdin", is_flag=True, help="从标准输入的下一行读取身份证号。")
@from_stdin_option
@with_app
def create_user(
    sign_in_name: str,
    name: str,
    roles: tuple[str, ...],
    employer: str | None,
    id_number_stdin: bool,
    password_stdin: bool,
) -> None:
    """开通账号 SIGN_IN_NAME。"""
    password = _read_password(password_stdin)
    id_number = sys.stdin.readline().strip() if id_number_stdin else None
    person = accounts.create(
        db.session(),
        sign_in_name=sign_in_name,
        password=password,
        name=name,
        now=clock.now(),
        roles=[Role(role) for role in dict.fromkeys(roles)] or [Role.LEARNER],
        id_number=id_number,
        cipher=cipher(),
        employer=_organisation(employer),
    )
    click.echo(f"✓ 已开通 {person.sign_in_name}（{'、'.join(sorted(person.roles))}）")


@user.command("list")
@click.option("--role", type=ROLES, help="只列出持有此角色的人。")
@as_json_option
@with_app
def list_users(role: str | None, as_json: bool) -> None:
    """列出账号。"""
    chosen = sa.select(Person).order_by(Person.sign_in_name)
    if role:
        chosen = chosen.where(Person.grants.any(role=role))
    rows = [
        {
            "sign_in_name": person.sign_in_name,
            "name": person.name,
            "roles": sorted(person.roles) if as_json else "、".join(sorted(person.roles)),
            "employer": person.employer.name if person.employer else None,
            "active": person.active if as_json else ("" if person.active else "已停用"),
        }
        for person in db.session().scalars(chosen)
    ]
    _print(rows, as_json)


@user.command("role")
@click.argument("sign_in_name")
@click.argument("role", type=ROLES)
@click.option("--within", help="只在此单位及其下属单位范围内。")
@click.option("--revoke", is_flag=True, help="撤销而不是授予。")
@with_app
def role_(sign_in_name: str, role: str, within: str | None, revoke: bool) -> None:
    """授予或撤销角色。"""
    session, person, organisation = db.session(), _person(sign_in_name), _organisation(within)
    organisation_id = organisation.id if organisation else None
    if not revoke:
        administration.grant_role(session, person, Role(role), organisation_id, None)
    else:
        held = [g for g in person.grants if (g.role, g.organisation_id) == (role, organisation_id)]
        if not held:
            raise NotFound("此人没有这个角色")
        administration.revoke_role(session, person, held[0].id, actor_id=None, reach=None)
    click.echo(f"✓ {person.sign_in_name}：{'、'.join(sorted(person.roles)) or '没有角色'}")


@user.command("password")
@click.argument("sign_in_name")
@from_stdin_option
@with_app
def password_(sign_in_name: str, password_stdin: bool) -> None:
    """设置新密码，并结束此人的全部登录。"""
    person = _person(sign_in_name)
    new = _read_password(password_stdin)
    person.password_hash = accounts.hash_password(new, person.sign_in_name)
    ended = sign_ins.end_all(db.session(), person.id, clock.now())
    click.echo(f"✓ 密码已修改，结束了 {ended} 处登录")


@user.command("deactivate")
@click.argument("sign_in_name")
@click.option("--undo", is_flag=True, help="重新启用。")
@with_app
def deactivate(sign_in_name: str, undo: bool) -> None:
    """停用账号：登录和令牌立即失效，记录保留。"""
    person = _person(sign_in_name)
    if undo:
        administration.activate(person, None)
    else:
        administration.deactivate(db.session(), person, actor_id=None, reach=None, now=clock.now())
    click.echo(f"✓ {person.sign_in_name} 已{'启用' if undo else '停用'}")


@click.group()
def token() -> None:
    """接口令牌：创建、列出、吊销。"""


@token.command("create")
@click.argument("name")
@click.option("--person", "sign_in_name", required=True, help="令牌代表的账号（登录名）。")
@click.option("--days", default=90, show_default=True, help="有效天数。")
@with_app
def create_token(name: str, sign_in_name: str, days: int) -> None:
    """创建用途为 NAME 的令牌；令牌只在此时输出一次（标准输出仅含令牌）。"""
    made = tokens_.create(db.session(), _person(sign_in_name), name, days, clock.now())
    click.echo(made)
    click.echo(f"✓ 有效 {days} 天，请立即保存；之后无法再次查看", err=True)


@token.command("list")
@click.option("--person", "sign_in_name", required=True, help="登录名。")
@as_json_option
@with_app
def list_tokens(sign_in_name: str, as_json: bool) -> None:
    """列出一个账号的令牌。"""
    rows = [
        {
            "id": entry.id,
            "name": entry.name,
            "created_at": entry.created_at.isoformat(),
            "expires_at": entry.expires_at.isoformat(),
            "revoked_at": entry.revoked_at.isoformat() if entry.revoked_at else None,
        }
        for entry in tokens_.of_person(db.session(), _person(sign_in_name).id)
    ]
    _print(rows, as_json)


@token.command("revoke")
@click.argument("token_id", type=int)
@click.option("--person", "sign_in_name", required=True, help="登录名。")
@with_app
def revoke_token(token_id: int, sign_in_name: str) -> None:
    """吊销编号为 TOKEN_ID 的令牌（编号见 `zhixin token list`）。"""
    entry = tokens_.revoke(db.session(), _person(sign_in_name).id, token_id, clock.now())
    click.echo(f"✓ 令牌“{entry.name}”已吊销")
