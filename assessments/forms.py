"""Form fields of attempts and of the paper editor, read as plain values."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

from werkzeug.datastructures import MultiDict

from assessments import part_forms
from assessments.drafting import question_id
from assessments.papers import TRUE_FALSE_OPTIONS, QuestionKind
from zhixin import numbers
from zhixin.errors import Invalid, NotFound

ANSWER = "q-"

#: Rows of a new question, and the most there may be.
ROWS, MOST_ROWS = 6, 10

CHOICES = (QuestionKind.SINGLE, QuestionKind.MULTIPLE, QuestionKind.TRUE_FALSE)
#: Those whose options the author writes.
SEVERAL = (QuestionKind.SINGLE, QuestionKind.MULTIPLE)


def answers_from_form(form: MultiDict[str, str]) -> dict[str, list[str]]:
    """The sheet of a page built with ``_attempt.html``: fields ``q-<question id>``, one for
    each part of an answer in its order; all of them empty: unanswered."""
    sent = {name.removeprefix(ANSWER): form.getlist(name) for name in form}
    return {
        question: parts if any(parts) else []
        for question, parts in sent.items()
        if ANSWER + question in form
    }


def kind_of(text: str) -> QuestionKind:
    """A kind of question, as an address or a form names it."""
    try:
        return QuestionKind(text)
    except ValueError:
        raise NotFound("没有这种题型") from None


def revision_from_form(form: Mapping[str, str]) -> int:
    """The revision that the form was made from."""
    text = form.get("revision", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def percent(text: str, name: str = "及格线") -> str | None:
    """A percentage as a share in words that a paper's document takes; empty means none.

    Raises:
        Invalid: not a number from 0 to 100.
    """
    text = text.strip().removesuffix("%").removesuffix("％").strip()
    if not text:
        return None
    try:
        share = numbers.typed(text) / 100
    except ValueError:
        share = Decimal(-1)
    if not 0 <= share <= 1:
        raise Invalid(f"{name}应是 0 到 100 之间的数")
    return f"{share.normalize():f}"


def whole(text: str, name: str, most: int) -> int | None:
    """A whole number from 1 to ``most``; empty means none.

    Raises:
        Invalid: it is not one.
    """
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise Invalid(f"{name}应是 1 到 {most} 之间的整数，或留空")
    return int(text)


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One row of options; empty ones are left out of the question."""

    id: str
    text: str = ""
    correct: bool = False


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """What stands in the form of one question, sound or not.

    Ids are made when the form is, so that a form sent twice means the same question.
    """

    id: str
    kind: QuestionKind
    rows: tuple[OptionRow, ...]
    revision: int
    stem: str = ""
    explanation: str = ""
    points: str = "1"
    passage: str = ""
    parts: tuple[part_forms.Row, ...] = ()
    extras: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def blank(cls, kind: QuestionKind, revision: int) -> Self:
        fixed = kind is QuestionKind.TRUE_FALSE
        options = tuple(OptionRow(option.id, option.text) for option in TRUE_FALSE_OPTIONS)
        rows = options if fixed else _more((), ROWS) if kind in CHOICES else ()
        parts = part_forms.more(kind, (), part_forms.FEW) if kind not in CHOICES else ()
        return cls(question_id(), kind, rows, revision, parts=parts)

    @classmethod
    def of(cls, question: Mapping[str, Any], revision: int) -> Self:
        """The form of a question's document."""
        kind = QuestionKind(question["kind"])
        rows = tuple(
            OptionRow(option["id"], option["text"], option["id"] in question["correct"])
            for option in question.get("options", ())
        )
        parts = () if kind in CHOICES else part_forms.rows_of(question)
        return cls(
            id=question["id"],
            kind=kind,
            rows=_more(rows, ROWS) if kind in SEVERAL else rows,
            revision=revision,
            stem=question["stem"],
            explanation=question["explanation"],
            points=question["points"],
            passage=question.get("passage") or "",
            parts=part_forms.more(kind, parts, part_forms.FEW)
            if parts or kind not in CHOICES
            else (),
            extras=part_forms.extras_of(question),
        )

    @classmethod
    def read(cls, form: MultiDict[str, str], kind: QuestionKind, id: str) -> Self:
        """What was sent: ``option-id``s and ``option``s in rows, ``correct`` names ids."""
        correct = set(form.getlist("correct"))
        pairs = list(zip(form.getlist("option-id"), form.getlist("option"), strict=False))
        if kind is QuestionKind.TRUE_FALSE:
            pairs = [(option.id, option.text) for option in TRUE_FALSE_OPTIONS]
        return cls(
            id=id,
            kind=kind,
            rows=tuple(OptionRow(id, text, id in correct) for id, text in pairs[:MOST_ROWS]),
            revision=revision_from_form(form),
            stem=form.get("stem", ""),
            explanation=form.get("explanation", ""),
            points=form.get("points", "").strip(),
            passage=form.get("passage", ""),
            parts=_parts(form, kind),
            extras={name: form.get(name, "") for name in part_forms.EXTRAS.get(kind, ())},
        )

    def with_more_rows(self) -> Self:
        if self.kind in SEVERAL:
            return replace(self, rows=_more(self.rows, MOST_ROWS))
        count = min(len(self.parts) + part_forms.FEW, part_forms.MOST)
        return replace(self, parts=part_forms.more(self.kind, self.parts, count))

    @property
    def may_have_more(self) -> bool:
        if self.kind in CHOICES:
            return self.kind in SEVERAL and len(self.rows) < MOST_ROWS
        return len(self.parts) < part_forms.MOST

    def document(self) -> dict[str, Any]:
        """The question's document, not checked yet."""
        said: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind.value,
            "stem": self.stem.replace("\r\n", "\n"),
            "explanation": self.explanation.replace("\r\n", "\n"),
            "points": self.points,
        }
        if self.kind in CHOICES:
            said["options"] = [
                {"id": row.id, "text": row.text} for row in self.rows if row.text.strip()
            ]
            said["correct"] = [row.id for row in self.rows if row.correct]
        if self.passage:
            said["passage"] = self.passage
        return said | part_forms.document(self.kind, self.parts, self.extras)


def _parts(form: MultiDict[str, str], kind: QuestionKind) -> tuple[part_forms.Row, ...]:
    """Rows as they were sent: every column has a value in each."""
    columns = part_forms.COLUMNS.get(kind, ())
    sent = zip(*(form.getlist(column) for column in columns), strict=False)
    return tuple(dict(zip(columns, row, strict=True)) for row in list(sent)[: part_forms.MOST])


def _more(rows: tuple[OptionRow, ...], count: int) -> tuple[OptionRow, ...]:
    """``rows`` and empty ones behind them; option ids say nothing, as learners see them."""
    fresh = (OptionRow(secrets.token_hex(4)) for _ in range(count - len(rows)))
    return (*rows, *fresh)
