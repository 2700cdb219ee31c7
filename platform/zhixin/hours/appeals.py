"""A learner's appeal: heard within a deadline by somebody who did not decide before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.hours import awards, entries, reversals
from zhixin.hours.models import Appeal, Award, Proposal
from zhixin.hours.states import (
    APPEAL_STEPS,
    Against,
    AppealState,
    AppealStep,
    IllegalTransition,
    ProposalState,
    State,
    Transition,
)

_OF_STATE = {
    State.HELD: Against.HOLD,
    State.REJECTED: Against.REJECTION,
    State.REVERSED: Against.REVERSAL,
}


@dataclass(frozen=True)
class Contested:
    """A decision that a learner may appeal against, and who must not judge the appeal."""

    against: Against
    by_id: int
    proposed_by_id: int | None
    at: datetime
    reason: str
    proposal_id: int | None = None


def contestable(session: Session, award: Award) -> Contested | None:
    """What may be appealed against now; None: nothing, or it was appealed against already."""
    found = _contested(session, award)
    if found is None:
        return None
    before = sa.exists().where(Appeal.award_id == award.id, Appeal.contested_at == found.at)
    return None if session.scalar(sa.select(before)) else found


def _contested(session: Session, award: Award) -> Contested | None:
    if award.state == State.RECORDED:
        proposal = session.scalar(
            sa.select(Proposal).where(
                Proposal.award_id == award.id, Proposal.state == ProposalState.OPEN
            )
        )
        if proposal is None:
            return None
        by = proposal.proposed_by_id
        return Contested(
            Against.PROPOSAL, by, by, proposal.proposed_at, proposal.reason, proposal.id
        )
    against = _OF_STATE.get(State(award.state))
    if against is None or award.decided_by_id is None or award.decided_at is None:
        return None
    proposer = session.scalar(
        sa.select(Proposal.proposed_by_id).where(
            Proposal.award_id == award.id, Proposal.state == ProposalState.CONFIRMED
        )
    )
    return Contested(against, award.decided_by_id, proposer, award.decided_at, award.reason or "")


def lodge(
    session: Session,
    award: Award,
    *,
    person_id: int,
    text: str | None,
    term: timedelta,
    now: datetime,
) -> Appeal:
    """Appeal against what stands in the way of these hours.

    Args:
        text: the learner's words; none are needed.
        term: by when it is decided.

    Raises:
        NotFound: another person's hours.
        Conflict: nothing to appeal against, or the appeal was made already.
    """
    if award.person_id != person_id:
        raise NotFound
    found = contestable(session, award)
    if found is None:
        raise _nothing()
    if found.proposal_id is not None:
        proposal = reversals.get(session, found.proposal_id)
        reversals.hold(session, proposal)
        if proposal.state != ProposalState.OPEN:
            raise _nothing()
    made = Appeal(
        award_id=award.id,
        person_id=person_id,
        against=found.against,
        proposal_id=found.proposal_id,
        contested_by_id=found.by_id,
        proposed_by_id=found.proposed_by_id,
        contested_at=found.at,
        contested_reason=found.reason,
        text=awards.written(text) or "",
        opened_at=now,
        due_at=now + term,
        state=AppealState.OPEN,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict("这条学时已有申诉正在处理", code="appeal-open") from None
    return made


def _nothing() -> Conflict:
    return Conflict("这条学时目前没有可以申诉的决定，或已经申诉过", code="nothing-to-appeal")


def may_decide(appeal: Appeal, actor_id: int) -> bool:
    """Not the learner, not who made the decision appealed against, nor who proposed it."""
    return actor_id not in (appeal.person_id, appeal.contested_by_id, appeal.proposed_by_id)


def decide(
    session: Session,
    appeal: Appeal,
    step: AppealStep,
    *,
    actor_id: int,
    reason: str | None,
    now: datetime,
) -> None:
    """Grant an appeal, which undoes what it is against, or uphold the decision.

    Raises:
        Invalid: no reason.
        NotAllowed: see ``may_decide``.
        Conflict: somebody was faster, or the hours were earned again meanwhile.
    """
    reason = awards.written(reason)
    if reason is None:
        raise Invalid("请填写答复，学员会看到它", code="reason-needed")
    if not may_decide(appeal, actor_id):
        raise NotAllowed("申诉须由没有参与原决定的审核员处理", code="other-person-needed")
    after = APPEAL_STEPS.get((AppealState(appeal.state), step))
    moved = after and session.execute(
        sa.update(Appeal)
        .where(Appeal.id == appeal.id, Appeal.state == appeal.state)
        .values(state=after, decided_by_id=actor_id, decided_at=now, outcome=reason)
    )
    if not moved or moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalTransition("这项申诉刚刚已被处理，请刷新查看")
    session.refresh(appeal)
    if step is AppealStep.GRANT:
        _grant(session, appeal, actor_id, f"申诉成立：{reason}", now)


def _grant(session: Session, appeal: Appeal, actor_id: int, reason: str, now: datetime) -> None:
    award = session.get_one(Award, appeal.award_id)
    against = Against(appeal.against)
    if against is Against.PROPOSAL:
        assert appeal.proposal_id is not None
        proposal = reversals.get(session, appeal.proposal_id)
        reversals.decline(session, proposal, actor_id=actor_id, reason=reason, now=now)
    elif against is Against.REVERSAL:
        reversals.restore(session, award, actor_id=actor_id, reason=reason, now=now)
    else:
        if against is Against.REJECTION:
            _reinstate(session, award, actor_id, reason, now)
        awards.move(session, award, Transition.VERIFY, actor_id=actor_id, reason=reason, now=now)
        entries.submit_award(session, award, now)


def _reinstate(session: Session, award: Award, actor_id: int, reason: str, now: datetime) -> None:
    """What was rejected waits again, unless the same hours were earned again meanwhile."""
    try:
        with session.begin_nested():
            awards.move(
                session, award, Transition.REINSTATE, actor_id=actor_id, reason=reason, now=now
            )
    except IntegrityError:
        raise Conflict("同一来源本年度已另有有效学时", code="awarded-again") from None
