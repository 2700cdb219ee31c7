"""The clauses of a credit rule: kinds of subject and activity, caps, windows, and how hours pass."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from zhixin.errors import Invalid
from zhixin.hours.reading import InvalidRule, choice, exactly, listed, number, text, within

_CODE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
MAX_NAME = 64


class SubjectKind(StrEnum):
    """The two kinds of subject that the yearly rule counts."""

    GENERAL = "general"  # 公需科目
    PROFESSIONAL = "professional"  # 专业科目


class SourceKind(StrEnum):
    """What hours are given for."""

    COURSE = "course"  # an online course
    CLASS = "class"  # attendance of a class
    DECLARATION = "declaration"  # an outside activity that was declared with proof


class ActivityUnit(StrEnum):
    """What an outside activity is measured in."""

    MINUTES = "minutes"
    HALF_DAY = "half-day"
    DAY = "day"
    ITEM = "item"


class Per(StrEnum):
    """The stretch of time that a cap is for: a day or a year, in Asia/Shanghai."""

    DAY = "day"
    YEAR = "year"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """When an award may pass without a person.

    Attributes:
        auto: clean evidence is verified by rule; otherwise a person looks at every award.
        sample_percent: how many of the clean ones a person looks at all the same (0 to 100).
    """

    auto: bool
    sample_percent: Decimal

    def __post_init__(self) -> None:
        within("verification.sample_percent", self.sample_percent, 0, 100)

    @classmethod
    def from_document(cls, document: object) -> Self:
        fields = exactly(document, "verification", ("auto", "sample_percent"))
        if not isinstance(fields["auto"], bool):
            raise InvalidRule("自动核验应为“是”或“否”", field="verification.auto")
        percent = number("verification.sample_percent", fields["sample_percent"])
        return cls(auto=fields["auto"], sample_percent=percent)

    def to_document(self) -> dict[str, Any]:
        return {"auto": self.auto, "sample_percent": text(self.sample_percent)}


@dataclass(frozen=True, kw_only=True)
class Presence:
    """How often a learner is asked to show that they are there.

    Attributes:
        every_minutes: of newly confirmed video, on average.
        answer_seconds: time to answer before the counting lapses; a person may have more.
    """

    every_minutes: Decimal
    answer_seconds: int

    def __post_init__(self) -> None:
        within("presence.every_minutes", self.every_minutes, 1, 240)
        if type(self.answer_seconds) is not int or not 20 <= self.answer_seconds <= 600:
            raise InvalidRule("应答时间应在 20 到 600 秒之间", field="presence.answer_seconds")

    @classmethod
    def from_document(cls, document: object) -> Self:
        fields = exactly(document, "presence", ("every_minutes", "answer_seconds"))
        every = number("presence.every_minutes", fields["every_minutes"])
        return cls(every_minutes=every, answer_seconds=fields["answer_seconds"])

    def to_document(self) -> dict[str, Any]:
        return {"every_minutes": text(self.every_minutes), "answer_seconds": self.answer_seconds}


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A kind of outside activity (培训, 会议, 论文 …) and what it is worth.

    Attributes:
        code: what awards and caps name it by; never used anew for something else.
        unit: what amounts of it are given in.
        hours_each: hours for one unit; where the unit is minutes, for ``minutes_each`` of them.
        minutes_each: minutes that give ``hours_each``; None for every other unit.
        subject_kinds: the kinds of subject that it may be declared as.
        proof_needed: a declaration must bring a file that proves it.
    """

    code: str
    name: str
    unit: ActivityUnit
    hours_each: Decimal
    minutes_each: Decimal | None = None
    subject_kinds: frozenset[SubjectKind] = frozenset(SubjectKind)
    proof_needed: bool = True

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise InvalidRule(
                "活动代码以小写字母开头，由小写字母、数字和 - 组成，不超过 32 个字符",
                field="activities.code",
            )
        if not self.name.strip() or len(self.name) > MAX_NAME or not self.name.isprintable():
            raise InvalidRule(
                f"活动名称不能为空，不超过 {MAX_NAME} 个字符", field="activities.name"
            )
        within("activities.hours_each", self.hours_each, "0.01", 1000)
        if (self.unit is ActivityUnit.MINUTES) != (self.minutes_each is not None):
            raise InvalidRule(
                "按分钟计的活动（也只有它）须写明多少分钟折算一次", field="activities.minutes_each"
            )
        if self.minutes_each is not None:
            within("activities.minutes_each", self.minutes_each, 1, 1440)
        if not self.subject_kinds:
            raise InvalidRule("活动至少可计入一类科目", field="activities.subject_kinds")

    def hours(self, amount: Decimal, step: Decimal) -> Decimal:
        """What ``amount`` units are worth: a multiple of ``step``, rounded down.

        Raises:
            Invalid: the amount is not one that this unit can have.
        """
        if not amount.is_finite() or not 0 <= amount <= 1_000_000:
            raise Invalid("数量应在 0 到 1000000 之间", code="activity-amount")
        if self.unit is not ActivityUnit.MINUTES and amount % _SMALLEST[self.unit]:
            raise Invalid("数量应为整数（以天计的可以有半天）", code="activity-amount")
        return amount * self.hours_each // ((self.minutes_each or 1) * step) * step

    @classmethod
    def from_document(cls, document: object) -> Self:
        fields = exactly(document, "activities", _ACTIVITY, ("minutes_each",))
        kinds = listed("activities.subject_kinds", fields["subject_kinds"])
        for name in ("code", "name"):
            if not isinstance(fields[name], str):
                raise InvalidRule("活动的代码和名称应为文字", field=f"activities.{name}")
        if not isinstance(fields["proof_needed"], bool):
            raise InvalidRule("须附证明应为“是”或“否”", field="activities.proof_needed")
        return cls(
            code=fields["code"],
            name=fields["name"],
            unit=choice("activities.unit", fields["unit"], ActivityUnit),
            hours_each=number("activities.hours_each", fields["hours_each"]),
            minutes_each=number("activities.minutes_each", fields["minutes_each"])
            if "minutes_each" in fields
            else None,
            subject_kinds=frozenset(
                choice("activities.subject_kinds", kind, SubjectKind) for kind in kinds
            ),
            proof_needed=fields["proof_needed"],
        )

    def to_document(self) -> dict[str, Any]:
        each = {} if self.minutes_each is None else {"minutes_each": text(self.minutes_each)}
        return {
            "code": self.code,
            "name": self.name,
            "unit": self.unit.value,
            "hours_each": text(self.hours_each),
            **each,
            "subject_kinds": [kind.value for kind in SubjectKind if kind in self.subject_kinds],
            "proof_needed": self.proof_needed,
        }


