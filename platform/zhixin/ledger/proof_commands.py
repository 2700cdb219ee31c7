"""``zhixin ledger``: proofs as files, and the log as a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from flask import current_app
from rich.console import Console
from rich.progress import Progress

from zhixin import db
from zhixin.command import with_app
from zhixin.errors import Invalid, NotFound
from zhixin.ledger import log, proofs, verification
from zhixin.ledger.copies import Copy
from zhixin.ledger.key_commands import as_json_option

output_option = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="写入文件。"
)


def _put(proof: dict[str, Any], output: Path | None, as_json: bool, words: str) -> None:
    text = json.dumps(proof, ensure_ascii=False, indent=None if as_json else 2)
    if output:
        output.write_text(text + "\n")
    click.echo(words if output and not as_json else text)


@click.command()
@click.argument("award", required=False)
@click.option("--entry", "index", type=click.IntRange(0), help="记录的序号。")
@click.option("--with-opening", is_flag=True, help="附上打开人员承诺的凭据；只可交给本人。")
@output_option
@as_json_option
@with_app
def prove(
    award: str | None, index: int | None, with_opening: bool, output: Path | None, as_json: bool
) -> None:
    """导出一条记录的包含证明，可用 zhixin_verify.py 离线核验。

    AWARD 是学时的编号，或决定的名字（例如 award:17、certificate:3）；也可用 --entry 给出序号。
    """
    session = db.session()
    if (award is None) == (index is None):
        raise Invalid("请给出学时编号，或用 --entry 给出记录序号，二者择一")
    if index is None:
        assert award is not None
        index = proofs.index_of(session, f"award:{award}" if award.isdigit() else award)
    proof = proofs.inclusion(session, index, with_opening=with_opening)
    words = f"✓ 第 {index} 条记录在 {proof['size']} 条的账本中"
    _put(proof, output, as_json, words)


@click.command()
@click.argument("old", type=click.IntRange(1))
@click.argument("new", type=click.IntRange(1), required=False)
@output_option
@as_json_option
@with_app
def consistency(old: int, new: int | None, output: Path | None, as_json: bool) -> None:
    """导出两个条数之间的一致性证明：NEW 条的账本以 OLD 条的账本开头。不给 NEW 即最新。"""
    session = db.session()
    newest = log.head(session)
    if newest is None:
        raise NotFound("账本还没有记录")
    proof = proofs.consistency(session, old, new or newest.size)
    _put(proof, output, as_json, f"✓ {old} → {proof['to']} 一致")


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@as_json_option
@with_app
def export(folder: Path | None, as_json: bool) -> None:
    """导出全部记录（不含个人信息）。

    给出目录时，写成 follow 所保存的样子：树头、公钥、记录（C2SP entry bundle），在别处可用 verify-copy 核验；
    不给时，向标准输出逐行写 JSON。
    """
    if folder is None:
        for line in proofs.lines(db.database()):
            click.echo(line)
        return
    console = Console(stderr=True)
    with (
        verification.snapshot(db.database()) as session,
        Progress(console=console, disable=as_json, transient=True) as progress,
    ):
        task = progress.add_task("导出账本", total=None)
        size = proofs.export(
            session,
            current_app.extensions["settings"],
            Copy(folder),
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    words = f"✓ 已导出 {size} 条记录到 {folder}"
    click.echo(json.dumps({"size": size, "folder": str(folder)}) if as_json else words)
