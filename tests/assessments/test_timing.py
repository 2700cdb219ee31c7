"""Time limits, pauses and numbers of attempts: arithmetic on the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from assessments import timing

NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
instants = st.timedeltas(timedelta(days=-300), timedelta(days=300)).map(NOW.__add__)


@given(instants, st.integers(1, 1440), st.sampled_from([100, 150, 200, 300, 400]))
def test_more_time_is_never_less(opened_at, minutes, percent):
    """Who has extended time has exactly that part of everybody's, from the opening."""
    everybody = timing.deadline(opened_at, minutes)
    own = timing.deadline(opened_at, minutes, percent)
    assert everybody == opened_at + timedelta(minutes=minutes)
    assert (own - opened_at) * 100 == (everybody - opened_at) * percent


def test_without_a_limit_there_is_no_end():
    """Neither of time nor of what is taken."""
    assert timing.deadline(NOW, None, 400) is None
    assert timing.remaining_ms(None, NOW) is None
    assert timing.takes_answers(None, NOW)


@given(instants, st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_what_was_on_its_way_is_taken(end, later):
    """Up to the end and for the grace after it, and not a microsecond longer."""
    assert timing.takes_answers(end, end + later) == (later <= timing.GRACE)
    left = timing.remaining_ms(end, end + later)
    assert left >= 0
    assert (left == 0) == (later > timedelta(microseconds=-501))


@given(
    st.lists(instants, max_size=6),
    st.none() | st.integers(1, 6),
    st.none() | st.integers(1, 43_200),
    st.booleans(),
    instants,
)
def test_what_is_left(ended, allowed, pause, passed, now):
    """Never below nothing; nothing after passing; a pause counts from the last end, makes nobody
    wait who has not begun yet or has nothing left, and is over exactly when it says."""
    found = timing.allowance(ended, allowed=allowed, cooldown_minutes=pause, passed=passed, now=now)
    assert found.passed == passed
    if passed:
        assert (found.left, found.may_begin) == (0, False)
        return
    assert found.left == (None if allowed is None else max(0, allowed - len(ended)))
    if found.left == 0 or not ended or pause is None:
        assert found.next_at is None
    elif found.next_at is not None:
        assert found.next_at > now
        assert found.next_at == max(ended) + timedelta(minutes=pause)
        again = timing.allowance(
            ended, allowed=allowed, cooldown_minutes=pause, passed=False, now=found.next_at
        )
        assert again.may_begin
    else:
        assert found.may_begin
        assert max(ended) + timedelta(minutes=pause) <= now


@given(st.lists(st.none() | st.integers(1, 1000), max_size=3))
def test_the_stricter_number_counts(limits):
    """The policy's or the paper's; no number is no limit."""
    given_ = [limit for limit in limits if limit is not None]
    assert timing.fewest(*limits) == (min(given_) if given_ else None)
