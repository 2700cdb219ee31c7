"""Matching (连线) and ordering (排序).

The ids and places of what is to be arranged are made from the texts, so that neither the
document's order nor an importer's numbers can tell what belongs where; only ``correct`` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, Self

from pydantic import model_validator as check

from assessments.questions.base import (
    Answer,
    Item,
    Marking,
    Place,
    Question,
    QuestionKind,
    by_place,
    family,
    listed,
    sound_items,
    told_nothing,
    wrong,
)


@family(QuestionKind.MATCHING)
class Matching(Question):
    """To each ``left`` one of ``right``; some of ``right`` may belong to none or to several.

    ``correct`` and an answer name the right one's id for each left one, in the lefts' order
    ("" in an answer: none chosen). Each pair counts by itself unless ``marking`` says else.
    """

    kind: Literal[QuestionKind.MATCHING]
    left: tuple[Item, ...]
    right: tuple[Item, ...]
    correct: tuple[str, ...]

    @check(mode="before")
    @classmethod
    def _telling_nothing(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        left, _known = told_nothing(data.get("left"), by_id=False)
        right, known = told_nothing(data.get("right"))
        return {**data, "left": left, "right": right, "correct": _renamed(data, known)}

    @check(mode="after")
    def _sound(self) -> Self:
        sound_items(self.left, "左列", 1, 20)
        sound_items(self.right, "右列", 2, 30)
        if len(self.correct) != len(self.left):
            raise wrong("左列的每一项都要有对应的右列")
        if not set(self.correct) <= {item.id for item in self.right}:
            raise wrong("答案不在右列之中")
        return self

    def shuffled(self, place: Place) -> Self:
        return self.model_copy(update={"right": by_place(self.right, place, self.id)})

    def share(self, answer: Answer, marking: Marking) -> Fraction:
        return _in_place(answer, self.correct, self.marking or Marking.PARTIAL)

    def _answer(self, parts: Answer) -> Answer:
        if len(parts) != len(self.left):
            raise self.refuse("作答的项数与本题不符")
        if not set(parts) <= {"", *(item.id for item in self.right)}:
            raise self.refuse("选择了本题没有的选项")
        return parts

    def _shown(self) -> dict[str, Any]:
        return {"left": listed(self.left), "right": listed(self.right)}

    def _correct(self) -> list[str]:
        return list(self.correct)

    def _texts(self) -> Iterable[str]:
        return [item.text for item in (*self.left, *self.right)]


@family(QuestionKind.ORDERING)
class Ordering(Question):
    """``items`` to be put in the order of ``correct`` (their ids, first to last).

    An answer has an id for each place; "" or one that stands in several places counts for
    nothing. All or nothing, unless ``marking`` lets each item in its right place count.
    """

    kind: Literal[QuestionKind.ORDERING]
    items: tuple[Item, ...]
    correct: tuple[str, ...]

    @check(mode="before")
    @classmethod
    def _telling_nothing(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        items, known = told_nothing(data.get("items"))
        return {**data, "items": items, "correct": _renamed(data, known)}

    @check(mode="after")
    def _sound(self) -> Self:
        sound_items(self.items, "排序项", 2, 20)
        if sorted(self.correct) != sorted(item.id for item in self.items):
            raise wrong("答案应把每一项各排一次")
        return self

    def shuffled(self, place: Place) -> Self:
        return self.model_copy(update={"items": by_place(self.items, place, self.id)})

    def share(self, answer: Answer, marking: Marking) -> Fraction:
        often = Counter(answer)
        once = [each if often[each] == 1 else "" for each in answer]
        return _in_place(once, self.correct, self.marking or Marking.ALL_OR_NOTHING)

    def _answer(self, parts: Answer) -> Answer:
        if len(parts) != len(self.items):
            raise self.refuse("作答的项数与本题不符")
        if not set(parts) <= {"", *(item.id for item in self.items)}:
            raise self.refuse("选择了本题没有的选项")
        return parts

    def _shown(self) -> dict[str, Any]:
        return {"items": listed(self.items)}

    def _correct(self) -> list[str]:
        return list(self.correct)

    def _texts(self) -> Iterable[str]:
        return [item.text for item in self.items]


def _in_place(answer: Sequence[str], correct: Answer, marking: Marking) -> Fraction:
    right = sum(given == wanted for given, wanted in zip(answer, correct, strict=False))
    if marking is Marking.ALL_OR_NOTHING:
        return Fraction(right == len(correct))
    return Fraction(right, len(correct))


def _renamed(data: Mapping[str, Any], known: Mapping[str, str]) -> Any:
    """``correct`` under the new ids; what is not a list of known ids is left to be refused."""
    correct = data.get("correct", ())
    if not isinstance(correct, list | tuple):
        return correct
    return tuple(known.get(str(each), each) for each in correct)
