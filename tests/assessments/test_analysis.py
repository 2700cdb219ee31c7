"""Item analysis: exact on examples worked by hand, and what the definitions say on any sheets."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assessments import analysis
from assessments.analysis import Flag, Item, Sheet, Why, analyse


def _items(count: int, points: int = 100) -> list[Item]:
    return [Item(f"q{at}", points) for at in range(count)]


def _sheets(rows: list[list[int]]) -> list[Sheet]:
    return [Sheet({f"q{at}": got for at, got in enumerate(row)}, {}) for row in rows]


#: Ten learners at three items of one point: sums 3, 3, 2, 2, 2, 1, 1, 1, 0, 0.
TEN = [
    [100, 100, 100], [100, 100, 100], [100, 100, 0], [100, 100, 0], [100, 0, 100],
    [100, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 0], [0, 0, 0],
]  # fmt: skip


def test_a_paper_worked_by_hand() -> None:
    """Facilities .7, .5, .3. Population variances .21, .25, .21 and of the sums 1.05: so
    α = 3/2 · (1 − .67/1.05) = 19/35. SEM = s·√(1 − α) with s² = 1.05 · 10/9 = 7/6."""
    found = analyse(_items(3), _sheets(TEN))
    assert [each.facility for each in found.items] == [
        Fraction(7, 10), Fraction(1, 2), Fraction(3, 10)
    ]  # fmt: skip
    assert found.mean == Fraction(3, 2)
    assert found.alpha == Fraction(19, 35)
    assert found.error == pytest.approx(math.sqrt(Fraction(7, 6) * Fraction(16, 35)))
    # Without the third the sums are 2 four times, 1 four times, 0 twice: variance .56, and
    # α = 2 · (1 − .46/.56) = 5/14.
    assert found.items[2].without == Fraction(5, 14)


def test_right_or_wrong_the_correlation_is_the_point_biserial() -> None:
    """r = (M₁ − M₀)/s · √(pq), of the other items' sums, here for the first item."""
    rest = [sum(row[1:]) for row in TEN]
    right = [r for r, row in zip(rest, TEN, strict=True) if row[0]]
    wrong = [r for r, row in zip(rest, TEN, strict=True) if not row[0]]
    by_hand = (
        (statistics.mean(right) - statistics.mean(wrong))
        / statistics.pstdev(rest)
        * math.sqrt(0.7 * 0.3)
    )
    assert analyse(_items(3), _sheets(TEN)).items[0].together == pytest.approx(by_hand)


def test_parts_of_points_count_in_the_facility() -> None:
    """Half the learners with 1 of 2 points and half with none: 0.25."""
    found = analyse(_items(1, 200), _sheets([[100]] * 5 + [[0]] * 5))
    assert found.items[0].facility == Fraction(1, 4)


def test_the_best_and_the_last_27_percent() -> None:
    """Of a hundred learners 27 against 27: all of the best right, none of the last."""
    items = [Item("q0", 100, ("a", "b", "c"), frozenset("a")), Item("q1", 300)]
    sheets = [
        Sheet({"q0": 100 if at >= 50 else 0, "q1": 3 * at}, {"q0": ["a" if at >= 50 else "b"]})
        for at in range(100)
    ]
    first = analyse(items, sheets).items[0]
    assert first.grouped == 1
    assert [(c.option, c.upper, c.middle, c.lower, c.all) for c in first.choices] == [
        ("a", 1, Fraction(1, 2), 0, Fraction(1, 2)),
        ("b", 0, Fraction(1, 2), 1, Fraction(1, 2)),
        ("c", 0, 0, 0, 0),
        (None, 0, 0, 0, 0),
    ]
    assert (first.flags, first.unused) == ((Flag.UNUSED,), ("c",))


