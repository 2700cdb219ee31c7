"""Item analysis: what a paper's answers say of its questions. Pure, on whole numbers.

Points are counted in hundredths, so that sums are exact; what is a ratio of sums is a
``Fraction``. The measures are classical test theory's:

- Facility of an item: mean of its points over their maximum (for right-or-wrong items the
  share who had it right). Ebel & Frisbie, *Essentials of Educational Measurement*, 5th ed.,
  1991, ch. 13.
- Discrimination, corrected item–total: the product-moment correlation of an item's points with
  the points on all *other* items (Henrysson, Psychometrika 28, 1963); for right-or-wrong items
  this is the point-biserial coefficient.
- Discrimination, upper–lower: facility among the best 27 % less that among the last 27 %
  (Kelley, J. Educ. Psychol. 30, 1939; the bounds 0.2, 0.3, 0.4 are Ebel's).
- Reliability: Cronbach's α = k/(k−1) · (1 − Σ s²ᵢ / s²ₜ) (Psychometrika 16, 1951); the same
  without one item; the standard error of measurement is sₜ·√(1 − α).
- A distractor that hardly anybody chooses does nothing (under 5 %: Haladyna & Downing, Educ.
  Psychol. Meas. 53, 1993); one that the best choose more than the last may be right.

What cannot be computed is a word (:class:`Why`), never a number. Learners may have had
different questions: an item is judged by those who were asked it, and they are compared by
the share of the points that their own papers offered.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

#: Learners from which on something is said: facility; correlations and α; groups of 27 %.
#: Fewer would be somebody's answers, or chance.
FEWEST, FEWEST_TOGETHER, FEWEST_GROUPED = 5, 10, 20
GROUP = Fraction(27, 100)
#: Bounds of the flags.
WEAK, HARD, EASY, UNUSED = 0.2, Fraction(1, 5), Fraction(19, 20), Fraction(1, 20)
_NOT_ASKED = -1


class Why(StrEnum):
    """Why there is no number."""

    FEW = "few"  # learners
    ALIKE = "alike"  # all have the same points
    ONE_ITEM = "one-item"  # nothing to compare it with
    DIFFERENT = "different"  # learners had different questions


class Flag(StrEnum):
    """What an author should look at."""

    NEGATIVE = "negative"  # the better do worse on it: is the key right?
    WEAK = "weak"  # tells nobody apart
    HARD = "hard"
    EASY = "easy"
    ATTRACTIVE = "attractive"  # a wrong option that the best choose more than the last
    UNUSED = "unused"  # a wrong option that hardly anybody chooses


@dataclass(frozen=True, slots=True)
class Item:
    """A question. ``points``: hundredths; ``options``: ids, () if nothing is chosen in it."""

    id: str
    points: int
    options: tuple[str, ...] = ()
    correct: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A learner's answers. ``points``: hundredths by item; an item not in it was not asked.

    ``rest``: what questions that are not analysed gave and offered, in hundredths.
    """

    points: Mapping[str, int]
    answers: Mapping[str, Sequence[str]]
    rest: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """The shares of the upper, the middle and the lower group, and of all, who chose an option.

    ``option`` None: who chose nothing.
    """

    option: str | None
    upper: Fraction
    middle: Fraction
    lower: Fraction
    all: Fraction


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What is said of one item.

    Attributes:
        asked: learners who were asked it.
        together: corrected item–total correlation, −1 to 1.
        grouped: facility of the upper less that of the lower 27 %.
        without: Cronbach's α of the paper without it.
        unused, attractive: option ids that the flags mean.
    """

    item: Item
    asked: int
    facility: Fraction | Why
    together: float | Why
    grouped: Fraction | Why
    without: Fraction | Why
    choices: tuple[Choice, ...]
    flags: tuple[Flag, ...]
    unused: tuple[str, ...]
    attractive: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is said of a paper. ``mean``, ``deviation``, ``error``: in points."""

    learners: int
    items: tuple[ItemResult, ...]
    mean: Fraction | Why
    deviation: float | Why
    alpha: Fraction | Why
    error: float | Why


