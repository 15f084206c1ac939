"""What generated code calls for the parts that are no plain comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from iot_common.engine.exact_number import compare, is_integral, is_multiple

MEMO_LIMIT: Final = 20_000
"""Texts remembered per pattern: a fleet repeats its device ids, and a set is 5 x a search. A schema may have many
patterns, and each takes 2 MB."""
MEMO_TEXT_LENGTH: Final = 64
"""Longer texts are judged each time, so that hostile ones fill no memory."""
KEY_MEMO_LIMIT: Final = 10_000

BOUNDS: Final[dict[str, Callable[[int], bool]]] = {
    "minimum": lambda order: order >= 0,
    "exclusiveMinimum": lambda order: order > 0,
    "maximum": lambda order: order <= 0,
    "exclusiveMaximum": lambda order: order < 0,
}
"""What the order of a number and a bound must be."""


def remembering(
    passes: Callable[[str], object], accepted: set[str], limit: int = MEMO_LIMIT
) -> Callable[[str], bool]:
    """A check that adds the texts it accepts to a set, where generated code looks first."""

    def check(text: str) -> bool:
        if not passes(text):
            return False
        if len(accepted) >= limit:
            accepted.clear()
        if len(text) <= MEMO_TEXT_LENGTH:
            accepted.add(text)
        return True

    return check


def key_sorter(
    declared: Iterable[str], searches: Sequence[Callable[[str], object]], known: dict[str, int]
) -> Callable[[str], int]:
    """Tells which schemas judge the member of a key, as bits: 1 the rest, 2 << n the n-th pattern; remembered."""
    names = frozenset(declared)

    def judges(key: str) -> int:
        bits = 0
        for place, search in enumerate(searches):
            if search(key) is not None:
                bits |= 2 << place
        if not bits and key not in names:
            bits = 1
        if len(known) >= KEY_MEMO_LIMIT:
            known.clear()
        if len(key) <= MEMO_TEXT_LENGTH:
            known[key] = bits
        return bits

    return judges


def number_check(schema: dict[str, Any], *, integer: bool) -> Callable[[float], bool]:
    """All that a schema says of numbers, exact: for those that only their text tells apart."""
    bounds = [(BOUNDS[keyword], schema[keyword]) for keyword in BOUNDS if keyword in schema]
    divisor = schema.get("multipleOf")

    def check(number: float) -> bool:
        return (
            (not integer or is_integral(number))
            and all(within(compare(number, bound)) for within, bound in bounds)
            and (divisor is None or is_multiple(number, divisor))
        )

    return check


def multiple_check(divisor: float) -> Callable[[float], bool]:
    """`multipleOf` for plain numbers."""

    def check(number: float) -> bool:
        return is_multiple(number, divisor)

    return check
