"""ISBN-13 (ISO 2108): thirteen digits, the last of which checks the others."""

from __future__ import annotations

#: What people write between the groups.
_BETWEEN = str.maketrans("", "", "-‐‑–— \u3000")


def check_digit(first: str) -> str:
    """The thirteenth digit: with weights 1 and 3 in turn, all thirteen add up to a multiple of 10."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(first[:12]))
    return str(-total % 10)


def read(text: str) -> str | None:
    """The thirteen digits of what somebody typed; None if it is no ISBN-13.

    Full-width digits and any usual separators are taken; a ten-digit number is not turned into
    one of thirteen: who types it should look at the book again.
    """
    digits = "".join(
        chr(ord(each) - 0xFEE0) if "０" <= each <= "９" else each
        for each in text.strip().translate(_BETWEEN).removeprefix("ISBN").lstrip(":： ")
    )
    if len(digits) != 13 or not digits.isascii() or not digits.isdigit():
        return None
    if digits[:3] not in ("978", "979") or check_digit(digits) != digits[12]:
        return None
    return digits
