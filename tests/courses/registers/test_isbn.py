"""ISBN-13 and its check digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.registers import isbn


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("978-0-306-40615-7", "9780306406157"),  # the example of ISO 2108's users' manual
        ("ISBN 978-7-111-21382-6", "9787111213826"),
        ("９７８０３０６４０６１５７", "9780306406157"),
        ("978-0-306-40615-8", None),
        ("0-306-40615-2", None),
        ("977-0-306-40615-0", None),
        ("", None),
        ("978030640615７x", None),
    ],
)
def test_what_is_taken(typed: str, kept: str | None) -> None:
    """Any usual writing of a sound number; a wrong digit or an older kind is none."""
    assert isbn.read(typed) == kept


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(3, 11), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(body: str, place: int, by: int) -> None:
    """Weights 1 and 3 are prime to ten: every change of one digit changes the sum."""
    first = "978" + body
    sound = first + isbn.check_digit(first)
    assert isbn.read(sound) == sound
    wrong = sound[:place] + str((int(sound[place]) + by) % 10) + sound[place + 1 :]
    assert isbn.read(wrong) is None


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(typed: str) -> None:
    """Whatever is in a cell, nothing falls over."""
    found = isbn.read(typed)
    assert found is None or (len(found) == 13 and isbn.check_digit(found) == found[12])
