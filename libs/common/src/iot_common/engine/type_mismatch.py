"""What it is called when a value has another type than declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from iot_common.engine.checks import Difference
from iot_common.engine.events import EventCode
from iot_common.engine.exact_number import read_number
from iot_common.engine.rules import Rules
from iot_common.engine.wording import brief

_CONTAINERS: Final = frozenset({"object", "array"})
_NUMBERS: Final = frozenset({"number", "integer"})
_NONFINITE_TEXTS: Final = frozenset({"nan", "inf", "infinity"})


def type_differences(rules: Rules, kind: str, value: Any) -> Iterator[Difference]:
    """The event of a value that `type` does not admit; a number in a string is also held against the bounds.

    Args:
        rules: whose `types` do not admit the value.
        kind: the value's JSON type as written.
        value: the value.
    """
    expected = " or ".join(rules.types)
    if value is None:
        yield Difference(EventCode.NULL_VALUE, expected, "null")
    elif kind == "array":
        yield Difference(EventCode.ARRAY_SCALAR, expected, f"array of {len(value)}")
    elif kind == "object" or not _CONTAINERS.isdisjoint(rules.types):
        found = "object" if kind == "object" else brief(value)
        yield Difference(EventCode.ARRAY_SCALAR, expected, found)
    elif kind == "string" and not _NUMBERS.isdisjoint(rules.types):
        yield from _text_for_number(rules, expected, value)
    else:
        yield Difference(EventCode.TYPE_CHANGED, expected, f"{kind} {brief(value)}")


def _text_for_number(rules: Rules, expected: str, text: str) -> Iterator[Difference]:
    number = read_number(text)
    overflows = number is not None and number - number != 0
    if overflows or text.strip().lstrip("+-").lower() in _NONFINITE_TEXTS:
        yield Difference(EventCode.NONFINITE, "finite number", brief(text))
        return
    yield Difference(EventCode.TYPE_CHANGED, expected, f"string {brief(text)}")
    if number is not None:
        for check in rules.range_checks:
            for difference in check(number):
                yield difference._replace(engine=True)
