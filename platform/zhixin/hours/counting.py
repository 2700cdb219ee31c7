"""Counting with caps: of the hours that a person earned in a year, which count and which spill over.

Hours count first come, first counted: an award takes what room every cap that concerns it still
has, and the rest of it spills over, named with the cap that cut it. What comes last can therefore
only add to what counts; it takes nothing away from what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

from zhixin.hours.clauses import Cap, Per, SubjectKind
from zhixin.hours.rules import CreditRule, Standing, standing

_ZERO = Decimal(0)
#: The end of the line.
LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Hours of one award, as caps see them.

    Attributes:
        order: since when it stands in line; ties are broken by day and then by award.
        day: of the learning, in Asia/Shanghai.
    """

    award_id: int
    source_kind: str
    activity: str | None
    subject_kind: SubjectKind
    day: date
    hours: Decimal
    order: datetime = LAST


@dataclass(frozen=True, slots=True)
class Cut:
    """Hours that a cap kept from counting."""

    cap: Cap
    hours: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one award: ``counted`` and the ``cuts`` make up what was earned."""

    earned: Decimal
    counted: Decimal
    cuts: tuple[Cut, ...] = ()

    @property
    def spilled(self) -> Decimal:
        """Earned, but above a cap."""
        return self.earned - self.counted


@dataclass(frozen=True, slots=True)
class Use:
    """How full a cap is, in the year or on one day of it."""

    cap: Cap
    day: date | None  # None: the cap is for the year
    counted: Decimal
    spilled: Decimal


@dataclass(frozen=True)
class Counting:
    """A year of one person, counted.

    Attributes:
        lines: by award.
        kinds: earned, counted and spilled over for each kind of subject.
        uses: of each cap for the year; of caps for a day, the days on which something spilled.
        standing: what counts, against the rule.
    """

    lines: Mapping[int, Line]
    kinds: Mapping[SubjectKind, Line]
    uses: tuple[Use, ...]
    standing: Standing

    @property
    def total(self) -> Line:
        """All kinds together."""
        return _sum(self.kinds.values())


def count(items: Iterable[Item], rule: CreditRule) -> Counting:
    """Say of each award what counts, in the order of the line, whatever the order of ``items``."""
    room = _Room(rule.caps)
    line = sorted(items, key=lambda item: (item.order, item.day, item.award_id))
    lines = {item.award_id: room.take(item) for item in line}
    kinds = {
        kind: _sum(lines[item.award_id] for item in line if item.subject_kind == kind)
        for kind in SubjectKind
    }
    counted = {kind: each.counted for kind, each in kinds.items()}
    return Counting(
        MappingProxyType(lines), MappingProxyType(kinds), room.uses(), standing(counted, rule)
    )


#: A cap, by its place in the rule, in the year (None) or on one day of it.
_Place = tuple[int, date | None]


@dataclass
class _Room:
    """What every cap still has, in the year and on each day."""

    caps: tuple[Cap, ...]
    taken: dict[_Place, Decimal] = field(default_factory=dict)
    spilled: dict[_Place, Decimal] = field(default_factory=dict)

    def take(self, item: Item) -> Line:
        rest, cuts = item.hours, []
        concerned = [
            (cap, (number, item.day if cap.per is Per.DAY else None))
            for number, cap in enumerate(self.caps)
            if _concerns(cap, item)
        ]
        for cap, place in concerned:
            left = cap.hours - self.taken.get(place, _ZERO)
            if left < rest:
                cuts.append(Cut(cap, rest - left))
                self.spilled[place] = self.spilled.get(place, _ZERO) + rest - left
                rest = left
        for _cap, place in concerned:
            self.taken[place] = self.taken.get(place, _ZERO) + rest
        return Line(item.hours, rest, tuple(cuts))

    def uses(self) -> tuple[Use, ...]:
        years = [(number, None) for number, cap in enumerate(self.caps) if cap.per is Per.YEAR]
        days = [(day, number) for number, day in self.spilled if day]
        places: list[_Place] = [*years, *((number, day) for day, number in sorted(days))]
        return tuple(
            Use(
                self.caps[place[0]],
                place[1],
                self.taken.get(place, _ZERO),
                self.spilled.get(place, _ZERO),
            )
            for place in places
        )


def _concerns(cap: Cap, item: Item) -> bool:
    return (
        cap.subject_kind in (None, item.subject_kind)
        and cap.activity in (None, item.activity)
        and cap.source_kind in (None, item.source_kind)
    )


def _sum(lines: Iterable[Line]) -> Line:
    earned = counted = _ZERO
    for line in lines:
        earned, counted = earned + line.earned, counted + line.counted
    return Line(earned, counted)
