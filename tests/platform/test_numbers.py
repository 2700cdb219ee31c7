"""What people type as a number is one that arithmetic can bear, or it is refused."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhixin import numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [("4", "4"), (" 4.50 ", "4.5"), ("-1", "-1"), ("4.5E+1", "45"), ("１２", "12"), ("0", "0")],
)
def test_numbers_are_read_as_people_write_them(text: str, number: str) -> None:
    """With spaces around, and with the wide digits of a Chinese keyboard."""
    assert numbers.typed(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["", "x", "NaN", "sNaN", "-Infinity", "1e30", "1e9999999", "1e-9999999", "9" * 5000, "0e99"],
)
def test_what_arithmetic_cannot_bear_is_no_number(text: str) -> None:
    """``1e9999999 * 100`` overflows, ``1e-9999999 % 1`` is 0: neither is an amount of anything."""
    with pytest.raises(ValueError, match=r"no|too"):
        numbers.typed(text)


@given(
    st.text(max_size=40) | st.from_regex(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,9})?")
)
def test_any_text_is_a_small_number_or_refused(text: str) -> None:
    """There is no other way out."""
    with contextlib.suppress(ValueError):
        assert abs(numbers.typed(text)) < 10**numbers.MOST_DIGITS
