"""Which step of MAJOR.MINOR.PATCH a change of a schema asks for."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from enum import IntEnum
from typing import Any, Final, NamedTuple

from iot_common.engine.registry import parse_version

_OPEN_PARTS: Final = (
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependencies",
    "contains",
    "$ref",
)
_DEEPEST: Final = 60


class Bump(IntEnum):
    """Ordered: a larger step always serves where a smaller one is asked for."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


class BumpRule(NamedTuple):
    """The step, and the rule that asks for it, in words."""

    bump: Bump
    rule: str


RULES: Final = {
    "identical": BumpRule(Bump.NONE, "nothing changed"),
    "annotations": BumpRule(Bump.PATCH, "only annotations changed"),
    "equivalent": BumpRule(Bump.PATCH, "both versions accept the same records"),
    "additions": BumpRule(
        Bump.MINOR, "every old record stays valid; readers of the old version may refuse new ones"
    ),
    "undeclared": BumpRule(
        Bump.MINOR,
        "old records stay valid unless they hold fields that the old version does not declare and the new one does",
    ),
    "unit": BumpRule(Bump.MAJOR, "a declared unit changed: equal numbers mean another thing"),
    "removed": BumpRule(Bump.MAJOR, "a property is removed that was required, or that a table reads"),
    "breaking": BumpRule(Bump.MAJOR, "a record that was valid no longer is"),
    "unproven": BumpRule(Bump.MAJOR, "it is not proven that every old record stays valid"),
}


def required_bump(
    *,
    is_identical: bool,
    has_other_unit: bool,
    removes_what_is_read: bool,
    has_only_annotations: bool,
    backward: bool | None,
    forward: bool | None,
    declared_backward: Callable[[], bool | None],
) -> BumpRule:
    """The rule that applies; `declared_backward` is asked last: backward, for records without undeclared fields."""
    if is_identical:
        return RULES["identical"]
    if has_other_unit:
        return RULES["unit"]
    if removes_what_is_read:
        return RULES["removed"]
    if backward and forward:
        return RULES["annotations" if has_only_annotations else "equivalent"]
    if backward:
        return RULES["additions"]
    if declared_backward():
        return RULES["undeclared"]
    return RULES["unproven" if backward is None else "breaking"]


def bump_between(old: str, new: str) -> Bump | None:
    """The step from one version to a later one; None where they are no versions, or the later is not later."""
    before, after = parse_version(old), parse_version(new)
    if before is None or after is None or after < before:
        return None
    for index, bump in enumerate((Bump.MAJOR, Bump.MINOR, Bump.PATCH)):
        if after[index] != before[index]:
            return bump
    return Bump.NONE


def closed(schema: Any) -> Any:
    """The schema with every object closed to fields that it does not declare, where that is safe to say.

    Left as they are: objects without `properties`, and all within combinators and references, where another schema
    may declare the field. What is accepted afterwards was accepted before.
    """
    copy = deepcopy(schema)
    _close(copy, 0)
    return copy


def _close(schema: Any, depth: int) -> None:
    if not isinstance(schema, dict) or depth > _DEEPEST or any(keyword in schema for keyword in _OPEN_PARTS):
        return
    if schema.get("properties") and schema.get("additionalProperties", True) is True:
        schema["additionalProperties"] = False
    for child in schema.get("properties", {}).values():
        _close(child, depth + 1)
    items = schema.get("items")
    for child in items if isinstance(items, list) else [items]:
        _close(child, depth + 1)
