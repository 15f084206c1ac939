"""What one draft-07 keyword says of a value by itself, and how a value differs from it.

A check looks at one value and returns its differences, none where there are none. Paths, and who speaks, are the
walk's business (`classify`), and so are the keywords that hand parts of a value to other schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from iot_common.engine import timestamps
from iot_common.engine.draft07.equality import has_equal_items, membership
from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.events import EventCode, Source
from iot_common.engine.exact_number import compare, is_multiple
from iot_common.engine.wording import brief, one_of

KINDS: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
"""What `json_type` tells apart; a number written as an integer is `integer`."""


class Difference(NamedTuple):
    """One way in which a value differs from a keyword.

    Attributes:
        engine: True where only the engine objects: draft-07 itself is content.
        key: the member that is meant, where it is not the value as a whole.
    """

    code: EventCode
    expected: str
    found: str
    engine: bool = False
    key: str | None = None

    def source(self, asking: Source) -> Source:
        """Who speaks, where `asking` looks at the value."""
        return Source.ENGINE if self.engine else asking


Check = Callable[[Any], Sequence[Difference]]
_NONE: Final[tuple[Difference, ...]] = ()


def constraint(keyword: str, found: str, *, key: str | None = None) -> tuple[Difference]:
    """The difference from a keyword that has no code of its own."""
    return (Difference(EventCode.CONSTRAINT, keyword, found, key=key),)


def never(value: Any) -> Sequence[Difference]:
    """The schema `false`."""
    return constraint("nothing (schema false)", brief(value))


def enum_check(choices: Sequence[Any]) -> Check:
    """`enum`."""
    is_member, expected = membership(choices), one_of(choices)

    def check(value: Any) -> Sequence[Difference]:
        return _NONE if is_member(value) else (Difference(EventCode.ENUM_ADDED, expected, brief(value)),)

    return check


def const_check(constant: Any) -> Check:
    """`const`."""
    is_member, expected = membership([constant]), f"const {brief(constant)}"
    return lambda value: _NONE if is_member(value) else constraint(expected, brief(value))


_KEEPS: Final[Mapping[str, Callable[[int], bool]]] = {
    "minimum": lambda order: order >= 0,
    "exclusiveMinimum": lambda order: order > 0,
    "maximum": lambda order: order <= 0,
    "exclusiveMaximum": lambda order: order < 0,
}


def bound_check(keyword: str, bound: float) -> Check:
    """`minimum`, `maximum` and their exclusive kin, by exact value."""
    keeps, expected = _KEEPS[keyword], f"{keyword} {brief(bound)}"

    def check(number: float) -> Sequence[Difference]:
        if keeps(compare(number, bound)):
            return _NONE
        return (Difference(EventCode.RANGE, expected, brief(number)),)

    return check


def multiple_check(divisor: float) -> Check:
    """`multipleOf`, exact on decimals."""
    expected = f"multipleOf {brief(divisor)}"
    return lambda number: _NONE if is_multiple(number, divisor) else constraint(expected, brief(number))


def size_check(keyword: str, limit: int) -> Check:
    """`minLength`, `maxItems` and so on; the length of a string is counted in code points."""
    expected, least = f"{keyword} {limit}", keyword.startswith("min")

    def check(value: Any) -> Sequence[Difference]:
        size = len(value)
        return constraint(expected, str(size)) if (size < limit if least else size > limit) else _NONE

    return check


def unique_check(items: list[Any]) -> Sequence[Difference]:
    """`uniqueItems`."""
    return constraint("uniqueItems", "equal items") if has_equal_items(items) else _NONE


def closed_array_check(size: int) -> Check:
    """`additionalItems: false` after a list of `items`."""
    expected = f"additionalItems false: at most {size}"
    return lambda items: _NONE if len(items) <= size else constraint(expected, str(len(items)))


def pattern_check(pattern: str) -> Check:
    """`pattern`."""
    search = compile_pattern(pattern)

    def check(text: str) -> Sequence[Difference]:
        if search(text) is not None:
            return _NONE
        return (Difference(EventCode.PATTERN, pattern, brief(text)),)

    return check


def format_check(name: str, is_valid: Callable[[str], bool]) -> Check:
    """`format`, asserted."""

    def check(text: str) -> Sequence[Difference]:
        return _NONE if is_valid(text) else (Difference(EventCode.FORMAT, name, brief(text)),)

    return check


def date_time_check(text: str) -> Sequence[Difference]:
    """`format: date-time`; the engine also asks for an instant that its columns can hold."""
    if timestamps.parse_fast(text) is not None:
        return _NONE
    parsed = timestamps.parse_timestamp(text)
    if not parsed.valid:
        return (Difference(EventCode.FORMAT, "date-time (RFC 3339 with a zone)", brief(text)),)
    if parsed.issue:
        expected = "an instant in the years 0001 to 9999"
        return (Difference(EventCode.FORMAT, expected, brief(text), engine=True),)
    return _NONE


def needed_keys_check(key: str, needed: Sequence[str]) -> Check:
    """`dependencies` with a list: what must be there beside a key."""
    expected = f"dependencies: present beside {brief(key)}"

    def check(members: dict[str, Any]) -> Sequence[Difference]:
        if key not in members:
            return _NONE
        missing = [name for name in needed if name not in members]
        return [each for name in missing for each in constraint(expected, "missing", key=name)]

    return check


Verdict = Callable[[Any], bool]
"""Whether a value is valid by some schema."""


def not_check(schema: Any, is_valid: Verdict) -> Check:
    """`not`."""
    expected = f"not {brief(schema)}"
    return lambda value: constraint(expected, brief(value)) if is_valid(value) else _NONE


def contains_check(schema: Any, is_valid: Verdict) -> Check:
    """`contains`."""
    expected = f"contains {brief(schema)}"

    def check(items: list[Any]) -> Sequence[Difference]:
        return _NONE if any(map(is_valid, items)) else constraint(expected, f"none of {len(items)} items")

    return check


def names_check(schema: Any, is_valid: Verdict) -> Check:
    """`propertyNames`: one difference for each key that breaks it."""
    expected = f"propertyNames {brief(schema)}"

    def check(members: dict[str, Any]) -> Sequence[Difference]:
        return [
            each for key in members if not is_valid(key) for each in constraint(expected, brief(key), key=key)
        ]

    return check


def foreign_check(dialect: str, is_valid: Verdict) -> Check:
    """A schema of another dialect, judged as a whole."""
    return lambda value: _NONE if is_valid(value) else constraint(f"$schema {dialect}", brief(value))