_ACTIVITY = ("code", "name", "unit", "hours_each", "subject_kinds", "proof_needed")
_SMALLEST = {
    ActivityUnit.DAY: Decimal("0.5"),
    ActivityUnit.HALF_DAY: Decimal(1),
    ActivityUnit.ITEM: Decimal(1),
}


@dataclass(frozen=True, kw_only=True)
class Cap:
    """The most that counts of some hours in a day or a year; what is above spills over.

    Attributes:
        subject_kind, activity, source_kind: what it is for; None: whatever it is.
    """

    hours: Decimal
    per: Per
    subject_kind: SubjectKind | None = None
    activity: str | None = None
    source_kind: SourceKind | None = None

    def __post_init__(self) -> None:
        within("caps.hours", self.hours, 0, 8784)
        if self.hours * 100 % 1:
            raise InvalidRule("上限最多保留两位小数", field="caps.hours")
        if self.activity is not None and self.source_kind not in (None, SourceKind.DECLARATION):
            raise InvalidRule("只有申报的活动才分活动种类", field="caps.activity")

    @property
    def scope(self) -> tuple[object, ...]:
        """What it is for; two caps of a rule never share it."""
        return (self.per, self.subject_kind, self.activity, self.source_kind)

    @classmethod
    def from_document(cls, document: object) -> Self:
        fields = exactly(document, "caps", ("hours", "per"), _CAP_FOR)
        kind, activity, source = (fields.get(name) for name in _CAP_FOR)
        if activity is not None and not isinstance(activity, str):
            raise InvalidRule("上限的活动应为活动代码", field="caps.activity")
        return cls(
            hours=number("caps.hours", fields["hours"]),
            per=choice("caps.per", fields["per"], Per),
            subject_kind=None if kind is None else choice("caps.subject_kind", kind, SubjectKind),
            activity=activity,
            source_kind=None if source is None else choice("caps.source_kind", source, SourceKind),
        )

    def to_document(self) -> dict[str, Any]:
        limits = {name: str(value) for name in _CAP_FOR if (value := getattr(self, name))}
        return {"hours": text(self.hours), "per": self.per.value, **limits}


_CAP_FOR = ("subject_kind", "activity", "source_kind")


@dataclass(frozen=True, kw_only=True)
class Window:
    """A day of the next year until which learning may still count for the year before."""

    month: int
    day: int

    def __post_init__(self) -> None:
        try:
            date(2001, self.month, self.day)  # a common year: 29 February is no day of every year
        except ValueError:
            raise InvalidRule("跨年截止日应为每年都有的日期（月-日）", field="windows") from None

    def last_day(self, year: int) -> date:
        """The last day of ``year`` that may count for the year before."""
        return date(year, self.month, self.day)

    @classmethod
    def from_document(cls, document: object) -> Self:
        found = _MONTH_DAY.fullmatch(document) if isinstance(document, str) else None
        if found is None:
            raise InvalidRule("跨年截止日应写作“月-日”，如 04-30", field="windows")
        return cls(month=int(found[1]), day=int(found[2]))

    def to_document(self) -> str:
        return f"{self.month:02}-{self.day:02}"
