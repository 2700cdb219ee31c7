"""People's grading: an attempt with written answers waits until its graders have said.

Who may grade is the caller's to say, as the scopes in which somebody may. A grader sees
neither who wrote nor what others gave. Without double marking one grader's points are the
result; with it two graders', their mean where they agree, and else a third's as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import corrections, frozen, results
from assessments.errors import AlreadyGraded
from assessments.grading import grade_paper
from assessments.models import Attempt, GraderMark, Grading, GradingState
from assessments.papers import Paper
from assessments.questions import Written
from zhixin.errors import Invalid, NotFound

#: Those in which somebody may grade; a question to the database where they may be many.
Scopes = Collection[str] | sa.Select[str]
#: Points by question id and criterion id; "" is a question without a rubric.
Given = Mapping[str, Mapping[str, Decimal]]
Totals = Mapping[str, Decimal]

#: Of a queue: who has graded these sees the next.
MOST_SHOWN = 100

#: What a grader's word leads to. A final grading is never changed.
TRANSITIONS: Mapping[GradingState, frozenset[GradingState]] = {
    GradingState.WAITING: frozenset({GradingState.THIRD, GradingState.FINAL}),
    GradingState.THIRD: frozenset({GradingState.FINAL}),
    GradingState.FINAL: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What a grader reads: no name, nobody else's points."""

    grading: Grading
    questions: tuple[Written, ...]
    answers: Mapping[str, str]


def settle(marks: Sequence[Totals], most: Totals, bound: Decimal | None) -> Totals | None:
    """The points that graders' marks come to; ``None``: another grader is needed.

    Args:
        marks: points by question, in the order of grading.
        most: what each question is worth.
        bound: the part of that by which two graders may differ; ``None``: one is enough.
    """
    if not marks or (bound is not None and len(marks) < 2):
        return None
    if bound is None:
        return dict(marks[0])
    apart = {id for id in most if abs(marks[0][id] - marks[1][id]) > bound * most[id]}
    if apart and len(marks) < 3:
        return None
    return {
        id: _mean(
            _closest([mark[id] for mark in marks[:3]])
            if id in apart
            else (marks[0][id], marks[1][id])
        )
        for id in most
    }


def begin(session: Session, attempt: Attempt, paper: Paper, now: datetime) -> None:
    """An attempt was handed in whose written answers have to be read."""
    bound = None if paper.double_marking is None else results.millionths(paper.double_marking)
    session.add(
        Grading(
            attempt_id=attempt.id,
            scope=attempt.scope,
            state=GradingState.WAITING,
            bound_millionths=bound,
            handed_in_at=now,
        )
    )
    session.flush()


def queue(session: Session, scopes: Scopes, grader_id: int) -> Sequence[Grading]:
    """What this person may grade now, the oldest ``MOST_SHOWN``; never their own or a second
    time."""
    query = _open_to(scopes, grader_id).order_by(Grading.handed_in_at, Grading.attempt_id)
    return session.scalars(query.limit(MOST_SHOWN)).all()


def case(session: Session, attempt_id: int, scopes: Scopes, grader_id: int) -> Case:
    """One attempt's written answers.

    Raises:
        NotFound: there is none that this person may grade now.
    """
    query = _open_to(scopes, grader_id).where(Grading.attempt_id == attempt_id)
    grading = session.scalar(query)
    if grading is None:
        raise NotFound
    attempt = session.get_one(Attempt, attempt_id)
    asked = _to_read(frozen.of_attempt(session, attempt), attempt)
    return Case(grading, asked, {each.id: attempt.answers[each.id][0] for each in asked})


