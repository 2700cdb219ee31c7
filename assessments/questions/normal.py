"""What a typed answer means: the same words and numbers however they were typed."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

#: Punctuation that NFKC leaves apart though a keyboard's mode alone decides which is typed.
_PUNCTUATION = str.maketrans("。“”„‘’−–—‐‑", '."""\'\'-----')
_CJK = r"\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BESIDE_CHINESE = re.compile(rf"(?<=[{_CJK}]) | (?=[{_CJK}])")
_NUMBER = re.compile(
    r"""(?P<sign>[+-]?)
    (?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)
    (?:/(?P<under>\d+(?:\.\d+)?)
    |(?:e|[x*\u00d7\u00b7]10\^?)(?P<exponent>[+-]?\d{1,3}))?
    (?P<unit>.*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL | re.ASCII,
)
#: Beyond this many digits before or behind the point nobody asks.
MOST_EXPONENT, MOST_DIGITS = 60, 60


def text(typed: str, *, case_matters: bool = False, ignore_spaces: bool = False) -> str:
    """``typed`` in the form in which answers are compared.

    Full width and half width are alike, so are Chinese and Western punctuation; invisible
    characters and spaces beside Chinese characters don't count, other spaces count once.
    """
    known = unicodedata.normalize("NFKC", typed).translate(_PUNCTUATION)
    if not case_matters:
        known = unicodedata.normalize("NFKC", known.casefold())
    known = "".join(c for c in known if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    known = " ".join(known.split())
    return known.replace(" ", "") if ignore_spaces else _BESIDE_CHINESE.sub("", known)


def unit(typed: str) -> str:
    """A unit's name; case matters, as mW is not MW."""
    return text(typed, case_matters=True, ignore_spaces=True)


def number(typed: str) -> tuple[Fraction, str] | None:
    """A number and the unit behind it ("" if none), exactly; None if it is not one.

    Understood are 1,000  -0.5  1/3  1.5e3  1.5×10^3 in full or half width.
    """
    found = _NUMBER.fullmatch(unit(typed))
    if found is None:
        return None
    digits, under = found["digits"].replace(",", ""), found["under"] or "1"
    exponent = int(found["exponent"] or 0)
    if max(len(digits), len(under)) > MOST_DIGITS or abs(exponent) > MOST_EXPONENT:
        return None
    below = Fraction(under)
    if not below:
        return None
    value = Fraction(digits.removesuffix(".")) / below * Fraction(10) ** exponent
    return (-value if found["sign"] == "-" else value), found["unit"]


_UNSEEN = ("Cc", "Cf")
