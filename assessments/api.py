"""JSON bodies of attempts; the routes that use them are the learning page's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from zhixin.api import Model

Name = Annotated[str, StringConstraints(max_length=64)]


class AnswersIn(Model):
    """A whole answer sheet."""

    answers: dict[Name, Annotated[list[Name], Field(max_length=10)]] = Field(
        max_length=500,
        description="Ids of the options chosen, by question id. Left out: unanswered.",
        examples=[{"q1": ["a"], "q2": ["x", "z"]}],
    )
