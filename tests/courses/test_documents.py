"""The frozen document: canonical, whole, the same content the same hash."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from courses import scopes
from courses.documents import CourseDocument

VIDEO = {"key": "u1", "kind": "video", "title": "第一讲", "asset_id": 7, "duration_ms": 60_000}
QUIZ = {"key": "u2", "kind": "quiz", "title": "小测", "paper_version_id": 3, "questions": 5}
PAGE = {"key": "u3", "kind": "page", "title": "讲义", "body": "正文"}


def document(*units: dict[str, Any], **changes: Any) -> CourseDocument:
    facts: dict[str, Any] = {
        "title": "建筑信息模型入门",
        "summary": "",
        "teacher": "王工",
        "teacher_title": "",
        "field_code": "bim",
        "subject_kind": "professional",
        "level": "none",
        "declared_hours": Decimal(1),
        "chapters": [{"title": "第一章", "units": units or (VIDEO, QUIZ, PAGE)}],
    }
    return CourseDocument.model_validate(facts | changes)


def test_text_and_back() -> None:
    """A document read from its text is the same document with the same hash."""
    made = document()
    read = CourseDocument.from_text(made.to_text())
    assert read == made
    assert read.sha256 == made.sha256


@given(hours=st.decimals(min_value=0, max_value=200, places=2), title=st.text(max_size=20))
def test_text_is_canonical(hours: Decimal, title: str) -> None:
    """Whatever the title and hours, writing, reading and writing again gives the same bytes."""
    try:
        text = document(title=title, declared_hours=hours).to_text()
    except UnicodeEncodeError:
        return  # lone surrogates are no text
    assert CourseDocument.from_text(text).to_text() == text


@pytest.mark.parametrize("written", ["1", "1.0", "1.00"])
def test_same_hours_are_the_same_text(written: str) -> None:
    """1 and 1.00 hours are the same hours: the hash must not differ."""
    assert document(declared_hours=Decimal(written)).sha256 == document().sha256


def test_hours_are_a_string() -> None:
    """Hours are a decimal string in JSON, never a float."""
    assert '"declared_hours":"1.5"' in document(declared_hours=Decimal("1.50")).to_text()
    assert '"declared_hours":"10"' in document(declared_hours=Decimal(10)).to_text()


def test_any_change_changes_the_hash() -> None:
    """The hash names the content: another title is another hash."""
    assert document(title="别的").sha256 != document().sha256


def test_one_video_twice_counts_once() -> None:
    """A video that stands in two units adds its length once."""
    assert document(VIDEO, VIDEO | {"key": "u9"}, QUIZ).video_ms == 60_000


def test_unit_by_key() -> None:
    """A unit is found by its key; an unknown key finds nothing."""
    found = document().unit("u2")
    assert found is not None
    assert found.title == "小测"
    assert document().unit("u99") is None


@pytest.mark.parametrize(
    "unit",
    [
        VIDEO | {"asset_id": None},
        VIDEO | {"duration_ms": None},
        QUIZ | {"paper_version_id": None},
        PAGE | {"body": None},
        VIDEO | {"kind": "song"},
        VIDEO | {"surprise": 1},
    ],
)
def test_unit_without_its_content_is_refused(unit: dict[str, Any]) -> None:
    """A frozen unit has what its kind needs, and nothing unknown."""
    with pytest.raises(ValidationError):
        document(unit)


def test_keys_differ() -> None:
    """Two units with one key would share progress: refused."""
    with pytest.raises(ValidationError, match="same key"):
        document(VIDEO, PAGE | {"key": "u1"})


def test_frozen() -> None:
    """A document never changes."""
    with pytest.raises(ValidationError, match="frozen"):
        document().title = "x"  # type: ignore[misc]


def test_scope() -> None:
    """Media and assessments know a version as an opaque string."""
    assert scopes.of_version(12) == "version:12"
