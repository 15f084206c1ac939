"""Both schemas as one graph of sub-schemas: references resolved, annotations dropped, equal ones found.

Two sub-schemas get one class only if they accept the same values: they have the same keywords, and their children the
same classes. For recursive schemas that is coinduction, made finite by refining a partition until it stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from iot_common.compatibility.budget import Budget, BudgetExceededError
from iot_common.compatibility.exact import fraction_of
from iot_common.compatibility.partition import Partition
from iot_common.engine.draft07.compiler import CompiledSchema

MOST_NODES: Final = 20_000

_TYPES: Final = frozenset({"null", "boolean", "number", "string", "array", "object"})
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_LEAST_SIZES: Final = ("minLength", "minItems", "minProperties")
_MOST_SIZES: Final = ("maxLength", "maxItems", "maxProperties")


class Items(NamedTuple):
    """`items` and `additionalItems` as one: schemas by position, then that of all others."""

    prefix: tuple[int, ...]
    rest: int


class Members(NamedTuple):
    """`properties`, `patternProperties` and `additionalProperties` as one."""

    named: Mapping[str, int]
    patterns: Mapping[str, int]
    rest: int


class Conditional(NamedTuple):
    """`if`, `then` and `else`."""

    condition: int
    then: int
    otherwise: int


@dataclass(eq=False)
class Node:
    """One sub-schema. `keywords` holds only what constrains; children are numbers of nodes.

    Attributes:
        base: the base URI around the schema, as `CompiledSchema` wants it.
        never: the schema `false`.
        is_opaque: a reference that leads to itself without going down a level has no meaning.
    """

    number: int
    compiled: CompiledSchema
    schema: Any
    base: str
    keywords: dict[str, Any] = field(default_factory=dict)
    never: bool = False
    is_opaque: bool = False


class Graph:
    """Nodes of any number of documents, and their classes once `classify` has run."""

    def __init__(self, budget: Budget, *, asserts_format: Callable[[str], bool]) -> None:
        self._budget = budget
        self._asserts_format = asserts_format
        self.nodes: list[Node] = []
        self._known: dict[tuple[int, int, str], int] = {}
        self._waiting: list[Node] = []
        self._keep_alive: list[Any] = []
        self.class_of: list[int] = []
        self.member: dict[int, Node] = {}

    def add(self, compiled: CompiledSchema) -> int:
        """Adds a whole document; the number of its root."""
        root = self._number_of(compiled, compiled.schema, "")
        while self._waiting:
            self._fill(self._waiting.pop())
        return root

    def _number_of(self, compiled: CompiledSchema, schema: Any, base: str) -> int:
        schema, base, is_opaque = self._follow(compiled, schema, base)
        key = (id(compiled), id(schema) if isinstance(schema, dict) else int(schema), base)
        known = self._known.get(key)
        if known is not None:
            return known
        self._budget.spend()
        if len(self.nodes) >= MOST_NODES:
            raise BudgetExceededError
        node = Node(len(self.nodes), compiled, schema, base, never=schema is False, is_opaque=is_opaque)
        self._known[key] = node.number
        self._keep_alive.append(schema)
        self.nodes.append(node)
        if isinstance(schema, dict) and not is_opaque:
            self._waiting.append(node)
        return node.number

    @staticmethod
    def _follow(compiled: CompiledSchema, schema: Any, base: str) -> tuple[Any, str, bool]:
        """The schema behind references; beside `$ref` all other keywords are ignored (draft-07, 8.3)."""
        seen: set[int] = set()
        while isinstance(schema, dict):
            if not isinstance(schema.get("$ref"), str):
                return schema, base, False
            if id(schema) in seen:
                return schema, base, True
            seen.add(id(schema))
            schema, base = compiled.resolve(schema["$ref"], base)
        return schema, base, False

    def _fill(self, node: Node) -> None:
        schema, keywords = node.schema, node.keywords

        within = node.compiled.base_of(schema, node.base)

        def child(subschema: Any) -> int:
            return self._number_of(node.compiled, subschema, within)

        keywords.update(_plain_keywords(schema, self._asserts_format))
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in schema:
                keywords[keyword] = tuple(child(each) for each in schema[keyword])
        for keyword in ("not", "contains", "propertyNames"):
            if keyword in schema:
                keywords[keyword] = child(schema[keyword])
        if "if" in schema and ("then" in schema or "else" in schema):
            parts = (child(schema.get(part, True)) for part in ("if", "then", "else"))
            keywords["if"] = Conditional(*parts)
        _add_containers(schema, keywords, child)

    def classify(self) -> None:
        """Gives every node its class.

        Raises:
            BudgetExceededError: the schemas are too large for it, or one refers to itself without going down a
                level, which means nothing.
        """
        self._refuse_meaningless_loops()
        partition = Partition(self.nodes, self._budget)
        self.class_of = partition.classes()
        for node in self.nodes:
            self.member.setdefault(self.class_of[node.number], node)

    def _refuse_meaningless_loops(self) -> None:
        done: set[int] = set()
        for start in range(len(self.nodes)):
            path: dict[int, Iterator[int]] = {start: iter(_in_place(self.nodes[start]))}
            while path:
                number, remaining = next(reversed(path.items()))
                following = next((each for each in remaining if each not in done), None)
                if following is None:
                    done.add(number)
                    del path[number]
                elif following in path or self.nodes[following].is_opaque:
                    raise BudgetExceededError
                else:
                    path[following] = iter(_in_place(self.nodes[following]))
            if self.nodes[start].is_opaque:
                raise BudgetExceededError

    def node(self, number: int) -> Node:
        """The one node that stands for all of its class."""
        return self.member[self.class_of[number]]


def _add_containers(schema: Mapping[str, Any], keywords: dict[str, Any], child: Callable[[Any], int]) -> None:
    items = schema.get("items", True)
    prefix = tuple(child(each) for each in items) if isinstance(items, list) else ()
    rest = schema.get("additionalItems", True) if isinstance(items, list) else items
    if prefix or rest is not True:
        keywords["items"] = Items(prefix, child(rest))
    named = {name: child(each) for name, each in schema.get("properties", {}).items()}
    patterns = {name: child(each) for name, each in schema.get("patternProperties", {}).items()}
    others = schema.get("additionalProperties", True)
    if named or patterns or others is not True:
        keywords["members"] = Members(named, patterns, child(others))
    dependencies = {
        name: frozenset(each) if isinstance(each, list) else child(each)
        for name, each in schema.get("dependencies", {}).items()
    }
    if dependencies:
        keywords["dependencies"] = dependencies


def _plain_keywords(schema: Mapping[str, Any], asserts_format: Callable[[str], bool]) -> dict[str, Any]:
    """Keywords without children; those that constrain nothing are left out."""
    keywords: dict[str, Any] = {}
    if "type" in schema:
        given = schema["type"]
        types = frozenset(given if isinstance(given, list) else [given])
        types -= {"integer"} if "number" in types else frozenset()
        if not types >= _TYPES:
            keywords["type"] = types
    if "enum" in schema:
        keywords["enum"] = tuple(schema["enum"])
    if "const" in schema:
        keywords["const"] = (schema["const"],)
    for keyword in (*_BOUNDS, "multipleOf"):
        if keyword in schema:
            keywords[keyword] = fraction_of(schema[keyword])
    for keyword in (*_LEAST_SIZES, *_MOST_SIZES):
        if keyword in schema and (keyword in _MOST_SIZES or schema[keyword] > 0):
            keywords[keyword] = int(fraction_of(schema[keyword]))
    if schema.get("required"):
        keywords["required"] = frozenset(schema["required"])
    if schema.get("uniqueItems") is True:
        keywords["uniqueItems"] = True
    if isinstance(schema.get("pattern"), str):
        keywords["pattern"] = schema["pattern"]
    if isinstance(schema.get("format"), str) and asserts_format(schema["format"]):
        keywords["format"] = schema["format"]
    return keywords


def _in_place(node: Node) -> Iterator[int]:
    """Sub-schemas that judge the same value as the node."""
    for keyword in ("allOf", "anyOf", "oneOf", "if"):
        yield from node.keywords.get(keyword, ())
    if "not" in node.keywords:
        yield node.keywords["not"]
    yield from (each for each in node.keywords.get("dependencies", {}).values() if isinstance(each, int))
