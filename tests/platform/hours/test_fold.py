"""Every sum is the fold of entries."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhixin.hours import appeals, fold, reckoning, reversals, years
from zhixin.hours.models import Appeal, Award
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import AppealState, AppealStep, State
from zhixin.ledger.models import EntryKind

from .conftest import sequence

DAY = timedelta(days=1)


def entry(index, kind, award=0, hours="1", **facts):
    body = {"award": award, "year": 2026, "subject_kind": "general", "hours": hours, **facts}
    return index, EntryKind(kind), body


@pytest.mark.parametrize(
    ("entries", "standing"),
    [
        ([entry(0, "award"), entry(1, "reversal", reverses_entry=0)], {}),
        ([entry(0, "award"), entry(3, "correction", 1, "2", corrects_entry=0)], {3: 2}),
        (
            [
                entry(0, "award"),
                entry(1, "reversal", reverses_entry=0),
                entry(2, "correction", 1, corrects_entry=1),
            ],
            {2: 1},
        ),
        ([entry(0, "award"), (1, EntryKind.POLICY_PUBLISHED, {})], {0: 1}),
    ],
)
def test_what_stands(entries, standing):
    """A reversal takes its entry away, a correction stands in its entry's place."""
    assert {at: each.hours for at, each in fold.fold(entries).items()} == standing


@settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["award", "reverse", "correct", "restore"]),
            st.integers(0, 30),
            st.integers(1, 12),
            st.sampled_from(list(SubjectKind)),
        ),
        max_size=12,
    )
)
def test_the_fold_is_the_year(recorded, auditors, alice, session, now, history):
    """After any history of awards, reversals, corrections and appeals a person's year is what
    the ledger's entries come to, award by award and kind by kind."""
    for number, (act, which, halves, kind) in enumerate(history):
        _act(act, which, Decimal(halves) / 2, kind, number, recorded, auditors, session, now)
    assert list(reckoning.differing(session)) == []
    standing = fold.of_person(session, alice.id)
    rows = session.scalars(sa.select(Award).where(Award.person_id == alice.id)).all()
    counted = {award.id: award.hours for award in rows if award.state == State.RECORDED}
    assert {each.award_id: each.hours for each in standing.values()} == counted
    sums = Counter({kind: Decimal(0) for kind in SubjectKind})
    for each in standing.values():
        sums[each.subject_kind] += each.hours
    year = years.of(session, alice.id, 2026, now.date())
    assert {kind: part.counted for kind, part in year.standing.kinds.items()} == sums


def _act(act, which, hours, kind, number, recorded, auditors, session, now):
    if act == "award":
        recorded(
            id=1000 + session.scalar(sa.select(sa.func.count(Award.id))),
            hours=hours,
            subject_kind=kind,
        )
        return
    wanted = State.REVERSED if act == "restore" else State.RECORDED
    found = session.scalars(sa.select(Award).where(Award.state == wanted).order_by(Award.id)).all()
    if not found:
        return
    award = found[which % len(found)]
    at = now + number * DAY
    if act == "restore":
        if appeals.contestable(session, award):
            appeal = appeals.lodge(
                session, award, person_id=award.person_id, text="", term=DAY, now=at
            )
            appeals.decide(
                session, appeal, AppealStep.GRANT, actor_id=auditors[2].id, reason="x", now=at
            )
    else:
        correction = reversals.Correction(hours, kind) if act == "correct" else None
        if correction and (hours, kind) == (award.hours, award.subject_kind):
            return
        proposal = reversals.propose(
            session, award, correction=correction, actor_id=auditors[0].id, reason="x",
            hearing=timedelta(), term=DAY, now=at,
        )  # fmt: skip
        reversals.confirm(session, proposal, actor_id=auditors[1].id, now=at)
    sequence(session)
    open_ = sa.select(sa.func.count(Appeal.id)).where(Appeal.state == AppealState.OPEN)
    assert session.scalar(open_) == 0
