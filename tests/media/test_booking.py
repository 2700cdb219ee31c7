"""What a beat is credited: never more than time allows, and never less to the honest."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import booking, intervals
from media.booking import Booking, ClaimRefused

quick = settings(deadline=None, max_examples=150)

DURATION = 60_000
pair = st.tuples(st.integers(0, DURATION), st.integers(0, 20_000)).map(
    lambda p: (p[0], min(DURATION, p[0] + p[1]))
)
claims = st.lists(pair, min_size=0, max_size=4).map(intervals.normalise)


def book(claimed, *, until_ms, covered=(), booked_ms=0, rate_percent=100) -> Booking:
    return booking.book(
        claimed,
        duration_ms=DURATION,
        covered=covered,
        opened_at_ms=1_000,
        until_ms=until_ms,
        booked_ms=booked_ms,
        rate_percent=rate_percent,
    )


def play(beats, *, rate_percent=100):
    """Book ``beats`` (pairs of claim and instant) one after the other."""
    covered, booked, bookings = (), 0, []
    for claimed, until_ms in beats:
        done = book(
            claimed,
            until_ms=until_ms,
            covered=covered,
            booked_ms=booked,
            rate_percent=rate_percent,
        )
        covered, booked = done.covered_after, done.booked_after_ms
        bookings.append(done)
    return covered, booked, bookings


def test_honest_playing_is_credited_in_full():
    """Fifteen seconds played in fifteen seconds are fifteen seconds."""
    done = book(((0, 15_000),), until_ms=16_000)
    assert done == Booking(((0, 15_000),), 0, (), None, ((0, 15_000),), 15_000, 0)


def test_faster_than_time_is_refused_for_now():
    """Only what time allows is credited; the rest is refused with its reason."""
    done = book(((0, 30_000),), until_ms=11_000)
    assert done.credited == ((0, 10_000),)
    assert done.refused == ((10_000, 30_000),)
    assert done.reason == booking.FASTER_THAN_TIME


def test_the_refused_part_may_be_claimed_again_later():
    """When time has really passed, what was refused is credited."""
    covered, booked, _ = play([(((0, 30_000),), 11_000), (((10_000, 30_000),), 31_000)])
    assert covered == ((0, 30_000),)
    assert booked == 30_000


def test_a_repeated_claim_costs_nothing():
    """A doubled beat is seen as repeated, credits nothing and uses no budget."""
    beat = ((0, 5_000),)
    _, booked, (_, again, further) = play(
        [(beat, 6_000), (beat, 6_000), (((5_000, 10_000),), 11_000)]
    )
    assert again.credited == ()
    assert again.repeated_ms == 5_000
    assert again.reason is None
    assert further.credited == ((5_000, 10_000),)
    assert booked == 10_000


def test_the_allowed_rate_widens_the_budget_and_is_rounded_down():
    """At 150 % a window of 3,333 ms allows 4,999 ms."""
    assert book(((0, 9_000),), until_ms=4_333, rate_percent=150).booked_after_ms == 4_999


def test_a_clock_set_back_credits_nothing():
    """A window that ends before it opens is empty."""
    assert book(((0, 9_000),), until_ms=500).credited == ()


def test_a_rate_of_nothing_is_a_fault():
    """No policy allows a rate of zero."""
    with pytest.raises(ValueError, match="rate"):
        book((), until_ms=2_000, rate_percent=0)


@quick
@given(
    st.lists(st.tuples(claims, st.integers(0, 70_000)), max_size=8),
    st.sampled_from([50, 100, 125, 150]),
)
def test_never_more_than_time_allows(beats, rate_percent):
    """Whatever is sent in whatever order: credit ≤ rate × window, and only what was claimed."""
    covered, booked, bookings = play(beats, rate_percent=rate_percent)
    window = max([0, *(until - 1_000 for _, until in beats)])
    claimed = intervals.normalise(itertools.chain.from_iterable(c for c, _ in beats))
    assert booked == intervals.total(covered) <= window * rate_percent // 100
    assert intervals.subtract(covered, claimed) == ()
    for done, (claim, _) in zip(bookings, beats, strict=True):
        parts = intervals.total(done.credited) + intervals.total(done.refused) + done.repeated_ms
        assert parts == intervals.total(claim)
        assert (done.reason is None) == (not done.refused)


@quick
@given(st.data(), st.lists(claims, min_size=1, max_size=6))
def test_order_and_doubles_do_not_matter_once_time_suffices(data, beats):
    """Honest beats, shuffled and doubled by the network, end in the same coverage."""
    everything = intervals.normalise(itertools.chain.from_iterable(beats))
    until_ms = 1_000 + intervals.total(everything)
    doubles = data.draw(st.lists(st.sampled_from(beats), max_size=4))
    arrived = data.draw(st.permutations(beats + doubles))
    covered, _, bookings = play([(claim, until_ms) for claim in arrived])
    assert covered == everything
    assert all(done.reason is None for done in bookings)


def test_claims_are_read_as_milliseconds():
    """Seconds are rounded alike at both ends, so neighbours join; empty ones vanish."""
    raw = [(0.0, 1.2345), (1.2345, 2.0), (5.0, 5.0), (7, 8)]
    assert booking.parse_claims(raw, DURATION) == ((0, 2_000), (7_000, 8_000))


def test_encoder_padding_is_cut_off():
    """A player may report half a second past the probed end."""
    assert booking.parse_claims([(59.0, 60.5)], DURATION) == ((59_000, 60_000),)
    assert booking.parse_claims([(60.1, 60.4)], DURATION) == ()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ([(0.0, float("nan"))], "not-a-number"),
        ([(float("nan"), 1.0)], "not-a-number"),
        ([(0.0, float("inf"))], "not-a-number"),
        ([(float("-inf"), 1.0)], "not-a-number"),
        ([(-0.5, 1.0)], "negative-position"),
        ([(3.0, 2.0)], "reversed-interval"),
        ([(59.0, 60.501)], "beyond-the-end"),
        ([(0.0, 1e300)], "beyond-the-end"),
        ([(0.0, 10**400)], "beyond-the-end"),
        ([(0.0, 1.0)] * 201, "too-many-intervals"),
    ],
)
def test_impossible_claims_are_refused(raw, code):
    """A beat that cannot be media time is refused whole, with a reason a person can read."""
    with pytest.raises(ClaimRefused) as refused:
        booking.parse_claims(raw, DURATION)
    assert refused.value.code == code
    assert refused.value.status == 422


@quick
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=4))
def test_any_floats_are_either_read_or_refused(raw):
    """Whatever numbers come, the result is within the asset or the beat is refused."""
    try:
        read = booking.parse_claims(raw, DURATION)
    except ClaimRefused:
        return
    assert read == intervals.clip(read, 0, DURATION)


lease_lengths = st.lists(st.integers(0, 3_600_000), min_size=1, max_size=8)


@quick
@given(
    lease_lengths, st.integers(0, 8), st.integers(20_000, 600_000), st.integers(100, 200),
    st.booleans(),
)  # fmt: skip
def test_an_answer_leaves_what_one_absence_leaves_however_many_leases(
    lengths, asked_in, within_ms, rate, pooled
):
    """However a person cuts their time into leases: after an answer those that ended since the
    prompt came up hold one time to answer more than before it, the open one its own of both.
    What had ended before is the late bank's; without one they hold a bank together."""
    leases, at = [], 0
    for length in lengths:
        leases.append(booking.Lease(at, at + length, 0, 0, rate, False, pooled))
        at += length
    leases[-1] = replace(leases[-1], answering=True)
    issued_at = leases[min(asked_in, len(leases) - 1)].opened_at_ms
    lapsed = booking.lapsed_after_answer(leases, issued_at_ms=issued_at, answer_within_ms=within_ms)
    kept = [
        replace(lease, lapsed_ms=ms).bank_ms(lease.until_ms)[0]
        for lease, ms in zip(leases, lapsed, strict=True)
    ]
    alone = [lease.bank_ms(lease.until_ms)[0] for lease in leases]
    before = [n for n, lease in enumerate(leases[:-1]) if lease.until_ms <= issued_at]
    if pooled:
        assert [kept[n] for n in before] == [alone[n] for n in before]
    else:
        allowed = booking.OFFLINE_MS * rate // 100 + len(leases)
        assert sum(kept[n] for n in before) <= allowed
    meanwhile = [n for n, lease in enumerate(leases[:-1]) if lease.until_ms > issued_at]
    assert sum(kept[n] for n in meanwhile) <= within_ms * rate // 100 + len(leases)
    assert kept[-1] <= booking.OFFLINE_MS * rate // 100
    if at - issued_at <= within_ms and (pooled or sum(lengths) <= booking.OFFLINE_MS):
        assert kept == alone, "answered in time: nothing is lost"


