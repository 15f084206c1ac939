"""One version of the raw contract: its verdict, the rules that classification walks by, and its declared paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from iot_common.engine.draft07.compiler import CompiledSchema, Formats, compile_schema, read_schema
from iot_common.engine.ecma_pattern import PatternTimeoutError, compile_pattern
from iot_common.engine.errors import ContractError
from iot_common.engine.location import Location, Locations
from iot_common.engine.parse import child_path
from iot_common.engine.rules import Rules
from iot_common.engine.rules_compiler import compile_rules

__all__ = ["Contract", "ContractError", "Node", "Pattern", "compile_contract", "read_contract"]

_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_SIZES: Final = (
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_DEPTH_LIMIT: Final = 32
"""Levels of declared paths: a record is not deeper. A recursive schema would go on for ever."""
_NODES_LIMIT: Final = 10_000
"""Declared paths of one contract; further ones are left out of the list, never out of the verdict."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An ECMA-262 pattern with its search: something true, or None where the text is not known to match.

    A text without a verdict (PatternTimeoutError) gives None too: it is the general walk that tells both apart.
    """

    text: str
    search: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Node:
    """What is declared at one path. None or empty means that nothing is said.

    Where several sub-schemas speak (`allOf`, `anyOf`, `$ref` and so on), `types`, `enum`, `properties` and `items`
    are what they declare together, and the other constraints are left out.

    Attributes:
        plain: True where one sub-schema speaks, and these attributes say all of it.
        folded: lower-case spelling -> declared key, where only one declared key folds to it.
        additional: `additionalProperties`: True (open), False (closed), or the schema of the rest.
        is_object: True for a path that only groups others.
    """

    path: str
    plain: bool = True
    types: tuple[str, ...] = ()
    enum: tuple[Any, ...] | None = None
    const: tuple[Any, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    pattern: Pattern | None = None
    format: str | None = None
    required: tuple[str, ...] = ()
    properties: Mapping[str, Node] = field(default_factory=dict)
    folded: Mapping[str, str] = field(default_factory=dict)
    additional: bool | Node = True
    items: Node | None = None
    unique_items: bool = False
    never: bool = False
    is_object: bool = False

    def descendants(self) -> Iterator[Node]:
        """This node and all declared below it, parents first, in the schema's order."""
        yield self
        for child in self.properties.values():
            yield from child.descendants()
        if self.items is not None:
            yield from self.items.descendants()


@dataclass(frozen=True)
class Contract:
    """One registered version.

    Attributes:
        root: the tree of declared paths; a recursive schema is followed once round its circle.
        nodes: path -> what is declared there, the top level left out.
        compiled: the draft-07 verdict.
        top: where the walk of `classify` begins.
    """

    version: str
    root: Node
    schema: Any
    nodes: Mapping[str, Node]
    compiled: CompiledSchema
    top: Location

    @property
    def leaf_paths(self) -> tuple[str, ...]:
        """Declared paths that carry a value of their own, in the schema's order."""
        return tuple(path for path, node in self.nodes.items() if not node.is_object)


def read_contract(version: str, schema_text: str | bytes) -> Contract:
    """Compile a contract from the text of its schema; numbers keep their exact text.

    Raises:
        ContractError: the text is no JSON, no valid draft-07, or has a `$ref` that leads nowhere.
    """
    return compile_contract(version, read_schema(schema_text, name=version))


def compile_contract(
    version: str,
    schema: Any,
    formats: Formats = Formats.ASSERT,
    documents: Mapping[str, Any] | None = None,
) -> Contract:
    """Compile an already parsed schema; `documents` (URI -> schema) are all that a `$ref` may reach beside it.

    Raises:
        ContractError: the schema is no valid draft-07, or has a `$ref` that leads nowhere.
    """
    compiled = compile_schema(schema, name=version, formats=formats, documents=documents)
    top = Locations().at([compile_rules(compiled)])
    root = _Tree(compiled.formats).node(top, "", ())
    nodes = {node.path: node for node in root.descendants() if node.path}
    return Contract(version, root, schema, nodes, compiled, top)


class _Tree:
    """Unfolds locations into nodes with paths."""

    def __init__(self, formats: Mapping[str, Callable[[str], bool]]) -> None:
        self._formats = formats
        self._count = 0

    def node(self, place: Location, path: str, above: tuple[Location, ...]) -> Node:
        self._count += 1
        only = place.declaring[0] if len(place.declaring) == 1 and place.rules else None
        shown: dict[str, Any] = {"plain": False, "types": place.types, "enum": place.enum}
        shown["is_object"] = place.is_object
        if only is not None and only.plain:
            shown |= self._shown(only)
        ends = place in above or len(above) >= _DEPTH_LIMIT or self._count > _NODES_LIMIT
        if not ends:
            shown |= self._below(place, path, (*above, place))
        return Node(path, required=place.required, folded=place.folded, **shown)

    def _below(self, place: Location, path: str, above: tuple[Location, ...]) -> dict[str, Any]:
        children = {
            key: self.node(child, child_path(path, key), above) for key, child in place.properties.items()
        }
        rest: bool | Node = not place.closed
        if place.rest.declaring:
            rest = self.node(place.rest, child_path(path, "*"), above)
        items = self.node(place.items, path + "[]", above) if place.items.declaring else None
        return {"properties": children, "additional": rest, "items": items}

    def _shown(self, rules: Rules) -> dict[str, Any]:
        schema = rules.schema
        if isinstance(schema, bool):
            return {"plain": True, "never": not schema}
        pattern, name = schema.get("pattern"), schema.get("format")
        return {
            "plain": True,
            "const": (schema["const"],) if "const" in schema else (),
            "bounds": {keyword: schema[keyword] for keyword in _BOUNDS if keyword in schema},
            "sizes": {keyword: int(schema[keyword]) for keyword in _SIZES if keyword in schema},
            "pattern": None if pattern is None else _pattern(pattern),
            "format": name if name in self._formats else None,
            "unique_items": bool(schema.get("uniqueItems")),
        }


def _pattern(text: str) -> Pattern:
    search = compile_pattern(text)

    def known_match(value: str) -> object:
        try:
            return search(value)
        except PatternTimeoutError:
            return None

    return Pattern(text, known_match)
