"""How long an attempt takes and when the next may begin: pure arithmetic on the server's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: What was on its way when the time ended is still taken for so long; it is written down with
#: the instant at which it came.
GRACE = timedelta(seconds=20)


def deadline(opened_at: datetime, limit_minutes: int | None, percent: int = 100) -> datetime | None:
    """When an attempt opened at ``opened_at`` ends; None: it has all the time.

    Args:
        percent: the time that this person has, as a part of everybody's: 100 or more.
    """
    if limit_minutes is None:
        return None
    return opened_at + timedelta(seconds=limit_minutes * 60 * percent // 100)


def takes_answers(deadline_at: datetime | None, now: datetime) -> bool:
    """Are answers that come ``now`` still counted?"""
    return deadline_at is None or now <= deadline_at + GRACE


def remaining_ms(deadline_at: datetime | None, now: datetime) -> int | None:
    """What is left by the server's clock, never below nothing; None: no limit."""
    if deadline_at is None:
        return None
    return max(0, round((deadline_at - now) / timedelta(milliseconds=1)))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person may still do with a paper.

    Attributes:
        left: attempts that may still be made; None: any number; 0 once it is passed.
        next_at: the next may begin then, if later than now; None: at once, or never.
        passed: one of the attempts made has passed.
    """

    left: int | None
    next_at: datetime | None
    passed: bool

    @property
    def may_begin(self) -> bool:
        return self.left != 0 and self.next_at is None


def fewest(*limits: int | None) -> int | None:
    """The strictest of some numbers of attempts; None is any number."""
    return min((limit for limit in limits if limit is not None), default=None)


def allowance(
    ended: Sequence[datetime],
    *,
    allowed: int | None,
    cooldown_minutes: int | None,
    passed: bool,
    now: datetime,
) -> Allowance:
    """What is left after some attempts.

    Args:
        ended: when each closed attempt ended. One that ran out of time ended at its deadline,
            however late it was found.
        allowed: attempts in all.
        cooldown_minutes: between the end of one and the beginning of the next.
    """
    if passed:
        return Allowance(0, None, True)
    left = None if allowed is None else max(0, allowed - len(ended))
    if left == 0 or not ended or not cooldown_minutes:
        return Allowance(left, None, False)
    next_at = max(ended) + timedelta(minutes=cooldown_minutes)
    return Allowance(left, next_at if next_at > now else None, False)


def ended_at(closed_at: datetime, deadline_at: datetime | None) -> datetime:
    """When an attempt ended for the one who made it."""
    return min(closed_at, deadline_at or closed_at)
