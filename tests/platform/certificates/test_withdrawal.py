"""When hours fall, the papers on them are revoked: each once, with an entry."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from tests import scenes
from zhixin.audit.models import Trace
from zhixin.certificates import withdrawal
from zhixin.certificates.models import Certificate
from zhixin.hours import awards, reversals
from zhixin.hours.states import Transition
from zhixin.ledger.models import EntryKind, Submission


def _revocations(session) -> int:
    return session.scalar(
        sa.select(sa.func.count()).where(Submission.kind == EntryKind.CERTIFICATE_REVOKED)
    )


def test_a_reversed_award_takes_its_papers_with_it(
    session, award, course, annual, auditors, now
) -> None:
    """The course certificate and the annual statement, and each is in the ledger once."""
    assert withdrawal.sweep(session, now) == 0
    scenes.reverse(session, award, *auditors)
    assert withdrawal.sweep(session, now) == 2
    assert withdrawal.sweep(session, now) == 0
    session.expire_all()
    assert {course.revocation_reason, annual.revocation_reason} == {withdrawal.REASON}
    assert _revocations(session) == 2
    traces = sa.select(Trace.object_id, Trace.actor_id, Trace.reason).where(Trace.act == "revoke")
    assert sorted(session.execute(traces).all()) == sorted(
        (each.number, None, withdrawal.REASON) for each in (course, annual)
    ), "on the trail, by no person"


def test_a_corrected_award_does_too(session, award, course, auditors, now) -> None:
    """What is certified is the hours as they were."""
    proposal = reversals.propose(
        session, award, correction=reversals.Correction(Decimal("0.5"), award.subject_kind),
        actor_id=auditors[0].id, reason="时长有误", hearing=timedelta(), term=timedelta(), now=now,
    )  # fmt: skip
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
    assert withdrawal.sweep(session, now) == 1


def test_another_sweeper_is_no_trouble(session, award, course, auditors, now, monkeypatch) -> None:
    """Both find the certificate; one revokes it, and the other goes on."""
    scenes.reverse(session, award, *auditors)
    found = list(withdrawal.fallen(session, 10))
    withdrawal.sweep(session, now)
    monkeypatch.setattr(withdrawal, "fallen", lambda *_: found)
    assert withdrawal.sweep(session, now) == 0
    assert _revocations(session) == 1


def test_papers_on_other_awards_stand(session, award, course, auditors, create_person, now) -> None:
    """Only what the award carried falls."""
    other = scenes._award(session, create_person("other"))
    awards.decide(
        session, other, Transition.REJECT, actor_id=auditors[0].id, reason="重复", now=now
    )
    assert withdrawal.sweep(session, now) == 0
    assert session.scalar(sa.select(Certificate.revoked_at)) is None
