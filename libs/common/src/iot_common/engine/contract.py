"""One version of the raw contract, compiled from its draft-07 schema into a tree of nodes.

A keyword that is not understood stops the compilation: a constraint is never silently ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.errors import ContractError
from iot_common.engine.exact_number import read_decimal, read_integer
from iot_common.engine.parse import child_path

_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$comment", "title", "description", "default", "examples"})
_TYPES: Final = frozenset({"null", "boolean", "integer", "number", "string", "object", "array"})
_FORMATS: Final = frozenset({"date-time"})
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_SIZES: Final = (
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_DRAFT_07: Final = "http://json-schema.org/draft-07/schema"


class UnsupportedKeywordError(ContractError):
    """A schema keyword that the engine does not know; validating without it would be a wrong verdict."""

    def __init__(self, contract: str, path: str, keyword: str) -> None:
        super().__init__(
            contract, path, f"keyword {keyword!r} is not supported; remove it or teach the engine"
        )
        self.keyword = keyword


@dataclass(frozen=True, slots=True)
class Pattern:
    """An ECMA-262 pattern with its compiled search."""

    text: str
    search: Callable[[str], object | None]


@dataclass(frozen=True, slots=True)
class Node:
    """The constraints of one path. None or empty means that the keyword is absent.

    Attributes:
        folded: lower-case spelling -> declared key, where only one declared key folds to it.
        additional: `additionalProperties`: True (open), False (closed), or the schema of the rest.
    """

    path: str
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

    @property
    def is_object(self) -> bool:
        """True for a path that only groups others."""
        return bool(self.properties) or self.types == ("object",)

    def descendants(self) -> Iterator[Node]:
        """This node and all declared below it, parents first, in the schema's order."""
        yield self
        for child in self.properties.values():
            yield from child.descendants()
        if self.items is not None:
            yield from self.items.descendants()


@dataclass(frozen=True)
class Contract:
    """One registered version: its compiled tree and its declared paths."""

    version: str
    root: Node
    schema: Mapping[str, Any]
    nodes: Mapping[str, Node]

    @property
    def leaf_paths(self) -> tuple[str, ...]:
        """Declared paths that carry a value of their own, in the schema's order."""
        return tuple(path for path, node in self.nodes.items() if not node.is_object)


def read_contract(version: str, schema_text: str | bytes) -> Contract:
    """Compile a contract from the text of its schema; numbers keep their exact text.

    Raises:
        ContractError: the text is no JSON, or no draft-07 schema.
        UnsupportedKeywordError: a keyword beyond those compiled here.
    """
    try:
        schema = json.loads(schema_text, parse_int=read_integer, parse_float=read_decimal)
    except ValueError as error:
        raise ContractError(version, "", f"the schema is not JSON ({error})") from error
    return compile_contract(version, schema)


def compile_contract(version: str, schema: Any) -> Contract:
    """Compile an already parsed schema. Raises as `read_contract`."""
    if not isinstance(schema, dict):
        raise ContractError(version, "", "a contract's schema must be an object")
    dialect = str(schema.get("$schema", _DRAFT_07)).rstrip("#").replace("https:", "http:")
    if dialect != _DRAFT_07:
        raise ContractError(version, "", f"written for {schema['$schema']}; draft-07 is required")
    root = _Compiler(version).node(schema, "")
    return Contract(version, root, schema, {node.path: node for node in root.descendants() if node.path})