class _Table:
    """All sheets, by columns of whole numbers: some bytes for each answer."""

    def __init__(self, items: Sequence[Item], sheets: Iterable[Sheet]) -> None:
        self.items = items
        self.points = [array("q") for _ in items]
        self.chosen = [array("q") for _ in items]  # bits of the options
        self.total, self.most = array("q"), array("q")
        bits = [{option: 1 << at for at, option in enumerate(item.options)} for item in items]
        whole = True
        for sheet in sheets:
            total, most = sheet.rest
            whole = whole and not most
            for at, item in enumerate(items):
                got = sheet.points.get(item.id, _NOT_ASKED)
                self.points[at].append(got)
                given = sheet.answers.get(item.id, ()) if bits[at] else ()
                self.chosen[at].append(sum(bits[at].get(each, 0) for each in set(given)))
                if got != _NOT_ASKED:
                    total, most = total + got, most + item.points
            self.total.append(total)
            self.most.append(most)
        self.learners = len(self.total)
        self.complete = whole and all(_NOT_ASKED not in column for column in self.points)

    def asked(self, at: int) -> list[int]:
        """The learners who were asked an item."""
        column = self.points[at]
        return [who for who in range(self.learners) if column[who] != _NOT_ASKED]

    def groups(self) -> tuple[set[int], set[int]]:
        """The upper and the lower 27 %, by the share of the points that they were offered.

        Among equals the order of the sheets decides, which knows nothing of their answers.
        """
        size = max(1, int(GROUP * self.learners + Fraction(1, 2)))
        by_share = sorted(
            range(self.learners),
            key=lambda who: Fraction(self.total[who], self.most[who] or 1),
        )
        return set(by_share[self.learners - size :]), set(by_share[:size])


def analyse(items: Sequence[Item], sheets: Iterable[Sheet]) -> Analysis:
    """All measures of a paper's items over the learners' sheets, one of each learner."""
    table = _Table(items, sheets)
    groups = table.groups() if table.learners >= FEWEST_GROUPED else None
    variances = [spread(column) for column in table.points] if table.complete else []
    alpha = _alpha(table, variances)
    results = tuple(
        _item(table, at, groups, _alpha_without(table, variances, at)) for at in range(len(items))
    )
    if table.learners < FEWEST:
        return Analysis(table.learners, results, Why.FEW, Why.FEW, Why.FEW, Why.FEW)
    mean = Fraction(sum(table.total), 100 * table.learners)
    deviation = math.sqrt(spread(table.total)) / 100
    return Analysis(
        table.learners,
        results,
        mean,
        deviation,
        alpha,
        alpha if isinstance(alpha, Why) else deviation * math.sqrt(1 - alpha),
    )


def spread(values: Sequence[int]) -> Fraction:
    """The variance of a sample (divided by n − 1); 0 of fewer than two values."""
    n = len(values)
    if n < 2:
        return Fraction(0)
    return Fraction(n * sum(v * v for v in values) - sum(values) ** 2, n * (n - 1))


def cronbach(variances: Sequence[Fraction], of_totals: Fraction) -> Fraction | Why:
    """α from the items' variances and that of the sums."""
    if len(variances) < 2:
        return Why.ONE_ITEM
    if of_totals == 0:
        return Why.ALIKE
    return Fraction(len(variances), len(variances) - 1) * (1 - sum(variances) / of_totals)


def correlation(pairs: Sequence[tuple[int | Fraction, int | Fraction]]) -> float | Why:
    """Pearson's product-moment correlation; ``ALIKE`` if one side does not vary."""
    n = len(pairs)
    sx, sy = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    xx = n * sum(x * x for x, _ in pairs) - sx * sx
    yy = n * sum(y * y for _, y in pairs) - sy * sy
    if n < 2 or xx == 0 or yy == 0:
        return Why.ALIKE
    xy = n * sum(x * y for x, y in pairs) - sx * sy
    return max(-1.0, min(1.0, float(xy) / math.sqrt(xx) / math.sqrt(yy)))


def _alpha(table: _Table, variances: Sequence[Fraction]) -> Fraction | Why:
    if table.learners < FEWEST_TOGETHER:
        return Why.FEW
    return cronbach(variances, spread(table.total)) if table.complete else Why.DIFFERENT


