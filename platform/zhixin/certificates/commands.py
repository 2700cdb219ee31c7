"""``zhixin certificate``."""

from __future__ import annotations

import json
from pathlib import Path

import click
import sqlalchemy as sa
from flask import current_app
from rich.console import Console
from rich.progress import Progress

from zhixin import clock, db
from zhixin.certificates import (
    data_integrity,
    issuing,
    pack_check,
    rendering,
    verification,
    yearly,
)
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CertificateKind
from zhixin.command import with_app
from zhixin.errors import NotFound
from zhixin.ledger import keys, rotation
from zhixin.people import accounts

#: People in one transaction: a crash loses no more than these, and they are issued the next time.
CHUNK = 200
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
@click.option("--by", required=True, help="撤销人（管理员）的登录名，记入审计记录。")
@click.option("--reason", required=True, help="撤销原因，公开显示。")
@with_app
def revoke(number: str, by: str, reason: str) -> None:
    """撤销一份证书；谁、因何撤销，记入审计记录。"""
    session, now = db.session(), clock.now()
    person = accounts.administrator(session, by)
    found = session.scalar(sa.select(Certificate).where(Certificate.number == number))
    if found is None:
        raise NotFound("没有这个编号的证书")
    issuing.revoke(session, found, reason, now, by=person.id)
    click.echo(f"✓ {number} 已撤销")


@certificate.command("pack-verify")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--issuer-key", help="签发密钥（z6Mk…）；默认为本机的。")
@click.option("--log-key", multiple=True, help="账本公钥；默认为本机账本的全部公钥。")
@with_app
def pack_verify(path: Path, issuer_key: str | None, log_key: tuple[str, ...]) -> None:
    """核验一个学时证据包。"""
    settings = current_app.extensions["settings"]
    ring = rotation.ring(db.session(), settings)
    try:
        public = data_integrity.public_key(issuer_key or keys.issuer(settings).multikey)
        trusted = log_key or [period.key for period in ring.periods]
        for line in pack_check.check(path.read_bytes(), public, trusted):
            click.echo(f"✓ {line}")
    except (pack_check.PackWrong, data_integrity.ProofInvalid) as error:
        click.echo(f"✗ {error}", err=True)
        raise click.exceptions.Exit(1) from error


@certificate.command("issue-year")
@click.argument("year", type=click.IntRange(2000, 2100))
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
@with_app
def issue_year(year: int, as_json: bool) -> None:
    """为某年有入账学时的所有人出具年度学时证明；已有且内容未变的不再出具，中断后可重新运行。"""
    issuer = Issuer.of(current_app.extensions["settings"])
    total, made, replaced, unchanged, last = yearly.count(db.session(), year), 0, 0, 0, 0
    with Progress(console=Console(stderr=True), disable=as_json) as progress:
        bar = progress.add_task("出具学时证明", total=total)
        while ids := yearly.people(db.session(), year, last, CHUNK):
            done = yearly.issue_many(db.session(), ids, year, issuer=issuer, now=clock.now())
            db.finish(keep=True)
            last = ids[-1]
            made += len(done.certificates)
            replaced += done.replaced
            unchanged += done.unchanged
            progress.advance(bar, len(ids))
    if as_json:
        click.echo(json.dumps({"issued": made, "replaced": replaced, "unchanged": unchanged}))
    else:
        click.echo(f"✓ 出具 {made} 份，其中 {replaced} 份替代旧证明；{unchanged} 人的证明没有变化")


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
