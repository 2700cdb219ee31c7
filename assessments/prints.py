"""Fingerprints: by what a question shows, whatever its ids, order and key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from assessments.papers import Paper, Question


def fingerprint(question: Question) -> str:
    """The same for the same question in another paper, version or order: what it shows."""
    texts = [question.stem, *sorted(_texts(question.public()))]
    return hashlib.sha256("\n\x1f".join(texts).encode()).hexdigest()


def with_passage(question: Question, passage: str | None) -> str:
    """The same with the text that it asks about, as banks keep it."""
    shown = f"{fingerprint(question)}\n{passage or ''}"
    return hashlib.sha256(shown.encode()).hexdigest()


def of_paper(paper: Paper) -> frozenset[str]:
    """What banks would call a paper's own questions."""
    texts = {passage.id: passage.text for passage in paper.passages}
    return frozenset(
        with_passage(question, texts.get(question.passage or "")) for question in paper.questions
    )


def _texts(shown: object) -> Iterator[str]:
    """All that stands in a ``text`` of what is shown."""
    if isinstance(shown, Mapping):
        if isinstance(shown.get("text"), str):
            yield shown["text"]
        shown = list(shown.values())
    if isinstance(shown, list | tuple):
        for part in shown:
            yield from _texts(part)
