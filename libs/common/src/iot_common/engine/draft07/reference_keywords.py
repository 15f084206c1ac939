"""Keywords of the reference, where the library's own leave draft-07's letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from iot_common.engine.draft07.equality import has_equal_items, is_equal
from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.exact_number import compare, is_integral, is_multiple

_Errors = Iterator[ValidationError]


def is_number(_checker: Any, value: Any) -> bool:
    """`number`: booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(checker: Any, value: Any) -> bool:
    """`integer`: `1.0` is one."""
    return is_number(checker, value) and is_integral(value)


def _bound(broken: Callable[[int], bool], words: str) -> Callable[..., _Errors]:
    def check(_validator: Any, limit: Any, value: Any, _schema: Any) -> _Errors:
        if is_number(None, value) and broken(compare(value, limit)):
            yield ValidationError(f"{value!r} is {words} {limit!r}")

    return check


def _multiple_of(_validator: Any, divisor: Any, value: Any, _schema: Any) -> _Errors:
    if is_number(None, value) and not is_multiple(value, divisor):
        yield ValidationError(f"{value!r} is not a multiple of {divisor!r}")


def _const(_validator: Any, constant: Any, value: Any, _schema: Any) -> _Errors:
    if not is_equal(value, constant):
        yield ValidationError(f"{constant!r} was expected")


def _enum(_validator: Any, choices: Any, value: Any, _schema: Any) -> _Errors:
    if not any(is_equal(value, each) for each in choices):
        yield ValidationError(f"{value!r} is not one of {choices!r}")


def _unique_items(_validator: Any, wanted: Any, value: Any, _schema: Any) -> _Errors:
    if wanted and isinstance(value, list) and has_equal_items(value):
        yield ValidationError("has equal items")


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> _Errors:
    if isinstance(value, str) and compile_pattern(pattern)(value) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, schemas: Any, value: Any, _schema: Any) -> _Errors:
    if not isinstance(value, dict):
        return
    for pattern, schema in schemas.items():
        search = compile_pattern(pattern)
        for key, member in value.items():
            if search(key) is not None:
                yield from validator.descend(member, schema, path=key, schema_path=pattern)


def _additional_items(validator: Any, rest: Any, value: Any, schema: Any) -> _Errors:
    declared = schema.get("items")
    if isinstance(value, list) and isinstance(declared, list):
        for place, item in enumerate(value[len(declared) :], len(declared)):
            yield from validator.descend(item, rest, path=place)


def _additional_properties(validator: Any, rest: Any, value: Any, schema: Any) -> _Errors:
    if not isinstance(value, dict):
        return
    searches = [compile_pattern(pattern) for pattern in schema.get("patternProperties", {})]
    declared = schema.get("properties", {})
    for key, member in value.items():
        if key not in declared and all(search(key) is None for search in searches):
            if rest is False:
                yield ValidationError(f"{key!r} is not declared, and others are not allowed")
            else:
                yield from validator.descend(member, rest, path=key)


def _format(validator: Any, name: str, value: Any, _schema: Any) -> _Errors:
    check = validator.format_checker.get(name)
    if check is not None and isinstance(value, str) and not check(value):
        yield ValidationError(f"{value!r} is not a {name!r}")


KEYWORDS: Final[Mapping[str, Callable[..., _Errors]]] = {
    "additionalItems": _additional_items,
    "additionalProperties": _additional_properties,
    "const": _const,
    "enum": _enum,
    "exclusiveMaximum": _bound(lambda order: order >= 0, "not less than"),
    "exclusiveMinimum": _bound(lambda order: order <= 0, "not greater than"),
    "format": _format,
    "maximum": _bound(lambda order: order > 0, "greater than"),
    "minimum": _bound(lambda order: order < 0, "less than"),
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "uniqueItems": _unique_items,
}
