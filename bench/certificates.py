"""Annual certificates in bulk: issuing, the ledger, proofs and credentials, and the PDFs apart."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.report import Comparison
from bench.seeding import fresh, quiet
from zhixin import config, db
from zhixin.certificates import files, issuing, rendering, yearly
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CredentialFile
from zhixin.hours import policies
from zhixin.hours.models import Award, Evidence
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.people.models import Person

CERTIFICATES = int(os.environ.get("BENCH_CERTIFICATES", "10000"))
#: A person's year: so many awards, each a row of the statement.
AWARDS = 12
CHUNK = 200
#: PDFs are drawn of so many; they are made when somebody downloads one, so they are a rate of their own.
PDFS = 300
YEAR = 2025
NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)


def measure() -> Iterator[Comparison]:
    with tempfile.TemporaryDirectory() as folder:
        yield _measure(quiet(Path(folder)))


def _measure(settings: config.Settings) -> Comparison:
    app = fresh(settings)
    found = Comparison(
        f"{CERTIFICATES:,} annual certificates of {AWARDS} awards each, in one process (SQLite)",
        ["step", "wall s", "CPU s", "a second per core", "ms each"],
        note="One process is one core: rates are by its CPU time. A PDF is drawn when somebody "
        f"downloads it, so it is measured apart, on {PDFS}; the last row counts it in.",
    )
    with app.app_context():
        with db.database().transaction() as session:
            _seed(session)
        issuer = Issuer.of(settings)
        signer = Signer.of(settings)
        whole = _Clock()
        steps: list[tuple[str, Callable[[], None]]] = [
            ("issue: number, snapshot, core, outbox", partial(_issue, issuer)),
            ("sequencer: entries, tiles, tree heads", partial(_append, signer)),
            ("credential: inclusion proof, signature, stored", partial(_credentials, issuer)),
        ]
        for name, work in steps:
            clock = _Clock()
            work()
            found.rows.append([name, *clock.row(CERTIFICATES)])
        found.rows.append(["all three: proof and credential", *whole.row(CERTIFICATES)])
        each = whole.cpu_so_far() / CERTIFICATES
        drawn = min(PDFS, CERTIFICATES)
        clock = _Clock()
        _pdfs(issuer)
        found.rows.append([f"PDF with the credential attached ({drawn})", *clock.row(drawn)])
        each += clock.cpu_so_far() / drawn
        found.rows.append(["all, with the PDF", "", "", f"{1 / each:.0f}", f"{each * 1000:.2f}"])
    return found


class _Clock:
    """Wall and CPU time since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def cpu_so_far(self) -> float:
        return time.process_time() - self.cpu

    def row(self, count: int) -> list[str]:
        wall, cpu = time.perf_counter() - self.wall, self.cpu_so_far()
        return [f"{wall:.1f}", f"{cpu:.1f}", f"{count / cpu:.0f}", f"{cpu / count * 1000:.2f}"]


def _issue(issuer: Issuer) -> None:
    last = 0
    while ids := yearly.people(db.session(), YEAR, last, CHUNK):
        yearly.issue_many(db.session(), ids, YEAR, issuer=issuer, now=NOW)
        db.finish(keep=True)
        last = ids[-1]


def _append(signer: Signer) -> None:
    while log.append_waiting(db.session(), signer, NOW):
        db.finish(keep=True)


def _credentials(issuer: Issuer) -> None:
    while files.make_waiting(db.session(), issuer, NOW, CHUNK):
        db.finish(keep=True)


def _pdfs(issuer: Issuer) -> None:
    rows = db.session().execute(
        sa.select(Certificate, CredentialFile.document)
        .join(CredentialFile, CredentialFile.certificate_id == Certificate.id)
        .limit(PDFS)
    )
    for certificate, document in rows:
        address = issuer.page(certificate.code)
        rendering.pdf(issuing.contents(certificate), address=address, credential=document)


def _seed(session: Session) -> None:
    """People with recorded awards; the awards' own entries are another bench's."""
    policy = policies.in_force(session, date(YEAR, 12, 31))
    session.add(Evidence(sha256="0" * 64, document="{}", created_at=NOW))
    session.flush()
    session.execute(
        sa.insert(Person),
        [
            {
                "id": number, "sign_in_name": f"p{number}", "password_hash": "", "created_at": NOW,
                "name": f"欧阳明远{number}", "id_number_masked": "500***********1234",
            }
            for number in range(1, CERTIFICATES + 1)
        ],
    )  # fmt: skip
    for begin in range(0, CERTIFICATES, 1000):
        session.execute(
            sa.insert(Award),
            [
                _award(person, place, policy.id)
                for person in range(begin + 1, min(begin + 1000, CERTIFICATES) + 1)
                for place in range(AWARDS)
            ],
        )


def _award(person: int, place: int, policy_id: int) -> dict[str, object]:
    day = date(YEAR, 1, 10) + timedelta(days=25 * place)
    kind = SubjectKind.GENERAL if place % 3 == 0 else SubjectKind.PROFESSIONAL
    return {
        "person_id": person, "source_kind": "course", "source_id": place + 1, "source_version": 1,
        "title": f"新能源汽车动力电池系统安全设计与热失控防护（{place + 1}）", "subject_kind": kind,
        "day": day, "year": YEAR, "hours": Decimal("4.5"), "policy_id": policy_id, "flags": [],
        "evidence_sha256": "0" * 64, "state": State.RECORDED, "sampled": False,
        "earned_at": NOW - timedelta(days=300 - place), "decided_at": NOW - timedelta(days=299 - place),
    }  # fmt: skip
