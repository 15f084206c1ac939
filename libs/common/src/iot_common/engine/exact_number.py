"""JSON numbers that a float64 or an int64 cannot hold, kept as they were written."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_INT64_DIGITS: Final = 20
"""No int64 has more characters than this, so longer texts are never turned into a Python int."""

_EXACT_FLOAT_DIGITS: Final = 15
"""A decimal of at most this many significant digits survives a float64 (IEEE 754: DBL_DIG = 15)."""

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_EXPONENT_DIGITS: Final = 9
"""Longer exponents are capped: they are infinite or zero for every purpose here, and Decimal refuses them."""


class ExactNumber(float):
    """A number whose text says more than its nearest float64.

    It behaves as that float (infinite when the text is beyond the range), and `text` is what the device wrote.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> ExactNumber:
        """The number that a JSON number token spells."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return f"ExactNumber({self.text!r})"

    def __reduce__(self) -> tuple[type[ExactNumber], tuple[str]]:
        return (ExactNumber, (self.text,))

    @property
    def written_as_integer(self) -> bool:
        """True when the text has neither a fraction nor an exponent."""
        return not any(mark in self.text for mark in ".eE")


def read_integer(text: str) -> int | ExactNumber:
    """A JSON integer token as an int within int64, else with its text."""
    if len(text) <= _INT64_DIGITS:
        number = int(text)
        if _INT64_MIN <= number <= _INT64_MAX:
            return number
    return ExactNumber(text)


def read_decimal(text: str) -> float:
    """A JSON number token with a fraction or exponent as a float where nothing is lost, else with its text."""
    number = float(text)
    if len(text) <= _EXACT_FLOAT_DIGITS + 1 and "e" not in text and "E" not in text:
        return number
    if repr(number) == text:
        return number
    if number - number != 0 or _as_decimal(text) != Decimal(repr(number)):
        return ExactNumber(text)
    return number


def read_number(text: str) -> float | int | None:
    """The number a whole text spells in JSON's own grammar, or None: no blanks, no `+`, no leading zeros."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return read_integer(text) if match.group(1) is None and match.group(2) is None else read_decimal(text)


def is_integral(number: float) -> bool:
    """Draft-07 `integer`: no fractional part, so `1.0` and `1e400` are integers."""
    if not isinstance(number, ExactNumber):
        return isinstance(number, int) or number.is_integer()
    if number.written_as_integer:
        return True
    _, digits, exponent = _as_decimal(number.text).as_tuple()
    assert isinstance(exponent, int)
    if exponent >= 0 or not any(digits):
        return True
    return -exponent < len(digits) and not any(digits[exponent:])


def compare(left: float, right: float) -> int:
    """-1, 0 or 1 by exact value; floats decide alone unless they tie and a text says more."""
    if left < right:
        return -1
    if left > right:
        return 1
    if not (isinstance(left, ExactNumber) or isinstance(right, ExactNumber)):
        return 0
    exact_left, exact_right = _exact(left), _exact(right)
    return (exact_left > exact_right) - (exact_left < exact_right)


def _exact(number: float) -> Decimal:
    """The decimal that was written: a plain float stands for its shortest text, not for its binary value."""
    return _as_decimal(number.text if isinstance(number, ExactNumber) else repr(number))


def _as_decimal(text: str) -> Decimal:
    mantissa, mark, exponent = text.replace("E", "e").partition("e")
    if mark and len(exponent.lstrip("+-").lstrip("0")) > _EXPONENT_DIGITS:
        exponent = ("-" if exponent.startswith("-") else "") + "9" * _EXPONENT_DIGITS
    return Decimal(mantissa + mark + exponent)