def mark(
    session: Session,
    attempt_id: int,
    scopes: Scopes,
    grader_id: int,
    given: Given,
    comment: str,
    now: datetime,
) -> Attempt | None:
    """Write a grader's points; returns the attempt if its result is final by them.

    Raises:
        NotFound: no attempt that this person may grade.
        AlreadyGraded: it became final, or this person has graded it.
        Invalid: points that a question or criterion cannot have; nothing is kept.
    """
    grading = session.scalar(
        sa.select(Grading)
        .where(Grading.attempt_id == attempt_id, Grading.scope.in_(scopes))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    attempt = session.get(Attempt, attempt_id)
    if grading is None or attempt is None or attempt.person_id == grader_id:
        raise NotFound
    before = _marks(session, attempt_id)
    if grading.state == GradingState.FINAL or grader_id in {each.grader_id for each in before}:
        raise AlreadyGraded
    corrections.hold(session, attempt.paper_version_id)
    paper = frozen.of_attempt(session, attempt)
    asked = _to_read(paper, attempt)
    written = GraderMark(
        attempt_id=attempt_id,
        place=len(before) + 1,
        grader_id=grader_id,
        points=_checked(asked, given),
        comment=comment.strip()[:2000],
        marked_at=now,
    )
    try:
        with session.begin_nested():
            session.add(written)
    except IntegrityError:
        raise AlreadyGraded from None
    bound = grading.bound_millionths
    totals = settle(
        [_totals(each.points) for each in (*before, written)],
        {each.id: each.points for each in asked},
        None if bound is None else Decimal(bound) / results.MILLION,
    )
    if totals is None:
        if written.place > 1:
            grading.state = GradingState.THIRD
        session.flush()
        return None
    return _finish(session, grading, attempt, paper, totals, now)


def given(session: Session, attempt: Attempt) -> Totals | None:
    """The points that graders gave for an attempt's written answers; None: it has none that
    are final."""
    grading = session.get(Grading, attempt.id)
    if grading is None or grading.state != GradingState.FINAL:
        return None
    asked = _to_read(frozen.of_attempt(session, attempt), attempt)
    bound = grading.bound_millionths
    return settle(
        [_totals(each.points) for each in _marks(session, attempt.id)],
        {each.id: each.points for each in asked},
        None if bound is None else Decimal(bound) / results.MILLION,
    )


def comments(session: Session, attempt_id: int) -> list[str]:
    """What graders wrote for the learner, once the result is final."""
    return [each.comment for each in _marks(session, attempt_id) if each.comment]


def _finish(
    session: Session,
    grading: Grading,
    attempt: Attempt,
    paper: Paper,
    totals: Totals,
    now: datetime,
) -> Attempt:
    result = grade_paper(paper, attempt.answers, totals)
    fraction = results.millionths(result.fraction)
    change = (
        sa.update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.passed.is_(None))
        .values(
            fraction_millionths=fraction,
            result=results.document(result),
            passed=fraction >= attempt.pass_mark_millionths,
        )
        .returning(Attempt)
    )
    final = session.scalar(change, execution_options={"populate_existing": True})
    if final is None:
        raise AlreadyGraded
    grading.state, grading.final_at = GradingState.FINAL, now
    session.flush()
    return final


def _open_to(scopes: Scopes, grader_id: int) -> sa.Select[Grading]:
    mine = sa.select(GraderMark.attempt_id).where(GraderMark.grader_id == grader_id)
    marks = (
        sa.select(sa.func.count())
        .where(GraderMark.attempt_id == Grading.attempt_id)
        .scalar_subquery()
    )
    return (
        sa.select(Grading)
        .join(Attempt, Attempt.id == Grading.attempt_id)
        .where(
            Grading.state != GradingState.FINAL,
            Grading.scope.in_(scopes),
            Attempt.person_id != grader_id,
            Grading.attempt_id.not_in(mine),
            marks < 3,
        )
        .execution_options(populate_existing=True)
    )


def _marks(session: Session, attempt_id: int) -> Sequence[GraderMark]:
    query = sa.select(GraderMark).where(GraderMark.attempt_id == attempt_id)
    return session.scalars(query.order_by(GraderMark.place)).all()


def _to_read(paper: Paper, attempt: Attempt) -> tuple[Written, ...]:
    asked = (each for each in paper.questions if each.id in attempt.answers)
    return tuple(each for each in asked if isinstance(each, Written))


def _checked(asked: Sequence[Written], given: Given) -> dict[str, dict[str, str]]:
    """Points for every criterion of every question, none beyond what it is worth."""
    if given.keys() != {each.id for each in asked}:
        raise Invalid("每道题都要给分")
    for question in asked:
        most = {each.id: each.points for each in question.rubric} or {"": question.points}
        points = given[question.id]
        if points.keys() != most.keys():
            raise Invalid("每个评分点都要给分")
        for name, value in points.items():
            if not value.is_finite() or not 0 <= value <= most[name] or value != round(value, 2):
                raise Invalid(f"分数应在 0 到 {most[name]} 之间，最多两位小数")
    return {id: {name: str(value) for name, value in each.items()} for id, each in given.items()}


def _totals(points: Mapping[str, Mapping[str, Any]]) -> dict[str, Decimal]:
    return {id: sum(map(Decimal, each.values()), Decimal(0)) for id, each in points.items()}


def _closest(three: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """The two that differ least; of two such pairs the higher: doubt speaks for the learner."""
    return min(combinations(three, 2), key=lambda pair: (abs(pair[0] - pair[1]), -sum(pair)))


def _mean(pair: tuple[Decimal, Decimal]) -> Decimal:
    return sum(pair, Decimal(0)) / 2
