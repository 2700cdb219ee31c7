"""What a question paper is: its document, checked once and frozen from then on.

A paper's document holds the keys. A learner is only ever sent :func:`public`, which is built
from a list of what may be shown, never by taking out what may not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, SerializeAsAny, StringConstraints, ValidationError
from pydantic import model_validator as check

from assessments.blueprints import DRAWN, MOST_DRAWN, Blueprint
from assessments.questions import (
    TRUE_FALSE_OPTIONS,
    Choice,
    Marking,
    Option,
    Question,
    QuestionKind,
)
from assessments.questions.base import Frozen, Id, Text, wrong
from zhixin.errors import Invalid

__all__ = [
    "TRUE_FALSE_OPTIONS",
    "Blueprint",
    "Choice",
    "InvalidPaper",
    "Marking",
    "Option",
    "Paper",
    "Passage",
    "Question",
    "QuestionKind",
    "public",
    "said",
    "shuffled",
]


class InvalidPaper(Invalid):
    """The paper cannot be used as it is; ``facts['problems']`` lists all that is wrong."""

    code = "invalid-paper"
    title = "试卷内容有误"


class Passage(Frozen):
    """A text or case that several questions ask about (材料题)."""

    id: Id
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class Paper(Frozen):
    """A list of questions under a title.

    Attributes:
        pass_mark: a part of the points, 0 to 1; may tighten the policy's, ``None`` leaves it
            to the policy.
        passages: what questions may ask about together; those of one passage stay together
            and in the author's order.
        double_marking: two graders read each written answer, neither seeing the other's
            points; this is the part of a question's points by which they may differ before a
            third reads it. ``None``: one grader is enough.
        blueprint: each attempt draws questions by it, beside those that stand here.
    """

    LATER: ClassVar[frozenset[str]] = frozenset(
        {
            "passages", "double_marking", "time_limit_minutes", "cooldown_minutes", "attempts",
            "blueprint",
        }
    )  # fmt: skip

    title: Annotated[Text, Field(max_length=200)]
    questions: tuple[SerializeAsAny[Question], ...]
    pass_mark: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)] | None = None
    marking: Marking = Marking.ALL_OR_NOTHING
    passages: tuple[Passage, ...] = ()
    double_marking: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)] | None = None
    #: Minutes for one attempt, between two attempts, and attempts in all (the policy's number may
    #: be smaller and then counts). None: no limit of the paper's own.
    time_limit_minutes: Annotated[int, Field(ge=1, le=1_440)] | None = None
    cooldown_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None
    attempts: Annotated[int, Field(ge=1, le=1_000)] | None = None
    blueprint: Blueprint | None = None

    @check(mode="after")
    def _sound(self) -> Self:
        if not 1 <= self.asks <= MOST_DRAWN:
            raise wrong("题目应有 1 到 500 道")
        if len({question.id for question in self.questions}) < len(self.questions):
            raise wrong("题目编号重复")
        if self.blueprint and any(each.id.startswith(DRAWN) for each in self.questions):
            raise wrong(f"题目编号不能以“{DRAWN}”开头")
        self._sound_passages()
        return self

    def _sound_passages(self) -> None:
        known = {passage.id for passage in self.passages}
        if len(known) < len(self.passages) or len(known) > 100:
            raise wrong("材料编号重复，或材料过多")
        if not {question.passage for question in self.questions} <= known | {None}:
            raise wrong("题目所属的材料不存在")

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Paper:
        """Read and check a paper's JSON document.

        Raises:
            InvalidPaper: with one Chinese line for each thing that is wrong.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problems = said(error)
        raise InvalidPaper("；".join(problems[:5]), problems=problems)

    @property
    def asks(self) -> int:
        """How many questions an attempt has."""
        return len(self.questions) + (self.blueprint.count if self.blueprint else 0)

    @property
    def maximum(self) -> Decimal:
        """The points of an attempt."""
        own = sum((question.points for question in self.questions), Decimal(0))
        return own + (self.blueprint.points if self.blueprint else 0)

    @property
    def characters(self) -> int:
        """How long it is to read: passages, questions and options."""
        return sum(question.characters for question in self.questions) + sum(
            len(passage.text) for passage in self.asked_about
        )

    @property
    def asked_about(self) -> tuple[Passage, ...]:
        """The passages that a question asks about."""
        used = {question.passage for question in self.questions}
        return tuple(passage for passage in self.passages if passage.id in used)

    @property
    def by_people(self) -> bool:
        """Do people have to read answers?"""
        return any(question.by_people for question in self.questions)

    def to_document(self) -> dict[str, Any]:
        """The JSON document with the keys, for storage: never for a learner."""
        return self.model_dump(mode="json")


