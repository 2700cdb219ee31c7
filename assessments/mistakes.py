"""The mistakes book (错题本): folded anew from what was answered, so that nothing can disagree.

A question enters it with a wrong answer and leaves it after so many right ones in a row,
wherever they were given. Answers of closed attempts and of practice count alike; questions that
people read, and those left unanswered, do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts, frozen
from assessments.frozen_many import Questions
from assessments.models import Attempt, AttemptState, Practice, PracticeAnswer

#: The most questions that are drawn at once.
MOST_DRAWN = 20
#: The policy's number of attempts in a scope; None: any number.
Allowed = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer to one question.

    Attributes:
        key: the question, the same in every version and paper.
        exam: given in an attempt that counts, whose keys may still be hidden.
    """

    at: datetime
    scope: str
    paper_version_id: int
    question_id: str
    key: str
    answer: tuple[str, ...]
    right: bool
    exam: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    """A question of the book: how often it was answered wrong and right, and last how."""

    scope: str
    paper_version_id: int
    question_id: str
    key: str
    latest: tuple[str, ...] = ()
    latest_at: datetime | None = None
    wrong: int = 0
    right: int = 0
    in_a_row: int = 0  # right, since the last wrong one
    exams: frozenset[tuple[str, int]] = frozenset()  # (scope, paper version) that asked it
    is_in: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """What a person may read of their book.

    Attributes:
        open: with keys, to be practised.
        closed: without keys: the test that asked them may be taken again.
        hidden: how many are under examination at this moment, and not shown at all.
    """

    open: tuple[Mistake, ...]
    closed: tuple[Mistake, ...]
    hidden: int

    @property
    def scopes(self) -> list[str]:
        return list(dict.fromkeys(each.scope for each in (*self.open, *self.closed)))


def fold(events: Iterable[Answered], needed: int) -> list[Mistake]:
    """The book after these answers, by time; the latest mistake first.

    Args:
        needed: right answers in a row with which a question leaves.
    """
    known: dict[tuple[str, str], Mistake] = {}
    for event in sorted(events, key=lambda each: each.at):
        place = event.scope, event.key
        before = known.get(place) or Mistake(
            event.scope, event.paper_version_id, event.question_id, event.key
        )
        exams = before.exams | ({(event.scope, event.paper_version_id)} if event.exam else set())
        if event.right:
            row = before.in_a_row + 1
            known[place] = replace(
                before, right=before.right + 1, in_a_row=row, exams=exams,
                is_in=before.is_in and row < needed,
            )  # fmt: skip
        else:
            known[place] = replace(
                before, paper_version_id=event.paper_version_id, question_id=event.question_id,
                latest=event.answer, latest_at=event.at, wrong=before.wrong + 1, in_a_row=0,
                exams=exams, is_in=True,
            )  # fmt: skip
    found = [each for each in known.values() if each.is_in]
    return sorted(found, key=lambda each: (each.latest_at, each.key), reverse=True)


def of_person(session: Session, person_id: int, *, needed: int, allowed: Allowed) -> Book:
    """A person's book, divided by what may be read now.

    A key is shown when every test that asked the question is passed or used up (as in
    ``attempts.review``), and nothing is shown of a question that the person is being asked in
    an open attempt.
    """
    found = fold(answered(session, person_id), needed)
    asked = frozen.under_examination(session, person_id)
    shown = [each for each in found if each.key not in asked]
    readable: dict[tuple[str, int], bool] = {}
    for scope, paper_version_id in {exam for each in shown for exam in each.exams}:
        readable[scope, paper_version_id] = attempts.keys_may_be_read(
            session,
            attempts.history(session, person_id, scope, paper_version_id),
            frozen.paper(session, paper_version_id),
            allowed(scope),
        )
    may = [all(readable[exam] for exam in each.exams) for each in shown]
    return Book(
        open=tuple(each for each, ok in zip(shown, may, strict=True) if ok),
        closed=tuple(each for each, ok in zip(shown, may, strict=True) if not ok),
        hidden=len(found) - len(shown),
    )


def drawn(mistakes: Sequence[Mistake], most: int = MOST_DRAWN) -> list[Mistake]:
    """Which of them to practise: first those furthest from leaving, then the most often wrong,
    then the longest ago."""
    order = sorted(
        mistakes, key=lambda each: (each.in_a_row, -each.wrong, each.latest_at, each.key)
    )
    return order[:most]


def answered(session: Session, person_id: int) -> list[Answered]:
    """Everything that a person answered, in closed attempts and in practice."""
    return [*_in_attempts(session, person_id), *_in_practice(session, person_id)]


def _in_attempts(session: Session, person_id: int) -> list[Answered]:
    query = sa.select(
        Attempt.scope,
        Attempt.paper_version_id,
        Attempt.answers,
        Attempt.result,
        Attempt.closed_at,
        Attempt.drawn,
    ).where(Attempt.person_id == person_id, Attempt.state == AttemptState.CLOSED)
    rows = session.execute(query).all()
    drawn_ids = {id for row in rows if row.drawn for line in row.drawn["versions"] for id in line}
    found = Questions(session, (), drawn_ids, {row.paper_version_id for row in rows})
    return [
        Answered(
            at, scope, version, question, prints[question], tuple(answers[question]),
            bool(mark["right"]), True,
        )
        for scope, version, answers, result, at, drawn in rows
        for prints in (found.graded(version, drawn),)
        for question, mark in result["questions"].items()
        if question in prints and answers.get(question)
    ]  # fmt: skip


def _in_practice(session: Session, person_id: int) -> list[Answered]:
    query = (
        sa.select(
            PracticeAnswer.scope, PracticeAnswer.paper_version_id, PracticeAnswer.question_id,
            PracticeAnswer.answer, PracticeAnswer.right, PracticeAnswer.answered_at,
        )
        .join(Practice, Practice.id == PracticeAnswer.practice_id)
        .where(Practice.person_id == person_id, PracticeAnswer.right.is_not(None))
    )  # fmt: skip
    rows = session.execute(query).all()
    found = Questions(session, {(row.paper_version_id, row.question_id) for row in rows})
    return [
        Answered(
            at, scope, version, question, found.print_of((version, question)), tuple(answer),
            right, False,
        )
        for scope, version, question, answer, right, at in rows
    ]  # fmt: skip
