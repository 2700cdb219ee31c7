"""Credit arithmetic, with every number taken from a policy's document.

Nothing here knows that a year asks for 90 hours: national and provincial rules differ and
change, so numbers are data with an effective date and a source (see ``hours.models.Policy``).
What all of them share is here: hours follow the duration by rule and are rounded down, each
kind of subject has its own minimum that the other cannot fill, and a year is a year in
Asia/Shanghai.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from zhixin import clock
from zhixin.errors import Invalid

_ZERO = Decimal(0)
_MS_PER_MINUTE = 60_000
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")


class SubjectKind(StrEnum):
    """The two kinds of subject that the yearly rule counts."""

    GENERAL = "general"  # 公需科目
    PROFESSIONAL = "professional"  # 专业科目


class InvalidRule(Invalid):
    """A policy document that cannot be used; nothing was published."""

    code = "invalid-credit-rule"
    title = "学时规则有误"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """When an award may pass without a person.

    Attributes:
        auto: clean evidence is verified by rule; otherwise a person looks at every award.
        sample_percent: how many of the clean ones a person looks at all the same (0 to 100).
    """

    auto: bool
    sample_percent: Decimal


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
        _within("presence.every_minutes", self.every_minutes, 1, 240)
        if type(self.answer_seconds) is not int or not 20 <= self.answer_seconds <= 600:
            raise InvalidRule("应答时间应在 20 到 600 秒之间", field="presence.answer_seconds")

    @classmethod
    def from_document(cls, document: object) -> Presence:
        fields = _exactly(document, "presence", ("every_minutes", "answer_seconds"))
        every = _number("presence.every_minutes", fields["every_minutes"])
        return cls(every_minutes=every, answer_seconds=fields["answer_seconds"])

    def to_document(self) -> dict[str, Any]:
        return {
            "every_minutes": format(self.every_minutes, "f"),
            "answer_seconds": self.answer_seconds,
        }


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

    Raises:
        InvalidRule: a number is out of range, or the minimums exceed the total.
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

    def __post_init__(self) -> None:
        minimums = {kind: self.yearly_minimums.get(kind, _ZERO) for kind in SubjectKind}
        object.__setattr__(self, "yearly_minimums", MappingProxyType(minimums))
        _within("minutes_per_hour", self.minutes_per_hour, 1, 1440)
        _within("step", self.step, "0.01", 24)
        _within("coverage_needed", self.coverage_needed, "0.0001", 1)
        _within("pass_mark", self.pass_mark, 0, 1)
        _within("yearly_total", self.yearly_total, 0, 8784)
        for kind, minimum in minimums.items():
            _within(f"yearly_minimums.{kind}", minimum, 0, 8784)
        _within("verification.sample_percent", self.verification.sample_percent, 0, 100)
        if self.step.as_tuple().exponent not in (0, -1, -2):
            raise InvalidRule("学时步长最多保留两位小数", field="step")
        if self.rounding != "down":
            raise InvalidRule("学时只能向下取整", field="rounding")
        if self.attempts_allowed is not None and not 1 <= self.attempts_allowed <= 1000:
            raise InvalidRule("考试次数应在 1 到 1000 之间，或不限次数", field="attempts_allowed")
        if sum(minimums.values()) > self.yearly_total:
            raise InvalidRule("各类科目最低学时之和不能超过年度总学时", field="yearly_minimums")

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CreditRule:
        """Read a policy's JSON document; decimals are strings, unknown keys are refused.

        Raises:
            InvalidRule: a key is missing, unknown, or its value cannot be used.
        """
        # Policies from before presence prompts do not name them, and keep their hash.
        asked = {"presence"} & document.keys() if isinstance(document, Mapping) else set()
        fields = _exactly(document, "", (*_KEYS, *asked))
        verification = _exactly(fields["verification"], "verification", ("auto", "sample_percent"))
        minimums = fields["yearly_minimums"]
        if not isinstance(minimums, Mapping) or not minimums.keys() <= set(SubjectKind):
            raise InvalidRule("各类科目最低学时应按公需、专业科目填写", field="yearly_minimums")
        if not isinstance(verification["auto"], bool):
            raise InvalidRule("自动核验应为“是”或“否”", field="verification.auto")
        attempts = fields["attempts_allowed"]
        if attempts is not None and type(attempts) is not int:
            raise InvalidRule("考试次数应为整数，或不限次数", field="attempts_allowed")
        return cls(
            **{name: _number(name, fields[name]) for name in _DECIMALS},
            rounding=fields["rounding"],
            attempts_allowed=attempts,
            yearly_minimums={
                SubjectKind(kind): _number(f"yearly_minimums.{kind}", hours)
                for kind, hours in minimums.items()
            },
            verification=Verification(
                auto=verification["auto"],
                sample_percent=_number(
                    "verification.sample_percent", verification["sample_percent"]
                ),
            ),
            presence=Presence.from_document(fields["presence"]) if asked else None,
        )

    def to_document(self) -> dict[str, Any]:
        """The JSON document that :meth:`from_document` reads back."""
        return {
            **{name: format(getattr(self, name), "f") for name in _DECIMALS},
            "rounding": self.rounding,
            "attempts_allowed": self.attempts_allowed,
            "yearly_minimums": {
                kind.value: format(hours, "f") for kind, hours in self.yearly_minimums.items()
            },
            "verification": {
                "auto": self.verification.auto,
                "sample_percent": format(self.verification.sample_percent, "f"),
            },
            **({"presence": self.presence.to_document()} if self.presence else {}),
        }


_DECIMALS = ("minutes_per_hour", "step", "coverage_needed", "pass_mark", "yearly_total")
_KEYS = (*_DECIMALS, "rounding", "attempts_allowed", "yearly_minimums", "verification")


def _exactly(value: object, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidRule("学时规则的格式有误", field=where)
    if missing := sorted(set(keys) - value.keys()):
        raise InvalidRule(f"学时规则缺少：{'、'.join(missing)}", field=where)
    if unknown := sorted(str(key) for key in value.keys() - set(keys)):
        raise InvalidRule(f"学时规则含有无法识别的内容：{'、'.join(unknown)}", field=where)
    return value


def _number(name: str, value: object) -> Decimal:
    # Floats are refused: 0.1 in a policy must mean one tenth exactly.
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise InvalidRule(f"“{name}”应为数字（文本形式，最多四位小数）", field=name)
    return Decimal(value)


def _within(name: str, value: Decimal, low: int | str, high: int) -> None:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not -4 <= exponent <= 0:
        raise InvalidRule(f"“{name}”应为最多四位小数的数字", field=name)
    if not Decimal(low) <= value <= high:
        raise InvalidRule(f"“{name}”应在 {low} 到 {high} 之间", field=name)


def justified_hours(duration_ms: int, rule: CreditRule) -> Decimal:
    """The hours that ``duration_ms`` of course justify: a multiple of the step, rounded down.

    Raises:
        ValueError: the duration is negative.
    """
    if duration_ms < 0:
        raise ValueError("a course cannot be shorter than nothing")
    steps = duration_ms // (_MS_PER_MINUTE * rule.minutes_per_hour * rule.step)
    return steps * rule.step


def credited_year(instant: datetime) -> int:
    """The calendar year to which ``instant`` belongs, in Asia/Shanghai.

    Raises:
        ValueError: ``instant`` does not say its time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("the instant must be aware")
    return clock.local(instant).year


@dataclass(frozen=True, slots=True)
class Part:
    """Hours earned against hours required."""

    earned: Decimal
    required: Decimal

    @property
    def missing(self) -> Decimal:
        """Hours short of what is required; never below zero."""
        return max(_ZERO, self.required - self.earned)


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
    """Hold a year's hours (by kind; kinds left out have 0) against the rule."""
    kinds = {
        kind: Part(totals_by_kind.get(kind, _ZERO), rule.yearly_minimums[kind])
        for kind in SubjectKind
    }
    earned = sum((part.earned for part in kinds.values()), _ZERO)
    return Standing(MappingProxyType(kinds), Part(earned, rule.yearly_total))


def sampled(award_key: str, seed: str, percent: Decimal) -> bool:
    """Whether a person looks at this award although its evidence is clean.

    Decided by HMAC-SHA-256 of the award's key under ``seed``: the same award is always
    decided alike, any auditor with the seed can check the choice, and nobody without it can
    foresee it. A higher percentage only adds to the sample.
    """
    draw = int.from_bytes(hmac.digest(seed.encode(), award_key.encode(), "sha256")[:8])
    return draw * 100 < int(percent * 10_000) * 2**64 // 10_000
