"""From the panel's totals to a score and a place: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

HUNDREDTH = Decimal("0.01")
#: From this many scores on, a trimmed mean leaves out one highest and one lowest.
TRIM_FROM = 5


@dataclass(frozen=True)
class Ranked:
    score: Decimal
    place: int


def score(totals: Sequence[Decimal], *, trimmed: bool) -> Decimal:
    """The mean of the totals, or the trimmed mean, with two decimals (half up).

    Raises:
        ValueError: there are none.
    """
    if not totals:
        raise ValueError("no scores")
    counted = sorted(totals)
    if trimmed and len(counted) >= TRIM_FROM:
        counted = counted[1:-1]
    return (sum(counted, Decimal(0)) / len(counted)).quantize(HUNDREDTH, ROUND_HALF_UP)


def rank(totals: Mapping[int, Sequence[Decimal]], *, trimmed: bool) -> dict[int, Ranked]:
    """Places by score, the highest first; equal scores share a place and the next is left out."""
    scores = {key: score(values, trimmed=trimmed) for key, values in totals.items()}
    return {
        key: Ranked(own, 1 + sum(other > own for other in scores.values()))
        for key, own in scores.items()
    }


def follows(ranked: Mapping[int, int], chosen: frozenset[int]) -> bool:
    """Whether a choice is the head of the ranking: nobody left out stands before one chosen.

    Args:
        ranked: places.
    """
    worst = max((ranked[key] for key in chosen), default=0)
    return all(place >= worst for key, place in ranked.items() if key not in chosen)
