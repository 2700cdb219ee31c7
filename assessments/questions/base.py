"""What all questions have in common, and how a family of kinds joins in.

A question is a frozen document that holds its key. What a learner may read of it is built from
a list of what may be shown (:meth:`Question.public`), never by taking out what may not. Every
kind's answer is a list of strings, so that a sheet is kept alike whatever is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic import model_validator as check
from pydantic_core import PydanticCustomError

from zhixin.errors import Invalid


class QuestionKind(StrEnum):
    """How a question is answered."""

    SINGLE = "single"  # 单选题
    MULTIPLE = "multiple"  # 多选题
    TRUE_FALSE = "true_false"  # 判断题
    BLANKS = "blanks"  # 填空题
    CLOZE = "cloze"  # 完形填空
    MATCHING = "matching"  # 连线题
    ORDERING = "ordering"  # 排序题
    HOTSPOT = "hotspot"  # 图中指点
    SHORT = "short"  # 简答题
    ESSAY = "essay"  # 论述题


class Marking(StrEnum):
    """How an answer counts that is not exactly right."""

    ALL_OR_NOTHING = "all_or_nothing"
    PARTIAL = "partial"  # a multiple choice: nothing wrong chosen; others: the right parts


class AnswerRefused(Invalid):
    """An answer that this paper cannot have; nothing was graded."""

    code = "answer-refused"
    title = "作答内容有误"


# Learners see the ids: an importer numbers them and never lets them say which is right.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
Points = Annotated[Decimal, Field(gt=0, le=1_000, decimal_places=2)]

#: One sheet's answer to one question: () is none.
Answer = tuple[str, ...]
#: Where ids stand in the order of one attempt (see ``papers.shuffled``).
Place = Callable[..., bytes]


def wrong(message: str) -> PydanticCustomError:
    """A fault that is said as it is to the author."""
    return PydanticCustomError("paper", "{said}", {"said": message})


class Frozen(BaseModel):
    """A part of a document.

    ``LATER`` names fields that came after documents were frozen: they are left out where they
    say nothing, so that a paper from before still has the hash that it had.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    LATER: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_silence(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {
            name: value
            for name, value in written.items()
            if name not in self.LATER or value not in (None, [], ())
        }


class Item(Frozen):
    """One thing that may be chosen, matched or put in order."""

    id: Id
    text: Text


class Question(Frozen):
    """One question with its key; ``Question.model_validate`` gives the class of its kind.

    Attributes:
        passage: the id of the paper's text or case that it asks about (材料题).
        marking: overrides the paper's, for kinds that know parts.
    """

    LATER = frozenset({"passage", "marking"})

    id: Id
    kind: QuestionKind
    stem: Text
    explanation: Note = ""
    points: Points = Decimal(1)
    passage: Id | None = None
    marking: Marking | None = None

    families: ClassVar[dict[str, type[Question]]] = {}
    #: Is it people who say what an answer is worth?
    by_people: ClassVar[bool] = False

    @check(mode="wrap")
    @classmethod
    def _of_its_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if cls is not Question or isinstance(data, Question):
            return handler(data)
        if not isinstance(data, Mapping):
            raise wrong("格式有误")
        family = Question.families.get(str(data.get("kind")))
        if family is None:
            raise PydanticCustomError("kind", "no such kind")
        return family.model_validate(data)  # type: ignore[return-value]  # a subclass

    # What each family says of itself.

    def public(self) -> dict[str, Any]:
        """What a learner under test may read, and nothing else."""
        asked = {
            "id": self.id,
            "kind": self.kind.value,
            "stem": self.stem,
            "points": str(self.points),
        }
        return asked | ({"passage": self.passage} if self.passage else {}) | self._shown()

    def shuffled(self, place: Place) -> Self:
        """The question with all that may be in any order in the order of ``place``."""
        return self

    def answer(self, given: object) -> Answer:
        """``given`` as it is kept: () if nothing was answered.

        Raises:
            AnswerRefused: this question cannot have such an answer.
        """
        parts = strings(given, self.id)
        return self._answer(parts) if any(parts) else ()

    def share(self, answer: Answer, marking: Marking) -> Fraction | None:
        """The part of its points that an answer earns; None: people have to say.

        Args:
            marking: the paper's way with multiple choices.
        """
        raise NotImplementedError

    def key(self) -> dict[str, Any]:
        """What is shown of the key once it may be: ``correct`` and ``explanation``."""
        return {"correct": self._correct(), "explanation": self.explanation}

    @property
    def characters(self) -> int:
        """How long it is to read."""
        return len(self.stem) + sum(len(text) for text in self._texts())

    def texts(self) -> Iterable[str]:
        """All rich text in it, keys and explanations too: for pictures and search."""
        return (self.stem, *self._texts(), self.explanation)

    def _shown(self) -> dict[str, Any]:
        return {}

    def _answer(self, parts: Answer) -> Answer:
        raise NotImplementedError

    def _correct(self) -> Any:
        raise NotImplementedError

    def _texts(self) -> Iterable[str]:
        return ()

    def refuse(self, message: str) -> AnswerRefused:
        return AnswerRefused(message, question=self.id)


def family(*kinds: QuestionKind) -> Callable[[type[Family]], type[Family]]:
    """Name the class of questions of these kinds."""

    def join(cls: type[Family]) -> type[Family]:
        Question.families |= {kind.value: cls for kind in kinds}
        return cls

    return join


Family = TypeVar("Family", bound=Question)

MOST_PARTS, MOST_CHARACTERS = 100, 20_000


def strings(given: object, question: str) -> Answer:
    """A client's answer as strings that every database keeps."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        raise AnswerRefused("答案应为文字的列表", question=question)
    if len(given) > MOST_PARTS or sum(map(len, given)) > MOST_CHARACTERS:
        raise AnswerRefused("作答内容过长", question=question)
    if any("\0" in each or any("\ud800" <= c <= "\udfff" for c in each) for each in given):
        raise AnswerRefused("作答内容含有无法保存的字符", question=question)
    return tuple(given)


def listed(items: Sequence[Item]) -> list[dict[str, str]]:
    """Items as a learner is sent them."""
    return [{"id": item.id, "text": item.text} for item in items]


def by_place(items: Sequence[Item], place: Place, *ids: str) -> tuple[Item, ...]:
    return tuple(sorted(items, key=lambda item: place(*ids, item.id)))


def told_nothing(items: Any, *, by_id: bool = True) -> tuple[Any, dict[str, str]]:
    """Items under ids that are made from their texts, and the new ids by the old.

    Ids and places that an author or a file gave may give an order away; the hash of a text
    that is shown anyway says nothing.
    """
    known: dict[str, str] = {}
    if isinstance(items, str | bytes | Mapping):
        return items, known
    renamed = []
    for item in items if isinstance(items, Iterable) else ():
        item = item.model_dump() if isinstance(item, Item) else item
        if isinstance(item, Mapping) and isinstance(item.get("text"), str):
            text = item["text"].strip()
            named = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:10]
            known[str(item.get("id"))] = named
            item = {**item, "id": named}
        renamed.append(item)
    if by_id:
        renamed.sort(key=lambda item: str(item.get("id")) if isinstance(item, Mapping) else "")
    return renamed, known


def sound_items(items: Sequence[Item], name: str, least: int, most: int) -> None:
    """Raise what is wrong with a list of items."""
    if not least <= len(items) <= most:
        raise wrong(f"{name}应有 {least} 到 {most} 个")
    if len({item.id for item in items}) < len(items):
        raise wrong(f"{name}编号或内容重复")
    if len({item.text for item in items}) < len(items):
        raise wrong(f"{name}内容重复")
