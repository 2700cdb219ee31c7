"""Awards: given exactly once, decided by a rule or a person, never undone silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin import clock, db
from zhixin.errors import Conflict, Invalid, NotAllowed
from zhixin.hours import entries, policies, suspicion, years
from zhixin.hours import evidence as evidences
from zhixin.hours.counting import Item
from zhixin.hours.models import Appeal, Award, Policy
from zhixin.hours.rules import SubjectKind, sampled
from zhixin.hours.states import (
    IN_FORCE,
    TAKING,
    AppealState,
    IllegalTransition,
    State,
    Transition,
    advance,
)
from zhixin.ledger.models import Submission
from zhixin.observe import AWARDS

BY_RULE = "证据完整，按规则核验"
#: More than a person can earn in a year is a slip of the hand.
MOST_HOURS = Decimal(1000)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What hours are given for. ``id`` and ``version`` are the source domain's own.

    Attributes:
        activity: the policy's code of the kind of outside activity; None: a course.
        day: the day (Asia/Shanghai) that the learning ended; None: the day of the award.
    """

    kind: str
    id: int
    version: int
    title: str
    field_code: str | None
    subject_kind: SubjectKind
    hours: Decimal
    policy_id: int
    activity: str | None = None
    day: date | None = None

    def item(self, day: date) -> Item:
        """These hours as caps see them, at the end of the line."""
        return Item(
            award_id=0,
            source_kind=self.kind,
            activity=self.activity,
            subject_kind=self.subject_kind,
            day=day,
            hours=self.hours,
        )


def award(
    session: Session,
    *,
    person_id: int,
    source: Source,
    evidence: Mapping[str, Any],
    flags: Sequence[str],
    sampling_seed: str,
    now: datetime,
) -> Award:
    """Give hours for ``source``, exactly once: the award in force when there is one already.

    Clean evidence is verified by rule where the policy says so, unless the draw picks it
    for a person's eyes.

    Args:
        flags: codes of what is not clean in the evidence.
        sampling_seed: secret of the draw, so that nobody can know before who is picked.
    """
    day = source.day or clock.local(now).date()
    year = years.credited(session, person_id, source.item(day))
    if found := _in_force(session, person_id, source, year, day):
        return found
    policy = session.get_one(Policy, source.policy_id)
    verification = policies.rule(policy).verification
    draw = f"{person_id}:{source.kind}:{source.id}:{year}"
    given = Award(
        person_id=person_id,
        source_kind=source.kind,
        source_id=source.id,
        source_version=source.version,
        title=source.title,
        field_code=source.field_code,
        subject_kind=source.subject_kind,
        activity=source.activity,
        day=day,
        year=year,
        hours=source.hours,
        policy_id=policy.id,
        evidence_sha256=evidences.keep(session, evidence, now),
        state=State.EARNED,
        sampled=sampled(draw, sampling_seed, verification.sample_percent),
        flags=list(flags),
        calm=-suspicion.weight(flags),
        earned_at=now,
    )
    try:
        with session.begin_nested():
            session.add(given)
    except IntegrityError:
        # The partial unique index refused the second of a race: the first one is the award.
        if (found := _in_force(session, person_id, source, year, day)) is None:
            raise
        return found
    _count(session, "earn")
    if verification.auto and not given.flags and not given.sampled:
        reason = f"{BY_RULE}（{policy.title}，第 {policy.version} 版）"
        decide(session, given, Transition.VERIFY, actor_id=None, reason=reason, now=now)
    return given


def _in_force(
    session: Session, person_id: int, source: Source, year: int, day: date
) -> Award | None:
    # In a window between two years, asking again may come out as the other of the two: the
    # award of the same source and calendar year is the one.
    same = Award.day.between(date(day.year, 1, 1), date(day.year, 12, 31))
    return session.scalar(
        sa.select(Award).where(
            Award.person_id == person_id,
            Award.source_kind == source.kind,
            Award.source_id == source.id,
            sa.or_(Award.year == year, same),
            Award.state.in_(IN_FORCE),
        )
    )


