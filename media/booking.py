"""The decision for one beat: how much of what a player claims to have played is credited.

The rule (docs/integrator/watch-evidence.md): over the life of a playback, media time credited
never exceeds the time that passed on the *server's* clock since the playback was opened,
multiplied by the allowed rate. Time that passed and was not claimed is kept for
``OFFLINE_MS``, so that minutes without network survive, and lapses beyond: nobody banks idle
hours. All playbacks of a person that have ended, of whatever video, keep one such bank
together. Only what was really sent to the player counts, and nothing new while a presence prompt
waits. What a beat says beyond all this is not lost: it is refused for now, and the player may
claim it again. Claiming again what is already covered costs nothing, so beats may be lost,
doubled, late or out of order without harm to an honest learner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from media import intervals
from media.intervals import Spans
from zhixin.errors import DomainError

#: Why a part of a beat was refused: more media time than the server's clock allows so far,
FASTER_THAN_TIME = "faster-than-time"
#: media time whose segments were never sent to this playback,
NOT_DELIVERED = "not-delivered"
#: a presence prompt that waits for its answer,
PRESENCE = "presence"
#: coverage in more pieces than watching leaves.
TOO_SCATTERED = "too-scattered"

#: Time (ms) that a lease keeps for claims to come: what a player without network can buffer. As
#: much is kept by all ended leases of a person together.
OFFLINE_MS = 15 * 60_000

#: Coverage in more pieces than this was not made by watching. (Ten hours in jumps of a minute
#: make 600.) It also keeps a beat's work flat, whatever was claimed before.
MOST_SPANS = 1000

#: A beat with more intervals than this was not made by our player.
MOST_INTERVALS = 200

#: Encoders pad the last frames: players report positions this far (ms) past the probed end.
END_TOLERANCE_MS = 500

_INFINITY = float("inf")


class ClaimRefused(DomainError):
    """What a beat claims cannot be media time of this asset; nothing of it was credited."""

    status = 422
    code = "claim-refused"
    title = "播放记录无法识别"


@dataclass(frozen=True, slots=True)
class Booking:
    """What one beat came to.

    Attributes:
        credited: newly covered media time.
        repeated_ms: claimed time that was covered already.
        refused: claimed, not covered and not credited; may be claimed again later.
        reason: why there is something refused (a code), else ``None``.
        covered_after: the coverage after this beat.
        booked_after_ms: all that this playback has been credited, this beat included.
        lapsed_after_ms: all that this playback let lapse.
    """

    credited: Spans
    repeated_ms: int
    refused: Spans
    reason: str | None
    covered_after: Spans
    booked_after_ms: int
    lapsed_after_ms: int


def bank_ms(
    *,
    opened_at_ms: int,
    until_ms: int,
    booked_ms: int,
    lapsed_ms: int = 0,
    rate_percent: int = 100,
) -> tuple[int, int]:
    """Media time (ms) that a playback may still be credited, and what has lapsed by now.

    A server clock that was set back gives an empty window, not a negative one.
    """
    if rate_percent <= 0:
        raise ValueError("the allowed rate must be above zero")
    window_ms = max(0, until_ms - opened_at_ms)
    budget = max(0, window_ms * rate_percent // 100 - booked_ms - lapsed_ms)
    excess = max(0, budget - OFFLINE_MS * rate_percent // 100)
    return budget - excess, lapsed_ms + excess


def time_ms(media_ms: int, rate_percent: int) -> int:
    """The time (ms) that so much media time stands for, rounded up: what a lease brings to the
    late bank when it ends, and what is taken for a late beat."""
    return -(-media_ms * 100 // rate_percent)


def banked_ms(left_ms: int, kept_ms: int) -> int:
    """What the late bank holds after a lease has ended that brings ``kept_ms``."""
    return min(OFFLINE_MS, left_ms + kept_ms)


@dataclass(frozen=True, slots=True)
class Lease:
    """A playback's lease of one video as a presence prompt's answer finds it.

    Attributes:
        until_ms: its end, or the answer when that came first.
        answering: the answer is given under it.
        pooled: what it may still claim is bounded by the person's late bank.
    """

    opened_at_ms: int
    until_ms: int
    booked_ms: int
    lapsed_ms: int
    rate_percent: int
    answering: bool
    pooled: bool = True

    def bank_ms(self, until_ms: int) -> tuple[int, int]:
        """What may be claimed by then, and what has lapsed."""
        return bank_ms(
            opened_at_ms=self.opened_at_ms,
            until_ms=until_ms,
            booked_ms=self.booked_ms,
            lapsed_ms=self.lapsed_ms,
            rate_percent=self.rate_percent,
        )


def lapsed_after_answer(
    leases: Sequence[Lease], *, issued_at_ms: int, answer_within_ms: int
) -> list[int]:
    """What has lapsed of each of a person's leases of one video once its prompt is answered.

    Of the time that passed unanswered only ``answer_within_ms`` can still be claimed: once
    under all the leases that ended meanwhile, however many, and once under that of the answer,
    where the prompt was shown anew. What was there to be claimed when the prompt came up stays.

    Leases that ended before people had a late bank keep one (``OFFLINE_MS``) by this rule when
    they had ended before the prompt came up, the latest first.
    """
    lapsed_ms = [0] * len(leases)
    saved_ms, window_ms = OFFLINE_MS, answer_within_ms
    for place in sorted(range(len(leases)), key=lambda n: leases[n].opened_at_ms, reverse=True):
        lease = leases[place]
        bank, lapsed = lease.bank_ms(lease.until_ms)
        asked_ms = max(0, lease.until_ms - max(issued_at_ms, lease.opened_at_ms))
        if lease.until_ms <= issued_at_ms and not lease.answering:
            if lease.pooled:
                lapsed_ms[place] = lapsed
                continue
            kept = min(bank, saved_ms * lease.rate_percent // 100)
            saved_ms = max(0, saved_ms - kept * 100 // lease.rate_percent)
        else:
            allowed_ms = min(asked_ms, answer_within_ms if lease.answering else window_ms)
            if not lease.answering:
                window_ms -= allowed_ms
            kept = bank
            if allowed_ms < asked_ms:
                before, _lapsed = lease.bank_ms(issued_at_ms)
                kept = min(bank, before + allowed_ms * lease.rate_percent // 100)
        lapsed_ms[place] = lapsed + bank - kept
    return lapsed_ms


def book(
    claimed: Spans,
    *,
    duration_ms: int,
    covered: Spans,
    opened_at_ms: int,
    until_ms: int,
    booked_ms: int,
    lapsed_ms: int = 0,
    rate_percent: int = 100,
    delivered: Spans | None = None,
    prompt_left_ms: int | None = None,
    late_bank_ms: int | None = None,
) -> Booking:
    """Decide one beat.

    Args:
        claimed: media time that the player says it played.
        duration_ms: the asset's length; claims beyond it are cut off.
        covered: what is confirmed for this learner and version so far, by any playback.
        opened_at_ms: when this playback was opened, on the server's clock.
        until_ms: now, or the end of the lease when that came first, on the same clock.
        booked_ms: what this playback was credited before.
        lapsed_ms: what this playback let lapse before.
        rate_percent: media time allowed per time passed, in percent (150 allows 1.5×).
        delivered: media time whose segments were sent to this playback; ``None``: all of it.
        prompt_left_ms: what may be credited until a presence prompt is due, 0 while one
            waits; ``None``: no prompt is to come.
        late_bank_ms: time that all ended leases of the person may together still be credited;
            ``None``: this one is open.
    """
    within = intervals.clip(claimed, 0, duration_ms)
    new = intervals.subtract(within, covered)
    budget, lapsed_after = bank_ms(
        opened_at_ms=opened_at_ms,
        until_ms=until_ms,
        booked_ms=booked_ms,
        lapsed_ms=lapsed_ms,
        rate_percent=rate_percent,
    )
    if late_bank_ms is not None:
        budget = min(budget, late_bank_ms * rate_percent // 100)
    sent = new if delivered is None else intervals.intersect(new, delivered)
    waits = prompt_left_ms is not None and prompt_left_ms <= budget
    allowed = budget if prompt_left_ms is None else min(budget, prompt_left_ms)
    credited, over = intervals.take(sent, allowed)
    covered_after = intervals.union(covered, credited)
    refused = intervals.subtract(new, credited)
    reason = None
    if len(covered_after) > max(MOST_SPANS, len(covered)):
        credited, covered_after, refused, reason = (), covered, new, TOO_SCATTERED
    elif over and waits:
        reason = PRESENCE
    elif sent != new:
        reason = NOT_DELIVERED
    elif over:
        reason = FASTER_THAN_TIME
    return Booking(
        credited=credited,
        repeated_ms=intervals.total(within) - intervals.total(new),
        refused=refused,
        reason=reason,
        covered_after=covered_after,
        booked_after_ms=booked_ms + intervals.total(credited),
        # While a prompt waits nothing lapses: what becomes of that time the answer decides, and
        # it must know what could be claimed when the prompt came up (``lapsed_after_answer``).
        lapsed_after_ms=lapsed_ms if prompt_left_ms == 0 else lapsed_after,
    )


def parse_claims(raw: Sequence[tuple[float, float]], duration_ms: int) -> Spans:
    """Read the intervals (float seconds) of a beat.

    Both ends are rounded to the millisecond alike, so that neighbours still touch. Empty
    intervals are ignored; ends up to ``END_TOLERANCE_MS`` past the asset's end are cut off.

    Raises:
        ClaimRefused: too many intervals, or one that is not a number, negative, reversed or
            beyond the end. ``code`` says which; the whole beat is refused.
    """
    if len(raw) > MOST_INTERVALS:
        _refuse("too-many-intervals", "一次最多上报 200 段播放记录", count=len(raw))
    return intervals.clip(intervals.normalise(_milliseconds(raw, duration_ms)), 0, duration_ms)


def _milliseconds(
    raw: Iterable[tuple[float, float]], duration_ms: int
) -> Iterable[tuple[int, int]]:
    latest = (duration_ms + END_TOLERANCE_MS) / 1000
    for index, (start, end) in enumerate(raw):
        if not (-_INFINITY < start < _INFINITY and -_INFINITY < end < _INFINITY):
            _refuse("not-a-number", "播放位置必须是有限的数字", interval=index)
        if start < 0 or end < 0:
            _refuse("negative-position", "播放位置不能为负数", interval=index)
        if start > end:
            _refuse("reversed-interval", "播放区间的起点不能晚于终点", interval=index)
        if end > latest:
            _refuse("beyond-the-end", "播放位置超出了视频时长", interval=index)
        yield round(start * 1000), round(end * 1000)


def _refuse(code: str, message: str, **facts: int) -> NoReturn:
    raise ClaimRefused(message, code=code, **facts)
