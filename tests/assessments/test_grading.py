"""What an answer earns."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.grading import AnswerRefused, grade, grade_paper
from assessments.papers import Marking, Paper, Question

quick = settings(deadline=None, max_examples=100)

OPTIONS = [{"id": each, "text": f"选项 {each}"} for each in "abcd"]
SINGLE = {"id": "s", "kind": "single", "stem": "单选", "options": OPTIONS, "correct": ["b"]}
MULTIPLE = SINGLE | {"id": "m", "kind": "multiple", "correct": ["a", "b", "c"], "points": "3"}
TRUE_FALSE = {"id": "t", "kind": "true_false", "stem": "判断", "correct": ["true"]}


def paper(**changes) -> Paper:
    return Paper.from_document(
        {"title": "测验", "questions": [SINGLE, MULTIPLE, TRUE_FALSE]} | changes
    )


def question(document) -> Question:
    return Question.model_validate(document)


@pytest.mark.parametrize(
    ("asked", "answer", "share"),
    [
        (SINGLE, ["b"], 1),
        (SINGLE, ["a"], 0),
        (SINGLE, [], 0),
        (TRUE_FALSE, ["true"], 1),
        (TRUE_FALSE, ["false"], 0),
        (MULTIPLE, ["c", "a", "b"], 1),
        (MULTIPLE, ["a", "b"], 0),
        (MULTIPLE, ["a", "b", "c", "d"], 0),
        (MULTIPLE, [], 0),
    ],
)
def test_all_or_nothing(asked, answer, share):
    """An answer is right or earns nothing; the order of choices does not matter."""
    assert grade(question(asked), answer) == share


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        (["a"], "0.333333"),
        (["a", "b"], "0.666666"),
        (["a", "b", "c"], "1"),
        (["a", "d"], "0"),
        (["d"], "0"),
        ([], "0"),
    ],
)
def test_partial_marking(answer, share):
    """Without a wrong option, the part of the right ones; with one, nothing."""
    assert grade(question(MULTIPLE), answer, marking=Marking.PARTIAL) == Decimal(share)


def test_partial_points_are_exact():
    """Two of three right options of a three-point question are two points, not 1.99."""
    result = grade_paper(paper(marking="partial"), {"m": ["a", "b"]})
    assert result.per_question["m"].score == 2
    assert result.score == 2
    assert result.maximum == 5
    assert result.fraction == Decimal("0.4")


def test_a_pass_mark_is_reached_exactly_or_not():
    """Three times a third makes the whole; a hair below the mark is below the mark."""
    thirds = [MULTIPLE | {"id": f"m{n}", "points": "1"} for n in range(3)]
    sheet = {f"m{n}": ["a"] for n in range(3)}
    assert grade_paper(paper(questions=thirds, marking="partial"), sheet).score == 1
    assert grade_paper(paper(questions=thirds), {"m0": ["a", "b", "c"]}).fraction < Decimal(1) / 3


@pytest.mark.parametrize(
    "answers",
    [
        {"x": ["a"]},
        {"s": ["e"]},
        {"s": "b"},
        {"s": ["a", "b"]},
        {"t": ["true", "false"]},
        {"m": ["a", "a"]},
        {"m": [1]},
        {"m": None},
        {"m": {"a": True}},
        [],
        None,
    ],
)
def test_impossible_answers_are_refused(answers):
    """An unknown question or option, or a malformed answer: nothing is graded."""
    with pytest.raises(AnswerRefused) as refused:
        grade_paper(paper(), answers)
    assert refused.value.status == 422


@quick
@given(
    st.sets(st.sampled_from("abcd")),
    st.sampled_from([[], *("abcd")]),
    st.sampled_from([[], ["true"], ["false"]]),
    st.sampled_from(Marking),
)
def test_a_result_adds_up(several, one, either, marking):
    """Scores lie between nothing and all, add up, and partial marking never takes away."""
    sheet = {"m": sorted(several), "s": list(one), "t": either}
    strict = grade_paper(paper(), sheet)
    result = grade_paper(paper(marking=marking), sheet)
    assert 0 <= result.score <= result.maximum == 5
    assert result.score == sum(mark.score for mark in result.per_question.values())
    assert 0 <= result.fraction - result.score / 5 < Decimal("0.000001")
    assert result.score >= strict.score
    assert (result.fraction == 1) == (
        several == {"a", "b", "c"} and one == "b" and either == ["true"]
    )
