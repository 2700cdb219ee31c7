"""What is contested in the demonstration: held, appealed, proposed, reversed, corrected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.audit import desk
from zhixin.demo.people import Cast
from zhixin.hours import appeals
from zhixin.hours.models import Award
from zhixin.hours.reversals import Correction
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import ProposalStep, State, Transition
from zhixin.people.models import Person

HOLD, HEARING, APPEAL = timedelta(days=10), timedelta(days=3), timedelta(days=15)


def act(auditor: Person, now: datetime) -> desk.Act:
    return desk.Act(auditor=auditor, address=None, now=now)


def decide(
    session: Session,
    award: Award,
    step: Transition,
    auditor: Person,
    now: datetime,
    reason: str | None = None,
) -> None:
    """One auditor's decision on what waits."""
    desk.decide(session, award, step, act(auditor, now), reason=reason, hold_for=HOLD)


def contest(session: Session, cast: Cast, recorded: Sequence[Award], now: datetime) -> None:
    """Two holds, one of them overdue; two appeals; an open proposal; a reversal; a correction."""
    first, second = cast.auditors
    suspect = session.scalars(
        sa.select(Award).where(Award.state == State.EARNED, Award.calm < 0).order_by(Award.id)
    ).all()
    reasons = ("需要核对观看记录：同一设备上有多个账号", "需要您补充说明：当天的学习地点")
    for award, reason, days in zip(suspect, reasons, (11, 1), strict=False):
        decide(session, award, Transition.HOLD, first, now - timedelta(days=days), reason)
    rejected = session.scalars(
        sa.select(Award).where(Award.state == State.REJECTED).order_by(Award.id.desc()).limit(1)
    ).all()
    for award in rejected:
        _appeal(
            session,
            award,
            "那几天我在外地出差，用的是酒店的网络，可请单位证明。",
            now - timedelta(days=2),
        )
    shown = [award for award in recorded if award.person_id == cast.learners[1].id]
    spare = [a for a in recorded if a.person_id not in {each.id for each in cast.learners[:8]}]
    if len(spare) < 3 or len(shown) < 2:
        return
    ago = now - timedelta(days=5)
    _propose(session, shown[-1], first, now - timedelta(hours=5), less=True)
    _propose(session, spare[-3], second, now - timedelta(days=1))
    _appeal(session, spare[-3], "面授班我只参加了半天，内容不同。", now - timedelta(hours=3))
    for award, less in ((spare[-1], False), (spare[-2], True)):
        proposal = _propose(session, award, first, ago, less=less)
        desk.decide_proposal(
            session, desk.get_proposal(session, first, proposal), ProposalStep.CONFIRM,
            act(second, now), None,
        )  # fmt: skip


def _propose(
    session: Session, award: Award, auditor: Person, now: datetime, *, less: bool = False
) -> int:
    smaller = Correction(award.hours - Decimal("0.5"), SubjectKind(award.subject_kind))
    less = less and smaller.hours > 0
    return desk.propose(
        session,
        award,
        act(auditor, now),
        correction=smaller if less else None,
        reason="课程时长重新核定，折算有误" if less else "重复申报：同一内容已在面授班计入",
        hearing=HEARING,
        term=HOLD,
    ).id


def _appeal(session: Session, award: Award, text: str, now: datetime) -> None:
    appeals.lodge(session, award, person_id=award.person_id, text=text, term=APPEAL, now=now)
