"""Holds with a deadline, and appeals decided by other eyes within one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from zhixin.audit import trail
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.hours import appeals, awards, deadlines, fold, reversals, years
from zhixin.hours.models import Appeal, Award
from zhixin.hours.states import (
    Against,
    AppealState,
    AppealStep,
    IllegalTransition,
    ProposalState,
    State,
    Transition,
)

from .conftest import sequence

TERM = timedelta(days=10)


def hold(session, award, actor, now, reason="请稍候，正在核对设备记录"):
    awards.hold(session, award, actor_id=actor.id, reason=reason, term=TERM, now=now)


def lodge(session, award, person, now, text="那天我在图书馆，网络很慢"):
    return appeals.lodge(session, award, person_id=person.id, text=text, term=TERM, now=now)


def answer(session, appeal, actor, now, step=AppealStep.GRANT, reason="说明属实"):
    appeals.decide(session, appeal, step, actor_id=actor.id, reason=reason, now=now)


def reject(session, award, actor, now):
    awards.decide(
        session, award, Transition.REJECT, actor_id=actor.id, reason="非本人学习", now=now
    )


def reverse(session, award, auditors, now):
    proposal = reversals.propose(
        session, award, actor_id=auditors[0].id, reason="重复", hearing=timedelta(), term=TERM, now=now
    )  # fmt: skip
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
    sequence(session)


@pytest.fixture
def waiting(give):
    """An award that is flagged, and so waits for a person."""
    return give(flags=("clockwork",))


def test_a_hold_has_a_reason_and_a_deadline(waiting, auditors, session, alice, now):
    """The learner reads why and until when; the hours stay pending and lose nothing."""
    with pytest.raises(Invalid):
        hold(session, waiting, auditors[0], now, reason=" ")
    hold(session, waiting, auditors[0], now)
    assert (waiting.state, waiting.due_at, waiting.reason) == (
        State.HELD, now + TERM, "请稍候，正在核对设备记录",
    )  # fmt: skip
    assert years.of(session, alice.id, 2026, now.date()).pending_total == waiting.hours


def test_who_held_releases_but_does_not_reject(waiting, auditors, session, now):
    """A rejection after a hold is another person's: the database keeps it, too."""
    hold(session, waiting, auditors[0], now)
    with pytest.raises(NotAllowed):
        reject(session, waiting, auditors[0], now)
    with pytest.raises(IntegrityError, match="does not reject"), session.begin_nested():
        session.execute(sa.update(Award).values(state="rejected"))
    reject(session, waiting, auditors[1], now)
    assert (waiting.state, waiting.due_at) == (State.REJECTED, None)


def test_who_held_may_release(waiting, auditors, session, now):
    """Finding that all is well needs no second person."""
    hold(session, waiting, auditors[0], now)
    awards.decide(
        session, waiting, Transition.VERIFY, actor_id=auditors[0].id, reason=None, now=now
    )
    assert waiting.state == State.VERIFIED


def test_deadlines_that_passed_are_noticed_once(waiting, auditors, alice, session, now):
    """On the trail, by a sweeper that may run twice; nothing is decided by the clock."""
    hold(session, waiting, auditors[0], now)
    appeal = lodge(session, waiting, alice, now)
    assert deadlines.notice(session, now + TERM) == 0
    late = now + TERM + timedelta(seconds=1)
    assert deadlines.notice(session, late) == 2
    assert deadlines.notice(session, late) == 0
    assert [trace.act for trace, _ in trail.of(session, "award", waiting.id)] == [
        "overdue-appeal", "overdue-hold",
    ]  # fmt: skip
    assert (waiting.state, appeal.state) == (State.HELD, AppealState.OPEN)


def test_an_appeal_against_a_hold_verifies(waiting, auditors, alice, session, now):
    """Granted: held → verified, and into the ledger; while it runs it alone is decided."""
    hold(session, waiting, auditors[0], now)
    appeal = lodge(session, waiting, alice, now)
    assert (appeal.against, appeal.due_at) == (Against.HOLD, now + TERM)
    with pytest.raises(Conflict):
        reject(session, waiting, auditors[1], now)
    answer(session, appeal, auditors[1], now)
    sequence(session)
    assert (waiting.state, waiting.reason) == (State.RECORDED, "申诉成立：说明属实")


