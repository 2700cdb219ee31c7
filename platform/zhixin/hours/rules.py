"""Credit arithmetic, with every number taken from a policy's document.

Nothing here knows that a year asks for 90 hours: national and provincial rules differ and
change, so numbers are data with an effective date and a source (see ``hours.models.Policy``).
What all of them share is here: hours follow the duration by rule and are rounded down, each
kind of subject has its own minimum that the other cannot fill, and a year is a year in
Asia/Shanghai.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from zhixin.hours.clauses import (
    Activity,
    ActivityUnit,
    Cap,
    Per,
    Presence,
    SourceKind,
    SubjectKind,
    Verification,
    Window,
)
from zhixin.hours.reading import InvalidRule, exactly, listed, number, text, within

__all__ = [
    "Activity",
    "ActivityUnit",
    "Cap",
    "CreditRule",
    "InvalidRule",
    "Part",
    "Per",
    "Presence",
    "SourceKind",
    "Standing",
    "SubjectKind",
    "Verification",
    "Window",
    "credited_year",
    "justified_hours",
    "sampled",
    "standing",
]

_ZERO = Decimal(0)
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True, kw_only=True)
class CreditRule:
    """The credit rules of one period.

    Attributes:
        minutes_per_hour: minutes of course that make one credit hour (45 in many places).
        step: hours are awarded in multiples of this.
        rounding: always ``"down"``; named so that a document says so.
        coverage_needed: the part of a video that must be covered, above 0 up to 1.
        pass_mark: the part of a paper's points that passes, 0 to 1.
        attempts_allowed: attempts at one test; ``None`` means any number.
        yearly_total: hours that a year asks for.
        yearly_minimums: hours that a year asks for of each kind; kinds left out ask for 0.
        verification: when an award may pass without a person.
        presence: how often presence is asked for; ``None``: never.
        activities: outside activities that may be declared, by code.
        caps: the most that counts of some hours in a day or a year.
        windows: until when in the next year learning of a kind may count for the year before.

    Raises:
        InvalidRule: a number is out of range, or the clauses do not fit together.
    """

    minutes_per_hour: Decimal
    step: Decimal
    rounding: Literal["down"] = "down"
    coverage_needed: Decimal
    pass_mark: Decimal
    attempts_allowed: int | None
    yearly_total: Decimal
    yearly_minimums: Mapping[SubjectKind, Decimal]
    verification: Verification
    presence: Presence | None = None
    activities: Mapping[str, Activity] = field(default_factory=dict)
    caps: tuple[Cap, ...] = ()
    windows: Mapping[SubjectKind, Window] = field(default_factory=dict)

    def __post_init__(self) -> None:
        minimums = {kind: self.yearly_minimums.get(kind, _ZERO) for kind in SubjectKind}
        object.__setattr__(self, "yearly_minimums", MappingProxyType(minimums))
        object.__setattr__(self, "activities", MappingProxyType(dict(self.activities)))
        object.__setattr__(self, "windows", MappingProxyType(dict(self.windows)))
        within("minutes_per_hour", self.minutes_per_hour, 1, 1440)
        within("step", self.step, "0.01", 24)
        within("coverage_needed", self.coverage_needed, "0.0001", 1)
        within("pass_mark", self.pass_mark, 0, 1)
        within("yearly_total", self.yearly_total, 0, 8784)
        for kind, minimum in minimums.items():
            within(f"yearly_minimums.{kind}", minimum, 0, 8784)
        if self.step.as_tuple().exponent not in (0, -1, -2):
            raise InvalidRule("学时步长最多保留两位小数", field="step")
        if self.rounding != "down":
            raise InvalidRule("学时只能向下取整", field="rounding")
        if self.attempts_allowed is not None and not 1 <= self.attempts_allowed <= 1000:
            raise InvalidRule("考试次数应在 1 到 1000 之间，或不限次数", field="attempts_allowed")
        if sum(minimums.values()) > self.yearly_total:
            raise InvalidRule("各类科目最低学时之和不能超过年度总学时", field="yearly_minimums")
        if len({cap.scope for cap in self.caps}) < len(self.caps):
            raise InvalidRule("同一范围只能有一个上限", field="caps")
        if unknown := {cap.activity for cap in self.caps} - {None, *self.activities}:
            raise InvalidRule(f"上限所指的活动不存在：{unknown.pop()}", field="caps.activity")

    def window_open(self, kind: SubjectKind, day: date) -> bool:
        """May learning of ``day`` still count for the year before, for which this rule is?"""
        window = self.windows.get(kind)
        return window is not None and day <= window.last_day(day.year)

    def activity_hours(self, code: str, amount: Decimal) -> Decimal:
        """What ``amount`` units of an outside activity are worth, rounded down to the step.

        Raises:
            InvalidRule: this rule knows no such activity.
            Invalid: the amount is not one that the activity's unit can have.
        """
        if (activity := self.activities.get(code)) is None:
            raise InvalidRule("现行学时规则没有这种活动", code="unknown-activity")
        return activity.hours(amount, self.step)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CreditRule:
        """Read a policy's JSON document; decimals are strings, unknown keys are refused.

        Raises:
            InvalidRule: a key is missing, unknown, or its value cannot be used.
        """
        fields = exactly(document, "", _KEYS, _LATER)
        attempts = fields["attempts_allowed"]
        if attempts is not None and type(attempts) is not int:
            raise InvalidRule("考试次数应为整数，或不限次数", field="attempts_allowed")
        minimums = _by_kind("yearly_minimums", fields["yearly_minimums"])
        windows = _by_kind("windows", fields.get("windows", {}))
        activities = [
            Activity.from_document(each)
            for each in listed("activities", fields.get("activities", []))
        ]
        if len(by_code := {each.code: each for each in activities}) < len(activities):
            raise InvalidRule("活动代码不能重复", field="activities.code")
        return cls(
            **{name: number(name, fields[name]) for name in _DECIMALS},
            rounding=fields["rounding"],
            attempts_allowed=attempts,
            yearly_minimums={
                kind: number(f"yearly_minimums.{kind}", hours) for kind, hours in minimums.items()
            },
            verification=Verification.from_document(fields["verification"]),
            presence=Presence.from_document(fields["presence"]) if "presence" in fields else None,
            activities=by_code,
            caps=tuple(Cap.from_document(each) for each in listed("caps", fields.get("caps", []))),
            windows={kind: Window.from_document(day) for kind, day in windows.items()},
        )

    def to_document(self) -> dict[str, Any]:
        """The JSON document that :meth:`from_document` reads back."""
        later = {
            "presence": self.presence and self.presence.to_document(),
            "activities": [each.to_document() for each in self.activities.values()],
            "caps": [each.to_document() for each in self.caps],
            "windows": {kind.value: each.to_document() for kind, each in self.windows.items()},
        }
        return {
            **{name: text(getattr(self, name)) for name in _DECIMALS},
            "rounding": self.rounding,
            "attempts_allowed": self.attempts_allowed,
            "yearly_minimums": {
                kind.value: text(hours) for kind, hours in self.yearly_minimums.items()
            },
            "verification": self.verification.to_document(),
            **{name: value for name, value in later.items() if value},
        }


_DECIMALS = ("minutes_per_hour", "step", "coverage_needed", "pass_mark", "yearly_total")
_KEYS = (*_DECIMALS, "rounding", "attempts_allowed", "yearly_minimums", "verification")
#: Policies from before these do not name them, and keep their hash: what is empty is left out.
_LATER = ("presence", "activities", "caps", "windows")


def _by_kind(name: str, value: object) -> Mapping[SubjectKind, Any]:
    if not isinstance(value, Mapping) or not value.keys() <= set(SubjectKind):
        raise InvalidRule("应按公需、专业科目填写", field=name)
    return {SubjectKind(kind): each for kind, each in value.items()}


def justified_hours(duration_ms: int, rule: CreditRule) -> Decimal:
    """The hours that ``duration_ms`` of course justify: a multiple of the step, rounded down.

    Raises:
        ValueError: the duration is negative.
    """
    if duration_ms < 0:
        raise ValueError("a course cannot be shorter than nothing")
    steps = duration_ms // (_MS_PER_MINUTE * rule.minutes_per_hour * rule.step)
    return steps * rule.step


def credited_year(day: date, kind: SubjectKind, rule: CreditRule, missing_before: Decimal) -> int:
    """The year for which learning of ``day`` (in Asia/Shanghai) counts.

    Within the window of its kind, learning counts for the year before while that year still
    lacks hours of this kind; then, and after the window, for its own. An award counts whole in
    one year: it is never divided between two.

    Args:
        rule: the year before's, at its end.
        missing_before: hours of this kind that the year before still lacks.
    """
    open_still = rule.window_open(kind, day)
    return day.year - 1 if open_still and missing_before > 0 else day.year


@dataclass(frozen=True, slots=True)
class Part:
    """Hours that count against hours required."""

    counted: Decimal
    required: Decimal

    @property
    def missing(self) -> Decimal:
        """Hours short of what is required; never below zero."""
        return max(_ZERO, self.required - self.counted)


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's year against the rule.

    Attributes:
        kinds: each kind of subject against its minimum.
        total: all hours against the year's total.
    """

    kinds: Mapping[SubjectKind, Part]
    total: Part

    @property
    def to_go(self) -> Decimal:
        """The fewest hours that would complete the year.

        Surplus 公需 counts in the total but never stands in for missing 专业, nor the other
        way round; hours that fill a kind's minimum fill the total as well.
        """
        return max(self.total.missing, sum((part.missing for part in self._parts()), _ZERO))

    @property
    def met(self) -> bool:
        """Every kind's minimum and the total are reached."""
        return self.to_go == 0

    def _parts(self) -> Iterator[Part]:
        return iter(self.kinds.values())


def standing(totals_by_kind: Mapping[SubjectKind, Decimal], rule: CreditRule) -> Standing:
    """Hold a year's hours that count (by kind; kinds left out have 0) against the rule."""
    kinds = {
        kind: Part(totals_by_kind.get(kind, _ZERO), rule.yearly_minimums[kind])
        for kind in SubjectKind
    }
    counted = sum((part.counted for part in kinds.values()), _ZERO)
    return Standing(MappingProxyType(kinds), Part(counted, rule.yearly_total))


def sampled(award_key: str, seed: str, percent: Decimal) -> bool:
    """Whether a person looks at this award although its evidence is clean.

    Decided by HMAC-SHA-256 of the award's key under ``seed``: the same award is always
    decided alike, any auditor with the seed can check the choice, and nobody without it can
    foresee it. A higher percentage only adds to the sample.
    """
    draw = int.from_bytes(hmac.digest(seed.encode(), award_key.encode(), "sha256")[:8])
    return draw * 100 < int(percent * 10_000) * 2**64 // 10_000
