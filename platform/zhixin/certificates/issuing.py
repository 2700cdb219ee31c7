"""Issuing: a frozen snapshot, a number without gaps, and the ledger's entry, in one transaction."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from zhixin import acts, clock
from zhixin.certificates import credential, facts, numbering
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CertificateAward, CertificateKind
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.hours import policies
from zhixin.hours.models import Award, Policy
from zhixin.hours.states import State
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind
from zhixin.people.models import Person

#: Letters and digits that are not mistaken for each other on paper: 20 of them are 98 bits.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 20
#: What a title review asks for (职称评审).
EXTRACT_YEARS = 5
REPLACED = "已由更新的证明替代"
#: Awards of these sources have a certificate of their own; others stand in statements only.
OF_SOURCE = {"course": CertificateKind.COURSE, "class": CertificateKind.CLASS}


class NotYetRecorded(Conflict):
    code = "not-yet-recorded"
    title = "学时尚未记入账本，暂不能出具证书"


@dataclass(frozen=True)
class Draft:
    """A certificate before it has a number.

    Attributes:
        key: names what it certifies; one of a key is in force at a time.
        facts: see ``facts``; its ``awards`` are what it stands on.
    """

    kind: CertificateKind
    key: str
    person: Person
    year: int
    facts: dict[str, Any]


def issue_course(
    session: Session, award_id: int, person_id: int, *, issuer: Issuer, now: datetime
) -> Certificate:
    """The certificate of one recorded award, of a course or a class; the same one when asked again.

    Raises:
        NotFound: no such award, or another person's.
        NotYetRecorded: the award is not in the ledger (yet, or any more).
        Invalid: awards of this source have no certificate of their own.
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
    if (kind := OF_SOURCE.get(award.source_kind)) is None:
        raise Invalid("申报的活动没有单独的证书，会列入年度学时证明", code="no-own-certificate")
    key = f"award:{award.id}"
    if found := in_force(session, [key]).get(key):
        return found
    return _issue_one(
        session, Draft(kind, key, award.person, award.year, facts.source(award)), issuer, now
    )


def issue_annual(
    session: Session, person_id: int, year: int, *, issuer: Issuer, now: datetime
) -> Certificate:
    """The statement of a person's year as recorded now (学时证明).

    The same one when nothing was recorded since; otherwise a new one takes its place and
    the old one is revoked as replaced.

    Raises:
        Invalid: nothing is recorded in that year.
    """
    awards = recorded(session, [person_id], year, year)[person_id]
    if not awards:
        raise Invalid(f"{year} 年还没有记入账本的学时，暂不能出具学时证明", code="nothing-recorded")
    policy = policies.of_person(session, person_id, day_of(year, now))
    draft = annual_draft(session.get_one(Person, person_id), awards, year, policy)
    return _issue_newest(session, draft, issuer, now)


def issue_extract(
    session: Session, person_id: int, last: int, *, issuer: Issuer, now: datetime
) -> Certificate:
    """Five years up to ``last``, for a title review; replaced like an annual statement.

    Raises:
        Invalid: nothing is recorded in those years, or the last of them is still to come.
    """
    if last > clock.local(now).year:
        raise Invalid("这一年还没有到", code="nothing-recorded")
    first = last - EXTRACT_YEARS + 1
    awards = recorded(session, [person_id], first, last)[person_id]
    if not awards:
        raise Invalid(
            f"{first} 至 {last} 年还没有记入账本的学时，暂不能出具汇总", code="nothing-recorded"
        )
    found = {
        y: policies.find_of_person(session, person_id, day_of(y, now))
        for y in range(first, last + 1)
    }
    of_year = {year: policy for year, policy in found.items() if policy is not None}
    draft = Draft(
        CertificateKind.EXTRACT,
        f"extract:{person_id}:{last}",
        session.get_one(Person, person_id),
        last,
        facts.extract(awards, of_year, first, last),
    )
    return _issue_newest(session, draft, issuer, now)


def day_of(year: int, now: datetime) -> date:
    """The day whose policy counts a year: its last, or today while it runs."""
    return min(clock.local(now).date(), date(year, 12, 31))


def annual_draft(person: Person, awards: Sequence[Award], year: int, policy: Policy) -> Draft:
    key = f"year:{person.id}:{year}"
    return Draft(CertificateKind.ANNUAL, key, person, year, facts.annual(awards, policy))


def recorded(
    session: Session, person_ids: Iterable[int], first: int, last: int
) -> dict[int, list[Award]]:
    """Recorded awards of these people and years, by person, in the order they were earned."""
    found: dict[int, list[Award]] = defaultdict(list)
    awards = session.scalars(
        sa.select(Award)
        .where(
            Award.person_id.in_(person_ids),
            Award.year.between(first, last),
            Award.state == State.RECORDED,
        )
        .order_by(Award.earned_at, Award.id)
    )
    for award in awards:
        found[award.person_id].append(award)
    return found


def _issue_newest(session: Session, draft: Draft, issuer: Issuer, now: datetime) -> Certificate:
    """The one in force if it says the same; otherwise a new one in its place."""
    found = in_force(session, [draft.key]).get(draft.key)
    if found is not None:
        if says_the_same(found, draft):
            return found
        revoke(session, found, REPLACED, now)
    return _issue_one(session, draft, issuer, now)


