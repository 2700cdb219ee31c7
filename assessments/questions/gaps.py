"""Fill-in (填空) and cloze (完形填空): gaps in a text, marked ``{{1}}``, ``{{2}}`` … in the stem.

An answer has one string for each gap, in the gaps' order, "" where nothing was filled in; a
gap with a list is answered by the id of what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints
from pydantic import model_validator as check

from assessments.questions import normal
from assessments.questions.base import (
    Answer,
    Frozen,
    Id,
    Item,
    Marking,
    Place,
    Question,
    QuestionKind,
    by_place,
    family,
    listed,
    sound_items,
    told_nothing,
    wrong,
)
from zhixin import richtext

MOST_GAPS, MOST_TYPED = 30, 500


def _bounded(value: Decimal) -> Decimal:
    _sign, digits, exponent = value.as_tuple()
    if len(digits) > normal.MOST_DIGITS or abs(int(exponent)) > normal.MOST_EXPONENT:
        raise wrong("位数过多")
    return value


Number = Annotated[Decimal, AfterValidator(_bounded)]
Accepted = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class TextGap(Frozen):
    """Any of the ``accepted`` words, compared as :func:`normal.text` says."""

    kind: Literal["text"] = "text"
    accepted: Annotated[tuple[Accepted, ...], Field(min_length=1, max_length=20)]
    case_matters: bool = False
    ignore_spaces: bool = False

    @check(mode="after")
    def _sound(self) -> Self:
        if not all(map(self._known, self.accepted)):
            raise wrong("答案没有可以比较的文字")
        return self

    def right(self, typed: str) -> bool:
        return self._known(typed) in {self._known(each) for each in self.accepted}

    def words(self) -> str:
        return " / ".join(self.accepted)

    def _known(self, typed: str) -> str:
        return normal.text(typed, case_matters=self.case_matters, ignore_spaces=self.ignore_spaces)


class Unit(Frozen):
    """A unit that may stand behind the number: one of it is ``factor`` of the answer's own."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
    factor: Annotated[Number, Field(gt=0)] = Decimal(1)


class NumberGap(Frozen):
    """A number no further from ``value`` than ``tolerance``, both ends included.

    Attributes:
        relative: the tolerance is a part of the value's size, and not an amount.
        units: the units accepted; none: a number without a unit.
        unit_needed: with units: is a bare number wrong? If not, it is taken as ``value`` is.
    """

    kind: Literal["number"]
    value: Number
    tolerance: Annotated[Number, Field(ge=0)] = Decimal(0)
    relative: bool = False
    units: Annotated[tuple[Unit, ...], Field(max_length=10)] = ()
    unit_needed: bool = True

    @check(mode="after")
    def _sound(self) -> Self:
        names = [normal.unit(each.name) for each in self.units]
        if len(set(names)) < len(names):
            raise wrong("单位重复")
        if any(not name or name[0].isdecimal() or name[0] in ".,/" for name in names):
            raise wrong("单位不能以数字或标点开头")
        if self.relative and self.tolerance > 1:
            raise wrong("相对误差应是 0 到 1 之间的数")
        return self

    def right(self, typed: str) -> bool:
        found = normal.number(typed)
        if found is None:
            return False
        value, name = found
        factor = self._factor(name)
        if factor is None:
            return False
        wanted, allowed = Fraction(self.value), Fraction(self.tolerance)
        return abs(value * factor - wanted) <= (allowed * abs(wanted) if self.relative else allowed)

    def words(self) -> str:
        unit = f" {self.units[0].name}" if self.units and self.units[0].factor == 1 else ""
        if not self.tolerance:
            return f"{self.value}{unit}"
        allowed = f"{self.tolerance * 100:f}%" if self.relative else f"{self.tolerance}"
        return f"{self.value}{unit}（±{allowed}）"

    def _factor(self, name: str) -> Fraction | None:
        known = {normal.unit(each.name): Fraction(each.factor) for each in self.units}
        if not known or not self.unit_needed:
            known.setdefault("", Fraction(1))
        return known.get(name)