def decide(
    session: Session,
    award: Award,
    transition: Transition,
    *,
    actor_id: int | None,
    reason: str | None,
    now: datetime,
) -> None:
    """Verify or reject an award that waits.

    Args:
        actor_id: who decides; None when a rule does, which only verifies.

    Raises:
        NotAllowed: people do not decide on their own hours; what was recorded is taken back by
            two people (``reversals``), and who held an award does not reject it.
        Invalid: rejecting without a reason.
        Conflict: the learner has appealed; then the appeal is what is decided (``appeals``).
        IllegalTransition: the award is not, or no longer, in a state for this.
    """
    if transition not in (Transition.VERIFY, Transition.REJECT):
        raise NotAllowed("冲销和更正须由一人提出、另一人确认", code="four-eyes")
    appealed = sa.exists().where(Appeal.award_id == award.id, Appeal.state == AppealState.OPEN)
    if award.state == State.HELD and session.scalar(sa.select(appealed)):
        raise Conflict("学员已提出申诉，请在申诉中作出决定", code="appeal-open")
    move(session, award, transition, actor_id=actor_id, reason=reason, now=now)
    if transition is Transition.VERIFY:
        entries.submit_award(session, award, now)


def move(
    session: Session,
    award: Award,
    transition: Transition,
    *,
    actor_id: int | None,
    reason: str | None,
    due_at: datetime | None = None,
    now: datetime,
) -> None:
    """Move an award along its table, for ``decide`` and its siblings; two cannot both succeed.

    Args:
        due_at: by when a person decides on what is held now.

    Raises:
        NotAllowed, Invalid, IllegalTransition: see ``decide``.
    """
    reason = written(reason)
    if transition in TAKING:
        if reason is None:
            raise Invalid("请填写原因，学员会看到它", code="reason-needed")
        if actor_id is None:
            raise NotAllowed("只有人可以作出不利于学员的决定", code="person-needed")
    if actor_id == award.person_id:
        raise NotAllowed("不能核验自己的学时，请由其他审核员处理", code="own-award")
    before, after = award.state, advance(State(award.state), transition)
    if (before, transition) == (State.HELD, Transition.REJECT) and actor_id == award.decided_by_id:
        raise NotAllowed("是您暂缓认定的，驳回须由另一位审核员决定", code="other-person-needed")
    moved = session.execute(
        sa.update(Award)
        .where(Award.id == award.id, Award.state == before)
        .values(
            state=after,
            decided_at=now,
            decided_by_id=actor_id,
            reason=reason,
            due_at=due_at,
            overdue_at=None,
        )
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalTransition("这条学时记录刚刚已被处理，请刷新查看")
    session.refresh(award)
    _count(session, transition)


def hold(
    session: Session,
    award: Award,
    *,
    actor_id: int,
    reason: str | None,
    term: timedelta,
    now: datetime,
) -> None:
    """A person looks closer, for a reason that the learner reads, and decides within ``term``.

    Only people hold: flags alone make an award wait, they never change what a learner has.
    """
    move(
        session, award, Transition.HOLD, actor_id=actor_id, reason=reason, due_at=now + term, now=now
    )  # fmt: skip


def written(text: str | None, longest: int = 2000) -> str | None:
    """Words that a person wrote, trimmed; None when there are none.

    Raises:
        Invalid: too long.
    """
    text = (text or "").strip()
    if len(text) > longest:
        raise Invalid(f"文字过长，请不要超过 {longest} 字", code="text-too-long")
    return text or None


def _count(session: Session, transition: str, awards: int = 1) -> None:
    db.after_commit(session, lambda: AWARDS.labels(transition).inc(awards))


def mark_recorded(session: Session) -> int:
    """Verified awards whose entry is in the log become recorded; returns how many."""
    in_log = sa.select(Submission.id).where(Submission.entry_index.is_not(None))
    moved = session.execute(
        sa.update(Award)
        .where(Award.state == State.VERIFIED, Award.submission_id.in_(in_log))
        .values(state=advance(State.VERIFIED, Transition.RECORD))
        .execution_options(synchronize_session=False)
    )
    count: int = moved.rowcount  # type: ignore[attr-defined]
    if count:
        _count(session, Transition.RECORD, count)
    return count
