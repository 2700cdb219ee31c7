"""What is in the ledger is taken back or corrected by two people, and the learner is heard."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotAllowed
from zhixin.hours import appeals, awards, reversals, years
from zhixin.hours.models import Appeal, Award, Proposal
from zhixin.hours.reversals import Correction
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import (
    Against,
    AppealStep,
    IllegalTransition,
    ProposalState,
    State,
    Transition,
)
from zhixin.ledger import log
from zhixin.ledger.models import Submission
from zhixin.people.models import Person

from .conftest import make_policy, make_source, sequence

HEARING, TERM = timedelta(days=3), timedelta(days=10)
LESS = Correction(Decimal(3), SubjectKind.PROFESSIONAL)


def propose(session, award, actor, now, correction=None, reason="与面授班重复，王小明已说明"):
    return reversals.propose(
        session, award, correction=correction, actor_id=actor.id, reason=reason,
        hearing=HEARING, term=TERM, now=now,
    )  # fmt: skip


def entry(session, key):
    index = session.scalars(sa.select(Submission.entry_index).where(Submission.key == key)).one()
    return index, json.loads(log.entry(session, index).body)


def test_a_reversal_points_at_the_entry_it_reverses(recorded, auditors, session, now):
    """One proposes, another confirms; a new entry takes back the old one, nothing is undone, and
    the free text stays out of the log."""
    award = recorded()
    proposal = propose(session, award, auditors[0], now)
    assert award.state == State.RECORDED  # nothing is lost by a proposal
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now + HEARING)
    sequence(session)
    assert (award.state, award.reason) == (State.REVERSED, "与面授班重复，王小明已说明")
    _, body = entry(session, f"reversal:{award.id}")
    assert body["facts"]["reverses_entry"] == entry(session, f"award:{award.id}")[0]
    assert "王小明" not in json.dumps(body, ensure_ascii=False)


def test_a_correction_stands_in_its_entrys_place(recorded, auditors, session, alice, now):
    """The old award no longer counts; a new one with the corrected facts and the same evidence
    carries an entry that points at what it corrects, and is recorded by it."""
    award = recorded()
    to = Correction(Decimal(3), SubjectKind.GENERAL)
    proposal = propose(session, award, auditors[0], now, to)
    new = reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now + HEARING)
    sequence(session)
    assert (award.state, new.state, new.corrects_id) == (State.CORRECTED, State.RECORDED, award.id)
    assert (new.hours, new.subject_kind) == (3, SubjectKind.GENERAL)
    assert (new.day, new.year, new.evidence_sha256) == (
        award.day, award.year, award.evidence_sha256,
    )  # fmt: skip
    _, body = entry(session, f"correction:{new.id}")
    assert body["facts"]["corrects_entry"] == entry(session, f"award:{award.id}")[0]
    assert years.of(session, alice.id, 2026, now.date()).standing.total.counted == 3


def test_a_corrected_award_can_be_reversed(recorded, auditors, session, now):
    """Its own entry is what the reversal points at."""
    proposal = propose(session, recorded(), auditors[0], now, LESS)
    new = reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now + HEARING)
    sequence(session)
    again = propose(session, new, auditors[1], now)
    reversals.confirm(session, again, actor_id=auditors[0].id, now=now + HEARING)
    sequence(session)
    _, body = entry(session, f"reversal:{new.id}")
    assert body["facts"]["reverses_entry"] == entry(session, f"correction:{new.id}")[0]


def test_nobody_confirms_their_own_proposal(recorded, auditors, session, now):
    """Four eyes: Python says it kindly, the database refuses it too."""
    proposal = propose(session, recorded(), auditors[0], now)
    for act in (
        lambda: reversals.confirm(session, proposal, actor_id=auditors[0].id, now=now + HEARING),
        lambda: reversals.decline(
            session, proposal, actor_id=auditors[0].id, reason="算了", now=now
        ),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(IntegrityError, match="four_eyes"), session.begin_nested():
        session.execute(
            sa.update(Proposal).values(
                state="confirmed", decided_by_id=auditors[0].id, decided_at=now
            )
        )


@pytest.mark.parametrize("state", ["reversed", "corrected"])
def test_the_database_refuses_a_reversal_without_two_people(
    recorded, auditors, session, now, state
):
    """Whatever program asks: without a confirmed proposal of that kind nothing is taken back."""
    award = recorded()
    propose(session, award, auditors[0], now)
    with pytest.raises(IntegrityError, match="by two people"), session.begin_nested():
        session.execute(
            sa.update(Award).values(state=state, decided_by_id=auditors[1].id, reason="误判")
        )


@pytest.mark.parametrize("missing", ["reason", "decided_by_id"])
def test_the_database_refuses_to_take_hours_without_a_word(give, auditors, session, missing):
    """Hours wiped overnight with no reason, or by nobody, are impossible."""
    give(flags=("overlap",))
    facts = {"reason": "时间不符", "decided_by_id": auditors[0].id} | {missing: None}
    for state in ("held", "rejected"):
        with pytest.raises(IntegrityError, match="by a person"), session.begin_nested():
            session.execute(sa.update(Award).values(state=state, **facts))


def test_one_proposal_is_open_for_an_award(recorded, auditors, session, now):
    """A second is refused by the partial unique index; after a decision there may be another."""
    award = recorded()
    first = propose(session, award, auditors[0], now)
    with pytest.raises(Conflict):
        propose(session, award, auditors[1], now, LESS)
    reversals.decline(session, first, actor_id=auditors[1].id, reason="并不重复", now=now)
    assert (first.state, award.state) == (ProposalState.DECLINED, State.RECORDED)
    assert propose(session, award, auditors[1], now).state == ProposalState.OPEN


def test_only_who_proposed_it_withdraws_it(recorded, auditors, session, now):
    """Whoever disagrees declines, with a reason."""
    proposal = propose(session, recorded(), auditors[0], now)
    with pytest.raises(NotAllowed):
        reversals.withdraw(session, proposal, actor_id=auditors[1].id, now=now)
    with pytest.raises(Invalid):
        reversals.decline(session, proposal, actor_id=auditors[1].id, reason=" ", now=now)
    reversals.withdraw(session, proposal, actor_id=auditors[0].id, now=now)
    assert proposal.state == ProposalState.WITHDRAWN


def test_the_learner_is_heard_first(recorded, auditors, alice, session, now):
    """Nothing is confirmed before the learner could speak, unless they agree."""
    proposal = propose(session, recorded(), auditors[0], now)
    early = now + HEARING - timedelta(seconds=1)
    with pytest.raises(Conflict):
        reversals.confirm(session, proposal, actor_id=auditors[1].id, now=early)
    reversals.accept(session, proposal, person_id=alice.id, now=now)
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
    assert proposal.state == ProposalState.CONFIRMED


def test_an_open_appeal_keeps_a_proposal_from_being_confirmed(
    recorded, auditors, alice, session, now
):
    """However late it is; once the appeal is answered it may be."""
    award = recorded()
    proposal = propose(session, award, auditors[0], now)
    appeal = appeals.lodge(session, award, person_id=alice.id, text="", term=TERM, now=now)
    with pytest.raises(Conflict):
        reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now + 9 * TERM)
    with pytest.raises(Conflict):
        reversals.withdraw(session, proposal, actor_id=auditors[0].id, now=now)
    appeals.decide(
        session, appeal, AppealStep.UPHOLD, actor_id=auditors[1].id, reason="证据清楚", now=now
    )
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
    assert award.state == State.REVERSED


@pytest.mark.parametrize("hours", ["0", "-1", "0.3", "1001", "NaN", "4.5"])
def test_a_correction_is_a_number_of_hours(recorded, auditors, session, now, hours):
    """In the policy's steps, above nothing, within reason, and something else than before."""
    to = Correction(Decimal(hours), SubjectKind.PROFESSIONAL)
    with pytest.raises(Invalid):
        propose(session, recorded(), auditors[0], now, to)


