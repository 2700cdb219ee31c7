"""Decimals as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from wtforms import DecimalField

#: Digits before the point, and after it: what is beyond is no number of anything here, and
#: arithmetic with it overflows.
MOST_DIGITS = 9


def typed(text: str) -> Decimal:
    """The number in ``text``.

    Raises:
        ValueError: there is none, it is no finite one, or it has more than ``MOST_DIGITS`` digits
            before the point or after it.
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError("no decimal number") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MOST_DIGITS:  # a letter: NaN, infinity
        raise ValueError("not finite, or too fine")
    if len(number.as_tuple().digits) + exponent > MOST_DIGITS:
        raise ValueError("too large")
    return number


class Number(DecimalField):  # type: ignore[misc]
    """A field for such a number."""

    data: Any  # a Decimal once validated

    def __init__(self, label: Any, validators: Any, **options: Any) -> None:
        super().__init__(label, validators, places=None, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        try:
            self.data = typed(valuelist[0])
        except ValueError:
            self.data = None
            raise ValueError(self.gettext("Not a valid decimal value.")) from None
