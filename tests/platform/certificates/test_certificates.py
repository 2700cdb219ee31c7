"""Certificates: frozen, numbered without gaps, and their public page tells the truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from tests import scenes
from zhixin import db
from zhixin.certificates import issuing, rendering, verification
from zhixin.certificates.models import Certificate, CertificateKind
from zhixin.certificates.verification import Status
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.hours import awards, policies, reversals
from zhixin.hours.clauses import Cap, Per
from zhixin.hours.models import Award
from zhixin.hours.states import State, Transition
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.people.models import Role


@pytest.fixture
def learner(create_person, session):
    return create_person("learner", name="欧阳明远")


@pytest.fixture
def award(session, learner, now, app):
    """A recorded award of one hour, through the decision and the sequencer."""
    given = scenes._award(session, learner)
    awards.decide(session, given, Transition.VERIFY, actor_id=None, reason=None, now=now)
    _sequence(session, app, now)
    awards.mark_recorded(session)
    session.expire_all()
    return given


def _sequence(session, app, now):
    log.append_waiting(session, Signer.of(app.extensions["settings"]), now)


def _issue(session, award, now) -> Certificate:
    return issuing.issue_course(session, award.id, award.person_id, issuer=scenes.issuer(), now=now)


def test_a_certificate_is_issued_once(session, award, now) -> None:
    """Asked for again, it is the same paper with the same number."""
    assert _issue(session, award, now).number == _issue(session, award, now).number


def test_another_persons_award_gives_nothing(session, award, now, create_person) -> None:
    """An award's id alone opens nothing."""
    stranger = create_person("stranger")
    with pytest.raises(NotFound):
        issuing.issue_course(session, award.id, stranger.id, issuer=scenes.issuer(), now=now)


def test_an_award_that_is_not_recorded_has_no_certificate(session, learner, now) -> None:
    """Paper comes after the ledger."""
    with pytest.raises(issuing.NotYetRecorded):
        _issue(session, scenes._award(session, learner), now)


def test_numbers_have_no_gaps(session, award, now) -> None:
    """A number taken by work that was rolled back is given again."""
    undone = session.begin_nested()
    _issue(session, award, now)
    undone.rollback()
    session.expire_all()
    assert _issue(session, award, now).number == f"ZX-{award.year}-000001"


def test_the_same_snapshot_is_the_same_pdf(session, award, now) -> None:
    """Rendering is a pure function: the name in full, the identity number masked, nothing "now"."""
    snapshot = issuing.contents(_issue(session, award, now))
    first, second = (rendering.pdf(snapshot, address="https://x.example/v/C") for _ in range(2))
    assert first == second
    assert "欧阳明远" in PdfReader(BytesIO(first)).pages[0].extract_text()


def test_a_stranger_reads_masked_facts(session, award, now, app) -> None:
    """What is public has no full name, identity number or employer."""
    certificate = _issue(session, award, now)
    verdict = verification.look_up(session, certificate.code)
    assert verdict is not None
    assert verdict.status == Status.WAITING
    assert verdict.facts["name"] == "欧阳*远"
    assert "欧阳明远" not in str(verdict)
    _sequence(session, app, now)
    session.expire_all()
    found = verification.look_up(session, certificate.code.lower())
    assert found is not None
    assert found.status == Status.GENUINE


@pytest.fixture
def auditors(create_person):
    return [create_person(f"auditor-{n}", Role.AUDITOR) for n in range(2)]


def test_a_reversed_award_shows_on_the_paper(session, award, auditors, now) -> None:
    """The paper cannot outlive the hours that it stands on."""
    code = _issue(session, award, now).code
    scenes.reverse(session, award, *auditors)
    verdict = verification.look_up(session, code)
    assert verdict is not None
    assert verdict.status == Status.WITHDRAWN


def test_a_revoked_certificate_says_why_and_stays_revoked(session, award, now) -> None:
    """Revocation has a reason, once."""
    certificate = _issue(session, award, now)
    issuing.revoke(session, certificate, "打印有误", now)
    verdict = verification.look_up(session, certificate.code)
    assert verdict is not None
    assert (verdict.status, verdict.revocation_reason) == (Status.REVOKED, "打印有误")
    with pytest.raises(Conflict):
        issuing.revoke(session, certificate, "又一次", now)


