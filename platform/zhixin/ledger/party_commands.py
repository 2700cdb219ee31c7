"""``zhixin ledger``: for a second party, which has no database of ours: follow, check, witness."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import Progress

from zhixin import clock, config
from zhixin.config import SettingsError
from zhixin.ledger import copies, cosignature, follow, observer, remote
from zhixin.ledger.copies import Copy, CopyDamaged
from zhixin.ledger.follow import Alarm, Unreachable
from zhixin.ledger.key_commands import as_json_option, tell

#: Exit statuses: history has changed; nothing was learnt.
ALARM, UNKNOWN = 1, 3
folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
key_option = click.option(
    "--key", "key", help="所信任的账本公钥，或保存公钥的文件；第一次时需要，换钥后可再给。"
)


@contextmanager
def _told(as_json: bool, hook: str | None = None) -> Iterator[None]:
    """Whatever goes wrong becomes one message, one exit status, and the hook's business."""
    try:
        yield
    except Alarm as alarm:
        _fail(as_json, hook, ALARM, alarm.code, alarm.message)
    except CopyDamaged as error:
        _fail(as_json, hook, ALARM, "copy-damaged", f"自己保存的副本已损坏：{error}")
    except (Unreachable, SettingsError) as error:
        _fail(as_json, None, UNKNOWN, "unreachable", str(error))


def _fail(as_json: bool, hook: str | None, status: int, code: str, message: str) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"ok": False, "code": code, "message": message}, ensure_ascii=False))
    click.echo(f"✗ {message}", err=True)
    if hook:
        subprocess.run([*shlex.split(hook), code, message], check=False)
    sys.exit(status)


def _trust(copy: Copy, url: str, key: str | None) -> None:
    """Put down which keys are trusted, before the first look."""
    if key is not None:
        path = Path(key)
        given = copies.trusted(path.read_text() if path.is_file() else key)
        if not given:
            raise click.BadParameter("不是 C2SP 格式的账本公钥", param_hint="--key")
        every = dict.fromkeys([*copy.keys, *given])
        copy.write("keys", "".join(f"{each}\n" for each in every).encode())
    elif not copy.keys:
        found = copies.trusted(remote.get(f"{url}/api/v1/ledger/key").decode(errors="replace"))
        if not found:
            raise Unreachable("该网站没有给出账本公钥")
        copy.write("keys", f"{found[0]}\n".encode())
        click.echo(f"⚠ 未给出 --key，信任该网站现在给出的公钥：{found[0]}", err=True)


@click.command("follow")
@click.argument("url")
@folder_argument
@key_option
@click.option("--once", is_flag=True, help="只看一次（用于 cron）。")
@click.option("--every", default=300, show_default=True, type=click.IntRange(1), help="间隔秒数。")
@click.option("--alarm", "hook", help="历史变化时执行的命令，后面加上代码与说明两个参数。")
@as_json_option
def follow_(
    url: str,
    folder: Path,
    key: str | None,
    once: bool,
    every: int,
    hook: str | None,
    as_json: bool,
) -> None:
    """第二方跟随另一处的账本：保存自己的副本，每次核对只增不改，历史变化时报警。

    URL 是该网站的地址，FOLDER 是副本目录（可中断、可续）。退出状态：0 一致，1 历史有变化，3 无法访问。
    """
    url, copy = url.rstrip("/"), Copy(folder)
    fetch: Callable[[str], bytes] = lambda path: remote.get(f"{url}/ledger/{path}")  # noqa: E731
    while True:
        console = Console(stderr=True)
        hidden = as_json or not console.is_terminal
        with (
            _told(as_json, hook),
            Progress(console=console, disable=hidden, transient=True) as progress,
        ):
            _trust(copy, url, key)
            task = progress.add_task("取得记录", total=None)
            show = partial(_show, progress, task)
            outcome = follow.poll(copy, fetch, show)
        more = outcome.size - outcome.before
        words = f"✓ {outcome.size} 条记录，新增 {more} 条，与此前一致，根 {outcome.root}"
        tell(as_json, {"ok": True, **asdict(outcome)}, words)
        if once:
            return
        time.sleep(every)


def _show(progress: Progress, task: object, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)  # type: ignore[arg-type]


@click.command("verify-copy")
@folder_argument
@key_option
@as_json_option
def verify_copy(folder: Path, key: str | None, as_json: bool) -> None:
    """离线重算一份副本（follow 或 export 的目录）：记录、树根与签名是否相符。"""
    copy = Copy(folder)
    with _told(as_json):
        if key is not None:
            _trust(copy, "", key)
        outcome = follow.recheck(copy)
    words = f"✓ 副本完好：{outcome.size} 条记录，根 {outcome.root}，公钥 {outcome.key}"
    tell(as_json, {"ok": True, **asdict(outcome)}, words)


@click.command("sign")
@click.argument("url")
@folder_argument
@click.option("--name", required=True, help="见证人的名称，例如 witness.example/w1。")
@key_option
@click.option("--send/--no-send", default=True, help="是否把联署交给该网站。")
@as_json_option
def witness_sign(
    url: str, folder: Path, name: str, key: str | None, send: bool, as_json: bool
) -> None:
    """作为见证人联署另一处的树头：先要求一致性证明，与上次联署过的一致才签名。

    见证人的密钥在 FOLDER 中，第一次执行时生成；请把显示的公钥交给对方登记（zhixin ledger witness add）。
    """
    url, copy = url.rstrip("/"), Copy(folder)
    with _told(as_json):
        _trust(copy, url, key)
        own = observer.own_key(copy, config.load().key_passphrase)
        public = cosignature.verifier_key(name, own)
        note = remote.get(f"{url}/api/v1/ledger/checkpoint").decode(errors="replace")
        found = observer.witness(copy, note, partial(_prove, url), name, own, clock.now())
        click.echo(f"见证人公钥：{public}", err=True)
        if send:
            remote.post(f"{url}/api/v1/ledger/cosignatures", found.note.encode())
    facts = {"ok": True, "size": found.size, "key": public, "sent": send, "note": found.note}
    tell(as_json, facts, f"✓ 已联署 {found.size} 条" + ("" if send else f"\n{found.note}"))


def _prove(url: str, old: int, new: int) -> bytes:
    return remote.get(f"{url}/api/v1/ledger/proofs/consistency?from={old}&to={new}")
