"""Where draft-07 keeps schemas within a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

SCHEMA: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
    }
)
"""Keywords whose argument is a schema; `items` may be a list as well."""
SCHEMA_LIST: Final = frozenset({"allOf", "anyOf", "items", "oneOf"})
"""Keywords whose argument lists schemas."""
SCHEMA_MAP: Final = frozenset({"definitions", "dependencies", "patternProperties", "properties"})
"""Keywords whose argument names schemas; `dependencies` names lists of keys too, which are none."""


class Child(NamedTuple):
    """A schema directly within another, and the keys that lead to it."""

    keys: tuple[str | int, ...]
    schema: Any


def children(schema: Any) -> Iterator[Child]:
    """The schemas directly within a schema, `definitions` included, also beside a `$ref`."""
    if not isinstance(schema, dict):
        return
    for keyword, argument in schema.items():
        if isinstance(argument, list):
            if keyword in SCHEMA_LIST:
                yield from (Child((keyword, place), each) for place, each in enumerate(argument))
        elif keyword in SCHEMA:
            yield Child((keyword,), argument)
        elif keyword in SCHEMA_MAP and isinstance(argument, dict):
            for key, each in argument.items():
                if not isinstance(each, list):
                    yield Child((keyword, key), each)


def reference_of(schema: Any) -> str | None:
    """The `$ref` of a schema. Draft-07 ignores all its neighbours, `$id` too."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    return reference if isinstance(reference, str) else None