def test_an_edited_record_does_not_pass(session, award, now) -> None:
    """Whoever edits our own row behind our back is found out by its hash."""
    certificate = _issue(session, award, now)
    session.flush()
    forged = Certificate(
        snapshot=certificate.snapshot.replace('"hours":"1"', '"hours":"9"'),
        sha256=certificate.sha256,
    )
    (status,) = verification._statuses(session, [(forged, None)], None)
    assert status == Status.ALTERED


def test_the_database_keeps_certificates_as_they_were(session, award, now) -> None:
    """Only revocation may change a row; anything else is refused by the database itself."""
    certificate = _issue(session, award, now)
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(
            sa.update(Certificate).where(Certificate.id == certificate.id).values(snapshot="{}")
        )


def test_a_corrected_award_shows_on_the_paper(session, award, auditors, now) -> None:
    """What the paper says of the hours is no longer so; a new paper can be had for the new award."""
    code = _issue(session, award, now).code
    proposal = reversals.propose(
        session, award, correction=reversals.Correction(Decimal("0.5"), award.subject_kind),
        actor_id=auditors[0].id, reason="时长有误", hearing=timedelta(), term=timedelta(), now=now,
    )  # fmt: skip
    new = reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
    db.commit(session)
    session.expire_all()
    verdict = verification.look_up(session, code)
    assert verdict is not None
    assert verdict.status == Status.WITHDRAWN
    assert _issue(session, new, now).code != code


def test_a_new_annual_statement_takes_the_old_ones_place(
    session, award, learner, auditors, now
) -> None:
    """The same while nothing was recorded since; then a new one, and the old one says so."""

    def statement() -> Certificate:
        return issuing.issue_annual(
            session, learner.id, award.year, issuer=scenes.issuer(), now=now
        )

    first = statement()
    assert statement().id == first.id
    scenes.reverse(session, award, *auditors)
    second = scenes._award(session, learner)
    awards.decide(session, second, Transition.VERIFY, actor_id=None, reason=None, now=now)
    session.execute(sa.update(Award).where(Award.id == second.id).values(state="recorded"))
    session.expire_all()
    assert statement().id != first.id
    assert first.revoked_at is not None


def test_nonsense_finds_nothing(session, award) -> None:
    """A code that is none is no certificate, and no error."""
    assert verification.look_up(session, "?") is None
    assert verification.look_up(session, "2" * 20) is None


def _of_source(session, learner, kind: str, number: int = 99) -> Award:
    """A recorded award of another source."""
    given = scenes._award(session, learner)
    values = {c.name: getattr(given, c.name) for c in Award.__table__.columns if c.name != "id"}
    other = Award(**values | {"source_kind": kind, "source_id": number, "state": State.RECORDED})
    session.add(other)
    session.flush()
    return other


def test_a_class_has_its_own_kind_of_certificate(session, learner, now) -> None:
    """Issued like a course's, by the kind of its source."""
    certificate = _issue(session, _of_source(session, learner, "class"), now)
    assert certificate.kind == CertificateKind.CLASS
    made = rendering.pdf(issuing.contents(certificate), address="https://x.example/v/C")
    assert "培训班次" in PdfReader(BytesIO(made)).pages[0].extract_text()


def test_a_declared_activity_has_none_of_its_own(session, learner, now) -> None:
    """It stands in the year's statement."""
    with pytest.raises(Invalid, match="年度学时证明"):
        _issue(session, _of_source(session, learner, "declaration"), now)


def test_a_year_tells_what_counts_from_what_was_earned(session, learner, now) -> None:
    """By the policy's caps, as the learner's own page does: earned 3, counted 2."""
    year = max(_of_source(session, learner, "course", n).year for n in (11, 12, 13))
    capped = replace(
        policies.rule(policies.in_force(session, now.date())),
        caps=(Cap(hours=Decimal(2), per=Per.YEAR),),
    )
    policies.publish(
        session, title="限额", source="例", effective_from=date(year, 1, 2), rule=capped,
        actor_id=None, now=now,
    )  # fmt: skip
    facts = issuing.contents(
        issuing.issue_annual(session, learner.id, year, issuer=scenes.issuer(), now=now)
    )["facts"]
    assert (facts["earned"], facts["hours"]) == ("3", "2")
    assert [row["counted"] for row in facts["rows"]] == ["1", "1", "0"]
    assert facts["policy"]["title"] == "限额"


def test_a_year_to_come_has_no_extract(session, award, learner, now) -> None:
    """Nothing is said of years that have not begun."""
    with pytest.raises(Invalid):
        issuing.issue_extract(session, learner.id, award.year + 1, issuer=scenes.issuer(), now=now)