class _Compiler:
    """Compiles sub-schemas; holds the contract's name for its errors."""

    def __init__(self, contract: str) -> None:
        self._contract = contract

    def node(self, schema: Any, path: str) -> Node:
        if isinstance(schema, bool):
            return Node(path, never=not schema)
        if not isinstance(schema, dict):
            raise ContractError(self._contract, path, "a schema must be an object or a boolean")
        known: dict[str, Any] = {}
        for keyword, argument in schema.items():
            if keyword not in _ANNOTATIONS:
                known.update(self._keyword(keyword, argument, path))
        bounds: dict[str, float] = {key: known.pop(key) for key in _BOUNDS if key in known}
        sizes: dict[str, int] = {key: known.pop(key) for key in _SIZES if key in known}
        return Node(path, bounds=bounds, sizes=sizes, **known)

    def _keyword(self, keyword: str, argument: Any, path: str) -> dict[str, Any]:
        if keyword in _BOUNDS:
            return {keyword: self._expect(keyword, argument, path, (int, float), "a number")}
        if keyword in _SIZES:
            if (
                not isinstance(argument, int | float)
                or isinstance(argument, bool)
                or argument < 0
                or argument % 1
            ):
                raise ContractError(self._contract, path, f"{keyword} must be a non-negative integer")
            return {keyword: int(argument)}
        compile_keyword = getattr(self, f"_on_{keyword.lower()}", None)
        if compile_keyword is None or not keyword.isascii():
            raise UnsupportedKeywordError(self._contract, path, keyword)
        compiled: dict[str, Any] = compile_keyword(argument, path)
        return compiled

    def _on_type(self, argument: Any, path: str) -> dict[str, Any]:
        types = argument if isinstance(argument, list) else [argument]
        if not types or any(not isinstance(each, str) or each not in _TYPES for each in types):
            raise ContractError(self._contract, path, f"unknown type {argument!r}")
        return {"types": tuple(types)}

    def _on_enum(self, argument: Any, path: str) -> dict[str, Any]:
        return {"enum": tuple(self._expect("enum", argument, path, (list,), "an array"))}

    def _on_const(self, argument: Any, _path: str) -> dict[str, Any]:
        return {"const": (argument,)}

    def _on_pattern(self, argument: Any, path: str) -> dict[str, Any]:
        text = self._expect("pattern", argument, path, (str,), "a string")
        return {"pattern": Pattern(text, compile_pattern(text))}

    def _on_format(self, argument: Any, path: str) -> dict[str, Any]:
        name = self._expect("format", argument, path, (str,), "a string")
        if name not in _FORMATS:
            raise UnsupportedKeywordError(self._contract, path, f"format: {name}")
        return {"format": name}

    def _on_required(self, argument: Any, path: str) -> dict[str, Any]:
        names = self._expect("required", argument, path, (list,), "an array")
        if any(not isinstance(name, str) for name in names):
            raise ContractError(self._contract, path, "required must list strings")
        return {"required": tuple(names)}

    def _on_properties(self, argument: Any, path: str) -> dict[str, Any]:
        members = self._expect("properties", argument, path, (dict,), "an object")
        children = {key: self.node(schema, child_path(path, key)) for key, schema in members.items()}
        return {"properties": children, "folded": _fold(children)}

    def _on_additionalproperties(self, argument: Any, path: str) -> dict[str, Any]:
        if isinstance(argument, bool):
            return {"additional": argument}
        return {"additional": self.node(argument, child_path(path, "*"))}

    def _on_items(self, argument: Any, path: str) -> dict[str, Any]:
        if isinstance(argument, list):
            raise UnsupportedKeywordError(self._contract, path, "items: array of schemas")
        return {"items": self.node(argument, path + "[]")}

    def _on_uniqueitems(self, argument: Any, path: str) -> dict[str, Any]:
        return {"unique_items": self._expect("uniqueItems", argument, path, (bool,), "a boolean")}

    def _expect(self, keyword: str, argument: Any, path: str, kinds: tuple[type, ...], what: str) -> Any:
        if not isinstance(argument, kinds) or (isinstance(argument, bool) and bool not in kinds):
            raise ContractError(self._contract, path, f"{keyword} must be {what}")
        return argument


def _fold(children: Mapping[str, Node]) -> dict[str, str]:
    """ASCII only: Unicode folding maps other letters (the Kelvin sign, long s) onto ours."""
    spelled: dict[str, list[str]] = {}
    for key in children:
        if key.isascii():
            spelled.setdefault(key.lower(), []).append(key)
    return {lower: keys[0] for lower, keys in spelled.items() if len(keys) == 1}
