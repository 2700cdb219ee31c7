"""``zhixin evidence``."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click
import sqlalchemy as sa
from rich.console import Console
from rich.progress import track

from courses import evidence_checks
from courses.evidence import Finding
from zhixin import clock, db
from zhixin.command import with_app
from zhixin.errors import Invalid, NotFound
from zhixin.hours.models import Award


@click.group()
def evidence() -> None:
    """学时证据：由原始记录重建观看与决定，核对摘要与学时。"""


@evidence.command()
@click.argument("awards", nargs=-1, type=int, metavar="[AWARD]...")
@click.option("--all", "everything", is_flag=True, help="核对全部课程学时。")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="核对此日（北京时间）及以后获得的学时。"
)
@click.option("--json", "as_json", is_flag=True, help="每条学时输出一行 JSON。")
@with_app
def verify(
    awards: tuple[int, ...], everything: bool, since: datetime | None, as_json: bool
) -> None:
    """由原始记录重建 AWARD（学时编号）的证据；有任何不符即逐条指出，并以非零状态退出。"""
    database = db.database()
    if not awards and not everything and since is None:
        raise Invalid("请给出学时编号，或使用 --all、--since")
    with database.session(writes=False) as session:
        if everything or since:
            begun = since.replace(tzinfo=clock.LOCAL) if since else None
            chosen = [*evidence_checks.course_awards(session, begun)]
        else:
            chosen = [*awards]
            known = {*session.scalars(sa.select(Award.id).where(Award.id.in_(chosen)))}
            if unknown := [str(id) for id in chosen if id not in known]:
                raise NotFound(f"没有编号为 {'、'.join(unknown)} 的学时")
    findings = evidence_checks.check(database, chosen, clock.now())
    console = Console(stderr=True)
    differing = 0
    for found in track(
        findings, "核对证据", len(chosen), console=console, transient=True, disable=as_json
    ):
        differing += not found.holds
        if as_json or not found.holds or len(chosen) <= 20:
            click.echo(_as_json(found) if as_json else _as_text(found))
    if not as_json and len(chosen) > 20:
        click.echo(f"{len(chosen)} 条学时，{differing} 条不符")
    sys.exit(1 if differing else 0)


def _as_json(found: Finding) -> str:
    facts = {
        "award": found.award_id,
        "holds": found.holds,
        "sha256": found.sha256,
        "hours": str(found.hours),
        "differences": found.differences,
    }
    return json.dumps(facts, ensure_ascii=False)


def _as_text(found: Finding) -> str:
    if found.holds:
        return f"✓ 学时 {found.award_id}：证据完好，{found.hours} 学时，SHA-256 {found.sha256}"
    return "\n".join(f"✗ 学时 {found.award_id}：{text}" for text in found.differences)
