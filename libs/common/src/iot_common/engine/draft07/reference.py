"""The reference: the `jsonschema` library, put right where it leaves draft-07's letter.

It compares numbers by their binary value, reads patterns as Python's, asserts few formats, would fetch a `$ref`, and
fails on a boolean `items` with `additionalItems` and on `dependencies` that mix schemas with lists of keys.
Imported only where something is judged by it: the library takes a noticeable part of a stage's start.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema import validators
from jsonschema.exceptions import best_match
from jsonschema.validators import Draft7Validator
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from referencing import Resource, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT7, specification_with

from iot_common.engine.draft07.asserted_formats import FormatCheck
from iot_common.engine.draft07.depth import is_judging_deep
from iot_common.engine.draft07.documents import UnresolvableError, dialect_of
from iot_common.engine.draft07.reference_keywords import KEYWORDS, is_integer, is_number

_DEEP_STACK_BYTES: Final = 512 * 1024 * 1024
"""Address space of the thread that judges deep values; pages are taken only as they are used."""
_DEEP_RECURSION_LIMIT: Final = 100_000
_deep_lock: Final = threading.Lock()


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
        """The verdict by a sub-schema that stands within a base.

        Raises:
            UnresolvableError: a `$ref` of a document of another draft leads nowhere; ours are checked beforehand.
        """
        resolver = self._root._resolver
        if base:
            resolver = resolver.lookup(base).resolver
        resolver = resolver.in_subresource(_as_resource(schema))
        try:
            return _is_valid(self._root.evolve(schema=schema, _resolver=resolver), value)
        except Unresolvable as error:
            raise UnresolvableError(f"$ref {error.ref!r} leads nowhere; nothing is fetched") from error

    def first_failure(self, value: Any) -> tuple[tuple[str | int, ...], str] | None:
        """Place within the value and message of the most telling error; None where there is none."""
        error = best_match(self._root.iter_errors(value))
        if error is None:
            return None
        # Where alternatives failed at one and the same place, all of them say what would be right there.
        here = [each.message for each in error.context or () if not each.path]
        return tuple(error.absolute_path), ", and ".join(dict.fromkeys(here)) or error.message


def fault_of_foreign(schema: Any) -> str | None:
    """What is wrong with a schema of another draft, by that draft's meta-schema; None for drafts not known here."""
    stock = validators.validator_for({"$schema": dialect_of(schema)}, default=None)
    if stock is None:
        return None
    error = best_match(stock(stock.META_SCHEMA).iter_errors(schema))
    return None if error is None else f"{error.message} (at {error.json_path})"


def _is_valid(validator: Any, value: Any) -> bool:
    if is_judging_deep():
        return _is_valid_in_deep_stack(validator, value)
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


# The library's decorator hides the constructor's arguments from type checkers.
_new_specification: Final[Any] = Specification
_SPECIFICATION: Final[Specification[Any]] = _new_specification(
    name=DRAFT7.name,
    id_of=DRAFT7.id_of,
    subresources_of=_subresources_of,
    maybe_in_subresource=DRAFT7.maybe_in_subresource,
    anchors_in=lambda _specification, schema: DRAFT7.anchors_in(schema),
)


def _as_resource(document: Any) -> Resource[Any]:
    named = dialect_of(document)
    specification = _SPECIFICATION if named is None else specification_with(named, default=_SPECIFICATION)
    return specification.create_resource(document)


@lru_cache(maxsize=8)
def _validator_class(stock: Any) -> Any:
    """A stock validator with our keywords; sub-schemas that name another dialect are judged by that one's."""
    replaced = {name: check for name, check in KEYWORDS.items() if name in stock.VALIDATORS}
    if "$ref" not in stock.VALIDATORS or "const" not in stock.VALIDATORS:
        # Before draft-06, `exclusiveMinimum` was a boolean beside `minimum`.
        replaced = {name: check for name, check in replaced.items() if "imum" not in name}
    checker = stock.TYPE_CHECKER.redefine_many({"integer": is_integer, "number": is_number})
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
