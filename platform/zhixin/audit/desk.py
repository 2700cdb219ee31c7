"""What auditors do within their own area; each act is written into the trail with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin.audit import queue, trail
from zhixin.errors import DomainError, Invalid, NotFound
from zhixin.hours import appeals, awards, reversals
from zhixin.hours.models import Appeal, Award, EvidenceCheck, Proposal
from zhixin.hours.reversals import Correction
from zhixin.hours.states import AppealStep, ProposalKind, ProposalStep, Transition
from zhixin.people.models import Person

REASONS = (
    "观看记录与课程时长不符",
    "测验记录异常",
    "非本人学习",
    "重复申报",
    "课程内容与专业无关",
)
HOLD_REASONS = (
    "需要核对观看记录",
    "需要核对是否本人学习",
    "需要向用人单位了解情况",
    "需要您补充说明",
)
#: So many awards may be decided at once: a page of them.
BATCH = queue.PAGE_SIZE


@dataclass(frozen=True, kw_only=True)
class Act:
    """Who acts, from where and when."""

    auditor: Person
    address: str | None
    now: datetime


@dataclass(frozen=True)
class Result:
    """What became of one award of a batch; no problem: it is decided."""

    award_id: int
    award: Award | None
    problem: str | None


def get(session: Session, auditor: Person, award_id: int) -> Award:
    """An award in the auditor's area.

    Raises:
        NotFound: there is none, or it is outside the area.
    """
    found = session.scalar(
        sa.select(Award)
        .join(Person, Person.id == Award.person_id)
        .where(Award.id == award_id, *queue.visible(session, auditor))
        .options(queue.learner(), joinedload(Award.policy))
    )
    if found is None:
        raise NotFound("没有这条学时记录，或不在您的审核范围内")
    return found


def get_appeal(session: Session, auditor: Person, appeal_id: int) -> Appeal:
    """Raises: NotFound."""
    found = session.get(Appeal, appeal_id)
    if found is None:
        raise NotFound("没有这项申诉，或不在您的审核范围内")
    get(session, auditor, found.award_id)
    return found


def get_proposal(session: Session, auditor: Person, proposal_id: int) -> Proposal:
    """Raises: NotFound."""
    found = session.get(Proposal, proposal_id)
    if found is None:
        raise NotFound("没有这项提议，或不在您的审核范围内")
    get(session, auditor, found.award_id)
    return found


def checks(session: Session, award_id: int) -> Sequence[EvidenceCheck]:
    """The last rebuilding of an award and its last holding against the log, as far as there are."""
    latest = (
        sa.select(sa.func.max(EvidenceCheck.id))
        .where(EvidenceCheck.award_id == award_id)
        .group_by(EvidenceCheck.of_log)
    )
    return session.scalars(
        sa.select(EvidenceCheck).where(EvidenceCheck.id.in_(latest)).order_by(EvidenceCheck.of_log)
    ).all()


def decide(
    session: Session,
    award: Award,
    transition: Transition,
    act: Act,
    *,
    reason: str | None,
    hold_for: timedelta,
) -> None:
    """Verify, reject or hold.

    Args:
        hold_for: by when somebody decides on what is held now.
    """
    actor_id = act.auditor.id
    if transition is Transition.HOLD:
        awards.hold(session, award, actor_id=actor_id, reason=reason, term=hold_for, now=act.now)
    else:
        awards.decide(session, award, transition, actor_id=actor_id, reason=reason, now=act.now)
    _note(session, act, transition.value, award.id, reason)


def decide_all(
    session: Session,
    ids: Iterable[int],
    transition: Transition,
    act: Act,
    *,
    reason: str | None,
    hold_for: timedelta,
) -> list[Result]:
    """The same for many, each by itself: one that cannot be decided does not stop the others.

    Raises:
        Invalid: none, or too many.
    """
    ids = list(dict.fromkeys(ids))
    if not 0 < len(ids) <= BATCH:
        raise Invalid(f"请选择 1 至 {BATCH} 条学时", code="choose-some")
    results = []
    for award_id in ids:
        award = problem = None
        try:
            award = get(session, act.auditor, award_id)
            with session.begin_nested():
                decide(session, award, transition, act, reason=reason, hold_for=hold_for)
        except DomainError as error:
            problem = error.message
        results.append(Result(award_id, award, problem))
    return results


def propose(
    session: Session,
    award: Award,
    act: Act,
    *,
    correction: Correction | None,
    reason: str | None,
    hearing: timedelta,
    term: timedelta,
) -> Proposal:
    """Propose a reversal, or a correction."""
    made = reversals.propose(
        session, award, correction=correction, actor_id=act.auditor.id, reason=reason,
        hearing=hearing, term=term, now=act.now,
    )  # fmt: skip
    _note(session, act, f"propose-{ProposalKind(made.kind)}", award.id, made.reason)
    return made


def decide_proposal(
    session: Session, proposal: Proposal, step: ProposalStep, act: Act, reason: str | None
) -> None:
    """Confirm, decline or withdraw."""
    actor_id, noted = act.auditor.id, f"{step}-proposal"
    if step is ProposalStep.CONFIRM:
        reversals.confirm(session, proposal, actor_id=actor_id, now=act.now)
        noted, reason = ProposalKind(proposal.kind).value, proposal.reason
    elif step is ProposalStep.DECLINE:
        reversals.decline(session, proposal, actor_id=actor_id, reason=reason, now=act.now)
    else:
        reversals.withdraw(session, proposal, actor_id=actor_id, now=act.now)
    _note(session, act, noted, proposal.award_id, reason)


def decide_appeal(
    session: Session, appeal: Appeal, step: AppealStep, act: Act, reason: str | None
) -> None:
    """Grant an appeal, or uphold the decision."""
    appeals.decide(session, appeal, step, actor_id=act.auditor.id, reason=reason, now=act.now)
    _note(session, act, f"{step}-appeal", appeal.award_id, reason)


def _note(session: Session, act: Act, what: str, award_id: int, reason: str | None) -> None:
    trail.note(
        session, actor_id=act.auditor.id, act=what, object_kind="award", object_id=award_id,
        reason=reason, address=act.address, now=act.now,
    )  # fmt: skip
