"""Issuing: a frozen snapshot, a number without gaps, and the ledger's entry, in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin import clock
from zhixin.certificates.models import Certificate, CertificateKind, Numbering
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.hours import policies
from zhixin.hours.models import Award
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind
from zhixin.people.models import Person

#: Letters and digits that are not mistaken for each other on paper: 20 of them are 98 bits.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 20


class NotYetRecorded(Conflict):
    code = "not-yet-recorded"
    title = "学时尚未记入账本，暂不能出具证书"


def issue_course(
    session: Session, award_id: int, person_id: int, *, issuer: str, now: datetime
) -> Certificate:
    """The certificate of one recorded award; the same one when asked again.

    Raises:
        NotFound: no such award, or another person's.
        NotYetRecorded: the award is not in the ledger (yet, or any more).
    """
    award = session.scalar(
        sa.select(Award)
        .where(Award.id == award_id, Award.person_id == person_id)
        .options(joinedload(Award.person), joinedload(Award.policy))
    )
    if award is None:
        raise NotFound
    if award.state != State.RECORDED:
        raise NotYetRecorded("学时核验通过并记入账本后才能出具证书，请稍后再试")
    key = f"award:{award.id}"
    if found := _in_force(session, key):
        return found
    facts = {
        "title": award.title,
        "subject_kind": award.subject_kind,
        "field_code": award.field_code,
        "hours": _text(award.hours),
        "earned_at": award.earned_at.isoformat(),
        "policy": {"title": award.policy.title, "sha256": award.policy.sha256},
        "evidence_sha256": award.evidence_sha256,
        "awards": [award.id],
    }
    return _issue(
        session, CertificateKind.COURSE, key, award.person, award.year, facts, issuer, now
    )


def issue_annual(
    session: Session, person_id: int, year: int, *, issuer: str, now: datetime
) -> Certificate:
    """The statement of a person's year as recorded now (学时证明).

    The same one when nothing was recorded since; otherwise a new one takes its place and
    the old one is revoked as replaced.

    Raises:
        Invalid: nothing is recorded in that year.
    """
    awards = session.scalars(
        sa.select(Award)
        .where(Award.person_id == person_id, Award.year == year, Award.state == State.RECORDED)
        .order_by(Award.earned_at, Award.id)
    ).all()
    if not awards:
        raise Invalid(f"{year} 年还没有记入账本的学时，暂不能出具学时证明", code="nothing-recorded")
    key = f"year:{person_id}:{year}"
    ids = [award.id for award in awards]
    if found := _in_force(session, key):
        if contents(found)["facts"]["awards"] == ids:
            return found
        revoke(session, found, "已由更新的学时证明替代", now)
    person = session.get_one(Person, person_id)
    return _issue(
        session,
        CertificateKind.ANNUAL,
        key,
        person,
        year,
        _annual_facts(session, awards, year),
        issuer,
        now,
    )


def _annual_facts(session: Session, awards: Sequence[Award], year: int) -> dict[str, Any]:
    last_day = datetime(year, 12, 31, tzinfo=clock.LOCAL).date()
    policy = policies.in_force(session, last_day)
    rule = policies.rule(policy)
    totals = {
        kind: sum((a.hours for a in awards if a.subject_kind == kind), Decimal(0))
        for kind in SubjectKind
    }
    return {
        "hours": _text(sum(totals.values(), Decimal(0))),
        "kinds": {kind.value: _text(hours) for kind, hours in totals.items()},
        "required": {
            "total": _text(rule.yearly_total),
            **{kind.value: _text(hours) for kind, hours in rule.yearly_minimums.items()},
        },
        "policy": {"title": policy.title, "sha256": policy.sha256},
        "rows": [
            {
                "title": award.title,
                "subject_kind": award.subject_kind,
                "hours": _text(award.hours),
                "date": clock.local(award.earned_at).date().isoformat(),
            }
            for award in awards
        ],
        "awards": [award.id for award in awards],
    }


def _issue(
    session: Session,
    kind: CertificateKind,
    key: str,
    person: Person,
    year: int,
    facts: dict[str, Any],
    issuer: str,
    now: datetime,
) -> Certificate:
    number = f"ZX-{year}-{_next_number(session, year):06d}"
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    snapshot = rfc8785.dumps(
        {
            "kind": kind.value,
            "number": number,
            "code": code,
            "year": year,
            "issuer": issuer,
            "issued_at": now.isoformat(),
            "person": {
                "name": person.name,
                "id_number_masked": person.id_number_masked,
                "employer": person.employer.name if person.employer else None,
            },
            "facts": facts,
        }
    ).decode()
    sha256 = hashlib.sha256(snapshot.encode()).hexdigest()
    submission = log.submit(
        session,
        EntryKind.CERTIFICATE_ISSUED,
        f"certificate:{number}",
        {
            "number": number,
            "kind": kind.value,
            "year": year,
            "hours": facts["hours"],
            "sha256": sha256,
        },
        person_id=person.id,
        now=now,
    )
    certificate = Certificate(
        number=number,
        code=code,
        kind=kind,
        subject_key=key,
        person_id=person.id,
        year=year,
        snapshot=snapshot,
        sha256=sha256,
        submission_id=submission.id,
        issued_at=now,
    )
    session.add(certificate)
    session.flush()
    return certificate


def revoke(session: Session, certificate: Certificate, reason: str, now: datetime) -> None:
    """Take a certificate out of force, for a reason that its public page tells.

    Raises:
        Conflict: it is revoked already.
    """
    if certificate.revoked_at is not None:
        raise Conflict("这份证书已经撤销", code="already-revoked")
    if not reason.strip():
        raise Invalid("请填写撤销原因", code="reason-needed")
    certificate.revoked_at, certificate.revocation_reason = now, reason.strip()
    # The reason is free text and may name people: the public page tells it, the ledger does not.
    log.submit(
        session,
        EntryKind.CERTIFICATE_REVOKED,
        f"certificate-revoked:{certificate.number}",
        {"number": certificate.number, "sha256": certificate.sha256},
        now=now,
    )
    session.flush()


def contents(certificate: Certificate) -> dict[str, Any]:
    """The frozen snapshot as data."""
    import json

    found: dict[str, Any] = json.loads(certificate.snapshot)
    return found


def _in_force(session: Session, key: str) -> Certificate | None:
    return session.scalar(
        sa.select(Certificate).where(
            Certificate.subject_key == key, Certificate.revoked_at.is_(None)
        )
    )


def _next_number(session: Session, year: int) -> int:
    """Taken under the row's lock and given back by a rollback: no gaps."""
    taken = (
        sa.update(Numbering)
        .where(Numbering.year == year)
        .values(last=Numbering.last + 1)
        .returning(Numbering.last)
    )
    if (number := session.scalar(taken)) is not None:
        return number
    session.add(Numbering(year=year, last=1))
    session.flush()  # a race here loses to the primary key, and the person asks again
    return 1


def _text(hours: Decimal) -> str:
    return format(hours.normalize(), "f") if hours else "0"
