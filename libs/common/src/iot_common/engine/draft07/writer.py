"""Writes the code of sub-schemas: one function each where it must be, in line where it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.asserted_formats import FormatCheck
from iot_common.engine.draft07.containers import write_array, write_object
from iot_common.engine.draft07.places import Atlas, Place, PlaceKey, is_foreign
from iot_common.engine.draft07.scalars import (
    kind_of,
    listed_values,
    write_exact_number,
    write_listed,
    write_plain_number,
    write_string,
)
from iot_common.engine.draft07.source import FunctionSource, Namespace

INLINE_DEPTH: Final = 6
"""Python nests no more than 20 loops and 100 levels of indentation; deeper sub-schemas get a function."""
INLINE_LINES: Final = 1_000
"""A function this long gains nothing from more code in line."""

_ASSERTIONS: Final = frozenset(
    {
        "additionalItems", "additionalProperties", "allOf", "anyOf", "const", "contains", "dependencies", "enum",
        "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxItems", "maxLength", "maxProperties",
        "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
        "patternProperties", "properties", "propertyNames", "required", "type", "uniqueItems",
    }
)  # fmt: skip
_KINDS: Final = ("string", "number", "object", "array", "boolean", "null")
_TYPE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("str",),
    "number": ("float", "int", "Exact"),
    "object": ("dict",),
    "array": ("list",),
    "boolean": ("bool",),
    "null": ("NoneType",),
}


class SchemaWriter:
    """Writes functions; `request` names the function of a place, and has it written later."""

    def __init__(
        self,
        atlas: Atlas,
        formats: Mapping[str, FormatCheck],
        names: Namespace,
        request: Callable[[Place], str],
    ) -> None:
        self.names = names
        self.remembered: set[PlaceKey] = set()
        self._atlas = atlas
        self._formats = formats
        self._request = request
        names.names["NoneType"] = type(None)

    def function(self, place: Place, name: str) -> str:
        """The source of the function of a settled place."""
        code = FunctionSource(name)
        if place.schema is False:
            code.line("return False")
        elif place.schema is not True:
            self._schema(code, place, "v", 0)
        return code.text()

    def asserts(self, place: Place) -> bool:
        """Whether a schema can refuse anything."""
        settled = self._atlas.settle(place)
        if isinstance(settled.schema, bool):
            return not settled.schema
        return not _ASSERTIONS.isdisjoint(settled.schema) or is_foreign(settled)

    def child(self, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
        """A sub-schema's checks of a variable: in line, or as a call."""
        settled = self._atlas.settle(place)
        if settled.schema is False:
            code.line("return False")
        elif not self.asserts(settled):
            return
        elif self._must_call(code, place, settled, depth):
            code.refuse(f"not {self._request(settled)}({variable})")
        else:
            self._schema(code, settled, variable, depth + 1)

    def expression(self, place: Place, variable: str) -> str:
        """True where a variable conforms to a sub-schema."""
        settled = self._atlas.settle(place)
        if settled.schema is False or not self.asserts(settled):
            return str(settled.schema is not False)
        short = None if is_foreign(settled) else self._short_expression(settled.schema, variable)
        return short or f"{self._request(settled)}({variable})"

    def _short_expression(self, schema: dict[str, Any], variable: str) -> str | None:
        """What alternatives mostly ask: one type, a text out of a few, a key that must be there."""
        asked = _ASSERTIONS & schema.keys()
        if asked == {"type"}:
            types = _names_of(schema["type"])
            return f"type({variable}) is {types[0]}" if types is not None and len(types) == 1 else None
        if asked == {"required"}:
            present = "".join(f" and {self.names.constant(key)} in {variable}" for key in schema["required"])
            return f"(type({variable}) is not dict or True{present})"
        if asked in ({"const"}, {"enum"}, {"const", "type"}, {"enum", "type"}):
            kinds, _ = _allowed_kinds(schema)
            if kinds == {"string"}:
                (values,) = listed_values(schema)
                texts = frozenset(value for value in values if isinstance(value, str))
                return f"(type({variable}) is str and {variable} in {self.names.constant(texts)})"
        return None

    def _must_call(self, code: FunctionSource, place: Place, settled: Place, depth: int) -> bool:
        if is_foreign(settled) or settled.key in self.remembered:
            return True
        if depth >= INLINE_DEPTH or code.size > INLINE_LINES:
            return True
        by_reference = place.schema is not settled.schema
        return by_reference and next(keywords.children(settled.schema), None) is not None

    def _schema(self, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
        allowed, integer = _allowed_kinds(place.schema)
        if not allowed:
            code.line("return False")
            return
        bodies: dict[str, list[str]] = {}
        single = len(allowed) == 1 and "number" not in allowed
        if single:
            (kind,) = allowed
            name = _TYPE_NAMES[kind][0]
            code.refuse(f"{variable} is not None" if kind == "null" else f"type({variable}) is not {name}")
            self._kind(code, place, kind, variable, depth, integer=integer)
        else:
            for kind in _KINDS:
                if kind in allowed:
                    for test in (("float", "int"), ("Exact",)) if kind == "number" else (_TYPE_NAMES[kind],):
                        lines: list[str] = []
                        with code.set_aside(lines):
                            part = "exact" if test == ("Exact",) else kind
                            self._kind(code, place, part, variable, depth, integer=integer)
                        bodies[" ".join(test)] = lines
            _write_branches(code, bodies, variable, all_kinds=len(allowed) == len(_KINDS))
        self._combinators(code, place, variable, depth)

    def _kind(
        self, code: FunctionSource, place: Place, kind: str, variable: str, depth: int, *, integer: bool
    ) -> None:
        schema = place.schema
        write_listed(code, self.names, listed_values(schema), "number" if kind == "exact" else kind, variable)
        if kind == "string":
            write_string(code, self.names, schema, self._formats, variable)
        elif kind == "number":
            write_plain_number(code, self.names, schema, variable, integer=integer)
        elif kind == "exact":
            write_exact_number(code, self.names, schema, variable, integer=integer)
        elif kind == "object":
            write_object(self, code, place, variable, depth)
        elif kind == "array":
            write_array(self, code, place, variable, depth)

    def _combinators(self, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
        schema = place.schema
        for number, each in enumerate(schema.get("allOf", ())):
            self.child(code, place.below(each, "allOf", number), variable, depth)
        if "anyOf" in schema:
            alternatives = self._alternatives(place, "anyOf", variable)
            if "True" not in alternatives:
                code.refuse(f"not ({' or '.join(alternatives)})")
        if "oneOf" in schema:
            self._one_of(code, place, variable)
        if "not" in schema:
            code.refuse(self.expression(place.below(schema["not"], "not"), variable))
        if "if" in schema:
            self._conditional(code, place, variable, depth)

    def _alternatives(self, place: Place, keyword: str, variable: str) -> list[str]:
        return [
            self.expression(place.below(each, keyword, number), variable)
            for number, each in enumerate(place.schema[keyword])
        ]

    def _one_of(self, code: FunctionSource, place: Place, variable: str) -> None:
        found = code.variable()
        code.line(f"{found} = False")
        for alternative in self._alternatives(place, "oneOf", variable):
            with code.block(f"if {alternative}:"):
                code.refuse(found)
                code.line(f"{found} = True")
        code.refuse(f"not {found}")

    def _conditional(self, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
        branches = {}
        for keyword in ("then", "else"):
            lines: list[str] = []
            if keyword in place.schema:
                with code.set_aside(lines):
                    self.child(code, place.below(place.schema[keyword], keyword), variable, depth)
            branches[keyword] = lines
        if not any(branches.values()):
            return
        code.line(f"if {self.expression(place.below(place.schema['if'], 'if'), variable)}:")
        code.lines.extend(branches["then"] or [" " * (code.indent + 1) + "pass"])
        if branches["else"]:
            code.line("else:")
            code.lines.extend(branches["else"])


def _allowed_kinds(schema: dict[str, Any]) -> tuple[frozenset[str], bool]:
    """The kinds of values that `type`, `enum` and `const` leave, and whether numbers must be whole."""
    types = schema.get("type", ["number", *_KINDS])
    named = {types} if isinstance(types, str) else set(types)
    integer = "integer" in named and "number" not in named
    kinds = {"number" if each == "integer" else each for each in named}
    for values in listed_values(schema):
        kinds &= {kind_of(value) for value in values}
    return frozenset(kinds), integer


def _names_of(types: Any) -> tuple[str, ...] | None:
    """The Python types of JSON types, where a type says it all: a whole float is an integer too."""
    named = [types] if isinstance(types, str) else types
    if "integer" in named and "number" not in named:
        return None
    return tuple(name for kind in named if kind != "integer" for name in _TYPE_NAMES[kind])


def _write_branches(
    code: FunctionSource, bodies: Mapping[str, list[str]], variable: str, *, all_kinds: bool
) -> None:
    """One branch per kind that has checks; the others are let through, or refused where not allowed."""
    checked = {types: lines for types, lines in bodies.items() if lines}
    unchecked = [name for types, lines in bodies.items() if not lines for name in types.split()]
    if not checked and all_kinds:
        return
    kind = f"type({variable})"
    if len(checked) + len(unchecked) > 1:
        code.line(f"t = {kind}")
        kind = "t"
    word = "if"
    for types, lines in checked.items():
        code.line(f"{word} {' or '.join(f'{kind} is {name}' for name in types.split())}:")
        code.lines.extend(lines)
        word = "elif"
    if not all_kinds:
        refusal = " and ".join(f"{kind} is not {name}" for name in unchecked)
        code.line(f"{word} {refusal}: return False" if refusal else "else: return False")