def test_an_appeal_against_a_rejection_reinstates(waiting, auditors, alice, session, now):
    """Granted: rejected → reinstated and verified, by somebody who had not rejected."""
    reject(session, waiting, auditors[0], now)
    appeal = lodge(session, waiting, alice, now)
    answer(session, appeal, auditors[1], now)
    assert (waiting.state, waiting.decided_by_id) == (State.VERIFIED, auditors[1].id)


def test_hours_earned_again_are_not_given_twice(waiting, auditors, alice, give, session, now):
    """An appeal cannot break "exactly once"; the refusal leaves everything as it was."""
    reject(session, waiting, auditors[0], now)
    appeal = lodge(session, waiting, alice, now)
    give()
    with pytest.raises(Conflict), session.begin_nested():
        answer(session, appeal, auditors[1], now)
    session.expire_all()
    assert (waiting.state, appeal.state) == (State.REJECTED, AppealState.OPEN)


def test_an_appeal_against_a_reversal_gives_the_hours_back(recorded, auditors, alice, session, now):
    """Granted: a new award names the reversed one, its entry points at the reversal."""
    award = recorded()
    reverse(session, award, auditors, now)
    appeal = lodge(session, award, alice, now)
    for involved in auditors[:2]:
        with pytest.raises(NotAllowed):
            answer(session, appeal, involved, now)
    answer(session, appeal, auditors[2], now)
    sequence(session)
    restored = session.scalars(sa.select(Award).where(Award.corrects_id == award.id)).one()
    assert (award.state, restored.state) == (State.REVERSED, State.RECORDED)
    assert [each.award_id for each in fold.of_person(session, alice.id).values()] == [restored.id]


def test_an_appeal_against_a_proposal_declines_it(recorded, auditors, alice, session, now):
    """Granted: the award stays as it is, and nothing enters the ledger."""
    award = recorded()
    proposal = reversals.propose(
        session, award, actor_id=auditors[0].id, reason="重复", hearing=TERM, term=TERM, now=now
    )
    answer(session, lodge(session, award, alice, now), auditors[1], now)
    assert (proposal.state, award.state) == (ProposalState.DECLINED, State.RECORDED)


def test_an_upheld_decision_stays_and_says_why(waiting, auditors, alice, session, now):
    """An outcome needs words; the same decision is appealed against once."""
    reject(session, waiting, auditors[0], now)
    appeal = lodge(session, waiting, alice, now, text="")
    with pytest.raises(Invalid):
        answer(session, appeal, auditors[1], now, AppealStep.UPHOLD, reason=" ")
    answer(session, appeal, auditors[1], now, AppealStep.UPHOLD, reason="登录地在外省")
    assert (waiting.state, appeal.state, appeal.outcome) == (
        State.REJECTED, AppealState.UPHELD, "登录地在外省",
    )  # fmt: skip
    with pytest.raises(Conflict):
        lodge(session, waiting, alice, now)
    with pytest.raises(IllegalTransition):
        answer(session, appeal, auditors[2], now)


def test_other_eyes_decide(waiting, auditors, alice, session, now):
    """Whoever made the decision appealed against does not judge the appeal: the database's rule."""
    reject(session, waiting, auditors[0], now)
    appeal = lodge(session, waiting, alice, now)
    for actor in (auditors[0], alice):
        with pytest.raises(NotAllowed):
            answer(session, appeal, actor, now)
        with pytest.raises(IntegrityError, match="other_eyes"), session.begin_nested():
            session.execute(
                sa.update(Appeal).values(
                    state="granted", decided_by_id=actor.id, decided_at=now, outcome="x"
                )
            )


def test_one_appeal_is_open_for_an_award(waiting, auditors, alice, session, now):
    """By the partial unique index, whatever races."""
    hold(session, waiting, auditors[0], now)
    first = lodge(session, waiting, alice, now)
    columns = {c.name: getattr(first, c.name) for c in Appeal.__table__.columns if c.name != "id"}
    again = columns | {"contested_at": now + TERM}
    with pytest.raises(IntegrityError, match=r"uq_appeal_open|appeal\.award_id"):
        session.execute(sa.insert(Appeal).values(**again))


def test_only_the_learner_appeals(waiting, auditors, create_person, session, now):
    """Others are told that there is no such thing."""
    hold(session, waiting, auditors[0], now)
    with pytest.raises(NotFound):
        lodge(session, waiting, create_person("bob"), now)


def test_there_must_be_something_to_appeal_against(give, alice, session, now):
    """Hours that count, or merely wait, are not contested."""
    with pytest.raises(Conflict):
        lodge(session, give(), alice, now)
