"""Short answers and essays: people read them. An answer is ``[text]``."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import Field
from pydantic import model_validator as check

from assessments.questions.base import (
    MOST_CHARACTERS,
    Answer,
    Frozen,
    Id,
    Marking,
    Note,
    Points,
    Question,
    QuestionKind,
    Text,
    family,
    wrong,
)

Length = Annotated[int, Field(ge=1, le=MOST_CHARACTERS)]


class Criterion(Frozen):
    """One thing that is looked for, and the points for it."""

    id: Id
    text: Text
    points: Points


@family(QuestionKind.SHORT, QuestionKind.ESSAY)
class Written(Question):
    """A text that graders score by ``rubric``, or as a whole where there is none.

    Attributes:
        sample: what a good answer says, for graders; for learners with the key.
        min_characters: asked for, not enforced.
        max_characters: no more is taken.
    """

    kind: Literal[QuestionKind.SHORT, QuestionKind.ESSAY]
    sample: Note = ""
    rubric: Annotated[tuple[Criterion, ...], Field(max_length=20)] = ()
    min_characters: Length | None = None
    max_characters: Length | None = None

    by_people = True

    @check(mode="after")
    def _sound(self) -> Self:
        if self.marking is not None:
            raise wrong("简答题和论述题由人批阅，没有自动的部分得分")
        if len({criterion.id for criterion in self.rubric}) < len(self.rubric):
            raise wrong("评分点编号重复")
        total = sum((criterion.points for criterion in self.rubric), Decimal(0))
        if self.rubric and total != self.points:
            raise wrong(f"各评分点共 {total} 分，与本题分值 {self.points} 分不符")
        if (self.min_characters or 0) > (self.max_characters or MOST_CHARACTERS):
            raise wrong("字数下限高于上限")
        return self

    def share(self, answer: Answer, marking: Marking) -> Fraction | None:
        return None if answer else Fraction(0)

    def _answer(self, parts: Answer) -> Answer:
        if len(parts) != 1:
            raise self.refuse("本题的答案应是一段文字")
        text = parts[0].replace("\r\n", "\n")
        if len(text) > (self.max_characters or MOST_CHARACTERS):
            raise self.refuse("作答内容超过了字数上限")
        return (text,) if text.strip() else ()

    def _shown(self) -> dict[str, Any]:
        return {"min_characters": self.min_characters, "max_characters": self.max_characters}

    def _correct(self) -> dict[str, Any]:
        rubric = [{"text": each.text, "points": str(each.points)} for each in self.rubric]
        return {"sample": self.sample, "rubric": rubric}

    def texts(self) -> Iterable[str]:
        return (*super().texts(), self.sample, *(each.text for each in self.rubric))
