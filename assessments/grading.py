"""What an answer sheet is worth. Exact fractions inside; rounded down, once, at the end.

Grading never says what would have been right: a result holds points, not keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from assessments.papers import Marking, Paper, Question, QuestionKind
from zhixin.errors import Invalid

#: A fraction is kept to the millionth and points to the hundredth, both rounded down: who
#: reaches a pass mark of at most six decimals has really reached it, and nobody else has.
FRACTION_STEP = Decimal("0.000001")
POINT_STEP = Decimal("0.01")


class AnswerRefused(Invalid):
    """An answer that this paper cannot have; nothing was graded."""

    code = "answer-refused"
    title = "作答内容有误"


@dataclass(frozen=True, slots=True)
class Mark:
    """What one question brought: ``score`` of ``points``."""

    score: Decimal
    points: Decimal
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """What a sheet brought.

    Attributes:
        score: points earned, to the hundredth.
        maximum: points that could be earned.
        fraction: the exact share earned, to the millionth, 0 to 1; compare a pass mark to it.
        per_question: marks by question id, in the paper's order.
    """

    score: Decimal
    maximum: Decimal
    fraction: Decimal
    per_question: Mapping[str, Mark]


def grade(
    question: Question, answer: Sequence[str], *, marking: Marking = Marking.ALL_OR_NOTHING
) -> Decimal:
    """The share of its points that ``answer`` (the option ids chosen) earns, 0 to 1.

    No answer earns nothing. A multiple choice earns all or nothing; under
    ``Marking.PARTIAL`` a choice without a wrong option earns the part of the right options
    that it holds.

    Raises:
        AnswerRefused: not a list of this question's option ids, one chosen twice, or more
            than one where only one may be.
    """
    return _down(_share(question, answer, marking), FRACTION_STEP)


def grade_paper(paper: Paper, answers: Mapping[str, Any]) -> Result:
    """Grade a sheet: option ids chosen, by question id; questions left out earn nothing.

    Raises:
        AnswerRefused: a question that is not in the paper, or an answer that it cannot have.
    """
    if not isinstance(answers, Mapping):
        raise AnswerRefused("作答内容的格式有误")
    if answers.keys() - {question.id for question in paper.questions}:
        raise AnswerRefused("作答了不属于本试卷的题目")
    earned, marks = Fraction(0), {}
    for question in paper.questions:
        share = _share(question, answers.get(question.id, ()), paper.marking)
        score = share * Fraction(question.points)
        earned += score
        marks[question.id] = Mark(
            _down(score, POINT_STEP), question.points, _down(share, FRACTION_STEP)
        )
    maximum = sum((question.points for question in paper.questions), Decimal(0))
    return Result(
        score=_down(earned, POINT_STEP),
        maximum=maximum,
        fraction=_down(earned / Fraction(maximum), FRACTION_STEP),
        per_question=marks,
    )


def _share(question: Question, answer: object, marking: Marking) -> Fraction:
    chosen = _chosen(question, answer)
    correct = set(question.correct)
    if chosen == correct:
        return Fraction(1)
    partial = marking is Marking.PARTIAL and question.kind is QuestionKind.MULTIPLE
    return Fraction(len(chosen), len(correct)) if partial and chosen < correct else Fraction(0)


def _chosen(question: Question, answer: object) -> set[str]:
    if not isinstance(answer, list | tuple) or not all(isinstance(each, str) for each in answer):
        raise AnswerRefused("答案应为所选选项的列表", question=question.id)
    chosen = set(answer)
    if not chosen <= {option.id for option in question.options}:
        raise AnswerRefused("选择了本题没有的选项", question=question.id)
    if len(chosen) < len(answer):
        raise AnswerRefused("同一选项不能选择两次", question=question.id)
    if len(chosen) > 1 and question.kind is not QuestionKind.MULTIPLE:
        raise AnswerRefused("本题只能选择一项", question=question.id)
    return chosen


def _down(value: Fraction, step: Decimal) -> Decimal:
    whole = value / Fraction(step)
    return (whole.numerator // whole.denominator) * step