def test_only_what_is_recorded_is_taken_back(give, auditors, session, now):
    """There is nothing yet that an entry could point at."""
    with pytest.raises(IllegalTransition):
        propose(session, give(), auditors[0], now)


def test_auditors_do_not_judge_their_own_hours(recorded, auditors, session, now):
    """Neither propose nor confirm."""
    own = recorded(to=auditors[0])
    with pytest.raises(NotAllowed):
        propose(session, own, auditors[0], now)
    proposal = propose(session, own, auditors[1], now)
    with pytest.raises(NotAllowed):
        reversals.confirm(session, proposal, actor_id=auditors[0].id, now=now + HEARING)


@pytest.fixture
def proposed(own_engine, now):
    """A proposal in a database of its own; its award's learner and those who may decide on it."""
    with Session(own_engine, expire_on_commit=False) as session:
        policy = make_policy(session, now)
        people = [
            Person(sign_in_name=str(n), password_hash="x", name=str(n), created_at=now)
            for n in range(22)
        ]
        session.add_all(people)
        session.flush()
        award = awards.award(
            session, person_id=people[20].id, source=make_source(policy), evidence={}, flags=(),
            sampling_seed="s", now=now,
        )  # fmt: skip
        session.execute(sa.update(Award).values(state=State.RECORDED))
        session.execute(sa.text("INSERT INTO ledger_entry VALUES (0, 'award', '{}', :h, :t)"),
            {"h": b"x", "t": "2026-11-23 02:00:00"})  # fmt: skip
        session.execute(sa.update(Submission).where(Submission.id == award.submission_id).values(
            entry_index=0, leaf_hash=b"x", body=None))  # fmt: skip
        session.refresh(award)
        proposal = propose(session, award, people[21], now)
        session.commit()
    return proposal, people[20], people[:20]


