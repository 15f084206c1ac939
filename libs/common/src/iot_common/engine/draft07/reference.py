"""The reference: the `jsonschema` library, put right where it leaves draft-07's letter.

It compares numbers by their binary value, reads patterns as Python's, asserts few formats, would fetch a `$ref`, and
fails on a boolean `items` with `additionalItems` and on `dependencies` that mix schemas with lists of keys.
Imported only where something is judged by it: the library takes a noticeable part of a stage's start.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs
from jsonschema import validators
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import Draft7Validator
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from referencing import Resource, Specification
from referencing.jsonschema import DRAFT7, specification_with

from iot_common.engine.draft07.asserted_formats import FormatCheck
from iot_common.engine.draft07.documents import dialect_of
from iot_common.engine.draft07.equality import has_equal_items, is_equal
from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.exact_number import compare, is_integral, is_multiple

_DEEP_STACK_BYTES: Final = 512 * 1024 * 1024
"""Address space of the thread that judges deep values; pages are taken only as they are used."""
_DEEP_RECURSION_LIMIT: Final = 100_000
_deep_lock: Final = threading.Lock()

_Errors = Iterator[ValidationError]


class Reference:
    """Judges values by one schema and whatever it refers to."""

    def __init__(self, schema: Any, documents: Mapping[str, Any], formats: Mapping[str, FormatCheck]) -> None:
        registry: Any = SPECIFICATIONS.with_resources(
            [(uri.removesuffix("#"), _as_resource(document)) for uri, document in documents.items()]
        )
        resolver = registry.resolver_with_root(_as_resource(schema))
        self._root = _validator_class(Draft7Validator)(schema, format_checker=formats, _resolver=resolver)

    def is_valid(self, value: Any) -> bool:
        """The verdict on a value, by the root schema."""
        return _is_valid(self._root, value)

    def is_valid_at(self, schema: Any, base: str, value: Any) -> bool:
        """The verdict by a sub-schema that stands within a base."""
        resolver = self._root._resolver
        if base:
            resolver = resolver.lookup(base).resolver
        resolver = resolver.in_subresource(_as_resource(schema))
        return _is_valid(self._root.evolve(schema=schema, _resolver=resolver), value)

    def first_failure(self, value: Any) -> tuple[tuple[str | int, ...], str] | None:
        """Place within the value and message of the most telling error; None where there is none."""
        error = best_match(self._root.iter_errors(value))
        if error is None:
            return None
        # Where alternatives failed at one and the same place, all of them say what would be right there.
        here = [each.message for each in error.context or () if not each.path]
        return tuple(error.absolute_path), ", and ".join(dict.fromkeys(here)) or error.message


def _is_valid(validator: Any, value: Any) -> bool:
    try:
        return bool(validator.is_valid(value))
    except RecursionError:
        return _is_valid_in_deep_stack(validator, value)


def _is_valid_in_deep_stack(validator: Any, value: Any) -> bool:
    """Generators within generators use the C stack, so a deep value needs a thread with a larger one.

    Raises:
        RecursionError: the value is too deep even for that.
    """
    outcome: list[bool | BaseException] = []

    def judge() -> None:
        try:
            outcome.append(bool(validator.is_valid(value)))
        except BaseException as error:
            outcome.append(error)

    with _deep_lock:
        stack_bytes, limit = threading.stack_size(_DEEP_STACK_BYTES), sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _DEEP_RECURSION_LIMIT))
        try:
            thread = threading.Thread(target=judge, name="deep-validation")
            thread.start()
            thread.join()
        finally:
            threading.stack_size(stack_bytes)
            sys.setrecursionlimit(limit)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _subresources_of(schema: Any) -> Iterable[Any]:
    """The library takes all `dependencies` for schemas if the first of them is one."""
    if isinstance(schema, dict) and isinstance(schema.get("dependencies"), dict):
        judged = {key: each for key, each in schema["dependencies"].items() if not isinstance(each, list)}
        schema = {**schema, "dependencies": judged}
    return DRAFT7.subresources_of(schema)


_SPECIFICATION: Final[Specification[Any]] = attrs.evolve(  # type: ignore[misc]
    DRAFT7, subresources_of=_subresources_of
)


def _as_resource(document: Any) -> Resource[Any]:
    named = dialect_of(document)
    specification = _SPECIFICATION if named is None else specification_with(named, default=_SPECIFICATION)
    return specification.create_resource(document)


@lru_cache(maxsize=8)
def _validator_class(stock: Any) -> Any:
    """A stock validator with our keywords; sub-schemas that name another dialect are judged by that one's."""
    replaced = {name: check for name, check in _KEYWORDS.items() if name in stock.VALIDATORS}
    if "$ref" not in stock.VALIDATORS or "const" not in stock.VALIDATORS:
        # Before draft-06, `exclusiveMinimum` was a boolean beside `minimum`.
        replaced = {name: check for name, check in replaced.items() if "imum" not in name}
    checker = stock.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    put_right = validators.extend(stock, validators=replaced, type_checker=checker)
    put_right.evolve = _evolve
    return put_right


def _evolve(self: Any, **changes: Any) -> Any:
    """As the library's own, which would go back to a stock validator at each `$schema`."""
    schema = changes.setdefault("schema", self.schema)
    for name, alias in _FIELDS:
        if alias not in changes:
            changes[alias] = getattr(self, name)
    return _class_for(schema, type(self))(**changes)


_FIELDS: Final = tuple((each.name, each.alias) for each in Draft7Validator.__attrs_attrs__ if each.init)


def _class_for(schema: Any, current: Any) -> Any:
    if not isinstance(schema, dict) or "$schema" not in schema:
        return current
    stock = validators.validator_for({"$schema": schema["$schema"]}, default=None)
    return current if stock is None else _validator_class(stock)


def _is_number(_checker: Any, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(checker: Any, value: Any) -> bool:
    return _is_number(checker, value) and is_integral(value)


def _bound(broken: Callable[[int], bool], words: str) -> Callable[..., _Errors]:
    def check(_validator: Any, limit: Any, value: Any, _schema: Any) -> _Errors:
        if _is_number(None, value) and broken(compare(value, limit)):
            yield ValidationError(f"{value!r} is {words} {limit!r}")

    return check


def _multiple_of(_validator: Any, divisor: Any, value: Any, _schema: Any) -> _Errors:
    if _is_number(None, value) and not is_multiple(value, divisor):
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


_KEYWORDS: Final[Mapping[str, Callable[..., _Errors]]] = {
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
