"""居民身份证号: the 18-character citizen identity number of GB 11643-1999.

Six digits of region, eight of birth, three of sequence and one check character by ISO 7064
MOD 11-2. No error, message or traceback of this module holds the number itself.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NoReturn

from zhixin.errors import Invalid

_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_WEIGHTS = tuple(2 ** (17 - place) % 11 for place in range(17))
_CHECK_CHARACTERS = "10X98765432"  # by the weighted sum modulo 11

#: First two digits of GB/T 2260: provinces, then 台湾, 香港, 澳门 and residents' permits (83).
_PROVINCES = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_WITHOUT_DISTRICTS = frozenset({"71", "81", "82", "83"})
_EARLIEST = date(1900, 1, 1)
_ASCII = str.maketrans("０１２３４５６７８９Ｘｘx", "0123456789XXX")


class InvalidIdentityNumber(Invalid):
    """This cannot be anybody's identity number; the message never repeats it."""

    code = "invalid-identity-number"
    title = "身份证号有误"


def validate(text: str, *, today: date) -> str:
    """The number in its normal form: ASCII digits and a capital X.

    White space around it, full-width digits and a small x are forgiven.

    Args:
        text: as a person typed it or a spreadsheet held it.
        today: in the city; a later date of birth is refused.

    Raises:
        InvalidIdentityNumber: ``facts['problem']`` is one of ``shape``, ``region``, ``birth``
            and ``check``.
    """
    number = text.strip().translate(_ASCII)
    if not _SHAPE.fullmatch(number):
        _refuse("shape", "身份证号应为 18 位：17 位数字加一位校验码（数字或 X）")
    if not _plausible_region(number[:6]):
        _refuse("region", "身份证号前六位不是有效的地区代码，请核对")
    born = _birth(number[6:14])
    if born is None or not _EARLIEST <= born <= today:
        _refuse("birth", "身份证号中的出生日期无效，请核对")
    if _check_character(number[:17]) != number[17]:
        _refuse("check", "身份证号校验码不符，请核对是否有数字输错")
    return number


def mask(text: str) -> str:
    """``500***********1234`` for screens; whatever is not 18 characters is all stars."""
    if len(text) != 18:
        return "*" * len(text)
    return f"{text[:3]}{'*' * 11}{text[-4:]}"


def make(region: str, birth: date, sequence: int) -> str:
    """A synthetic number with a right check character, for demonstration and tests.

    Args:
        region: six digits.
        birth: date of birth.
        sequence: 0 to 999; odd for men, even for women.

    Raises:
        ValueError: the parts do not make a number.
    """
    if not re.fullmatch("[0-9]{6}", region) or not _plausible_region(region):
        raise ValueError("not a region")
    if not 0 <= sequence <= 999 or birth < _EARLIEST:
        raise ValueError("the sequence or the date of birth is out of range")
    body = f"{region}{birth:%Y%m%d}{sequence:03d}"
    return body + _check_character(body)


def _plausible_region(region: str) -> bool:
    # Districts are founded, merged and renumbered, and old numbers stay: a list of today's
    # would refuse honest people. So only the province and "some district" are asked for.
    if not _PROVINCES.fullmatch(region[:2]):
        return False
    return region[2:] != "0000" or region[:2] in _WITHOUT_DISTRICTS


def _birth(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _check_character(body: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def _refuse(problem: str, message: str) -> NoReturn:
    raise InvalidIdentityNumber(message, problem=problem)
