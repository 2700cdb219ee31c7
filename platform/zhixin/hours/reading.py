"""Reading a policy's document: exact numbers as text, exact keys, refusals that name the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from zhixin.errors import Invalid

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
Choice = TypeVar("Choice", bound=StrEnum)


class InvalidRule(Invalid):
    """A policy document that cannot be used; nothing was published."""

    code = "invalid-credit-rule"
    title = "学时规则有误"


def exactly(
    value: object, where: str, keys: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """``value`` as an object with all of ``keys``, perhaps ``optional`` ones, and no others."""
    if not isinstance(value, Mapping):
        raise InvalidRule("学时规则的格式有误", field=where)
    if missing := sorted(set(keys) - value.keys()):
        raise InvalidRule(f"学时规则缺少：{'、'.join(missing)}", field=where)
    if unknown := sorted(str(key) for key in value.keys() - {*keys, *optional}):
        raise InvalidRule(f"学时规则含有无法识别的内容：{'、'.join(unknown)}", field=where)
    return value


def number(name: str, value: object) -> Decimal:
    """A decimal written as text."""
    # Floats are refused: 0.1 in a policy must mean one tenth exactly.
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise InvalidRule(f"“{name}”应为数字（文本形式，最多四位小数）", field=name)
    return Decimal(value)


def within(name: str, value: Decimal, low: int | str, high: int) -> None:
    """Refuse what is out of range or has more than four decimals."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not -4 <= exponent <= 0:
        raise InvalidRule(f"“{name}”应为最多四位小数的数字", field=name)
    if not Decimal(low) <= value <= high:
        raise InvalidRule(f"“{name}”应在 {low} 到 {high} 之间", field=name)


def choice(name: str, value: object, choices: type[Choice]) -> Choice:
    """``value`` as a member of ``choices``."""
    try:
        return choices(str(value))
    except ValueError:
        raise InvalidRule(f"“{name}”应为 {'、'.join(choices)} 之一", field=name) from None


def listed(name: str, value: object, at_most: int = 100) -> list[object]:
    """``value`` as a list of at most ``at_most``."""
    if not isinstance(value, list) or len(value) > at_most:
        raise InvalidRule(f"“{name}”应为不超过 {at_most} 项的列表", field=name)
    return value


def text(value: Decimal) -> str:
    """A decimal as documents write it."""
    return format(value, "f")
