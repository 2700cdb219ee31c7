"""``zhixin ledger``: the keys, from their making to their successors."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from flask import current_app

from zhixin import clock, db
from zhixin.command import with_app
from zhixin.errors import Conflict
from zhixin.ledger import keys, log, rotation
from zhixin.ledger.keys import Signer

as_json_option = click.option("--json", "as_json", is_flag=True, help="输出 JSON。")


def tell(as_json: bool, facts: Any, *lines: str) -> None:
    """The answer of a command, for programs or for people."""
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else "\n".join(lines))


@click.command()
@as_json_option
@with_app
def init(as_json: bool) -> None:
    """生成账本密钥与证书签发密钥；已有的保留，未加密的用口令加密。可重复执行。"""
    settings = current_app.extensions["settings"]
    done = []
    for name in (keys.LEDGER, keys.ISSUER):
        new = keys.how_kept(settings, name)[0] == "尚未生成"
        sealed = keys.encrypt_plain(settings, name)
        keys.private_key(settings, name)
        kept, good = keys.how_kept(settings, name)
        done.append({"key": name, "new": new, "encrypted_now": sealed, "kept": kept, "good": good})
    issuer = keys.issuer(settings)
    public = {
        "verifier_key": rotation.ring(db.session(), settings).current,
        "issuer": issuer.verification_method,
        "multikey": issuer.multikey,
    }
    words = [
        f"✓ {each['key']} "
        f"{'已生成' if each['new'] else '已加密' if each['encrypted_now'] else '已存在'}（{each['kept']}）"
        for each in done
    ]
    tell(as_json, {"keys": done, **public}, *words, *public.values())
    if not all(each["good"] for each in done):
        click.echo("⚠ 密钥未加密：设置 ZHIXIN_KEY_PASSPHRASE 后再执行一次", err=True)


@click.command()
@click.option(
    "--all", "every", is_flag=True, help="连同以前的公钥，每行一把，后面是开始使用时的记录序号。"
)
@as_json_option
@with_app
def key(every: bool, as_json: bool) -> None:
    """显示账本当前的公钥（C2SP verifier key）。"""
    ring = rotation.ring(db.session(), current_app.extensions["settings"])
    periods = [asdict(period) for period in ring.periods]
    if every:
        tell(as_json, periods, *(f"{period.key} {period.since}" for period in ring.periods))
    else:
        tell(as_json, periods[-1], ring.current)


@click.command("rotate-key")
@click.option("--yes", is_flag=True, help="不再询问。")
@as_json_option
@with_app
def rotate_key(yes: bool, as_json: bool) -> None:
    """更换账本密钥：生成新密钥，写入一条由新旧两把密钥共同签名的记录。

    此后的树头由新密钥签名；在执行 retire-key 之前，旧密钥同时签名，只认识旧公钥的人仍可核对。
    """
    if not yes:
        click.confirm("生成新的账本密钥并写入账本？", abort=True, err=True)
    settings = current_app.extensions["settings"]
    change = rotation.rotate(db.session(), settings, clock.now())
    db.finish(keep=True)
    # Appended at once, so that the operator sees the new key at work.
    while log.append_waiting(db.session(), Signer.of(settings), clock.now()):
        db.finish(keep=True)
    tell(
        as_json,
        {"old": change.old, "new": change.new},
        f"✓ 已更换：{change.old}",
        f"      → {change.new}",
        "新密钥已在数据目录的 keys/ 中，请立即备份；其他主机上的后台任务也需要这个文件。",
        "各方都取得新公钥后，执行 zhixin ledger retire-key 删除旧密钥。",
    )


@click.command("retire-key")
@click.option("--yes", is_flag=True, help="不再询问。")
@as_json_option
@with_app
def retire_key(yes: bool, as_json: bool) -> None:
    """删除已被更换的旧私钥：此后只有新密钥签名。"""
    settings = current_app.extensions["settings"]
    ring = rotation.ring(db.session(), settings)
    if len(ring.periods) < 2 or rotation.is_waiting(db.session()):
        raise Conflict("没有已被更换的旧密钥")
    if not yes:
        click.confirm("删除旧私钥，不可恢复。继续？", abort=True, err=True)
    gone = keys.forget_former(settings, ring.current)
    words = [f"✓ 已删除 {gone} 个旧密钥文件，当前公钥 {ring.current}"]
    if settings.ledger_key:
        words.append("⚠ 旧密钥仍在设置 ZHIXIN_LEDGER_KEY 中：请删除该设置")
    tell(as_json, {"deleted": gone, "key": ring.current}, *words)