class Person:
    """Leases of one person on a clock of their own, with the bank of those that ended."""

    def __init__(self) -> None:
        self.now_ms, self.left_ms = 0, booking.OFFLINE_MS
        self.ended: list[dict] = []

    def lease(self, length_ms: int, rate: int, booked_ms: int = 0) -> dict:
        lease = {"opened_at_ms": self.now_ms, "until_ms": self.now_ms + length_ms,
                 "booked_ms": booked_ms, "rate_percent": rate}  # fmt: skip
        self.now_ms += length_ms
        bank, _lapsed = booking.bank_ms(**lease)
        self.left_ms = booking.banked_ms(self.left_ms, booking.time_ms(bank, rate))
        self.ended.append(lease)
        return lease

    def claim(self, lease: dict, media_ms: int) -> int:
        done = booking.book(
            ((0, media_ms),), duration_ms=10**8, covered=(), late_bank_ms=self.left_ms, **lease
        )
        credited = intervals.total(done.credited)
        lease["booked_ms"] += credited
        self.left_ms -= booking.time_ms(credited, lease["rate_percent"])
        assert 0 <= self.left_ms <= booking.OFFLINE_MS
        return credited


rates = st.sampled_from([100, 125, 150, 200])
acts = st.one_of(
    st.tuples(st.just("lease"), st.integers(0, 3_600_000), rates),
    st.tuples(st.just("claim"), st.integers(0, 40), st.integers(0, 2_000_000)),
)


