"""Writes the code of sub-schemas: one function each where it must be, in line where it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.asserted_formats import FormatCheck
from iot_common.engine.draft07.combinators import short_expression, write_combinators
from iot_common.engine.draft07.containers import write_array, write_object
from iot_common.engine.draft07.kinds import allowed_kinds, write_branches, write_kind_test
from iot_common.engine.draft07.places import Atlas, Place, PlaceKey, is_foreign
from iot_common.engine.draft07.scalars import (
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
INLINE_LISTED: Final = 16
"""Values and keys that a schema may list and still be written in each place that refers to it."""

_ASSERTIONS: Final = frozenset(
    {
        "additionalItems", "additionalProperties", "allOf", "anyOf", "const", "contains", "dependencies", "enum",
        "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxItems", "maxLength", "maxProperties",
        "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
        "patternProperties", "properties", "propertyNames", "required", "type", "uniqueItems",
    }
)  # fmt: skip


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
        asked = _ASSERTIONS & settled.schema.keys()
        short = None
        if not is_foreign(settled):
            short = short_expression(self.names, settled.schema, asked, variable)
        return short or f"{self._request(settled)}({variable})"

    def _must_call(self, code: FunctionSource, place: Place, settled: Place, depth: int) -> bool:
        if is_foreign(settled) or settled.key in self.remembered:
            return True
        if depth >= INLINE_DEPTH or code.size > INLINE_LINES:
            return True
        by_reference = place.schema is not settled.schema
        return by_reference and not _is_small(settled.schema)

    def _schema(self, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
        kinds, integer = allowed_kinds(place.schema)
        if not kinds:
            code.line("return False")
            return
        if len(kinds) == 1:
            write_kind_test(code, kinds[0], variable)
            self._kind(code, place, kinds[0], variable, depth, integer=integer)
        else:
            bodies: dict[str, list[str]] = {kind: [] for kind in kinds}
            for kind, lines in bodies.items():
                with code.set_aside(lines):
                    self._kind(code, place, kind, variable, depth, integer=integer)
            write_branches(code, bodies, variable)
        write_combinators(self, code, place, variable, depth)

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


def _is_small(schema: dict[str, Any]) -> bool:
    """Whether a schema may be written wherever it is referred to, and not only once."""
    listed = sum(len(argument) for argument in schema.values() if isinstance(argument, list | dict))
    return listed <= INLINE_LISTED and next(keywords.children(schema), None) is None
