"""How much of an auditor's attention an award asks for: the weight of its flags."""

from __future__ import annotations

from collections.abc import Iterable

#: Signs of a machine or of another person weigh more than unusual habits, which weigh one.
WEIGHTS = {
    "shared-device": 3,
    "in-class": 3,
    "clockwork": 3,
    "instant-answers": 2,
    "blind-answers": 2,
    "refused-time": 2,
    "same-proof": 2,
}


def weight(flags: Iterable[str]) -> int:
    """Whole and never negative; a flag that is not listed weighs one."""
    return sum(WEIGHTS.get(flag, 1) for flag in flags)