@quick
@given(st.lists(acts, max_size=40))
def test_ended_leases_keep_one_bank_however_many_there_are(acts):
    """From any moment on, all that is credited late is at most a bank and the time in leases
    that passed since, whatever was saved up before; never more than a lease lasted."""
    person, late = Person(), []
    for kind, one, two in acts:
        if kind == "lease":
            person.lease(one, two)
        elif person.ended:
            lease = person.ended[one % len(person.ended)]
            credited = person.claim(lease, two)
            late.append((person.now_ms, credited * 100 / lease["rate_percent"]))
            length = lease["until_ms"] - lease["opened_at_ms"]
            assert lease["booked_ms"] <= length * lease["rate_percent"] // 100
    # What one lease brings is rounded up, to a millisecond.
    for place, (began, _) in enumerate(late):
        stretch = person.now_ms - began
        assert sum(ms for _, ms in late[place:]) <= booking.OFFLINE_MS + stretch + len(acts)


@quick
@given(
    st.lists(
        st.tuples(st.integers(0, 900_000), st.integers(0, 3_600_000), rates),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_what_was_played_unheard_is_credited_late_while_it_is_one_bank(sittings, data):
    """Devices that report after their leases had ended lose nothing, in whatever order they come
    back, however long their pages stood open, as long as no more than a bank waits at a time."""
    person, waiting = Person(), []
    for played_ms, idle_ms, rate in sittings:
        played_ms = min(played_ms, booking.OFFLINE_MS - sum(ms for _, ms, _ in waiting))
        lease = person.lease(played_ms + idle_ms, rate)
        waiting.append((lease, played_ms, played_ms * rate // 100))
        while waiting and data.draw(st.booleans()):
            lease, _, media_ms = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            assert person.claim(lease, media_ms) == media_ms
    for lease, _, media_ms in waiting:
        assert person.claim(lease, media_ms) == media_ms