def _alpha_without(table: _Table, variances: Sequence[Fraction], at: int) -> Fraction | Why:
    if table.learners < FEWEST_TOGETHER:
        return Why.FEW
    if not table.complete:
        return Why.DIFFERENT
    rest = [total - own for total, own in zip(table.total, table.points[at], strict=True)]
    return cronbach([*variances[:at], *variances[at + 1 :]], spread(rest))


def _item(
    table: _Table, at: int, groups: tuple[set[int], set[int]] | None, without: Fraction | Why
) -> ItemResult:
    item, asked, points = table.items[at], table.asked(at), table.points[at]

    def facility(people: Sequence[int]) -> Fraction | None:
        most = item.points * len(people)
        return Fraction(sum(points[who] for who in people), most) if most else None

    grouped: Fraction | Why = Why.FEW
    choices: tuple[Choice, ...] = ()
    if groups is not None and len(asked) >= FEWEST_GROUPED:
        upper, lower = ([who for who in asked if who in group] for group in groups)
        high, low = facility(upper), facility(lower)
        if high is not None and low is not None and min(len(upper), len(lower)) >= FEWEST:
            grouped = high - low
            choices = _choices(table, at, asked, upper, lower)
    found = facility(asked) if len(asked) >= FEWEST else None
    together = _together(table, at, asked)
    unused = tuple(c.option for c in choices if _wrong(c, item) and c.all < UNUSED and c.option)
    attractive = tuple(
        c.option
        for c in choices
        if _wrong(c, item) and c.upper > c.lower and c.upper >= UNUSED and c.option
    )
    return ItemResult(
        item, len(asked), Why.FEW if found is None else found, together, grouped, without, choices,
        _flags(found, together, unused, attractive), unused, attractive,
    )  # fmt: skip


def _together(table: _Table, at: int, asked: Sequence[int]) -> float | Why:
    if len(table.items) < 2:
        return Why.ONE_ITEM
    if len(asked) < FEWEST_TOGETHER:
        return Why.FEW
    points, offered = table.points[at], table.items[at].points
    if table.complete:
        return correlation([(points[who], table.total[who] - points[who]) for who in asked])
    # Papers differ: the rest is a share of what the rest offered.
    pairs = [
        (points[who], (table.total[who] - points[who]) * 1_000_000 // (table.most[who] - offered))
        for who in asked
        if table.most[who] > offered
    ]
    return correlation(pairs) if len(pairs) >= FEWEST_TOGETHER else Why.FEW


def _choices(
    table: _Table, at: int, asked: Sequence[int], upper: Sequence[int], lower: Sequence[int]
) -> tuple[Choice, ...]:
    chosen = table.chosen[at]
    ends = {*upper, *lower}
    middle = [who for who in asked if who not in ends]

    def share(people: Sequence[int], bit: int) -> Fraction:
        if not people:
            return Fraction(0)
        return Fraction(
            sum(bool(chosen[who] & bit) if bit else not chosen[who] for who in people), len(people)
        )

    options: list[tuple[str | None, int]] = [
        (option, 1 << place) for place, option in enumerate(table.items[at].options)
    ]
    return tuple(
        Choice(option, *(share(people, bit) for people in (upper, middle, lower, asked)))
        for option, bit in ([*options, (None, 0)] if options else [])
    )


def _wrong(choice: Choice, item: Item) -> bool:
    return choice.option is not None and choice.option not in item.correct


def _flags(
    facility: Fraction | None,
    together: float | Why,
    unused: Sequence[str],
    attractive: Sequence[str],
) -> tuple[Flag, ...]:
    flags = []
    if not isinstance(together, Why) and together < 0:
        flags.append(Flag.NEGATIVE)
    elif not isinstance(together, Why) and together < WEAK:
        flags.append(Flag.WEAK)
    if facility is not None and facility < HARD:
        flags.append(Flag.HARD)
    if facility is not None and facility > EASY:
        flags.append(Flag.EASY)
    flags += [Flag.ATTRACTIVE] * bool(attractive) + [Flag.UNUSED] * bool(unused)
    return tuple(flags)
