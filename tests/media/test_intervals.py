"""Interval arithmetic against the plainest model there is: a set of milliseconds."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import intervals
from media.intervals import Spans

quick = settings(deadline=None, max_examples=150)

pair = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda p: (p[0], p[0] + p[1]))
spans = st.lists(pair, max_size=10).map(intervals.normalise)


def model(value: Spans | list[tuple[int, int]]) -> set[int]:
    return {ms for start, end in value for ms in range(start, end)}


def assert_normal(value: Spans) -> None:
    before = -1
    for start, end in value:
        assert before < start < end
        before = end


@quick
@given(st.lists(pair, max_size=12))
def test_normalise_keeps_the_set(pairs):
    """Overlapping, touching, empty and unordered pairs become one normal form of the same set."""
    value = intervals.normalise(pairs)
    assert_normal(value)
    assert model(value) == model(pairs)


@pytest.mark.parametrize("bad", [(5, 4), (-1, 3)])
def test_normalise_refuses_what_is_not_media_time(bad):
    """A reversed interval, or one before the beginning, is a fault of the caller."""
    with pytest.raises(ValueError, match="not an interval"):
        intervals.normalise([bad])


@quick
@given(spans, spans)
def test_set_operations_agree_with_the_model(a, b):
    """Union, difference and intersection are those of the sets, and stay normal."""
    for operation, expected in (
        (intervals.union, model(a) | model(b)),
        (intervals.subtract, model(a) - model(b)),
        (intervals.intersect, model(a) & model(b)),
    ):
        value = operation(a, b)
        assert_normal(value)
        assert model(value) == expected


@quick
@given(spans, st.integers(-5, 80), st.integers(-5, 80))
def test_clip_agrees_with_the_model(a, start, end):
    """Clipping keeps what lies within; an empty or reversed window keeps nothing."""
    value = intervals.clip(a, start, end)
    assert_normal(value)
    assert model(value) == {ms for ms in model(a) if start <= ms < end}


@quick
@given(spans, st.integers(-5, 130))
def test_take_splits_in_media_order(a, budget):
    """The first ``budget`` milliseconds are taken; the rest is refused, and nothing is lost."""
    taken, refused = intervals.take(a, budget)
    assert_normal(taken)
    assert_normal(refused)
    ordered = sorted(model(a))
    assert sorted(model(taken)) == ordered[: max(0, budget)]
    assert sorted(model(refused)) == ordered[max(0, budget) :]


@quick
@given(spans, st.integers(0, 80))
def test_gaps_complete_the_spans(a, duration):
    """What is covered and what is missing make up the whole."""
    missing = intervals.gaps(a, duration)
    assert_normal(missing)
    assert model(missing) == set(range(duration)) - model(a)


@quick
@given(spans)
def test_total_counts_each_millisecond_once(a):
    """The length of coverage is the size of the set."""
    assert intervals.total(a) == len(model(a))


@quick
@given(spans)
def test_encoding_round_trips(a):
    """What is stored is read back exactly."""
    assert intervals.decode(intervals.encode(a)) == a


def test_encoding_is_readable():
    """An auditor can read the stored text."""
    assert intervals.encode(((0, 15_000), (20_000, 31_000))) == "0-15000,20000-31000"
    assert intervals.decode("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0-",
        "-5",
        "5-5",
        "9-5",
        "0-5,5-9",
        "6-9,0-5",
        "0-5,",
        ",0-5",
        "0-5,,7-9",
        "00-5",
        "0-05",
        " 0-5",
        "0-5\n",
        "0-5;7-9",
        "a-b",
        "0--5",
        "٠-٥",
        "1e3-2e3",
        "0-9999999999999999",
    ],
)
def test_decode_refuses_what_encode_never_writes(text):
    """A stored text that is not in normal form was not written by us."""
    with pytest.raises(ValueError, match="encoded spans"):
        intervals.decode(text)


def test_a_beat_meets_thousands_of_spans_quickly():
    """One beat against a very broken coverage costs far less than a millisecond."""
    covered = tuple((i * 20, i * 20 + 10) for i in range(5_000))
    beat = ((50_000, 50_300),)
    began = time.perf_counter()
    for _ in range(100):
        new = intervals.subtract(beat, covered)
        after = intervals.union(covered, new)
    assert (time.perf_counter() - began) / 100 < 0.005
    assert intervals.total(after) == 50_000 + 150
