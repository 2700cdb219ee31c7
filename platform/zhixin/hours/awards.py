"""Awards: given exactly once, decided by a rule or a person, never undone silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin import clock, db, jobs
from zhixin.errors import Invalid, NotAllowed
from zhixin.hours import evidence as evidences
from zhixin.hours import policies, years
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import SubjectKind, sampled
from zhixin.hours.states import IN_FORCE, IllegalTransition, State, Transition, advance
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind, Submission
from zhixin.observe import AWARDS

BY_RULE = "证据完整，按规则核验"


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
    year = years.credited(session, person_id, source.subject_kind, day)
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
    """Move an award along its table; two deciders cannot both succeed.

    Args:
        actor_id: who decides; None when a rule does.

    Raises:
        NotAllowed: people do not decide on their own hours.
        Invalid: rejecting or reversing without a reason.
        IllegalTransition: the award is not, or no longer, in a state for this.
    """
    reason = (reason or "").strip() or None
    if transition in (Transition.REJECT, Transition.REVERSE) and reason is None:
        raise Invalid("请填写原因，学员会看到它", code="reason-needed")
    if actor_id == award.person_id:
        raise NotAllowed("不能核验自己的学时，请由其他审核员处理", code="own-award")
    before, after = award.state, advance(State(award.state), transition)
    moved = session.execute(
        sa.update(Award)
        .where(Award.id == award.id, Award.state == before)
        .values(state=after, decided_at=now, decided_by_id=actor_id, reason=reason)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalTransition("这条学时记录刚刚已被处理，请刷新查看")
    session.refresh(award)
    if transition is Transition.VERIFY:
        _submit(session, award, now)
    elif transition is Transition.REVERSE:
        _submit_reversal(session, award, now)
    _count(session, transition)


def _count(session: Session, transition: str, awards: int = 1) -> None:
    db.after_commit(session, lambda: AWARDS.labels(transition).inc(awards))


def _submit(session: Session, award: Award, now: datetime) -> None:
    policy = session.get_one(Policy, award.policy_id)
    submission = log.submit(
        session,
        EntryKind.AWARD,
        f"award:{award.id}",
        {
            "award": award.id,
            "source": {
                "kind": award.source_kind,
                "id": award.source_id,
                "version": award.source_version,
            },
            "title": award.title,
            "field": award.field_code,
            "subject_kind": award.subject_kind,
            "year": award.year,
            "hours": str(award.hours),
            "policy": policy.sha256,
            "evidence": award.evidence_sha256,
            "verified_by": "rule" if award.decided_by_id is None else "person",
        },
        person_id=award.person_id,
        now=now,
    )
    session.execute(
        sa.update(Award).where(Award.id == award.id).values(submission_id=submission.id)
    )
    session.refresh(award, ["submission_id"])
    from zhixin.hours.tasks import record

    jobs.enqueue(session, record)


def _submit_reversal(session: Session, award: Award, now: datetime) -> None:
    """A correction is a new entry that points at the old one.

    The reason stays with the award: it is free text, and might name somebody.
    """
    reversed_index = session.scalar(
        sa.select(Submission.entry_index).where(Submission.id == award.submission_id)
    )
    log.submit(
        session,
        EntryKind.REVERSAL,
        f"reversal:{award.id}",
        {
            "award": award.id,
            "reverses_entry": reversed_index,
            "hours": str(award.hours),
        },
        person_id=award.person_id,
        now=now,
    )


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
