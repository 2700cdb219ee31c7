"""``zhixin certificate``."""

from __future__ import annotations

import json
from pathlib import Path

import click
import sqlalchemy as sa

from zhixin import clock, db
from zhixin.certificates import issuing, rendering, verification
from zhixin.certificates.models import Certificate, CertificateKind
from zhixin.command import with_app
from zhixin.errors import NotFound

SAMPLE = Path(__file__).parent / "sample.json"


@click.group()
def certificate() -> None:
    """证书：查验、撤销、预览版式。"""


@certificate.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
@with_app
def verify(code: str, as_json: bool) -> None:
    """按查验码查验一份证书。"""
    verdict = verification.look_up(db.session(), code)
    if verdict is None:
        raise NotFound("没有与此查验码对应的证书")
    if as_json:
        click.echo(
            json.dumps({"status": verdict.status, "facts": verdict.facts}, ensure_ascii=False)
        )
    else:
        click.echo(f"{verdict.facts['number']}  {verdict.status}  账本第 {verdict.entry_index} 条")
    if verdict.status not in (verification.Status.GENUINE, verification.Status.WAITING):
        raise click.exceptions.Exit(1)


@certificate.command()
@click.argument("number")
@click.option("--reason", required=True, help="撤销原因，公开显示。")
@with_app
def revoke(number: str, reason: str) -> None:
    """撤销一份证书。"""
    session = db.session()
    found = session.scalar(sa.select(Certificate).where(Certificate.number == number))
    if found is None:
        raise NotFound("没有这个编号的证书")
    issuing.revoke(session, found, reason, clock.now())
    click.echo(f"✓ {number} 已撤销")


@certificate.command()
@click.argument("kind", type=click.Choice([kind.value for kind in CertificateKind]))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--name", help="姓名，例如含生僻字的：𠮷䶮㐂𬭎。")
@click.option("--rows", type=click.IntRange(1, 2000), help="年度证明的行数。")
@with_app
def preview(kind: str, target: Path, name: str | None, rows: int | None) -> None:
    """用示例数据生成版式预览 PDF（供设计人员调整 templates/certificates/design）。"""
    target.write_bytes(_sample(kind, name, rows))
    click.echo(f"✓ {target}")


def _sample(kind: str, name: str | None, rows: int | None) -> bytes:
    sample = json.loads(SAMPLE.read_text())[kind]
    if name:
        sample["person"]["name"] = name
    if rows and "rows" in sample["facts"]:
        sample["facts"]["rows"] = (sample["facts"]["rows"] * rows)[:rows]
    return rendering.pdf(
        sample, address="https://example.invalid/v/SAMPLE", credential='{"sample": true}'
    )
