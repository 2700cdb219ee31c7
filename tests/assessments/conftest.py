"""Papers and their documents for tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.models import Paper, PaperVersion
from assessments.sheets import Change
from zhixin.people.models import Person, Role


def single(id: str = "s", **changes: Any) -> dict[str, Any]:
    """A single choice; ``b`` is right."""
    return {
        "id": id,
        "kind": "single",
        "stem": "一年至少多少学时？",
        "options": [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}],
        "correct": ["b"],
        "explanation": "见第八条",
        "points": "1",
    } | changes


def multiple(id: str = "m", **changes: Any) -> dict[str, Any]:
    """A multiple choice; ``x`` and ``z`` are right."""
    options = [{"id": each, "text": f"选项 {each}"} for each in "xyz"]
    return single(id, kind="multiple", options=options, correct=["x", "z"], stem="哪些？") | changes


def true_false(id: str = "t", **changes: Any) -> dict[str, Any]:
    """A statement; true is right."""
    asked = single(id, kind="true_false", correct=["true"], stem="对不对？") | changes
    del asked["options"]
    return asked


def changed(answers: dict[str, list[str]], seq: int = 1, writer: str = "w") -> list[Change]:
    """A sheet as numbered answers."""
    return [Change(id, tuple(answer), seq, writer) for id, answer in answers.items()]


@pytest.fixture
def right() -> dict[str, list[str]]:
    """The right answers to ``create_version()``'s paper."""
    return {"s": ["b"], "m": ["x", "z"], "t": ["true"]}


@pytest.fixture
def wrong() -> dict[str, list[str]]:
    return {"s": ["a"], "m": ["y"], "t": ["false"]}


@pytest.fixture
def author(create_person: Callable[..., Person]) -> Person:
    return create_person("zuozhe", Role.AUTHOR)


@pytest.fixture
def create_paper(session: Session, author: Person, now: datetime) -> Callable[..., Paper]:
    """Make the author's paper: ``create_paper(single(), title="…")``."""

    def create(*questions: dict[str, Any], title: str = "结业测验", **facts: Any) -> Paper:
        paper = drafting.create(session, owner_id=author.id, title=title, now=now)
        document = {"title": title, "questions": list(questions), **facts}
        drafting.save(session, paper.id, author.id, document, paper.revision, now)
        session.commit()
        return paper

    return create


@pytest.fixture
def create_version(
    session: Session, create_paper: Callable[..., Paper], now: datetime
) -> Callable[..., PaperVersion]:
    """Make and freeze a paper; without questions given, one of each kind."""

    def create(*questions: dict[str, Any], **facts: Any) -> PaperVersion:
        paper = create_paper(*(questions or (single(), multiple(), true_false())), **facts)
        version = drafting.freeze(session, paper.id, now)
        session.commit()
        return version

    return create
