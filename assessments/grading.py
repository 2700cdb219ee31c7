"""What an answer sheet is worth. Exact fractions inside; rounded down, once, at the end.

Grading never says what would have been right: a result holds points, not keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from assessments.papers import Marking, Paper, Question
from assessments.questions import Answer, AnswerRefused

__all__ = [
    "VERSION", "AnswerRefused", "Mark", "Result", "grade", "grade_paper", "grade_sheet", "sheet",
]  # fmt: skip

#: Of these rules. A result names the version that made it, and what is recorded stays; a
#: change of what an answer earns is a new version. 1 knew choices only and named none.
VERSION = 2

#: A fraction is kept to the millionth and points to the hundredth, both rounded down: who
#: reaches a pass mark of at most six decimals has really reached it, and nobody else has.
FRACTION_PLACES = 6
POINT_PLACES = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """What one question brought: ``score`` of ``points``.

    ``waiting``: people have not said yet; until then it brings nothing.
    """

    score: Decimal
    points: Decimal
    fraction: Decimal
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a sheet brought.

    Attributes:
        score: points earned, to the hundredth.
        maximum: points that could be earned.
        fraction: the exact share earned, to the millionth, 0 to 1; compare a pass mark to it.
        per_question: marks by question id, in the paper's order.
        version: of the rules that said so.
    """

    score: Decimal
    maximum: Decimal
    fraction: Decimal
    per_question: Mapping[str, Mark]
    version: int = VERSION

    @property
    def waiting(self) -> tuple[str, ...]:
        """The questions that people still have to read; the result is final without any."""
        return tuple(id for id, mark in self.per_question.items() if mark.waiting)


def grade(
    question: Question, answer: Sequence[str], *, marking: Marking = Marking.ALL_OR_NOTHING
) -> Decimal | None:
    """The share of its points that ``answer`` earns, 0 to 1; ``None``: people have to say.

    No answer earns nothing. What else it earns is said by the question's kind; ``marking`` is
    the paper's way with multiple choices, which the question's own overrides.

    Raises:
        AnswerRefused: the question cannot have such an answer.
    """
    share = question.share(question.answer(answer), marking)
    return None if share is None else _down(share, FRACTION_PLACES)


def sheet(paper: Paper, answers: Mapping[str, Any]) -> dict[str, Answer]:
    """The answers as they are kept: only of questions that were answered.

    Raises:
        AnswerRefused: a question that is not in the paper, or an answer that it cannot have.
    """
    if not isinstance(answers, Mapping):
        raise AnswerRefused("作答内容的格式有误")
    if answers.keys() - {question.id for question in paper.questions}:
        raise AnswerRefused("作答了不属于本试卷的题目")
    kept = {
        question.id: question.answer(answers[question.id])
        for question in paper.questions
        if question.id in answers
    }
    return {id: answer for id, answer in kept.items() if answer}


def grade_paper(
    paper: Paper, answers: Mapping[str, Any], given: Mapping[str, Decimal] | None = None
) -> Result:
    """Grade a sheet: answers by question id; questions left out earn nothing.

    Args:
        given: points that people gave, by question id; a written answer that is not among
            them waits.

    Raises:
        AnswerRefused: as for :func:`sheet`.
    """
    return grade_sheet(paper, sheet(paper, answers), given)


def grade_sheet(
    paper: Paper, kept: Mapping[str, Answer], given: Mapping[str, Decimal] | None = None
) -> Result:
    """The same of what :func:`sheet` made."""
    earned, marks = _NOTHING, {}
    for question in paper.questions:
        share = question.share(kept.get(question.id, ()), paper.marking)
        if share is None and given is not None and question.id in given:
            share = Fraction(given[question.id]) / Fraction(question.points)
            if not 0 <= share <= 1:
                raise ValueError(f"points given to {question.id} beyond its {question.points}")
        score = share * Fraction(question.points) if share else _NOTHING
        earned += score
        marks[question.id] = Mark(
            _down(score, POINT_PLACES),
            question.points,
            _down(share or _NOTHING, FRACTION_PLACES),
            waiting=share is None,
        )
    maximum = sum((question.points for question in paper.questions), Decimal(0))
    return Result(
        score=_down(earned, POINT_PLACES),
        maximum=maximum,
        fraction=_down(earned / Fraction(maximum), FRACTION_PLACES),
        per_question=marks,
    )


_NOTHING = Fraction(0)


def _down(value: Fraction, places: int) -> Decimal:
    """Rounded down; in whole numbers, for a paper asks for it a hundred times."""
    return Decimal(value.numerator * 10**places // value.denominator).scaleb(-places)
