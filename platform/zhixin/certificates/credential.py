"""The machine-readable certificate: Open Badges 3.0, which is a W3C Verifiable Credential 2.0.

A credential *file* is its *core* (what the certificate says), the ledger's *evidence* (that the
log includes the core's hash) and a *proof* by the issuer's key. The core is frozen at issuing,
and SHA-256 of its canonical JSON goes into the entry; the file can be made once the log has it.

Hours are text: JSON's numbers are floats to many readers, and 0.1 must stay one tenth.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import rfc8785

from zhixin.certificates import data_integrity
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import CertificateKind

CONTEXTS = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
)
SUBJECTS = {"general": "公需科目", "professional": "专业科目"}
#: Open Badges' vocabulary of achievements; ``ext:`` marks words that are not in it.
ACHIEVEMENTS = {
    CertificateKind.COURSE: "Course",
    CertificateKind.CLASS: "CertificateOfCompletion",
    CertificateKind.ANNUAL: "ext:AnnualStatement",
    CertificateKind.EXTRACT: "ext:YearsExtract",
}
_TERMS = ("origin", "index", "size", "entry", "path", "checkpoint")


def core(snapshot: dict[str, Any], issuer: Issuer, status: tuple[int, int]) -> dict[str, Any]:
    """What the certificate says, for machines: a pure function of its snapshot.

    The file is the holder's own, so the name is in it as it is on the paper; a salted hash whose
    salt lies beside it would hide nothing. Of the identity number there is only what the paper
    shows, and the employer is left out.

    Args:
        status: number of the status list, and the place in it.
    """
    page = issuer.page(snapshot["code"])
    results = [(f"{page}#{key}", *rest) for key, *rest in _results(snapshot)]
    title = name(snapshot)
    subject = {
        "type": ["AchievementSubject"],
        "identifier": list(_identity(snapshot["person"])),
        "licenseNumber": snapshot["number"],
        "term": str(snapshot["year"]),
        "achievement": {
            "id": f"{page}#achievement",
            "type": ["Achievement"],
            "achievementType": ACHIEVEMENTS[CertificateKind(snapshot["kind"])],
            "name": title,
            "description": f"{title}：{snapshot['facts']['hours']} 学时",
            "criteria": {"narrative": _criteria(snapshot)},
            "resultDescription": [
                {"id": id, "type": ["ResultDescription"], "name": label, "resultType": kind}
                for id, label, kind, _value in results
            ],
        },
        "result": [
            {"type": ["Result"], "resultDescription": id, "value": value}
            for id, _label, _kind, value in results
        ],
    }
    return {
        "@context": [*CONTEXTS, issuer.context],
        "id": page,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": title,
        "issuer": {
            "id": issuer.key.did,
            "type": ["Profile"],
            "name": snapshot["issuer"],
            "url": issuer.base_url,
        },
        "validFrom": data_integrity.timestamp(datetime.fromisoformat(snapshot["issued_at"])),
        "credentialStatus": {
            "id": f"{issuer.status_list(status[0])}#{status[1]}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(status[1]),
            "statusListCredential": issuer.status_list(status[0]),
        },
        "credentialSubject": subject,
    }


def name(snapshot: dict[str, Any]) -> str:
    """The certificate's title, as people call it."""
    facts = snapshot["facts"]
    match snapshot["kind"]:
        case CertificateKind.ANNUAL:
            return f"{snapshot['year']} 年度继续教育学时证明"
        case CertificateKind.EXTRACT:
            return f"{facts['from']} 至 {facts['to']} 年继续教育学时汇总"
        case _:
            return str(facts["title"])


def _identity(person: dict[str, Any]) -> Iterator[dict[str, Any]]:
    shown = [("name", person["name"]), ("ext:maskedIdNumber", person["id_number_masked"])]
    for kind, value in shown:
        if value:
            yield {
                "type": "IdentityObject",
                "hashed": False,
                "identityHash": value,
                "identityType": kind,
            }


def _criteria(snapshot: dict[str, Any]) -> str:
    rules = "、".join(f"《{title}》" for title in _policies(snapshot["facts"]))
    return f"学时依据{rules}核定，经核验并写入学时账本。"


def _policies(facts: dict[str, Any]) -> list[str]:
    found = [facts["policy"]] if "policy" in facts else [y["policy"] for y in facts["years"]]
    return list(dict.fromkeys(policy["title"] for policy in found))


def _results(snapshot: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(key, name, type, value) of each result: hours of what, and how many."""
    facts, hours = snapshot["facts"], "ext:CreditHours"
    yield "hours", "计入学时", hours, facts["hours"]
    if earned := facts.get("earned"):
        yield "earned", "取得学时", hours, earned
    for kind, value in facts.get("kinds", {}).items():
        yield kind, f"其中{SUBJECTS[kind]}", hours, value
    for place, row in enumerate(facts.get("rows", ()), 1):
        label = f"{row['title']}（{SUBJECTS[row['subject_kind']]}，{row['date']}）"
        yield f"row-{place}", label, hours, row["hours"]
    for each in facts.get("years", ()):
        year = each["year"]
        yield f"{year}", f"{year} 年计入学时", hours, each["hours"]
        for kind, value in each["kinds"].items():
            yield f"{year}-{kind}", f"{year} 年其中{SUBJECTS[kind]}", hours, value
        met = "met" if each["met"] else "not-met"
        yield f"{year}-rule", f"{year} 年是否达到要求", "ext:YearlyRule", met


def canonical(document: dict[str, Any]) -> str:
    return rfc8785.dumps(document).decode()


def digest(canonical_core: str) -> str:
    """How the ledger's entry names a core: ``facts.credential``."""
    return hashlib.sha256(canonical_core.encode()).hexdigest()


def evidence(
    issuer: Issuer, *, origin: str, index: int, size: int, entry: str,
    path: Sequence[bytes], checkpoint: str,
) -> dict[str, Any]:  # fmt: skip
    """That the log includes ``entry`` under ``checkpoint``: all that an offline check needs."""
    return {
        "id": issuer.entry(index),
        "type": ["Evidence", "LedgerInclusion"],
        "origin": origin,
        "index": index,
        "size": size,
        "entry": entry,
        "path": [base64.b64encode(each).decode() for each in path],
        "checkpoint": checkpoint,
    }


def file(
    core: dict[str, Any], evidence: dict[str, Any], issuer: Issuer, made_at: datetime
) -> dict[str, Any]:
    """The credential as the holder gets it: core, evidence, proof."""
    return data_integrity.sign(
        {**core, "evidence": [evidence]},
        issuer.key.private_key,
        verification_method=issuer.key.verification_method,
        created=made_at,
    )


def context(issuer: Issuer) -> dict[str, Any]:
    """The JSON-LD context of our own words, served so that every term is defined."""
    url = issuer.context
    terms = {term: {"@id": f"{url}#{term}"} for term in _TERMS}
    terms["path"]["@container"] = "@list"
    inner = {"@protected": True, "id": "@id", "type": "@type", **terms}
    return {
        "@context": {
            "@protected": True,
            "LedgerInclusion": {"@id": f"{url}#LedgerInclusion", "@context": inner},
        }
    }
