"""The viewing curve: learners by part of a video, and where they stopped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from courses.insight.curves import BINS, Curve, Drop, drops, reached_end, staying
from media.intervals import Spans, normalise

MINUTE = 60_000


def _curve(duration_ms: int, *coverages: Spans) -> Curve:
    curve = Curve(duration_ms)
    for spans in coverages:
        curve.add(spans)
    return curve


def test_a_part_is_covered_when_its_middle_is() -> None:
    """Of a video of 200 s each part is a second: 0.4 s to 1.6 s hold two middles, 0.6 to 1.4 none."""
    curve = _curve(200_000, ((400, 1600),), ((600, 1400),))
    assert curve.covered[:3] == [1, 1, 0]
    assert curve.stopped[:3] == [0, 2, 0]


def test_a_hole_is_no_stop() -> None:
    """Who skips a part and goes on stopped at the end, not at the hole."""
    curve = _curve(200_000, ((0, 50_000), (150_000, 200_000)))
    assert curve.covered == [1] * 50 + [0] * 100 + [1] * 50
    assert curve.stopped[BINS - 1] == 1
    assert sum(curve.stopped) == 1
    assert staying(1, curve.stopped) == [1] * BINS


def test_who_watched_nothing_is_no_viewer() -> None:
    """Opening a page is not watching."""
    assert _curve(MINUTE, ()).learners == 0


def test_only_what_stands_out_is_called_a_drop() -> None:
    """Four who stop are nobody's business; the end is where everybody stops."""
    stopped = [0] * BINS
    stopped[15], stopped[30], stopped[BINS - 1] = 6, 4, 90
    assert drops(100, stopped) == [Drop(10, 20, 6)]
    assert drops(1000, stopped) == []
    assert reached_end(stopped) == 90


@given(
    st.integers(1, 10_000),
    st.lists(
        st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), max_size=6), max_size=8
    ),
)
def test_it_is_what_counting_by_hand_says(
    duration_ms: int, watched: list[list[tuple[int, int]]]
) -> None:
    """Each learner is in each part whose middle they covered, and stopped exactly once."""
    coverages = [
        normalise((min(a, b, duration_ms), min(max(a, b), duration_ms)) for a, b in each)
        for each in watched
    ]
    curve = _curve(duration_ms, *coverages)
    by_hand = [
        sum(
            any(start * 2 * BINS <= (2 * part + 1) * duration_ms < end * 2 * BINS for start, end in spans)
            for spans in coverages
        )
        for part in range(BINS)
    ]  # fmt: skip
    assert curve.covered == by_hand
    assert sum(curve.stopped) == curve.learners == sum(1 for spans in coverages if spans)
    stay = staying(curve.learners, curve.stopped)
    assert stay == sorted(stay, reverse=True)
