"""Single and multiple choices, true or false. An answer is the ids of the options chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    wrong,
)

Option = Item

TRUE_FALSE_OPTIONS = (Option(id="true", text="正确"), Option(id="false", text="错误"))


@family(QuestionKind.SINGLE, QuestionKind.MULTIPLE, QuestionKind.TRUE_FALSE)
class Choice(Question):
    """``correct`` holds option ids: exactly one, or for a multiple choice one or more (an
    indefinite choice, 不定项, is a multiple choice). A true-or-false question always has the
    two ``TRUE_FALSE_OPTIONS`` and need not state them.
    """

    kind: Literal[QuestionKind.SINGLE, QuestionKind.MULTIPLE, QuestionKind.TRUE_FALSE]
    options: tuple[Option, ...] = ()
    correct: tuple[str, ...]

    @check(mode="before")
    @classmethod
    def _true_and_false(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("kind") == QuestionKind.TRUE_FALSE:
            return {"options": TRUE_FALSE_OPTIONS, **data}
        return data

    @check(mode="after")
    def _sound(self) -> Self:
        ids = [option.id for option in self.options]
        if self.kind is QuestionKind.TRUE_FALSE and self.options != TRUE_FALSE_OPTIONS:
            raise wrong("判断题的选项固定为“正确”和“错误”")
        if not 2 <= len(ids) <= 10:
            raise wrong("选项应有 2 到 10 个")
        if len(set(ids)) < len(ids):
            raise wrong("选项编号重复")
        if len({option.text for option in self.options}) < len(ids):
            raise wrong("选项内容重复")
        if not set(self.correct) <= set(ids):
            raise wrong("答案不在选项之中")
        if len(set(self.correct)) < len(self.correct):
            raise wrong("答案重复")
        if not self.correct:
            raise wrong("没有给出答案")
        if self.kind is not QuestionKind.MULTIPLE:
            if len(self.correct) != 1:
                raise wrong("单选题和判断题只能有一个答案")
            if self.marking is not None:
                raise wrong("只有多选题可以设置部分得分")
        return self

    def shuffled(self, place: Place) -> Self:
        if self.kind is QuestionKind.TRUE_FALSE:  # true stays before false
            return self
        return self.model_copy(update={"options": by_place(self.options, place, self.id)})

    def share(self, answer: Answer, marking: Marking) -> Fraction:
        chosen, correct = set(answer), set(self.correct)
        if chosen == correct:
            return Fraction(1)
        several = self.kind is QuestionKind.MULTIPLE
        partial = several and (self.marking or marking) is Marking.PARTIAL
        return Fraction(len(chosen), len(correct)) if partial and chosen < correct else Fraction(0)

    def _answer(self, parts: Answer) -> Answer:
        chosen = set(parts)
        if not chosen <= {option.id for option in self.options}:
            raise self.refuse("选择了本题没有的选项")
        if len(chosen) < len(parts):
            raise self.refuse("同一选项不能选择两次")
        if len(chosen) > 1 and self.kind is not QuestionKind.MULTIPLE:
            raise self.refuse("本题只能选择一项")
        return parts

    def _shown(self) -> dict[str, Any]:
        return {"options": listed(self.options)}

    def _correct(self) -> list[str]:
        return list(self.correct)

    def _texts(self) -> Iterable[str]:
        return [option.text for option in self.options]
