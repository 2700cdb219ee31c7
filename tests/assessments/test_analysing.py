"""Item analyses are made from first attempts, kept, and read by the paper's author."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import analysing, attempts, handing_in
from assessments.models import PaperVersion
from tests.assessments.conftest import multiple, single
from zhixin import db
from zhixin.people.models import Person

STEM = "=HYPERLINK(1) $v^2$"


@pytest.fixture
def version(create_version: Callable[..., PaperVersion]) -> PaperVersion:
    return create_version(single("s", stem=STEM), multiple("m", points="3"))


@pytest.fixture
def hand_in(
    session: Session, create_person: Callable[..., Person], version: PaperVersion, now: datetime
) -> Callable[..., Person]:
    """Somebody answers the paper: ``hand_in({"s": ["b"]}, person=…)``."""
    count = iter(range(1000))

    def handing(answers: dict[str, list[str]], person: Person | None = None) -> Person:
        person = person or create_person(f"xue{next(count)}")
        attempt = attempts.open(
            session, person_id=person.id, scope="version:1", paper_version_id=version.id,
            pass_mark=Decimal(1), attempts_allowed=None, now=now,
        )  # fmt: skip
        handing_in.submit(session, attempt.id, person.id, answers, now)
        session.commit()
        return person

    return handing


def _made(version: PaperVersion, at: datetime) -> dict[str, Any]:
    assert analysing.make(db.database(), version.id, at)
    db.session().expire_all()
    found = analysing.of(db.session(), version.id)
    assert found is not None
    assert found.document is not None
    return found.document


def test_only_the_first_attempt_counts(version: PaperVersion, hand_in: Any, now: datetime) -> None:
    """Six were wrong at first; what they knew afterwards says nothing of the question."""
    for _ in range(6):
        person = hand_in({"s": ["a"]})
        hand_in({"s": ["b"]}, person)
    first = _made(version, now)["items"][0]
    assert (first["asked"], first["facility"]) == (6, 0.0)


def test_the_night_analyses_what_grew_and_nothing_twice(
    session: Session, version: PaperVersion, hand_in: Any, now: datetime
) -> None:
    """A lost doorbell costs a night; what did not change is left; one worker at a time."""
    hand_in({"s": ["b"]})
    assert analysing.due(session, now, night=False) == []
    assert analysing.due(session, now, night=True) == [version.id]
    assert analysing.ask(session, version.id, now)
    assert not analysing.ask(session, version.id, now)
    session.commit()
    assert analysing.due(session, now, night=False) == [version.id]
    _made(version, now + timedelta(minutes=1))
    assert analysing.due(session, now, night=True) == []
    hand_in({"s": ["b"]})
    assert analysing.due(session, now, night=True) == [version.id]


def test_the_page_says_what_to_look_at_and_the_file_holds_no_formula(
    version: PaperVersion,
    hand_in: Any,
    author: Person,
    sign_in: Callable[[Person], FlaskClient],
    now: datetime,
) -> None:
    """Who knows the other question gets this one wrong: the key is in doubt."""
    for at in range(24):
        hand_in({"s": ["a"], "m": ["x", "z"]} if at % 2 else {"s": ["b"], "m": ["y"]})
    _made(version, now)
    client = sign_in(author)
    page = client.get(f"/papers/{version.paper_id}/analysis").get_data(as_text=True)
    assert "区分度为负：请检查答案是否写错" in page
    assert "高分组选得更多" in page
    assert '=HYPERLINK(1) <span class="math inline">v^2</span>' in page
    file = client.get(f"/papers/{version.paper_id}/analysis.xlsx").data
    cell = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0]["B2"]
    assert (cell.value, cell.data_type) == ("=HYPERLINK(1) v^2", "s")


def test_of_four_learners_nothing_is_said(
    version: PaperVersion, hand_in: Any, author: Person, sign_in: Any, now: datetime
) -> None:
    """Four people's answers are theirs."""
    for _ in range(4):
        hand_in({"s": ["a"]})
    _made(version, now)
    page = sign_in(author).get(f"/papers/{version.paper_id}/analysis").get_data(as_text=True)
    assert "作答的人还太少" in page
    assert "各题" not in page
