"""Identity numbers by GB 11643-1999. All numbers here are synthetic."""

from __future__ import annotations

import traceback
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.people.identity_number import InvalidIdentityNumber, make, mask, validate

quick = settings(deadline=None, max_examples=100)

TODAY = date(2025, 6, 1)
# The standard's own example, printed in GB 11643-1999.
EXAMPLE = "11010519491231002X"

numbers = st.builds(
    make,
    st.sampled_from(["110105", "500101", "500112", "830000", "659001"]),
    st.dates(date(1900, 1, 1), TODAY),
    st.integers(0, 999),
)


def test_the_standards_example_is_valid():
    """The check character X of the standard's example is found right."""
    assert validate(EXAMPLE, today=TODAY) == EXAMPLE
    assert make("110105", date(1949, 12, 31), 2) == EXAMPLE


@pytest.mark.parametrize(
    "typed",
    [" 11010519491231002x\t", "１１０１０５１９４９１２３１００２Ｘ", "\u300011010519491231002ｘ"],
)
def test_ways_of_typing_are_forgiven(typed):
    """Spaces around, full-width characters and a small x come out in the normal form."""
    assert validate(typed, today=TODAY) == EXAMPLE


@quick
@given(numbers)
def test_made_numbers_are_valid(number):
    """What is made for demonstration passes the check that people's numbers pass."""
    assert validate(number, today=TODAY) == number


@quick
@given(numbers, st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(number, place, change):
    """MOD 11-2 finds every single wrong digit, and no message repeats the number."""
    wrong = number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :]
    with pytest.raises(InvalidIdentityNumber) as refused:
        validate(wrong, today=TODAY)
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value.facts)
    assert wrong not in shown
    assert wrong[6:14] not in shown


@quick
@given(numbers, st.integers(0, 15))
def test_two_digits_swapped_are_noticed(number, place):
    """MOD 11-2 finds neighbours that changed places."""
    a, b = number[place : place + 2]
    wrong = number[:place] + b + a + number[place + 2 :]
    if wrong != number:
        with pytest.raises(InvalidIdentityNumber):
            validate(wrong, today=TODAY)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "shape"),
        ("1101051949123100", "shape"),
        (EXAMPLE + "0", "shape"),
        ("X" + EXAMPLE[1:], "shape"),
        ("110105 19491231002X", "shape"),
        ("١" * 18, "shape"),
        ("110105491231002", "shape"),
        ("990105" + EXAMPLE[6:], "region"),
        ("110000" + EXAMPLE[6:], "region"),
        ("11010519490229002X", "birth"),
        ("11010500000000002X", "birth"),
        ("11010518991231002X", "birth"),
        (EXAMPLE[:-1] + "1", "check"),
    ],
)
def test_what_cannot_be_a_number_is_refused(text, problem):
    """Shape, region, date and check character each have their reason."""
    with pytest.raises(InvalidIdentityNumber) as refused:
        validate(text, today=TODAY)
    assert refused.value.facts == {"problem": problem}
    assert refused.value.status == 422


def test_nobody_is_born_tomorrow():
    """A birth today is possible, a birth tomorrow is not."""
    tomorrow = make("500101", TODAY + timedelta(days=1), 1)
    with pytest.raises(InvalidIdentityNumber):
        validate(tomorrow, today=TODAY)
    assert validate(tomorrow, today=TODAY + timedelta(days=1)) == tomorrow


def test_masking():
    """Screens show the first three and the last four characters."""
    assert mask("500101199001011234") == "500***********1234"
    assert mask("12345") == "*****"


@pytest.mark.parametrize(
    ("region", "birth", "sequence"),
    [
        ("99", date(1990, 1, 1), 1),
        ("990101", date(1990, 1, 1), 1),
        ("500101", date(1990, 1, 1), 1000),
        ("500101", date(1990, 1, 1), -1),
        ("500101", date(1899, 1, 1), 1),
    ],
)
def test_make_refuses_parts_that_do_not_fit(region, birth, sequence):
    """A demonstration never holds a number that could not be."""
    with pytest.raises(ValueError, match=r"region|range"):
        make(region, birth, sequence)
