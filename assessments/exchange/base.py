"""What reading and writing have in common: questions found, problems by place, pictures."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from assessments.papers import InvalidPaper, Paper
from assessments.questions import Question, QuestionKind
from zhixin.errors import DomainError, Invalid

#: Questions in one file; a paper takes fewer, a bank takes them all.
MOST_QUESTIONS = 20_000
#: Problems that are told one by one.
MOST_PROBLEMS = 1_000

KIND_NAMES = {
    QuestionKind.SINGLE: "单选题",
    QuestionKind.MULTIPLE: "多选题",
    QuestionKind.TRUE_FALSE: "判断题",
    QuestionKind.BLANKS: "填空题",
    QuestionKind.CLOZE: "完形填空",
    QuestionKind.MATCHING: "连线题",
    QuestionKind.ORDERING: "排序题",
    QuestionKind.HOTSPOT: "图中指点题",
    QuestionKind.SHORT: "简答题",
    QuestionKind.ESSAY: "论述题",
}
_WHERE = re.compile(r"^题目第 1 项：?")


class UnreadableQuestions(Invalid):
    """The file as a whole holds no questions that we read."""

    code = "unreadable-questions"
    title = "无法从这个文件读取试题"


class Pictures(Protocol):
    """Where pictures in files go, and come from; given by whoever calls."""

    def keep(self, content: bytes) -> str:
        """The name of the picture, kept (32 hexadecimal digits).

        Raises:
            DomainError: it is no picture that is taken, in words.
        """

    def load(self, name: str) -> tuple[bytes, str] | None:
        """Its bytes and media type; None: there is no such picture."""


class NoPictures:
    """For callers that keep none."""

    def keep(self, content: bytes) -> str:
        raise Invalid("此处不能导入图片")

    def load(self, name: str) -> tuple[bytes, str] | None:
        return None


class HeldPictures:
    """Gives pictures their names back: for trying what was written."""

    def __init__(self, pictures: Pictures, names: set[str]) -> None:
        self._names = {
            loaded[0]: name for name in names if (loaded := pictures.load(name)) is not None
        }

    def keep(self, content: bytes) -> str:
        return self._names.get(content, "0" * 32)

    def load(self, name: str) -> tuple[bytes, str] | None:
        return None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a place in a file.

    Attributes:
        fatal: the question there is not among those read; otherwise something of it was left
            behind, or is to be looked at.
    """

    where: str
    said: str
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """A sound question's document and where it stood.

    ``notes`` is what the file says beside: 知识点, 难度.
    """

    where: str
    document: dict[str, Any]
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """What was understood of a file. Documents of passages: ``{id, text}``."""

    found: list[Found] = field(default_factory=list)
    passages: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [each.document for each in self.found]

    @property
    def faults(self) -> list[Problem]:
        return [each for each in self.problems if each.fatal]


@dataclass(frozen=True, slots=True)
class Written:
    """A file with questions; ``problems`` names what it could not hold."""

    content: bytes
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Questions:
    """What is to be written."""

    title: str
    questions: tuple[Question, ...]
    passages: Mapping[str, str] = field(default_factory=dict)
    #: 知识点 and 难度 by question id, where they are known and the format can hold them.
    notes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def where(self, number: int) -> str:
        return f"第 {number} 题"


Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """For callers that show no progress."""


