"""JSON bodies of attempts; the routes that use them are the learning page's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from assessments.sheets import MOST_SEQ, Change
from zhixin.api import Model

Name = Annotated[str, StringConstraints(max_length=64)]
Answer = Annotated[str, StringConstraints(max_length=20_000)]


class ChangeIn(Model):
    """One answer."""

    question: Name
    answer: list[Answer] = Field(
        max_length=100, description="Ids of the options chosen; empty: unanswered."
    )
    seq: int = Field(
        ge=1,
        le=MOST_SEQ,
        description="Higher than any that the client has seen of this attempt: the highest of a"
        " question stands, whatever comes when.",
    )


class AnswersIn(Model):
    """Some answers of an attempt; questions that are left out stay as they are."""

    writer: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]{0,32}$", description="Who numbers: a page, a device."
    )
    changes: list[ChangeIn] = Field(
        max_length=500, examples=[[{"question": "q1", "answer": ["a"], "seq": 7}]]
    )

    @property
    def as_changes(self) -> list[Change]:
        return [
            Change(each.question, tuple(each.answer), each.seq, self.writer)
            for each in self.changes
        ]


class KeptOut(Model):
    """An answer as it stands."""

    question: str
    answer: list[str]
    seq: int
    writer: str


class ClockOut(Model):
    saved_at: str
    remaining_ms: int | None = Field(description="by the server's clock; None: no time limit")


class SavedOut(ClockOut):
    """The same for right and wrong answers."""

    overtaken: list[KeptOut] = Field(description="later answers that stand instead of those sent")


class SheetOut(ClockOut):
    """Everything saved of an open attempt."""

    answers: list[KeptOut]


def kept(changes: Iterable[Change]) -> list[KeptOut]:
    return [
        KeptOut(question=each.question, answer=list(each.answer), seq=each.seq, writer=each.writer)
        for each in changes
    ]
