"""Schemas as they come: which dialect they are written in, and how they are read as draft-07."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from iot_common.engine.draft07.compiler import CompiledSchema, Formats, compile_schema

_DRAFT_07: Final = "http://json-schema.org/draft-07/schema#"
_LATER: Final = ("draft/2019-09", "draft/2020-12", "draft/next")
_LATER_KEYWORDS: Final = frozenset({
    "$recursiveRef", "$dynamicRef", "$anchor", "dependentRequired", "dependentSchemas", "unevaluatedItems",
    "unevaluatedProperties", "minContains", "maxContains", "prefixItems",
})  # fmt: skip
_EARLIER_KEYWORDS: Final = frozenset({"extends", "disallow", "divisibleBy"})
_SCHEMA_LISTS: Final = ("allOf", "anyOf", "oneOf")
_SCHEMAS: Final = (
    "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "additionalItems",
)  # fmt: skip
_SCHEMA_MAPS: Final = ("properties", "patternProperties", "definitions")


@dataclass(frozen=True)
class VersionedSchema:
    """One side of a comparison.

    Attributes:
        name: what messages call it.
        compiled: its draft-07 verdict.
        documents: what its references may reach beside itself.
        doubt: why that verdict may not be what its authors mean; empty where it is.
    """

    name: str
    compiled: CompiledSchema
    documents: Mapping[str, Any]
    doubt: str = ""

    @property
    def schema(self) -> Any:
        """The schema as compiled: `$schema` names draft-07."""
        return self.compiled.schema


def versioned_schema(
    schema: Any, *, name: str, formats: Formats = Formats.ASSERT, documents: Mapping[str, Any] | None = None
) -> VersionedSchema:
    """Reads a schema of any dialect by draft-07's rules, and says where those are not its own.

    Raises:
        ContractError: no draft-07, or a `$ref` leads nowhere.
    """
    dialect = schema.get("$schema") if isinstance(schema, dict) else None
    doubt = _doubt(schema, dialect) if isinstance(dialect, str) else ""
    if dialect is not None:
        schema = schema | {"$schema": _DRAFT_07}
    compiled = compile_schema(schema, name=name, formats=formats, documents=documents or {})
    return VersionedSchema(name, compiled, documents or {}, doubt)


def _doubt(schema: Any, dialect: str) -> str:
    """The first reason why draft-07 would read the schema otherwise than its own dialect does."""
    later = any(each in dialect for each in _LATER)
    for each in subschemas(schema):
        if later and (foreign := sorted(_LATER_KEYWORDS & set(each))):
            return f"written for {dialect}: {foreign[0]} means nothing in draft-07"
        if later and "$ref" in each and set(each) & _CONSTRAINING:
            return f"written for {dialect}: draft-07 ignores what stands beside a $ref"
        if "2020-12" in dialect and isinstance(each.get("items"), list):
            return f"written for {dialect}: a list of items means another thing in draft-07"
        if foreign := sorted(_EARLIER_KEYWORDS & set(each)):
            return f"written for {dialect}: {foreign[0]} means nothing in draft-07"
    return ""


_CONSTRAINING: Final = frozenset({
    "type", "enum", "const", "properties", "required", "items", "allOf", "anyOf", "oneOf", "not", "minimum",
    "maximum", "pattern", "additionalProperties", "patternProperties", "minLength", "maxLength", "format",
})  # fmt: skip


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and all within it that are objects; references are not followed."""
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if not isinstance(found, dict):
            continue
        yield found
        for keyword in _SCHEMAS:
            waiting.append(found.get(keyword))
        for keyword in _SCHEMA_LISTS:
            waiting.extend(found[keyword] if isinstance(found.get(keyword), list) else [])
        for keyword in (*_SCHEMA_MAPS, "dependencies"):
            waiting.extend(found[keyword].values() if isinstance(found.get(keyword), dict) else [])
        items = found.get("items")
        waiting.extend(items if isinstance(items, list) else [items])
