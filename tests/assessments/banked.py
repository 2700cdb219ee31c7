"""Banks with accepted questions for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from assessments.banks import keeping, writing
from assessments.banks.keeping import Held
from assessments.banks.states import QuestionStep
from tests.assessments.conftest import single
from zhixin.people.models import Person


def bank(session: Session, owner: Person, other: Person, now: datetime) -> tuple[Held, Held]:
    """A bank as its owner and as its other editor have it."""
    made = keeping.create(
        session, owner_id=owner.id, title="能源题库", kind="own", field_code="energy",
        fields={"energy": "能源"}, now=now,
    )  # fmt: skip
    keeping.let_in(session, keeping.get(session, made.id, owner), other.sign_in_name)
    return keeping.get(session, made.id, owner), keeping.get(session, made.id, other)


def add(
    session: Session,
    held: tuple[Held, Held],
    questions: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    accepted: bool = True,
    **facts: Any,
) -> list[int]:
    """Questions written by the one and accepted by the other."""
    ids = writing.add(session, held[0], [writing.checked(each, **facts) for each in questions], now)
    if accepted:
        writing.step(session, held[0], ids, QuestionStep.PROPOSE, now=now)
        writing.step(session, held[1], ids, QuestionStep.ACCEPT, now=now)
    return ids


def stems(*numbers: int, **changes: Any) -> list[dict[str, Any]]:
    """Single choices that differ; ``b`` is right."""
    said = [{"id": "", "stem": f"第 {n} 问？", "explanation": f"解析 {n}"} for n in numbers]
    return [single(**each | changes) for each in said]
