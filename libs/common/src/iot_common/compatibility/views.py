"""A schema as a reader sees it: references followed, `allOf` merged, a lone alternative taken for itself.

For the list of changes only. The proofs never use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from iot_common.compatibility.exact import identity, is_number, type_of
from iot_common.engine.draft07.compiler import CompiledSchema
from iot_common.engine.exact_number import is_integral

_DEEPEST: Final = 40
_MOST_MERGED: Final = 300
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
ALL_TYPES: Final = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
"""`number` is `integer` and `fraction`."""


class Placed(NamedTuple):
    """A sub-schema of a document and the base URI around it."""

    document: CompiledSchema
    schema: Any
    base: str

    def child(self, schema: Any) -> Placed:
        """A schema within this one."""
        return Placed(self.document, schema, self.document.base_of(self.schema, self.base))


View = dict[str, Any]
"""Keyword to argument. Arguments that are schemas are Placed; `false` is the key `never`."""


class Views:
    """Makes views, each once: references may lead to one place by more ways than can be walked."""

    def __init__(self) -> None:
        self._views: dict[tuple[int, int, str], View] = {}
        self._types: dict[int, tuple[View, frozenset[str]]] = {}

    def view(self, placed: Placed, depth: int = 0) -> View:
        """The keywords of a schema, with what `$ref`, `allOf` and a lone `anyOf` or `oneOf` bring in."""
        placed = followed(placed)
        key = (id(placed.document), id(placed.schema), placed.base)
        if key not in self._views:
            self._views[key] = self._made(placed, depth)
        return self._views[key]

    def _made(self, placed: Placed, depth: int) -> View:
        if isinstance(placed.schema, bool) or depth > _DEEPEST:
            return {} if placed.schema is not False else {"never": True}
        view = {keyword: _placed_argument(placed, keyword, each) for keyword, each in placed.schema.items()}
        for keyword in ("allOf", "anyOf", "oneOf"):
            parts = view.get(keyword, [])
            if parts and (len(parts) == 1 or (keyword == "allOf" and len(parts) <= _MOST_MERGED)):
                del view[keyword]
                for part in parts:
                    view = merged(view, self.view(part, depth + 1))
        return view

    def types(self, view: View, depth: int = 0) -> frozenset[str]:
        """The types of the values that a view may accept, also where only values or alternatives tell them."""
        known = self._types.get(id(view))
        if known is not None:
            return known[1]
        types = _own_types(view)
        for keyword in ("anyOf", "oneOf"):
            if keyword in view and depth < _DEEPEST:
                types &= frozenset().union(
                    *(self.types(self.view(each), depth + 1) for each in view[keyword])
                )
        self._types[id(view)] = view, types
        return types


def _own_types(view: View) -> frozenset[str]:
    if view.get("never"):
        return frozenset()
    types = ALL_TYPES
    if "type" in view:
        types = frozenset(one for each in _listed(view["type"]) for one in _parts(each))
    for values in (view.get("enum"), [view["const"]] if "const" in view else None):
        if values is not None:
            types &= frozenset(_exact_type(value) for value in values)
    return types


def followed(placed: Placed) -> Placed:
    """What the references lead to."""
    for _ in range(_DEEPEST):
        if not isinstance(placed.schema, dict) or not isinstance(placed.schema.get("$ref"), str):
            break
        within = placed.document.base_of(placed.schema, placed.base)
        placed = Placed(placed.document, *placed.document.resolve(placed.schema["$ref"], within))
    return placed


def _placed_argument(placed: Placed, keyword: str, argument: Any) -> Any:
    if keyword in ("properties", "patternProperties"):
        return {name: placed.child(each) for name, each in argument.items()}
    if keyword in ("allOf", "anyOf", "oneOf"):
        return [placed.child(each) for each in argument]
    if keyword == "items":
        return (
            [placed.child(each) for each in argument]
            if isinstance(argument, list)
            else placed.child(argument)
        )
    if keyword in ("not", "if", "then", "else", "contains", "propertyNames"):
        return placed.child(argument)
    if keyword in ("additionalProperties", "additionalItems"):
        return argument if isinstance(argument, bool) else placed.child(argument)
    if keyword == "dependencies":
        return {n: each if isinstance(each, list) else placed.child(each) for n, each in argument.items()}
    return argument


def merged(left: View, right: View) -> View:
    """Both at once, as far as one keyword can say it; what cannot be said stays in a list under `allOf`."""
    both = dict(left)
    for keyword, argument in right.items():
        if keyword not in both:
            both[keyword] = argument
        elif keyword == "required":
            both[keyword] = sorted({*both[keyword], *argument})
        elif keyword in ("properties", "patternProperties"):
            both[keyword] = {**argument, **both[keyword]}
        elif keyword in _LOWER or keyword in _UPPER:
            both[keyword] = (max if keyword in _LOWER else min)(both[keyword], argument)
        elif keyword == "type":
            both[keyword] = [each for each in _listed(argument) if each in _listed(both[keyword])] or argument
        elif keyword in ("additionalProperties", "additionalItems") and argument is False:
            both[keyword] = False
    return both


def _listed(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


def _parts(json_type: str) -> tuple[str, ...]:
    return ("integer", "fraction") if json_type == "number" else (json_type,)


def _exact_type(value: Any) -> str:
    if is_number(value):
        return "integer" if is_integral(value) else "fraction"
    return type_of(value)


def spelled_types(types: Iterable[str]) -> list[str]:
    """The types as a schema would name them."""
    found = set(types)
    if "fraction" in found:
        found = (found - {"fraction", "integer"}) | {"number"}
    return sorted(found)


def plain(argument: Any) -> Any:
    """An argument without the documents it came from, for output."""
    if isinstance(argument, Placed):
        return argument.schema
    if isinstance(argument, list):
        return [plain(each) for each in argument]
    if isinstance(argument, Mapping):
        return {key: plain(each) for key, each in argument.items()}
    return argument


def same(left: Any, right: Any) -> bool:
    """Equal as JSON values: `1` and `1.0` are, `1` and `true` are not."""
    return bool(identity(plain(left)) == identity(plain(right)))
