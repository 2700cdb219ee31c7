"""``zhixin audit``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app

from zhixin import db
from zhixin.audit import draws, sampling
from zhixin.command import with_app


@click.group()
def audit() -> None:
    """学时审核：重算随机抽样。"""


@audit.command()
@click.argument("population", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--count", type=click.IntRange(1), required=True, help="抽取数量。")
@click.option("--origin", required=True, help="账本名称。")
@click.option("--size", type=click.IntRange(1), required=True, help="检查点的账本大小。")
@click.option("--root", required=True, help="检查点的根（十六进制）。")
@click.option("--label", required=True, help="抽样的标签。")
def sample(population: Path, count: int, origin: str, size: int, root: str, label: str) -> None:
    """由公布的种子和 POPULATION（每行一个学时编号）重新抽取，逐行输出编号。

    不需要数据库，任何人都可以在自己的机器上运行。
    """
    try:
        numbers = [int(line) for line in population.read_text().split()]
    except (ValueError, UnicodeDecodeError):
        raise click.ClickException("清单应为每行一个编号") from None
    given = sampling.seed(
        origin=origin,
        tree_size=size,
        root=root.lower(),
        population_sha256=sampling.population_hash(sampling.listed(numbers)),
        label=label,
    )
    for number in sampling.draw(numbers, given, count):
        click.echo(number)


@audit.command("check-draw")
@click.argument("draw_id", type=int)
@with_app
def check_draw(draw_id: int) -> None:
    """由数据库和账本核对第 DRAW_ID 次抽样。"""
    wrong = draws.check(db.session(), draw_id, current_app.extensions["settings"].origin)
    for text in wrong:
        click.echo(f"✗ {text}", err=True)
    if wrong:
        sys.exit(1)
    click.echo("✓ 范围、检查点和结果都与公布的一致")