class Collector:
    """Gathers what a reader finds; checks each question as the paper would."""

    def __init__(self, pictures: Pictures) -> None:
        self.reading = Reading()
        self._pictures = pictures
        self._kept: dict[bytes, str] = {}

    def add(
        self,
        where: str,
        document: Mapping[str, Any],
        *,
        notes: Mapping[str, str] | None = None,
    ) -> bool:
        """One question without its id; says whether it is sound."""
        whole, problems = self.checked(document)
        for said in problems:
            self.fault(where, said)
        if whole is not None:
            self.keep(where, whole, notes)
        return not problems

    def keep(self, where: str, kept: dict[str, Any], notes: Mapping[str, str] | None) -> None:
        """One that :meth:`checked` gave back."""
        if len(self.reading.found) >= MOST_QUESTIONS:
            raise UnreadableQuestions(f"一个文件最多 {MOST_QUESTIONS} 道题，请分成几个文件")
        self.reading.found.append(Found(where, kept, dict(notes or {})))

    def checked(self, document: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
        """The document as a paper keeps it, under an id of its own; or what is wrong with it."""
        whole = {"id": secrets.token_hex(6), **document}
        wanted = document.get("passage")
        known = [each for each in self.reading.passages if each["id"] == wanted]
        try:
            paper = Paper.from_document({"title": "-", "questions": [whole], "passages": known})
        except InvalidPaper as error:
            return None, [_WHERE.sub("", said) for said in error.facts["problems"]]
        kept: dict[str, Any] = paper.questions[0].model_dump(mode="json")
        return kept, []

    def passage(self, where: str, text: str) -> str | None:
        """Keep a text that several questions ask about; its id."""
        text = text.strip()
        if not text or len(text) > 20_000 or len(self.reading.passages) >= 100:
            self.fault(where, "材料为空、过长，或材料过多")
            return None
        known = {each["text"]: each["id"] for each in self.reading.passages}
        if text not in known:
            known[text] = secrets.token_hex(6)
            self.reading.passages.append({"id": known[text], "text": text})
        return known[text]

    def fault(self, where: str, said: str) -> None:
        self._problem(Problem(where, said, fatal=True))

    def remark(self, where: str, said: str) -> None:
        self._problem(Problem(where, said, fatal=False))

    def picture(self, where: str, content: bytes, words: str = "") -> str:
        """Markdown for a picture: kept, or its words and a remark."""
        words = re.sub(r"[\[\]\\\n]", " ", words).strip()[:200]
        if name := self.picture_name(where, content):
            return f"![{words}](picture:{name})"
        return f"〔图片{'：' + words if words else ''}〕"

    def picture_name(self, where: str, content: bytes) -> str | None:
        try:
            if content not in self._kept:
                self._kept[content] = self._pictures.keep(content)
            return self._kept[content]
        except DomainError as error:
            self.remark(where, f"图片没有导入：{error.message}")
            return None

    def _problem(self, problem: Problem) -> None:
        problems = self.reading.problems
        if len(problems) < MOST_PROBLEMS:
            problems.append(problem)
        elif len(problems) == MOST_PROBLEMS:
            problems.append(Problem("", f"问题超过 {MOST_PROBLEMS} 处，其余不再列出"))


def options(texts: Iterable[str]) -> list[dict[str, str]]:
    """Texts under ids that say nothing: learners see them."""
    return [{"id": secrets.token_hex(4), "text": text} for text in texts]


def choice(
    stem: str, texts: Sequence[str], right: Iterable[int], *, several: bool = False, **facts: Any
) -> dict[str, Any]:
    """A single or multiple choice by the places of its right options."""
    made = options(texts)
    places = sorted(set(right))
    several = several or len(places) > 1
    return {
        "kind": QuestionKind.MULTIPLE if several else QuestionKind.SINGLE,
        "stem": stem,
        "options": made,
        "correct": [made[place]["id"] for place in places],
        **facts,
    }


def true_false(stem: str, right: bool, **facts: Any) -> dict[str, Any]:
    correct = ["true" if right else "false"]
    return {"kind": QuestionKind.TRUE_FALSE, "stem": stem, "correct": correct, **facts}


def matching(
    stem: str, pairs: Sequence[tuple[str, str]], more: Iterable[str] = (), **facts: Any
) -> dict[str, Any]:
    """Pairs of left and right, and rights that belong to none."""
    rights = list(dict.fromkeys([*(right for _left, right in pairs), *more]))
    right, left = options(rights), options(text for text, _right in pairs)
    known = {item["text"]: item["id"] for item in right}
    return {
        "kind": QuestionKind.MATCHING,
        "stem": stem,
        "left": left,
        "right": right,
        "correct": [known[text] for _left, text in pairs],
        **facts,
    }


def ordering(stem: str, texts: Sequence[str], **facts: Any) -> dict[str, Any]:
    """Items in their right order."""
    items = options(texts)
    correct = [item["id"] for item in items]
    return {
        "kind": QuestionKind.ORDERING,
        "stem": stem,
        "items": items,
        "correct": correct,
        **facts,
    }


def comparable(document: Mapping[str, Any], seen: Callable[[str], object] = str) -> dict[str, Any]:
    """A question without ids: two that ask the same are equal.

    ``seen`` is what a text looks like: with ``richtext.render`` two that look alike are equal.
    """
    told = {key: value for key, value in document.items() if key not in ("id", "passage")}
    names: dict[str, str] = {}
    for part in ("options", "left", "right", "items", "rubric"):
        names |= {item["id"]: item["text"] for item in document.get(part, ())}
        if part in told:
            told[part] = [{**item, "id": "", "text": seen(item["text"])} for item in told[part]]
    for part in ("right", "items"):  # their order says nothing
        if part in told:
            told[part] = sorted(str(item["text"]) for item in told[part])
    for part in ("stem", "explanation", "sample"):
        if part in told:
            told[part] = seen(told[part])
    if isinstance(told.get("correct"), list | tuple):
        told["correct"] = [str(seen(names.get(each, each))) for each in told["correct"]]
        if document["kind"] == QuestionKind.MULTIPLE:
            told["correct"] = sorted(told["correct"])
    if "gaps" in told:
        told["gaps"] = [_gap(gap, seen) for gap in told["gaps"]]
    for part in ("points",):
        told[part] = Decimal(told[part])
    return told


def _gap(gap: Mapping[str, Any], seen: Callable[[str], object]) -> dict[str, Any]:
    if gap["kind"] == "number":
        numbers = {name: Decimal(gap[name]) for name in ("value", "tolerance")}
        units = [{**unit, "factor": Decimal(unit["factor"])} for unit in gap["units"]]
        return {**gap, **numbers, "units": units}
    if gap["kind"] != "choice":
        return dict(gap)
    names = {item["id"]: str(seen(item["text"])) for item in gap["options"]}
    return {"kind": "choice", "options": sorted(names.values()), "correct": names[gap["correct"]]}


#: What a hint of our own may say beside a foreign format's fields.
HINTS = {
    "points", "marking", "explanation", "any_order", "sample", "min_characters", "max_characters",
    "rubric", "case_matters", "ignore_spaces", "written", "passage",
}  # fmt: skip


def hint(document: Mapping[str, Any], passages: Mapping[str, str], *carried: str) -> str:
    """What a format has no place for, as JSON; "" if there is nothing."""
    told = {
        name: value
        for name, value in document.items()
        if name in HINTS and name not in carried and value not in (None, "", [], False)
    }
    if Decimal(document["points"]) == 1:
        told.pop("points", None)
    if told.get("passage"):
        told["passage"] = passages.get(told["passage"], "")
    if document["kind"] == QuestionKind.ESSAY:
        told["written"] = "essay"
    gaps = document.get("gaps", ())
    for name in ("case_matters", "ignore_spaces"):
        if marked := [at for at, gap in enumerate(gaps) if gap.get(name)]:
            told[name] = marked
    return json.dumps(told, ensure_ascii=False, sort_keys=True) if told else ""


def hinted(
    collector: Collector, where: str, document: dict[str, Any], text: str | None
) -> dict[str, Any]:
    """``document`` with what a hint says; what is no hint is left alone."""
    try:
        told = json.loads(text or "{}", parse_float=str, parse_int=int)
    except (ValueError, RecursionError):
        return document
    if not isinstance(told, dict):
        return document
    told = {name: value for name, value in told.items() if name in HINTS}
    written = document["kind"] in (QuestionKind.SHORT, QuestionKind.ESSAY)
    if told.pop("written", None) == "essay" and written:
        document = {**document, "kind": QuestionKind.ESSAY}
    for name in ("case_matters", "ignore_spaces"):
        places = told.pop(name, ())
        for at, gap in enumerate(document.get("gaps", ())):
            if gap["kind"] == "text" and isinstance(places, list) and at in places:
                gap[name] = True
    if "passage" in told:
        told["passage"] = collector.passage(where, str(told["passage"]))
    if not written:
        told = {name: value for name, value in told.items() if name not in _OF_WRITTEN}
    if "gaps" not in document:
        told.pop("any_order", None)
    return {**document, **told}


_OF_WRITTEN = {"sample", "rubric", "min_characters", "max_characters"}
