"""The sealed evidence pack: all that a certificate stands on, in one signed archive.

It is for its holder: beside the papers it opens the ledger's commitments, so that they can show to
whom they choose that the entries are theirs. The same pack is the same bytes: names in order, the
moment of issuing in every header, and a manifest whose signature is deterministic.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import clock
from zhixin.certificates import credential, data_integrity, facts, issuing, rendering
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CertificateAward
from zhixin.errors import Invalid
from zhixin.hours.models import Award, Evidence
from zhixin.ledger import log
from zhixin.ledger.models import Entry, Opening, Submission
from zhixin.ledger.views import VERIFIER

MANIFEST = "manifest.json"
#: A title review's five years have some hundreds; more than these are no one person's.
MOST_AWARDS = 2000
#: What a spreadsheet would calculate instead of showing.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADINGS = ("编号", "内容", "科目", "年度", "日期", "学时", "来源", "账本序号", "证据 SHA-256")

README = """知新 · 学时证据包

certificate.pdf    证书，附有数字凭证
credential.json    数字凭证（Open Badges 3.0 / W3C Verifiable Credential 2.0）
awards.csv         证书所依据的学时，用 Excel 打开
proofs/            每条学时和证书在账本中的包含证明；opening 打开其中的承诺，证明这条记录是您的
evidence/          每条学时所依据的证据，文件名是它的 SHA-256
zhixin_verify.py   离线核验程序
manifest.json      以上文件的清单，由签发机构签名

离线核验：python zhixin_verify.py credential.json --key 公钥文件
          python zhixin_verify.py proofs/certificate.json --key 公钥文件
整包核验：zhixin certificate pack-verify 本文件.zip
公钥请从证书纸面或签发机构网站另行取得。本包含有您的个人信息，请只交给需要它的人。
"""


def build(session: Session, certificate: Certificate, document: str, issuer: Issuer) -> bytes:
    """The pack of one certificate.

    Args:
        document: its credential file. All proofs lead to the checkpoint in it: the awards are
            older than the certificate, so it covers them.

    Raises:
        Invalid: more awards than fit.
    """
    awards = _awards(session, certificate)
    if len(awards) > MOST_AWARDS:
        raise Invalid(f"学时超过 {MOST_AWARDS} 条，不能打包", code="pack-too-large")
    (under,) = json.loads(document)["evidence"]
    found = {award.submission_id: award for award in awards}
    entries = _entries(session, [certificate.submission_id, *found])
    parts = {
        "README.txt": README.encode(),
        "certificate.pdf": rendering.pdf(
            issuing.contents(certificate),
            address=issuer.page(certificate.code),
            credential=document,
        ),
        "credential.json": document.encode(),
        "awards.csv": table(awards, entries),
        "zhixin_verify.py": VERIFIER.read_bytes(),
        **{f"evidence/{sha256}.json": text for sha256, text in _evidence(session, awards).items()},
    }
    for submission_id, (entry, opening) in entries.items():
        award = found.get(submission_id)
        name = f"award-{award.id}" if award else "certificate"
        parts[f"proofs/{name}.json"] = _proof(session, entry, opening, under, issuer)
    return seal(parts, certificate.number, issuer, certificate.issued_at)


def _awards(session: Session, certificate: Certificate) -> Sequence[Award]:
    return session.scalars(
        sa.select(Award)
        .join(CertificateAward, CertificateAward.award_id == Award.id)
        .where(CertificateAward.certificate_id == certificate.id)
        .order_by(Award.day, Award.id)
        .limit(MOST_AWARDS + 1)
    ).all()


def _entries(
    session: Session, submission_ids: Sequence[int | None]
) -> dict[int, tuple[Entry, Opening | None]]:
    """Entries in the log, each with what opens its commitment unless that was erased."""
    rows = session.execute(
        sa.select(Submission.id, Entry, Opening)
        .join(Entry, Entry.index == Submission.entry_index)
        .outerjoin(Opening, Opening.submission_id == Submission.id)
        .where(Submission.id.in_([each for each in submission_ids if each is not None]))
        .order_by(Entry.index)
    )
    return {row.id: (row.Entry, row.Opening) for row in rows}


def _evidence(session: Session, awards: Iterable[Award]) -> dict[str, bytes]:
    wanted = {award.evidence_sha256 for award in awards}
    rows = session.execute(
        sa.select(Evidence.sha256, Evidence.document).where(Evidence.sha256.in_(wanted))
    )
    return {row.sha256: row.document.encode() for row in rows}


def _proof(
    session: Session, entry: Entry, opening: Opening | None, under: dict[str, Any], issuer: Issuer
) -> bytes:
    """As the offline verifier reads it: inclusion, and what opens the commitment."""
    document = credential.evidence(
        issuer,
        origin=under["origin"],
        index=entry.index,
        size=under["size"],
        entry=entry.body,
        path=log.inclusion(session, entry.index, under["size"]),
        checkpoint=under["checkpoint"],
    )
    if opening is not None:
        document["opening"] = {"person": opening.person_id, "salt": opening.salt.hex()}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def table(awards: Iterable[Award], entries: Mapping[int, tuple[Entry, Opening | None]]) -> bytes:
    """The awards for Excel: UTF-8 with its mark, and no cell that would be calculated."""
    kept = io.StringIO()
    writer = csv.writer(kept)
    writer.writerow(HEADINGS)
    for award in awards:
        entry, _opening = entries.get(award.submission_id or 0, (None, None))
        row = (
            award.id, award.title, credential.SUBJECTS[award.subject_kind], award.year,
            award.day.isoformat(), facts.text(award.hours), award.source_kind,
            "" if entry is None else entry.index, award.evidence_sha256,
        )  # fmt: skip
        writer.writerow([plain(str(cell)) for cell in row])
    return b"\xef\xbb\xbf" + kept.getvalue().encode()


def plain(cell: str) -> str:
    """Text that a spreadsheet shows as it is."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def seal(parts: Mapping[str, bytes], number: str, issuer: Issuer, moment: datetime) -> bytes:
    """The archive of ``parts`` with their signed manifest."""
    manifest = data_integrity.sign(
        {
            "type": "ZhixinEvidencePack",
            "certificate": number,
            "issuer": issuer.key.did,
            "files": [
                {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
                for path, content in sorted(parts.items())
            ],
        },
        issuer.key.private_key,
        verification_method=issuer.key.verification_method,
        created=moment,
    )
    kept = io.BytesIO()
    stamp = clock.local(moment).timetuple()[:6]
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted({**parts, MANIFEST: rfc8785.dumps(manifest)}.items()):
            info = zipfile.ZipInfo(path, stamp)
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return kept.getvalue()


def contents(manifest: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Of each file that a manifest names, its SHA-256 and size."""
    return {each["path"]: (each["sha256"], each["size"]) for each in manifest["files"]}