def test_a_wrong_key_shows() -> None:
    """The better a learner, the surer they choose what the key calls wrong."""
    items = [Item("q0", 100, ("a", "b"), frozenset("a")), Item("q1", 300)]
    sheets = [
        Sheet({"q0": 0 if at >= 50 else 100, "q1": 3 * at}, {"q0": ["b" if at >= 50 else "a"]})
        for at in range(100)
    ]
    first = analyse(items, sheets).items[0]
    assert first.flags == (Flag.NEGATIVE, Flag.ATTRACTIVE)
    assert first.attractive == ("b",)


def test_what_cannot_be_said_is_a_word() -> None:
    """No learners, few, all alike, one question: never a number, never an error."""
    none = analyse(_items(2), [])
    assert (none.alpha, none.mean, none.items[0].facility) == (Why.FEW, Why.FEW, Why.FEW)
    few = analyse(_items(2), _sheets([[100, 0]] * 4))
    assert (few.items[0].facility, few.items[0].together, few.alpha) == (Why.FEW,) * 3
    alike = analyse(_items(2), _sheets([[100, 100]] * 12))
    assert (alike.alpha, alike.error, alike.items[0].together) == (Why.ALIKE,) * 3
    assert alike.items[0].flags == (Flag.EASY,)
    one = analyse(_items(1), _sheets([[100], [0]] * 12))
    assert (one.alpha, one.items[0].together) == (Why.ONE_ITEM,) * 2


def test_who_was_not_asked_says_nothing_of_a_question() -> None:
    """Drawn papers: each question by those who had it; reliability needs the same questions."""
    items = _items(3)
    sheets = [Sheet({"q0": 100 * (at % 2), "q1": 100 * (at % 2)}, {}) for at in range(12)]
    sheets += [Sheet({"q0": 0, "q2": 0}, {}) for _ in range(6)]
    found = analyse(items, sheets)
    assert [each.asked for each in found.items] == [18, 12, 6]
    assert [each.facility for each in found.items] == [Fraction(1, 3), Fraction(1, 2), 0]
    assert (found.alpha, found.items[0].without) == (Why.DIFFERENT,) * 2
    assert found.items[1].together == pytest.approx(1)
    assert found.items[2].together == Why.FEW


ROWS = st.integers(2, 5).flatmap(
    lambda items: st.lists(
        st.lists(st.sampled_from((0, 50, 100)), min_size=items, max_size=items),
        min_size=10,
        max_size=60,
    )
)


@given(ROWS)
def test_on_any_sheets_it_is_what_the_definitions_say(rows: list[list[int]]) -> None:
    """Variances and correlations as the standard library computes them."""
    found = analyse(_items(len(rows[0])), _sheets(rows))
    totals = [sum(row) for row in rows]
    columns = list(zip(*rows, strict=True))
    for at, result in enumerate(found.items):
        rest = [total - own for total, own in zip(totals, columns[at], strict=True)]
        assert float(result.facility) == pytest.approx(statistics.mean(columns[at]) / 100)
        if len(set(rest)) > 1 and len(set(columns[at])) > 1:
            expected = statistics.correlation(columns[at], rest)
            assert result.together == pytest.approx(expected, abs=1e-9)
        else:
            assert result.together is Why.ALIKE
    assume(len(set(totals)) > 1)
    k = len(columns)
    alpha = k / (k - 1) * (1 - sum(map(statistics.variance, columns)) / statistics.variance(totals))
    assert not isinstance(found.alpha, Why)
    assert float(found.alpha) == pytest.approx(alpha)
    assert float(found.deviation) == pytest.approx(statistics.stdev(totals) / 100)


@given(ROWS)
def test_groups_are_of_27_percent_and_apart(rows: list[list[int]]) -> None:
    """Nobody of the lower group has more than anybody of the upper."""
    table = analysis._Table(_items(len(rows[0])), _sheets(rows))
    upper, lower = table.groups()
    assert len(upper) == len(lower) == max(1, int(0.27 * len(rows) + 0.5))
    assert not upper & lower
    assert max(table.total[who] for who in lower) <= min(table.total[who] for who in upper)