def test_twenty_confirm_once(own_engine, at_once, proposed, now):
    """Of auditors who confirm or decline at the same moment one succeeds: one entry."""
    proposal, _learner, people = proposed

    def act(number: int) -> str:
        with Session(own_engine) as session:
            seen = session.get_one(Proposal, proposal.id)
            actor = people[number].id
            if number % 2:
                reversals.confirm(session, seen, actor_id=actor, now=now + HEARING)
            else:
                reversals.decline(session, seen, actor_id=actor, reason="不同意", now=now)
            session.commit()
        return "done"

    answers = at_once(act)
    assert [a for a in answers if isinstance(a, str)] == ["done"]
    assert all(isinstance(a, str | Conflict) for a in answers), answers
    with Session(own_engine) as session:
        state = session.scalars(sa.select(Award.state)).one()
        reversal = sa.select(sa.func.count()).where(Submission.kind == "reversal")
        assert session.scalar(reversal) == (1 if state == State.REVERSED else 0)


def test_an_appeal_at_the_moment_of_the_decision(own_engine, at_once, proposed, now):
    """Either it comes first and is open, or the decision does and there is nothing to appeal."""
    proposal, learner, people = proposed

    def act(number: int) -> str:
        with Session(own_engine) as session:
            seen = session.get_one(Proposal, proposal.id)
            if number % 2:
                award = session.get_one(Award, seen.award_id)
                appeals.lodge(session, award, person_id=learner.id, text="", term=TERM, now=now)
            else:
                actor = people[number].id
                reversals.confirm(session, seen, actor_id=actor, now=now + HEARING)
            session.commit()
        return "done"

    answers = at_once(act)
    assert all(isinstance(a, str | Conflict) for a in answers), answers
    with Session(own_engine) as session:
        state = session.get_one(Proposal, proposal.id).state
        appeal = session.scalars(sa.select(Appeal)).one_or_none()
    against_it = appeal is not None and appeal.against == Against.PROPOSAL
    assert state == (ProposalState.OPEN if against_it else ProposalState.CONFIRMED)


def test_a_proposal_is_for_one_step_only(recorded, auditors, session, now):
    """A confirmed reversal does not let anybody mark the award as corrected."""
    award = recorded()
    proposal = propose(session, award, auditors[0], now)
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now + HEARING)
    with pytest.raises(IllegalTransition):
        awards.move(
            session, award, Transition.CORRECT, actor_id=auditors[1].id, reason="改", now=now
        )


def test_an_open_appeal_is_answered_before_its_proposal_is_declined(
    recorded, auditors, alice, session, now
):
    """Otherwise the appeal could only be upheld: against a proposal that is no longer there."""
    proposal = propose(session, award := recorded(), auditors[0], now)
    appeal = appeals.lodge(session, award, person_id=alice.id, text="", term=TERM, now=now)
    with pytest.raises(Conflict):
        reversals.decline(session, proposal, actor_id=auditors[1].id, reason="无误", now=now)
    appeals.decide(
        session, appeal, AppealStep.GRANT, actor_id=auditors[1].id, reason="无误", now=now
    )
    assert proposal.state == ProposalState.DECLINED