def public(paper: Paper) -> dict[str, Any]:
    """What a learner under test may read: the JSON document without keys and explanations.

    Each kind of question lists what it shows (:meth:`Question.public`).
    """
    shown = paper.asked_about
    passages = [{"id": passage.id, "text": passage.text} for passage in shown]
    return {
        "title": paper.title,
        "questions": [question.public() for question in paper.questions],
    } | ({"passages": passages} if shown else {})


def shuffled(paper: Paper, seed: str) -> Paper:
    """``paper`` with questions and all that may be in any order as ``seed`` decides.

    The order is that of HMAC-SHA-256 over the ids: the same on every machine and version, and
    independent of the author's order, so it tells nothing about the key. True stays before
    false; the questions about one passage stay together and in their order, as a later one may
    build on an earlier one.
    """

    def place(*ids: str) -> bytes:
        return hmac.digest(seed.encode(), "\n".join(ids).encode(), hashlib.sha256)

    def group(question: Question) -> bytes:
        return place("passage", question.passage) if question.passage else place(question.id)

    questions = sorted(paper.questions, key=group)
    return paper.model_copy(
        update={"questions": tuple(question.shuffled(place) for question in questions)}
    )


def said(error: ValidationError) -> list[str]:
    """One Chinese line for each thing that is wrong."""
    return [_said(dict(found)) for found in error.errors(include_url=False)]


_NAMES = {
    "title": "标题",
    "questions": "题目",
    "pass_mark": "及格线",
    "marking": "多选计分方式",
    "time_limit_minutes": "答题时限",
    "cooldown_minutes": "两次作答的间隔",
    "attempts": "作答次数",
    "id": "编号",
    "kind": "题型",
    "stem": "题干",
    "options": "选项",
    "correct": "答案",
    "explanation": "解析",
    "points": "分值",
    "text": "内容",
    "passages": "材料",
    "passage": "所属材料",
    "double_marking": "双评",
    "blueprint": "抽题规则",
    "lines": "各行",
    "bank": "题库",
    "count": "题数",
    "point": "知识点",
    "low": "最低难度",
    "high": "最高难度",
    "gaps": "空",
    "any_order": "顺序不限",
    "accepted": "可接受的答案",
    "case_matters": "区分大小写",
    "ignore_spaces": "忽略空格",
    "value": "数值",
    "tolerance": "允许误差",
    "relative": "相对误差",
    "units": "单位",
    "unit_needed": "必须写单位",
    "name": "名称",
    "factor": "换算系数",
    "left": "左列",
    "right": "右列",
    "items": "排序项",
    "picture": "图片",
    "alt": "图片说明",
    "areas": "正确区域",
    "shape": "形状",
    "x": "横坐标",
    "y": "纵坐标",
    "r": "半径",
    "width": "宽",
    "height": "高",
    "sample": "参考答案",
    "rubric": "评分点",
    "min_characters": "字数下限",
    "max_characters": "字数上限",
}
#: Lists whose parts are of several kinds: pydantic names the kind, authors need not read it.
_MIXED = ("gaps", "areas")
_FAULTS = {"missing": "缺失", "extra_forbidden": "无法识别", "string_too_long": "过长"}


def _said(found: Mapping[str, Any]) -> str:
    """One of pydantic's findings as a Chinese line: where, and what."""
    where = ""
    loc = list(found["loc"])
    if found["type"] == "kind":
        loc.append("kind")
    for place, step in enumerate(loc):
        if place > 1 and loc[place - 2] in _MIXED and isinstance(loc[place - 1], int):
            continue
        where += f"第 {step + 1} 项" if isinstance(step, int) else _NAMES.get(step, f"“{step}”")
    if found["type"] == "paper":
        fault = f"{'：' if where else ''}{found['ctx']['said']}"
    else:
        fault = _FAULTS.get(found["type"], "格式有误")
    return f"{where}{fault}" or "格式有误"
