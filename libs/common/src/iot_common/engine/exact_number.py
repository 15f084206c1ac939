"""JSON numbers that a float64 or an int64 cannot hold, kept as they were written."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final, NamedTuple

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_INT64_DIGITS: Final = 20
"""No int64 has more characters than this, so longer texts are never turned into a Python int."""

_EXACT_FLOAT_DIGITS: Final = 15
"""A decimal of at most this many significant digits survives a float64 (IEEE 754: DBL_DIG = 15)."""

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_EXPONENT_DIGITS: Final = 9
"""Longer exponents are capped: they are infinite or zero for every purpose here, and Decimal refuses them."""
_EXPONENT_LIMIT: Final = 4_000
"""Digits of an exponent that still count here: Python reads no integer of more than 4,300."""


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
    return number.written_as_integer or normal_form(number).exponent >= 0


def compare(left: float, right: float) -> int:
    """-1, 0 or 1 by exact value.

    Where two nearest floats differ, so do the numbers, and in the same order: rounding never swaps them. Plain
    numbers up to 2^53 are what their floats are; only beyond, and where a text says more, a tie needs a second look.
    """
    if isinstance(left, ExactNumber) or isinstance(right, ExactNumber) or type(left) is not type(right):
        near_left, near_right = _nearest(left), _nearest(right)
        if near_left == near_right:
            return _compare_exactly(left, right)
        return -1 if near_left < near_right else 1
    return (left > right) - (left < right)


def is_multiple(number: float, divisor: float) -> bool:
    """Whether number / divisor has no fractional part, both as written: 0.0075 is a multiple of 0.0001."""
    if type(number) is int and type(divisor) is int:
        return number % divisor == 0
    dividend, unit = normal_form(number), normal_form(divisor)
    if dividend.digits == "0":
        return True
    power = dividend.exponent - unit.exponent
    if power < 0:
        # The quotient is digits / (digits x 10^n): the dividend, without zeros at its end, would need one.
        return False
    modulus = _integer(unit.digits)
    return _remainder(dividend.digits, modulus) * pow(10, power, modulus) % modulus == 0


class NormalForm(NamedTuple):
    """A number as sign, significant digits without zeros at either end, and power of ten: one form per value."""

    negative: bool
    digits: str
    exponent: int


_ZERO: Final = NormalForm(False, "0", 0)


def normal_form(number: float) -> NormalForm:
    """The value as it was written: a plain float stands for its shortest text, not for its binary value."""
    if isinstance(number, ExactNumber):
        text = number.text
    elif isinstance(number, int):
        # Unlike str, Decimal writes an int of any length.
        text = str(Decimal(number))
    else:
        text = repr(number)
    return _normal_form_of(text)


def _normal_form_of(text: str) -> NormalForm:
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    stripped = digits.rstrip("0")
    if not stripped:
        return _ZERO
    if not stripped.isdigit():
        # Infinity and NaN are no JSON; beyond all numbers they do no harm.
        return NormalForm(text.startswith("-"), "1", 10**_EXPONENT_LIMIT)
    power = _exponent(exponent) - len(fraction) + len(digits) - len(stripped)
    return NormalForm(text.startswith("-"), stripped, power)


def _exponent(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    digits = digits.lstrip("0")
    return sign * int((digits if len(digits) <= _EXPONENT_LIMIT else "9" * _EXPONENT_LIMIT) or "0")


def _nearest(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _compare_exactly(left: float, right: float) -> int:
    one, two = normal_form(left), normal_form(right)
    if one.negative != two.negative:
        return -1 if one.negative else 1
    # As fractions 0.ddd x 10^n: the power decides, then the digits as text.
    one_key = (one.exponent + len(one.digits) if one != _ZERO else -math.inf, one.digits)
    two_key = (two.exponent + len(two.digits) if two != _ZERO else -math.inf, two.digits)
    order = (one_key > two_key) - (one_key < two_key)
    return -order if one.negative else order


_CHUNK_DIGITS: Final = 4_000
"""Python refuses to read more than 4,300 digits at once, since that takes quadratic time."""


def _remainder(digits: str, modulus: int) -> int:
    """Digits mod modulus in time linear in the digits: a record may hold a number of a million."""
    rest = 0
    for start in range(0, len(digits), _CHUNK_DIGITS):
        chunk = digits[start : start + _CHUNK_DIGITS]
        rest = (rest * pow(10, len(chunk), modulus) + int(chunk)) % modulus
    return rest


def _integer(digits: str) -> int:
    number = 0
    for start in range(0, len(digits), _CHUNK_DIGITS):
        chunk = digits[start : start + _CHUNK_DIGITS]
        number = number * 10 ** len(chunk) + int(chunk)
    return number


def _as_decimal(text: str) -> Decimal:
    mantissa, mark, exponent = text.replace("E", "e").partition("e")
    if mark and len(exponent.lstrip("+-").lstrip("0")) > _EXPONENT_DIGITS:
        exponent = ("-" if exponent.startswith("-") else "") + "9" * _EXPONENT_DIGITS
    return Decimal(mantissa + mark + exponent)