class ChoiceGap(Frozen):
    """One of a list; ``correct`` is its id. Ids are made from the texts."""

    kind: Literal["choice"]
    options: tuple[Item, ...]
    correct: Id

    @check(mode="before")
    @classmethod
    def _telling_nothing(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        options, known = told_nothing(data.get("options"))
        correct = data.get("correct")
        return {**data, "options": options, "correct": known.get(str(correct), correct)}

    @check(mode="after")
    def _sound(self) -> Self:
        sound_items(self.options, "选项", 2, 20)
        if self.correct not in {option.id for option in self.options}:
            raise wrong("答案不在选项之中")
        return self

    def right(self, typed: str) -> bool:
        return typed == self.correct

    def words(self) -> str:
        return next(option.text for option in self.options if option.id == self.correct)


Gap = Annotated[TextGap | NumberGap | ChoiceGap, Field(discriminator="kind")]


@family(QuestionKind.BLANKS, QuestionKind.CLOZE)
class Gapped(Question):
    """A text with gaps.

    The stem holds each mark once, ``{{1}}`` for the first gap; a fill-in question may also
    hold none, and its gaps then stand below it. Every gap is worth the same.

    Attributes:
        any_order: the answers may stand in any of the gaps (一题多空，顺序不限).
        marking: ``None`` means that each gap counts by itself.
    """

    kind: Literal[QuestionKind.BLANKS, QuestionKind.CLOZE]
    gaps: tuple[Gap, ...]
    any_order: bool = False

    @check(mode="after")
    def _sound(self) -> Self:
        if not 1 <= len(self.gaps) <= MOST_GAPS:
            raise wrong(f"空应有 1 到 {MOST_GAPS} 个")
        lists = any(isinstance(gap, ChoiceGap) for gap in self.gaps)
        if lists and self.kind is QuestionKind.BLANKS:
            raise wrong("填空题的空只能填文字或数字；要从列表中选择请用完形填空")
        if lists and self.any_order:
            raise wrong("有下拉选择的空时，顺序不能不限")
        marks = richtext.gaps(self.stem)
        if marks or self.kind is QuestionKind.CLOZE:
            wanted = list(range(1, len(self.gaps) + 1))
            if sorted(marks) != wanted:
                raise wrong("题干中应有且只有每个空的标记各一次：" + _marks(wanted))
        return self

    def shuffled(self, place: Place) -> Self:
        def inside(number: int, gap: Gap) -> Gap:
            if not isinstance(gap, ChoiceGap):
                return gap
            options = by_place(gap.options, place, self.id, str(number))
            return gap.model_copy(update={"options": options})

        gaps = tuple(inside(number, gap) for number, gap in enumerate(self.gaps))
        return self.model_copy(update={"gaps": gaps})

    def share(self, answer: Answer, marking: Marking) -> Fraction:
        filled = answer or ("",) * len(self.gaps)
        fits = [[bool(typed) and gap.right(typed) for typed in filled] for gap in self.gaps]
        if self.any_order:
            right = _most_pairs(fits)
        else:
            right = sum(row[number] for number, row in enumerate(fits))
        if self.marking is Marking.ALL_OR_NOTHING:
            return Fraction(right == len(self.gaps))
        return Fraction(right, len(self.gaps))

    def _answer(self, parts: Answer) -> Answer:
        if len(parts) != len(self.gaps):
            raise self.refuse("作答的空数与本题不符")
        for gap, typed in zip(self.gaps, parts, strict=True):
            if len(typed) > MOST_TYPED:
                raise self.refuse("一个空里的文字过长")
            if isinstance(gap, ChoiceGap) and typed not in {"", *(o.id for o in gap.options)}:
                raise self.refuse("选择了本题没有的选项")
        return parts

    def _shown(self) -> dict[str, Any]:
        return {"gaps": [_public(gap) for gap in self.gaps]}

    def _correct(self) -> list[str]:
        return [gap.words() for gap in self.gaps]

    def _texts(self) -> Iterable[str]:
        return [o.text for gap in self.gaps if isinstance(gap, ChoiceGap) for o in gap.options]


def _public(gap: Gap) -> dict[str, Any]:
    if isinstance(gap, ChoiceGap):
        return {"kind": gap.kind, "options": listed(gap.options)}
    return {"kind": gap.kind}


def _marks(numbers: Sequence[int]) -> str:
    return " ".join(f"{{{{{number}}}}}" for number in numbers)


def _most_pairs(fits: Sequence[Sequence[bool]]) -> int:
    """How many gaps (rows) can have an answer (column) of their own: augmenting paths."""
    taken: dict[int, int] = {}

    def place(gap: int, tried: set[int]) -> bool:
        for typed, fit in enumerate(fits[gap]):
            if fit and typed not in tried:
                tried.add(typed)
                if typed not in taken or place(taken[typed], tried):
                    taken[typed] = gap
                    return True
        return False

    return sum(place(gap, set()) for gap in range(len(fits)))
