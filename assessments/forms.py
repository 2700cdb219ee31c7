"""Form fields of attempts and of the paper editor, read as plain values."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from werkzeug.datastructures import MultiDict

from assessments.drafting import question_id
from assessments.papers import TRUE_FALSE_OPTIONS, QuestionKind
from zhixin.errors import Invalid, NotFound

ANSWER = "q-"

#: Rows of a new question, and the most there may be.
ROWS, MOST_ROWS = 6, 10


def answers_from_form(form: MultiDict[str, str]) -> dict[str, list[str]]:
    """The sheet of a page built with ``_attempt.html``: fields ``q-<question id>``."""
    return {
        name.removeprefix(ANSWER): [value for value in form.getlist(name) if value]
        for name in form
        if name.startswith(ANSWER)
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


def percent(text: str) -> str | None:
    """A percentage as a share in words that a paper's document takes; empty means none.

    Raises:
        Invalid: not a number from 0 to 100.
    """
    text = text.strip().removesuffix("%").removesuffix("％").strip()
    if not text:
        return None
    try:
        share = Decimal(text) / 100
    except InvalidOperation:
        share = Decimal(-1)
    if not share.is_finite() or not 0 <= share <= 1:
        raise Invalid("及格线应是 0 到 100 之间的数")
    return f"{share.normalize():f}"


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

    @classmethod
    def blank(cls, kind: QuestionKind, revision: int) -> Self:
        fixed = kind is QuestionKind.TRUE_FALSE
        options = tuple(OptionRow(option.id, option.text) for option in TRUE_FALSE_OPTIONS)
        return cls(question_id(), kind, options if fixed else _more((), ROWS), revision)

    @classmethod
    def of(cls, question: Mapping[str, Any], revision: int) -> Self:
        """The form of a question's document."""
        kind = QuestionKind(question["kind"])
        rows = tuple(
            OptionRow(option["id"], option["text"], option["id"] in question["correct"])
            for option in question["options"]
        )
        return cls(
            id=question["id"],
            kind=kind,
            rows=rows if kind is QuestionKind.TRUE_FALSE else _more(rows, ROWS),
            revision=revision,
            stem=question["stem"],
            explanation=question["explanation"],
            points=question["points"],
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
        )

    def with_more_rows(self) -> Self:
        return replace(self, rows=_more(self.rows, MOST_ROWS))

    def document(self) -> dict[str, Any]:
        """The question's document, not checked yet."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "stem": self.stem.replace("\r\n", "\n"),
            "options": [{"id": row.id, "text": row.text} for row in self.rows if row.text.strip()],
            "correct": [row.id for row in self.rows if row.correct],
            "explanation": self.explanation.replace("\r\n", "\n"),
            "points": self.points,
        }


def _more(rows: tuple[OptionRow, ...], count: int) -> tuple[OptionRow, ...]:
    """``rows`` and empty ones behind them; option ids say nothing, as learners see them."""
    fresh = (OptionRow(secrets.token_hex(4)) for _ in range(count - len(rows)))
    return (*rows, *fresh)
