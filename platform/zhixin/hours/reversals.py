"""Taking back or correcting what is in the ledger: one person proposes, another confirms.

The learner is told at the proposal and may appeal or agree; until they could, nothing is
confirmed. Confirming moves the award and writes the ledger's entry in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.hours import awards, entries, policies
from zhixin.hours.models import Appeal, Award, Policy, Proposal
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import (
    PROPOSAL_STEPS,
    AppealState,
    IllegalTransition,
    ProposalKind,
    ProposalState,
    ProposalStep,
    State,
    Transition,
    advance,
)

_TRANSITIONS = {
    ProposalKind.REVERSE: Transition.REVERSE,
    ProposalKind.CORRECT: Transition.CORRECT,
}


@dataclass(frozen=True)
class Correction:
    """What may be corrected; the rest of an award is its evidence's."""

    hours: Decimal
    subject_kind: SubjectKind


def propose(
    session: Session,
    award: Award,
    *,
    correction: Correction | None = None,
    actor_id: int,
    reason: str | None,
    hearing: timedelta,
    term: timedelta,
    now: datetime,
) -> Proposal:
    """Propose to reverse ``award``, or to correct it.

    Args:
        hearing: how long the learner has to be heard before anybody may confirm.
        term: from now on, by when somebody decides.

    Raises:
        Invalid: no reason, or a correction that changes nothing or is no number of hours.
        NotAllowed: one's own hours.
        Conflict: another proposal is open, or the award is not in the ledger.
    """
    kind = ProposalKind.CORRECT if correction else ProposalKind.REVERSE
    reason = awards.written(reason)
    if reason is None:
        raise Invalid("请填写原因，学员会看到它", code="reason-needed")
    if actor_id == award.person_id:
        raise NotAllowed("不能处理自己的学时，请由其他审核员处理", code="own-award")
    advance(State(award.state), _TRANSITIONS[kind])
    if correction:
        _check(session, award, correction)
    made = Proposal(
        award_id=award.id,
        kind=kind,
        hours=correction.hours if correction else None,
        subject_kind=correction.subject_kind if correction else None,
        reason=reason,
        proposed_by_id=actor_id,
        proposed_at=now,
        objections_until=now + hearing,
        due_at=now + max(term, hearing),
        state=ProposalState.OPEN,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict("这条学时已有待确认的冲销或更正", code="proposal-open") from None
    return made


def _check(session: Session, award: Award, correction: Correction) -> None:
    step = policies.rule(session.get_one(Policy, award.policy_id)).step
    hours = correction.hours
    if not hours.is_finite() or not 0 < hours <= awards.MOST_HOURS or hours % step:
        raise Invalid(
            f"学时应为 {step} 的整数倍，大于 0 且不超过 {awards.MOST_HOURS}", code="hours-invalid"
        )
    if (hours, correction.subject_kind) == (award.hours, award.subject_kind):
        raise Invalid("更正后的学时和科目与现在相同", code="nothing-corrected")


def get(session: Session, proposal_id: int) -> Proposal:
    """Raises: NotFound."""
    found = session.get(Proposal, proposal_id)
    if found is None:
        raise NotFound
    return found


def may_confirm(session: Session, proposal: Proposal, now: datetime) -> bool:
    """Has the learner been heard: agreed, appealed and been answered, or let the time pass?"""
    states = session.scalars(sa.select(Appeal.state).where(Appeal.proposal_id == proposal.id)).all()
    if AppealState.OPEN in states:
        return False
    return bool(states) or proposal.accepted_at is not None or now >= proposal.objections_until


def confirm(session: Session, proposal: Proposal, *, actor_id: int, now: datetime) -> Award:
    """Do what was proposed; returns the award that counts (or, reversed, no longer counts).

    Raises:
        NotAllowed: whoever proposed it, or the learner.
        Conflict: the learner has not been heard; somebody was faster.
    """
    hold(session, proposal)
    if not may_confirm(session, proposal, now):
        raise Conflict("学员的陈述期未满或申诉尚未处理，暂不能确认", code="not-heard")
    _decide(session, proposal, ProposalStep.CONFIRM, actor_id, None, now)
    award = session.get_one(Award, proposal.award_id)
    kind = ProposalKind(proposal.kind)
    awards.move(
        session, award, _TRANSITIONS[kind], actor_id=actor_id, reason=proposal.reason, now=now
    )
    if kind is ProposalKind.REVERSE:
        entries.submit_reversal(session, award, now)
        return award
    return successor(
        session, award, {"hours": proposal.hours, "subject_kind": proposal.subject_kind},
        corrects=entries.index_of(session, award), actor_id=actor_id, reason=proposal.reason, now=now,
    )  # fmt: skip


def decline(
    session: Session, proposal: Proposal, *, actor_id: int, reason: str | None, now: datetime
) -> None:
    """Another person finds that the award stays as it is; of an appeal, that is its answer.

    Raises:
        Invalid: no reason.
        NotAllowed: whoever proposed it, or the learner.
        Conflict: there is an open appeal against it; somebody was faster.
    """
    reason = awards.written(reason)
    if reason is None:
        raise Invalid("请填写原因", code="reason-needed")
    _not_appealed(session, proposal)
    _decide(session, proposal, ProposalStep.DECLINE, actor_id, reason, now)


def withdraw(session: Session, proposal: Proposal, *, actor_id: int, now: datetime) -> None:
    """Who proposed it takes it back; an appeal against it is granted by that in effect."""
    if actor_id != proposal.proposed_by_id:
        raise NotAllowed("只有提出的人可以撤回", code="not-the-proposer")
    _not_appealed(session, proposal)
    _decide(session, proposal, ProposalStep.WITHDRAW, actor_id, None, now)


def hold(session: Session, proposal: Proposal) -> None:
    """Of those who decide on a proposal and a learner who appeals, one after the other."""
    session.refresh(proposal, with_for_update=True)


def _not_appealed(session: Session, proposal: Proposal) -> None:
    hold(session, proposal)
    appealed = sa.exists().where(
        Appeal.proposal_id == proposal.id, Appeal.state == AppealState.OPEN
    )
    if session.scalar(sa.select(appealed)):
        raise Conflict("学员已提出申诉，请由另一位审核员在申诉中决定", code="appeal-open")


def accept(session: Session, proposal: Proposal, *, person_id: int, now: datetime) -> None:
    """The learner agrees; then nobody needs to wait."""
    award = session.get_one(Award, proposal.award_id)
    if award.person_id != person_id:
        raise NotFound
    if proposal.state != ProposalState.OPEN:
        raise Conflict("这项提议已经处理", code="proposal-over")
    if proposal.accepted_at is None:
        proposal.accepted_at = now
        session.flush()


def _decide(
    session: Session,
    proposal: Proposal,
    step: ProposalStep,
    actor_id: int,
    reason: str | None,
    now: datetime,
) -> None:
    if step is not ProposalStep.WITHDRAW and actor_id == proposal.proposed_by_id:
        raise NotAllowed("提出的人不能自己确认，请由另一位审核员处理", code="four-eyes")
    if step is not ProposalStep.WITHDRAW:
        person_id = session.scalar(sa.select(Award.person_id).where(Award.id == proposal.award_id))
        if actor_id == person_id:
            raise NotAllowed("不能处理自己的学时，请由其他审核员处理", code="own-award")
    after = PROPOSAL_STEPS.get((ProposalState(proposal.state), step))
    moved = after and session.execute(
        sa.update(Proposal)
        .where(Proposal.id == proposal.id, Proposal.state == proposal.state)
        .values(state=after, decided_by_id=actor_id, decided_at=now, decision_reason=reason)
    )
    if not moved or moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalTransition("这项提议刚刚已被处理，请刷新查看")
    session.refresh(proposal)


def restore(session: Session, award: Award, *, actor_id: int, reason: str, now: datetime) -> Award:
    """Give back what was reversed: a new award, with an entry that points at the reversal.

    Raises:
        Conflict: the same hours have been earned again since, or were given back before.
    """
    corrects = entries.index_of_reversal(session, award)
    return successor(
        session, award, {}, corrects=corrects, actor_id=actor_id, reason=reason, now=now
    )


def successor(
    session: Session,
    award: Award,
    changes: dict[str, Any],
    *,
    corrects: int,
    actor_id: int,
    reason: str,
    now: datetime,
) -> Award:
    """The award that stands in the place of ``award``, which no longer counts.

    Args:
        corrects: index of the ledger's entry that the new one points at.
    """
    kept = (
        "person_id source_kind source_id source_version title field_code subject_kind activity day "
        "year hours policy_id evidence_sha256 sampled flags calm earned_at"
    ).split()
    made = Award(
        **{name: getattr(award, name) for name in kept} | changes,
        state=State.VERIFIED,
        decided_at=now,
        decided_by_id=actor_id,
        reason=reason,
        corrects_id=award.id,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict("同一来源本年度已另有有效学时", code="awarded-again") from None
    entries.submit_correction(session, made, corrects, now)
    return made
