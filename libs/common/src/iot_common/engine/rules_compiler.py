"""From a draft-07 schema to `Rules`, sub-schema by sub-schema, without recursion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from iot_common.engine import checks
from iot_common.engine.checks import KINDS, Check, Verdict
from iot_common.engine.draft07.compiler import CompiledSchema
from iot_common.engine.draft07.documents import dialect_of
from iot_common.engine.draft07.keywords import reference_of
from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.exact_number import compare
from iot_common.engine.rules import Alternatives, Choice, Conditional, Dependent, Rules

_NUMBERS: Final = ("integer", "number")
_SIZES: Final = {"Length": "string", "Items": "array", "Properties": "object"}
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_BEYOND_ALL_SIZES: Final = 2**53
_NOT_PLAIN: Final = frozenset(
    {
        "$ref", "additionalItems", "allOf", "anyOf", "contains", "dependencies", "if", "multipleOf", "not", "oneOf",
        "patternProperties", "propertyNames",
    }
)  # fmt: skip
"""Keywords that a `Node` does not show."""


def compile_rules(compiled: CompiledSchema) -> Rules:
    """The rules of the root schema; those of all that it leads to hang on them."""
    return _Compiler(compiled).all()


class _Compiler:
    """Hands out the `Rules` of a sub-schema at once and fills them later, so that circles close."""

    def __init__(self, compiled: CompiledSchema) -> None:
        self._compiled = compiled
        self._known: dict[tuple[int, str], Rules] = {}
        self._pending: list[tuple[Rules, str]] = []

    def all(self) -> Rules:
        root = self._rules(self._compiled.schema, "")
        while self._pending:
            rules, base = self._pending.pop()
            self._fill(rules, base)
        return root

    def _rules(self, schema: Any, base: str) -> Rules:
        schema, base = self._settled(schema, base)
        key = (id(schema), base)
        rules = self._known.get(key)
        if rules is None:
            rules = self._known[key] = Rules(schema)
            self._pending.append((rules, base))
        return rules

    def _settled(self, schema: Any, base: str) -> tuple[Any, str]:
        """The end of a chain of references; `compile_schema` has refused circles."""
        reference = reference_of(schema)
        while reference is not None and dialect_of(schema) is None:
            schema, base = self._compiled.resolve(reference, base)
            reference = reference_of(schema)
        return schema, base

    def _verdict(self, schema: Any, base: str) -> Verdict:
        compiled = self._compiled
        return lambda value: compiled.is_valid_at(schema, base, value)

    def _fill(self, rules: Rules, base: str) -> None:
        schema = rules.schema
        if isinstance(schema, bool):
            rules.checks = dict.fromkeys(KINDS, () if schema else (checks.never,))
            return
        dialect = dialect_of(schema)
        if dialect is not None:
            rules.plain = False
            check = checks.foreign_check(dialect, self._verdict(schema, base))
            rules.checks = dict.fromkeys(KINDS, (check,))
            return
        within = self._compiled.base_of(schema, base)
        rules.plain = _NOT_PLAIN.isdisjoint(schema) and not isinstance(schema.get("items"), list)
        self._fill_types(rules, schema)
        rules.checks = self._checks(schema, within)
        rules.range_checks = tuple(_bound_checks(schema))
        self._fill_object(rules, schema, within)
        self._fill_array(rules, schema, within)
        rules.all_of = tuple(self._rules(each, within) for each in schema.get("allOf", ()))
        rules.choices = tuple(self._choices(schema, within))

    def _fill_types(self, rules: Rules, schema: dict[str, Any]) -> None:
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            rules.types = tuple(types)
            rules.kinds = frozenset({*types, "integer"} if "number" in types else types)
        rules.enum = tuple(schema["enum"]) if "enum" in schema else None

    def _checks(self, schema: dict[str, Any], base: str) -> dict[str, tuple[Check, ...]]:
        found: dict[str, list[Check]] = {kind: [] for kind in KINDS}

        def add(check: Check, *kinds: str) -> None:
            for kind in kinds or KINDS:
                found[kind].append(check)

        if "enum" in schema:
            add(checks.enum_check(schema["enum"]))
        if "const" in schema:
            add(checks.const_check(schema["const"]))
        if "pattern" in schema:
            add(checks.pattern_check(schema["pattern"]), "string")
        self._add_format(schema, add)
        for check in _bound_checks(schema):
            add(check, *_NUMBERS)
        if "multipleOf" in schema:
            add(checks.multiple_check(schema["multipleOf"]), *_NUMBERS)
        for what, kind in _SIZES.items():
            for keyword in (f"min{what}", f"max{what}"):
                if keyword in schema:
                    add(checks.size_check(keyword, _as_count(schema[keyword])), kind)
        self._add_judged(schema, base, add)
        return {kind: tuple(each) for kind, each in found.items()}

    def _add_format(self, schema: dict[str, Any], add: Callable[..., None]) -> None:
        name = schema.get("format", "")
        if name not in self._compiled.formats:
            return
        if name == "date-time":
            add(checks.date_time_check, "string")
        else:
            add(checks.format_check(name, self._compiled.formats[name]), "string")

    def _add_judged(self, schema: dict[str, Any], base: str, add: Callable[..., None]) -> None:
        """Keywords about a whole container, some of them by another schema's verdict."""
        if schema.get("uniqueItems"):
            add(checks.unique_check, "array")
        if isinstance(schema.get("items"), list) and schema.get("additionalItems") is False:
            add(checks.closed_array_check(len(schema["items"])), "array")
        if "contains" in schema:
            argument = schema["contains"]
            add(checks.contains_check(argument, self._verdict(argument, base)), "array")
        if "propertyNames" in schema:
            argument = schema["propertyNames"]
            add(checks.names_check(argument, self._verdict(argument, base)), "object")
        for key, argument in schema.get("dependencies", {}).items():
            if isinstance(argument, list):
                add(checks.needed_keys_check(key, argument), "object")
        if "not" in schema:
            add(checks.not_check(schema["not"], self._verdict(schema["not"], base)))

    def _fill_object(self, rules: Rules, schema: dict[str, Any], base: str) -> None:
        rules.required = tuple(schema.get("required", ()))
        members = schema.get("properties", {}).items()
        rules.properties = {key: self._rules(each, base) for key, each in members}
        rules.patterns = tuple(
            (compile_pattern(pattern), self._rules(each, base))
            for pattern, each in schema.get("patternProperties", {}).items()
        )
        additional = schema.get("additionalProperties", True)
        rules.additional = additional if isinstance(additional, bool) else self._rules(additional, base)

    def _fill_array(self, rules: Rules, schema: dict[str, Any], base: str) -> None:
        items = schema.get("items")
        if isinstance(items, list):
            rules.item_list = tuple(self._rules(each, base) for each in items)
            # `false` is told of the array as a whole.
            items = schema.get("additionalItems", False)
            items = None if items is False else items
        rules.items = None if items is None else self._rules(items, base)
        rules.seen_items = (self._rules(schema["contains"], base),) if "contains" in schema else ()

    def _choices(self, schema: dict[str, Any], base: str) -> list[Choice]:
        found: list[Choice] = [
            Alternatives(
                keyword,
                tuple((self._rules(each, base), self._verdict(each, base)) for each in schema[keyword]),
            )
            for keyword in ("anyOf", "oneOf")
            if keyword in schema
        ]
        if "if" in schema:
            then, otherwise = (
                (self._rules(schema[keyword], base),) if keyword in schema else ()
                for keyword in ("then", "else")
            )
            condition = schema["if"]
            found.append(
                Conditional(self._rules(condition, base), self._verdict(condition, base), then, otherwise)
            )
        found.extend(
            Dependent(key, self._rules(argument, base))
            for key, argument in schema.get("dependencies", {}).items()
            if not isinstance(argument, list)
        )
        return found


def _bound_checks(schema: dict[str, Any]) -> list[Check]:
    return [checks.bound_check(keyword, schema[keyword]) for keyword in _BOUNDS if keyword in schema]


def _as_count(size: float) -> int:
    """The number of a size keyword, `2.0` included; nothing is longer than 2^53."""
    return int(size) if compare(size, _BEYOND_ALL_SIZES) < 0 else _BEYOND_ALL_SIZES
