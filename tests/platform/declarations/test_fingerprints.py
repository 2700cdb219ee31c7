"""When two titles are one activity."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhixin.declarations.fingerprints import fingerprint, plain

DAY = date(2026, 10, 12)


@pytest.mark.parametrize(
    "other",
    [
        "智能制造 研修班（第2期）",
        "智能制造研修班(第２期)",
        "「智能制造」研修班·第2期",
        " 智能制造研修班 第2期。",
    ],
)
def test_how_a_title_is_written_does_not_matter(other: str) -> None:
    """Width, spaces and punctuation are no difference."""
    assert plain(other) == plain("智能制造研修班（第2期）")


def test_another_number_is_another_activity() -> None:
    """The second course of a series is not the first."""
    assert plain("研修班（第2期）") != plain("研修班（第3期）")


@given(st.text(st.characters(categories=["L", "N"])), st.sampled_from(" 　-—（）()《》、。·\t"))
def test_marks_never_matter(title: str, mark: str) -> None:
    """Between any two characters."""
    assert plain(mark.join(title)) == plain(plain(title))


def test_person_kind_and_days_tell_activities_apart() -> None:
    """The same title elsewhere is another activity."""
    one = fingerprint(1, "training", DAY, DAY, "班")
    others = {
        fingerprint(2, "training", DAY, DAY, "班"),
        fingerprint(1, "conference", DAY, DAY, "班"),
        fingerprint(1, "training", DAY, date(2026, 10, 13), "班"),
    }
    assert one not in others
    assert len(others) == 3
