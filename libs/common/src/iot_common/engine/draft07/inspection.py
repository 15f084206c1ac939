"""Whether schemas are valid draft-07, and if not, where and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.documents import meta_schema
from iot_common.engine.draft07.places import Place, PlaceKey, is_foreign
from iot_common.engine.draft07.uris import pointer_to
from iot_common.engine.ecma_pattern import UnsupportedPatternError, compile_pattern
from iot_common.engine.errors import ContractError
from iot_common.engine.events import shorten

Conforms = Callable[[Any], bool]


def require_draft07(schema: Any, name: str, pointer: str, conforms: Conforms) -> dict[int, Any]:
    """Check a schema with all within it, `definitions` included; gives the sub-schemas by identity.

    Raises:
        ContractError: it breaks the meta-schema, or a pattern cannot be used.
    """
    if not conforms(schema):
        _explain(schema, name, pointer)
    inspected: dict[int, Any] = {}
    pending = [(schema, pointer)]
    while pending:
        each, where = pending.pop()
        if id(each) not in inspected:
            inspected[id(each)] = each
            _require_patterns(each, name, where)
            pending.extend(
                (child.schema, pointer_to(where or "#", *child.keys)) for child in keywords.children(each)
            )
    return inspected


def require_reached(
    places: Mapping[PlaceKey, Place], inspected: dict[int, Any], name: str, conforms: Conforms
) -> None:
    """Check the places that no keyword but a `$ref` leads to: within unknown keywords, and in other documents."""
    for place in places.values():
        if is_foreign(place):
            _require_foreign(place, name)
        elif id(place.schema) not in inspected:
            inspected.update(require_draft07(place.schema, name, place.pointer, conforms))


def _explain(schema: Any, name: str, pointer: str) -> None:
    from iot_common.engine.draft07.reference import Reference

    try:
        failure = Reference(meta_schema(), {}, {}).first_failure(schema)
    except RecursionError:
        failure = (), "it is nested too deep to say where"
    assert failure is not None, "compiled and reference agree on the meta-schema"
    path, message = failure
    where = pointer_to(pointer or "#", *path) if path else pointer
    raise ContractError(name, where, f"this is no valid draft-07 schema: {shorten(message)}")


def _require_foreign(place: Place, name: str) -> None:
    from iot_common.engine.draft07.reference import fault_of_foreign

    fault = fault_of_foreign(place.schema)
    if fault is not None:
        raise ContractError(name, place.pointer, f"this is no valid schema of its draft: {shorten(fault)}")


def _require_patterns(schema: Any, name: str, pointer: str) -> None:
    if not isinstance(schema, dict):
        return
    patterns: list[tuple[str, tuple[str, ...]]] = []
    if "pattern" in schema:
        patterns.append((schema["pattern"], ("pattern",)))
    patterns += [(each, ("patternProperties", each)) for each in schema.get("patternProperties", {})]
    for pattern, keys in patterns:
        try:
            compile_pattern(pattern)
        except UnsupportedPatternError as error:
            raise ContractError(name, pointer_to(pointer or "#", *keys), str(error)) from error
