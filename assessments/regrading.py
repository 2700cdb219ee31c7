"""A regrade after a wrong key: what it would change, by whom it is decided, and doing it.

The author mends the question where it is written (the draft, or the bank with its own second
person); what then differs from the published one in nothing but the key may be put forward.
Another person, who neither wrote the paper nor took it, sees whom it changes and confirms. From
then on the new key grades and is shown; attempts from before are graded again one by one.

Grading is ``grading.grade_paper`` on the answers as they were handed in. A pass is never taken:
of whom the right key would fail both results are kept and the old one stands, for auditors to
look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import blueprints, corrections, drafting, frozen, marking, rekeyed, results
from assessments.banks import pools
from assessments.grading import grade_paper
from assessments.models import Attempt, AttemptState, Paper, PaperVersion
from assessments.papers import Paper as Document
from assessments.questions import Question
from assessments.regrade_models import (
    IN_FORCE,
    REGRADE_STEPS,
    AttemptRegrade,
    KeyCorrection,
    RegradeState,
    RegradeStep,
)
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound

MOST_REASON = 500


@dataclass(frozen=True, slots=True)
class Change:
    """What an attempt was worth, and is under the new key; in millionths of the maximum."""

    attempt: Attempt
    result: dict[str, Any]
    fraction: int
    passed: bool

    @property
    def gains(self) -> bool:
        return self.passed and not self.attempt.passed

    @property
    def loses(self) -> bool:
        """The right key would fail who passed: nothing is changed."""
        return bool(self.attempt.passed) and not self.passed


def propose(
    session: Session, paper: Paper, person_id: int, name: str, reason: str, now: datetime
) -> KeyCorrection:
    """Put a mended key forward.

    Raises:
        NotFound: there is no such question, or its key is as it was published.
        Invalid: no reason. Conflict: one for this question is under way.
    """
    reason = reason.strip()[:MOST_REASON]
    if not reason:
        raise Invalid("请写明原答案错在哪里")
    chosen = next((each for each in rekeyed.candidates(session, paper) if each.name == name), None)
    if chosen is None:
        raise NotFound("没有这道题，或它的答案与发布时相同")
    made = KeyCorrection(
        paper_id=paper.id,
        question_id=chosen.question_id,
        before=chosen.before.model_dump(mode="json"),
        before_sha256=corrections.digest(chosen.before),
        document=chosen.after.model_dump(mode="json"),
        reason=reason,
        state=RegradeState.PROPOSED,
        proposed_by_id=person_id,
        proposed_at=now,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise Conflict("这道题已有一次改判正在处理") from None
    return made


def decide(
    session: Session,
    correction: KeyCorrection,
    step: RegradeStep,
    *,
    person_id: int,
    reason: str = "",
    now: datetime,
) -> None:
    """Confirm, decline (with a reason) or withdraw what was put forward.

    Raises:
        NotAllowed: not this person's to decide. Invalid: no reason.
        IllegalRegradeStep: somebody was faster.
    """
    session.refresh(correction, with_for_update=True)
    state = REGRADE_STEPS.after(correction.state, step)
    reason = reason.strip()[:MOST_REASON]
    if step is RegradeStep.WITHDRAW:
        if person_id != correction.proposed_by_id:
            raise NotAllowed("只有提出的人可以撤回", code="not-the-proposer")
    elif not may_decide(session, correction, person_id):
        raise NotAllowed("试卷的作者、提出的人和作答过的人不能决定改判")
    if step is RegradeStep.DECLINE and not reason:
        raise Invalid("请写明不改判的理由")
    correction.state, correction.decision = state, reason or None
    correction.decided_by_id, correction.decided_at = person_id, now
    if step is RegradeStep.CONFIRM:
        # Who is handing in or marking by the old key is done before the new one is in force.
        session.get_one(Paper, correction.paper_id, with_for_update=True)
        correction.total = graded(session, correction)
    session.flush()


def may_decide(session: Session, correction: KeyCorrection, person_id: int) -> bool:
    """Neither who put it forward, nor who writes the paper, nor who took it."""
    query = sa.select(KeyCorrection.id).where(
        KeyCorrection.id == correction.id, decidable_by(person_id)
    )
    return session.scalar(query) is not None


def decidable_by(person_id: int) -> sa.ColumnElement[bool]:
    """The same as a condition."""
    written = sa.select(Paper.id).where(drafting.mine(person_id))
    taken = (
        sa.select(PaperVersion.paper_id)
        .join(Attempt, Attempt.paper_version_id == PaperVersion.id)
        .where(Attempt.person_id == person_id)
    )
    return sa.and_(
        KeyCorrection.proposed_by_id != person_id,
        KeyCorrection.paper_id.not_in(written),
        KeyCorrection.paper_id.not_in(taken),
    )


def graded(session: Session, correction: KeyCorrection) -> int:
    """How many attempts are to be looked at."""
    count = sa.select(sa.func.count()).select_from(_graded(correction).subquery())
    return session.scalar(count) or 0


def progress(session: Session, paper_id: int) -> int:
    """Grows with each regrade of a paper that comes into force, and when it is finished."""
    step = sa.case((KeyCorrection.state == RegradeState.DONE, 2), else_=1)
    query = sa.select(sa.func.sum(step)).where(
        KeyCorrection.paper_id == paper_id, KeyCorrection.state.in_(IN_FORCE)
    )
    return session.scalar(query) or 0


def attempts(session: Session, ids: Sequence[int]) -> Sequence[Attempt]:
    """These, in the order of their ids."""
    return session.scalars(sa.select(Attempt).where(Attempt.id.in_(ids)).order_by(Attempt.id)).all()


def regrade(
    session: Session, correction: KeyCorrection, attempt_id: int, now: datetime
) -> AttemptRegrade | None:
    """Grade one attempt again, once; None: nothing changes."""
    attempt = session.get_one(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    known = sa.select(AttemptRegrade).where(
        AttemptRegrade.correction_id == correction.id, AttemptRegrade.attempt_id == attempt_id
    )
    if session.scalar(known) is not None:
        return None
    found = Reader(session, correction).change(attempt)
    if found is None:
        return None
    made = AttemptRegrade(
        correction_id=correction.id,
        attempt_id=attempt_id,
        result_before=attempt.result,
        fraction_before=attempt.fraction_millionths,
        passed_before=attempt.passed,
        result_after=found.result,
        fraction_after=found.fraction,
        passed_after=found.passed,
        applied=not found.loses,
        at=now,
    )
    session.add(made)
    if made.applied:
        attempt.result, attempt.fraction_millionths = found.result, found.fraction
        attempt.passed = found.passed
    session.flush()
    return made


def made(
    session: Session, correction: KeyCorrection, at: slice = slice(None)
) -> list[tuple[AttemptRegrade, Attempt]]:
    """What it changed, once it was run; those first whose verdict it changed, or would have.
    ``at``: which of them."""
    unchanged = AttemptRegrade.passed_before == AttemptRegrade.passed_after
    query = (
        sa.select(AttemptRegrade, Attempt)
        .join(Attempt, Attempt.id == AttemptRegrade.attempt_id)
        .where(AttemptRegrade.correction_id == correction.id)
        .order_by(sa.case((unchanged, 1), else_=0), AttemptRegrade.attempt_id)
        .offset(at.start)
        .limit(None if at.stop is None else at.stop - (at.start or 0))
    )
    return [(regrade, attempt) for regrade, attempt in session.execute(query)]


def sums(session: Session, correction: KeyCorrection, without: str) -> tuple[int, int, int]:
    """How many it changed, and of those outside scopes that begin with ``without``, how many pass
    by it, and how many would have failed."""
    before, after = AttemptRegrade.passed_before, AttemptRegrade.passed_after
    counted = ~Attempt.scope.startswith(without)
    query = (
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((sa.and_(counted, after, ~before), 1))),
            sa.func.count(sa.case((sa.and_(counted, before, ~after), 1))),
        )
        .select_from(AttemptRegrade)
        .join(Attempt, Attempt.id == AttemptRegrade.attempt_id)
        .where(AttemptRegrade.correction_id == correction.id)
    )
    changed, gain, lose = session.execute(query).one()
    return changed, gain, lose


def versions_changed(session: Session, correction: KeyCorrection) -> Sequence[int]:
    """The paper versions of the attempts that it changed or would have."""
    query = (
        sa.select(Attempt.paper_version_id)
        .join(AttemptRegrade, AttemptRegrade.attempt_id == Attempt.id)
        .where(AttemptRegrade.correction_id == correction.id)
        .distinct()
    )
    return session.scalars(query).all()


def next_attempts(
    session: Session, correction: KeyCorrection, after: int, limit: int
) -> Sequence[int]:
    """The attempts that are to be looked at behind the attempt ``after``."""
    query = _graded(correction).where(Attempt.id > after)
    ids = query.order_by(Attempt.id).limit(limit).with_only_columns(Attempt.id)
    return session.scalars(ids).all()


class Reader:
    """Grades attempts under a correction and writes nothing; what is the same for all of a
    version is read once."""

    def __init__(self, session: Session, correction: KeyCorrection) -> None:
        self.session, self.correction = session, correction
        self.known: dict[int, tuple[Document, Sequence[KeyCorrection]]] = {}

    def change(self, attempt: Attempt) -> Change | None:
        """What the correction makes of an attempt; None: nothing."""
        id, result = self.correction.question_id, attempt.result
        if result is None or attempt.passed is None or id not in result["questions"]:
            return None
        base, made = self._version(attempt.paper_version_id)
        before = self._asked(base, attempt)
        if before is None:
            return None
        before = corrections.corrected(before, [m for m in made if m.id < self.correction.id])
        after = corrections.corrected(before, [self.correction])
        if after is before:
            return None
        answer = tuple(attempt.answers.get(id, ()))
        if before.share(answer, base.marking) == after.share(answer, base.marking):
            return None
        every = [*(m for m in made if m.id != self.correction.id), self.correction]
        paper = corrections.over(frozen.whole(self.session, base, attempt.drawn), every)
        by_people = any(each.by_people for each in paper.questions)
        given = marking.given(self.session, attempt) if by_people else None
        graded = grade_paper(paper, attempt.answers, given)
        fraction = results.millionths(graded.fraction)
        document = results.document(graded)
        if document == result and fraction == attempt.fraction_millionths:
            return None
        return Change(attempt, document, fraction, fraction >= attempt.pass_mark_millionths)

    def _version(self, id: int) -> tuple[Document, Sequence[KeyCorrection]]:
        if id not in self.known:
            base = frozen.paper(self.session, id)
            self.known[id] = base, corrections.in_force(self.session, id)
        return self.known[id]

    def _asked(self, base: Document, attempt: Attempt) -> Question | None:
        """The question as it was published, worth what it was worth in this attempt."""
        version = blueprints.version_of(self.correction.question_id)
        if version is None:
            own = (each for each in base.questions if each.id == self.correction.question_id)
            return next(own, None)
        if base.blueprint is None or attempt.drawn is None:
            return None
        for line, ids in zip(base.blueprint.lines, attempt.drawn["versions"], strict=True):
            if version in ids:
                kept, _text = pools.asked(self.session, [version])[version]
                return blueprints.in_paper(kept, version, line.points)
        return None


def _versions(paper_id: int) -> sa.Select[int]:
    return sa.select(PaperVersion.id).where(PaperVersion.paper_id == paper_id)


def _graded(correction: KeyCorrection) -> sa.Select[Attempt]:
    """Closed attempts with a final result; of others the new key decides anyway."""
    return sa.select(Attempt).where(
        Attempt.paper_version_id.in_(_versions(correction.paper_id)),
        Attempt.state == AttemptState.CLOSED,
        Attempt.passed.is_not(None),
    )
