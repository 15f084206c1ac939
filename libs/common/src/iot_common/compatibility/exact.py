"""Exact numbers and value identity as draft-07 has them: `1` equals `1.0`, and `true` is no number."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from iot_common.engine.exact_number import ExactNumber, read_number

_LARGEST_EXPONENT: Final = 1_000
"""Beyond it a number is not calculated with: its digits alone would fill the memory."""


class NumberTooLargeError(ValueError):
    """A number that is not worth writing out."""


def fraction_of(number: float) -> Fraction:
    """The decimal as written: a plain float stands for its shortest text.

    Raises:
        NumberTooLargeError: its exponent is beyond what we calculate with.
    """
    if isinstance(number, int):
        if number.bit_length() > 4 * _LARGEST_EXPONENT:
            raise NumberTooLargeError(f"{number.bit_length()} bits")
        return Fraction(number)
    text = number.text if isinstance(number, ExactNumber) else repr(number)
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    if len(exponent.lstrip("+-0")) > 4 or abs(int(exponent or 0)) > _LARGEST_EXPONENT:
        raise NumberTooLargeError(text)
    if len(mantissa) > _LARGEST_EXPONENT:
        raise NumberTooLargeError(text)
    return Fraction(Decimal(text))


def number_of(exact: Fraction) -> float:
    """The number a record would hold. The denominator must divide a power of ten."""
    if exact.denominator == 1:
        text = str(exact.numerator)
    else:
        places = _decimal_places(exact.denominator)
        digits = str(abs(exact.numerator * 10**places // exact.denominator)).rjust(places + 1, "0")
        text = f"{'-' if exact < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    number = read_number(text)
    assert number is not None, text
    return number


def _decimal_places(denominator: int) -> int:
    places = 0
    while denominator % 10 == 0:
        denominator, places = denominator // 10, places + 1
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator, places = denominator // prime, places + 1
    if denominator != 1:
        raise NumberTooLargeError("no finite decimal")
    return places


def is_number(value: Any) -> bool:
    """JSON number; `true` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def type_of(value: Any) -> str:
    """One of the six JSON types; an integer is a `number`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def identity(value: Any) -> Any:
    """A hashable that is equal for values draft-07 calls equal, and for no others; see `is_decisive`."""
    if is_number(value):
        try:
            return ("number", fraction_of(value))
        except NumberTooLargeError:
            return ("large", value.text if isinstance(value, ExactNumber) else repr(value))
    if isinstance(value, list):
        return ("array", tuple(identity(item) for item in value))
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    return (type_of(value), value)


def is_decisive(key: Any) -> bool:
    """False for an identity that holds a number too large to calculate with: two spellings of it look unlike."""
    kind, content = key
    if kind == "array":
        return all(is_decisive(each) for each in content)
    if kind == "object":
        return all(is_decisive(each) for _, each in content)
    return bool(kind != "large")
