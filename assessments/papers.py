"""What a question paper is: its document, checked once and frozen from then on.

A paper's document holds the keys. A learner is only ever sent :func:`public`, which is built
from a list of what may be shown, never by taking out what may not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as check
from pydantic_core import PydanticCustomError

from zhixin.errors import Invalid


class QuestionKind(StrEnum):
    """How a question is answered."""

    SINGLE = "single"  # 单选题
    MULTIPLE = "multiple"  # 多选题
    TRUE_FALSE = "true_false"  # 判断题


class Marking(StrEnum):
    """How a multiple-choice answer counts when it is not exactly right."""

    ALL_OR_NOTHING = "all_or_nothing"
    PARTIAL = "partial"  # nothing wrong chosen: the part of the right ones that was chosen


class InvalidPaper(Invalid):
    """The paper cannot be used as it is; ``facts['problems']`` lists all that is wrong."""

    code = "invalid-paper"
    title = "试卷内容有误"


# Learners see the ids: an importer numbers them and never lets them say which is right.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000)]
Points = Annotated[Decimal, Field(gt=0, le=1_000, decimal_places=2)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(_Frozen):
    """One thing that may be chosen."""

    id: Id
    text: Text


TRUE_FALSE_OPTIONS = (Option(id="true", text="正确"), Option(id="false", text="错误"))


class Question(_Frozen):
    """One question with its key.

    ``correct`` holds option ids: exactly one, or for a multiple choice one or more (an
    indefinite choice, 不定项, is a multiple choice). A true-or-false question always has the
    two ``TRUE_FALSE_OPTIONS`` and need not state them.
    """

    id: Id
    kind: QuestionKind
    stem: Text
    options: tuple[Option, ...] = ()
    correct: tuple[str, ...]
    explanation: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)] = ""
    points: Points = Decimal(1)

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
            raise _wrong("判断题的选项固定为“正确”和“错误”")
        if not 2 <= len(ids) <= 10:
            raise _wrong("选项应有 2 到 10 个")
        if len(set(ids)) < len(ids):
            raise _wrong("选项编号重复")
        if len({option.text for option in self.options}) < len(ids):
            raise _wrong("选项内容重复")
        if not set(self.correct) <= set(ids):
            raise _wrong("答案不在选项之中")
        if len(set(self.correct)) < len(self.correct):
            raise _wrong("答案重复")
        if not self.correct:
            raise _wrong("没有给出答案")
        if self.kind is not QuestionKind.MULTIPLE and len(self.correct) != 1:
            raise _wrong("单选题和判断题只能有一个答案")
        return self


class Paper(_Frozen):
    """A list of questions under a title.

    ``pass_mark`` (a part of the points, 0 to 1) may tighten the policy's; ``None`` leaves it
    to the policy.
    """

    title: Annotated[Text, Field(max_length=200)]
    questions: tuple[Question, ...]
    pass_mark: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)] | None = None
    marking: Marking = Marking.ALL_OR_NOTHING

    @check(mode="after")
    def _sound(self) -> Self:
        if not 1 <= len(self.questions) <= 500:
            raise _wrong("题目应有 1 到 500 道")
        if len({question.id for question in self.questions}) < len(self.questions):
            raise _wrong("题目编号重复")
        return self

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Paper:
        """Read and check a paper's JSON document.

        Raises:
            InvalidPaper: with one Chinese line for each thing that is wrong.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problems = [_said(dict(found)) for found in error.errors(include_url=False)]
        raise InvalidPaper("；".join(problems[:5]), problems=problems)

    @property
    def characters(self) -> int:
        """How long it is to read: questions and options."""
        return sum(
            len(question.stem) + sum(len(option.text) for option in question.options)
            for question in self.questions
        )

    def to_document(self) -> dict[str, Any]:
        """The JSON document with the keys, for storage: never for a learner."""
        return self.model_dump(mode="json")


def public(paper: Paper) -> dict[str, Any]:
    """What a learner under test may read: the JSON document without keys and explanations."""
    return {
        "title": paper.title,
        "questions": [
            {
                "id": question.id,
                "kind": question.kind.value,
                "stem": question.stem,
                "options": [{"id": option.id, "text": option.text} for option in question.options],
                "points": str(question.points),
            }
            for question in paper.questions
        ],
    }


def shuffled(paper: Paper, seed: str) -> Paper:
    """``paper`` with questions and options in the order that ``seed`` decides.

    The order is that of HMAC-SHA-256 over the ids: the same on every machine and version, and
    independent of the author's order, so it tells nothing about the key. True stays before
    false.
    """

    def place(*ids: str) -> bytes:
        return hmac.digest(seed.encode(), "\n".join(ids).encode(), hashlib.sha256)

    def inside(question: Question) -> Question:
        if question.kind is QuestionKind.TRUE_FALSE:
            return question
        options = sorted(question.options, key=lambda option: place(question.id, option.id))
        return question.model_copy(update={"options": tuple(options)})

    questions = sorted(paper.questions, key=lambda question: place(question.id))
    return paper.model_copy(update={"questions": tuple(inside(each) for each in questions)})


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("paper", "{said}", {"said": message})


_NAMES = {
    "title": "标题",
    "questions": "题目",
    "pass_mark": "及格线",
    "marking": "多选计分方式",
    "id": "编号",
    "kind": "题型",
    "stem": "题干",
    "options": "选项",
    "correct": "答案",
    "explanation": "解析",
    "points": "分值",
    "text": "内容",
}
_FAULTS = {"missing": "缺失", "extra_forbidden": "无法识别", "string_too_long": "过长"}


def _said(found: Mapping[str, Any]) -> str:
    """One of pydantic's findings as a Chinese line: where, and what."""
    where = ""
    for step in found["loc"]:
        where += f"第 {step + 1} 项" if isinstance(step, int) else _NAMES.get(step, f"“{step}”")
    if found["type"] == "paper":
        fault = f"{'：' if where else ''}{found['ctx']['said']}"
    else:
        fault = _FAULTS.get(found["type"], "格式有误")
    return f"{where}{fault}" or "格式有误"