def says_the_same(certificate: Certificate, draft: Draft) -> bool:
    """On the same awards under the same rule, with the same sums."""
    before = contents(certificate)["facts"]
    return all(before.get(name) == value for name, value in draft.facts.items())


def _issue_one(session: Session, draft: Draft, issuer: Issuer, now: datetime) -> Certificate:
    """Issue, or find what somebody else has issued just now: the number goes back."""
    try:
        with session.begin_nested():
            return issue(session, [draft], issuer, now)[0]
    except IntegrityError:
        if (found := in_force(session, [draft.key]).get(draft.key)) is None:
            raise
        return found


def issue(
    session: Session, drafts: Sequence[Draft], issuer: Issuer, now: datetime
) -> list[Certificate]:
    """Number, freeze and submit ``drafts``, which are not in force yet, in their order."""
    numbers: dict[int, Any] = {
        year: iter(numbering.take_numbers(session, year, sum(each.year == year for each in drafts)))
        for year in {each.year for each in drafts}
    }
    places = numbering.take_places(session, len(drafts))
    log_key, made = issuer.log_key(session), []
    for draft, place in zip(drafts, places, strict=True):
        number = f"ZX-{draft.year}-{next(numbers[draft.year]):06d}"
        certificate = _frozen(draft, number, place, issuer, log_key, now)
        certificate.submission_id = _submit(session, certificate, draft, now)
        made.append(certificate)
    session.add_all(made)
    session.flush()
    stands_on = [
        {"certificate_id": certificate.id, "award_id": award}
        for certificate, draft in zip(made, drafts, strict=True)
        for award in draft.facts["awards"]
    ]
    session.execute(sa.insert(CertificateAward), stands_on)
    return made


def _frozen(
    draft: Draft, number: str, place: tuple[int, int], issuer: Issuer, log_key: str, now: datetime
) -> Certificate:
    person, code = draft.person, "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    snapshot = {
        "kind": draft.kind.value,
        "number": number,
        "code": code,
        "year": draft.year,
        "issuer": issuer.name,
        "issued_at": now.isoformat(),
        "log_key": log_key,
        "person": {
            "name": person.name,
            "id_number_masked": person.id_number_masked,
            "employer": person.employer.name if person.employer else None,
        },
        "facts": draft.facts,
    }
    text = rfc8785.dumps(snapshot).decode()
    return Certificate(
        number=number,
        code=code,
        kind=draft.kind,
        subject_key=draft.key,
        person_id=person.id,
        year=draft.year,
        snapshot=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        core=credential.canonical(credential.core(snapshot, issuer, place)),
        status_list=place[0],
        status_index=place[1],
        issued_at=now,
    )


def _submit(session: Session, certificate: Certificate, draft: Draft, now: datetime) -> int:
    assert certificate.core is not None
    submission = log.submit(
        session,
        EntryKind.CERTIFICATE_ISSUED,
        f"certificate:{certificate.number}",
        {
            "number": certificate.number,
            "kind": certificate.kind.value,
            "year": certificate.year,
            "hours": draft.facts["hours"],
            "sha256": certificate.sha256,
            "credential": credential.digest(certificate.core),
        },
        person_id=certificate.person_id,
        now=now,
    )
    return submission.id


def revoke(
    session: Session, certificate: Certificate, reason: str, now: datetime, by: int | None = None
) -> None:
    """Take a certificate out of force, for a reason that its public page tells; it is on the trail.

    Args:
        by: who does it; none: a rule does.

    Raises:
        Conflict: it is revoked already.
        Invalid: no reason is given.
    """
    if not reason.strip():
        raise Invalid("请填写撤销原因", code="reason-needed")
    revoked = session.execute(
        sa.update(Certificate)
        .where(Certificate.id == certificate.id, Certificate.revoked_at.is_(None))
        .values(revoked_at=now, revocation_reason=reason.strip())
        .execution_options(synchronize_session=False)
    )
    session.refresh(certificate, ["revoked_at", "revocation_reason"])
    if revoked.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("这份证书已经撤销", code="already-revoked")
    # The reason is free text and may name people: the public page tells it, the ledger does not.
    log.submit(
        session,
        EntryKind.CERTIFICATE_REVOKED,
        f"certificate-revoked:{certificate.number}",
        {"number": certificate.number, "sha256": certificate.sha256},
        now=now,
    )
    acts.note(
        session, actor_id=by, act="revoke", object_kind="certificate", object_id=certificate.number,
        reason=reason.strip(), now=now,
    )  # fmt: skip


def contents(certificate: Certificate) -> dict[str, Any]:
    """The frozen snapshot as data."""
    found: dict[str, Any] = json.loads(certificate.snapshot)
    return found


def in_force(session: Session, keys: Sequence[str]) -> dict[str, Certificate]:
    """Certificates in force, by what they certify."""
    found = session.scalars(
        sa.select(Certificate).where(
            Certificate.subject_key.in_(keys), Certificate.revoked_at.is_(None)
        )
    )
    return {certificate.subject_key: certificate for certificate in found}
