"""What another rule would change for a person's year, and for everybody's together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

from zhixin.hours.counting import Item, count
from zhixin.hours.draft_states import Effect
from zhixin.hours.rules import CreditRule

_CENT = Decimal("0.01")
#: Upper ends of the bands in which missing hours are drawn; the last one is open.
BANDS = (0, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class Change:
    """One person's year before and after."""

    counted_before: Decimal
    counted_after: Decimal
    to_go_before: Decimal
    to_go_after: Decimal

    @property
    def effect(self) -> Effect | None:
        """What changes; None: nothing."""
        if (self.to_go_before == 0) != (self.to_go_after == 0):
            return Effect.NEWLY_MET if self.to_go_after == 0 else Effect.NO_LONGER_MET
        if self.to_go_before != self.to_go_after:
            less = self.to_go_after < self.to_go_before
            return Effect.LESS_TO_GO if less else Effect.MORE_TO_GO
        return Effect.HOURS_ONLY if self.counted_before != self.counted_after else None


def compare(items: Sequence[Item], before: CreditRule, after: CreditRule) -> Change:
    """Count a person's awards of one year under both rules."""
    old, new = count(items, before), count(items, after)
    return Change(
        old.total.counted,
        new.total.counted,
        *(each.standing.to_go.quantize(_CENT, ROUND_CEILING) for each in (old, new)),
    )


@dataclass
class Tally:
    """Everybody's years together; a year of a person counts once."""

    years: int = 0
    met_before: int = 0
    met_after: int = 0
    counted_before: Decimal = Decimal(0)
    counted_after: Decimal = Decimal(0)
    effects: Counter[Effect] = field(default_factory=Counter)
    bands_before: list[int] = field(default_factory=lambda: [0] * (len(BANDS) + 1))
    bands_after: list[int] = field(default_factory=lambda: [0] * (len(BANDS) + 1))

    def add(self, change: Change) -> None:
        self.years += 1
        self.met_before += change.to_go_before == 0
        self.met_after += change.to_go_after == 0
        self.counted_before += change.counted_before
        self.counted_after += change.counted_after
        self.bands_before[_band(change.to_go_before)] += 1
        self.bands_after[_band(change.to_go_after)] += 1
        if effect := change.effect:
            self.effects[effect] += 1

    def to_json(self) -> dict[str, Any]:
        return {
            "years": self.years,
            "met": [self.met_before, self.met_after],
            "counted": [str(self.counted_before), str(self.counted_after)],
            "effects": {effect.value: self.effects[effect] for effect in Effect},
            "bands": [self.bands_before, self.bands_after],
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Tally:
        (met_before, met_after), (before, after) = kept["met"], kept["counted"]
        return cls(
            kept["years"],
            met_before,
            met_after,
            Decimal(before),
            Decimal(after),
            Counter({Effect(name): number for name, number in kept["effects"].items()}),
            *kept["bands"],
        )


def _band(to_go: Decimal) -> int:
    return next((at for at, end in enumerate(BANDS) if to_go <= end), len(BANDS))
