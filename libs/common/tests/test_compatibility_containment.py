"""Containment of schemas: proven, refuted by a record, or unknown; the cases that other tools get wrong."""

from __future__ import annotations

import time
from typing import Any

import pytest

from iot_common.compatibility.containment import Comparison, Containment
from iot_common.compatibility.documents import versioned_schema
from iot_common.engine.draft07.compiler import Formats, read_schema
from iot_common.engine.errors import ContractError


def comparison(old: Any, new: Any, formats: Formats = Formats.ASSERT, seconds: float = 6.0) -> Comparison:
    sides = [
        versioned_schema(each, name=name, formats=formats) for each, name in ((old, "old"), (new, "new"))
    ]
    return Comparison(*sides, formats=formats, seconds=seconds)


def both(old: Any, new: Any, formats: Formats = Formats.ASSERT) -> tuple[bool | None, bool | None]:
    """Backward and forward; a counter-example must tell the two apart."""
    judged = comparison(old, new, formats)
    verdicts = judged.backward(), judged.forward()
    for verdict, accepts, refuses in zip(verdicts, (old, new), (new, old), strict=True):
        if verdict.holds is False:
            assert versioned_schema(accepts, name="a", formats=formats).compiled.is_valid(
                verdict.counter_example
            )
            assert not versioned_schema(refuses, name="r", formats=formats).compiled.is_valid(
                verdict.counter_example
            )
    return verdicts[0].holds, verdicts[1].holds


TREE = {"type": "object", "properties": {"next": {"$ref": "#"}, "value": {"type": "integer"}}}
WIDER_TREE = {"type": "object", "properties": {"next": {"$ref": "#"}, "value": {"type": "number"}}}

CASES: list[tuple[str, Any, Any, tuple[bool | None, bool | None]]] = [
    ("1.0 is an integer", {"enum": [1.0, 2]}, {"type": "integer"}, (True, False)),
    ("true is no number", {"enum": [1]}, {"enum": [True]}, (False, False)),
    ("integer widens to number", {"type": "integer"}, {"type": "number"}, (True, False)),
    ("integer is a multiple of one", {"type": "integer"}, {"type": "number", "multipleOf": 1}, (True, True)),
    ("no integer between", {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, False, (True, True)),
    ("tenths within hundredths", {"type": "number", "multipleOf": 0.1}, {"multipleOf": 0.01}, (True, False)),
    ("steps of 4 and 6 are steps of 12", {"allOf": [{"type": "integer", "multipleOf": 4}, {"multipleOf": 6}]},
     {"type": "integer", "multipleOf": 12}, (True, True)),
    ("exclusive bound at an integer", {"type": "integer", "exclusiveMinimum": 4}, {"type": "integer", "minimum": 5},
     (True, True)),
    ("bounds say nothing of strings", {"minimum": 5}, {"type": "number", "minimum": 5}, (False, True)),
    ("old accepts nothing", {"allOf": [{"type": "string"}, {"type": "null"}]}, {"type": "array"}, (True, False)),
    ("required but impossible", {"type": "object", "required": ["a"], "properties": {"a": False}}, {"type": "null"},
     (True, False)),
    ("required and undeclared, closed", {"type": "object", "required": ["a"], "additionalProperties": False},
     False, (True, True)),
    ("boolean schemas", True, {}, (True, True)),
    ("siblings of $ref are ignored",
     {"definitions": {"s": {"type": "string"}}, "properties": {"a": {"$ref": "#/definitions/s", "maxLength": 1}}},
     {"properties": {"a": {"type": "string"}}}, (True, True)),
    ("an open object hides an undeclared type", {"type": "object"},
     {"type": "object", "properties": {"a": {"type": "string"}}}, (False, True)),
    ("a closed object does not", {"type": "object", "additionalProperties": False},
     {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}, (True, False)),
    ("additionalProperties spares patternProperties",
     {"type": "object", "patternProperties": {"^s_": {"type": "string"}}, "additionalProperties": False},
     {"type": "object", "patternProperties": {"^s": {"type": "string"}}, "additionalProperties": False}, (True, False)),
    ("a pattern that covers a property", {"type": "object", "patternProperties": {"^a": {"type": "integer"}}},
     {"type": "object", "properties": {"ab": {"type": "number"}}}, (True, False)),
    ("patterns by language", {"type": "string", "pattern": "^[0-9]+$"}, {"type": "string", "pattern": r"^\d+$"},
     (True, True)),
    ("a shorter number of digits", {"type": "string", "pattern": "^sensor_[0-9]{1,4}$"},
     {"type": "string", "pattern": "^sensor_[0-9]+$"}, (True, False)),
    ("pattern and length", {"type": "string", "pattern": "^a{2,3}$"}, {"type": "string", "minLength": 2,
     "maxLength": 3}, (True, False)),
    ("search is unanchored", {"type": "string", "pattern": "abc"}, {"type": "string", "pattern": "b"}, (True, False)),
    ("$ stops before no final newline", {"type": "string", "pattern": "^a$"}, {"enum": ["a"]}, (True, True)),
    ("anyOf covered by several", {"type": ["integer", "string"]},
     {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}, {"type": "integer", "maximum": 5}]},
     (True, False)),
    ("intervals that overlap", {"type": "number", "minimum": 0, "maximum": 10},
     {"anyOf": [{"type": "number", "maximum": 6}, {"type": "number", "minimum": 5}]}, (True, False)),
    ("intervals with a gap", {"type": "number"},
     {"anyOf": [{"type": "number", "maximum": 5}, {"type": "number", "exclusiveMinimum": 5.5}]}, (False, True)),
    ("oneOf is exclusive", {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
     {"anyOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]}, (True, False)),
    ("not", {"not": {"type": "string"}}, {"type": ["null", "boolean", "number", "array", "object"]}, (True, True)),
    ("if", {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"dependencies": {"a": ["b"]}}, (True, True)),
    ("dependencies", {"dependencies": {"foo": ["bar"]}}, {"dependencies": {"bar": ["foo"]}}, (False, False)),
    ("items and tuples", {"type": "array", "items": {"type": "integer"}},
     {"type": "array", "items": [{"type": "number"}], "additionalItems": {"type": "integer"}}, (True, False)),
    ("contains needs one item", {"type": "array", "contains": {"type": "null"}}, {"type": "array", "minItems": 1},
     (True, False)),
    ("unique booleans end at two", {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True},
     {"type": "array", "maxItems": 2}, (True, False)),
    ("recursion", TREE, WIDER_TREE, (True, False)),
    ("recursion, other names", TREE,
     {"$ref": "#/definitions/n", "definitions": {"n": {**TREE, "properties": {**TREE["properties"],
      "next": {"$ref": "#/definitions/n"}}}}}, (True, True)),
    ("no finite value", {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, False, (True, True)),
    ("names of properties", {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
     {"type": "object", "maxProperties": 2}, (True, False)),
    ("a count that cannot be", {"type": "object", "minProperties": 2, "properties": {"a": {}},
     "additionalProperties": False}, {"type": "string"}, (True, False)),
    ("unknown keywords say nothing", {"type": "string", "colour": 1}, {"type": "string", "colour": 2}, (True, True)),
    ("unknown formats say nothing", {"type": "string", "format": "colour"}, {"type": "string"}, (True, True)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_containment_both_ways(old: Any, new: Any, expected: tuple[bool | None, bool | None]) -> None:
    assert both(old, new) == expected


def test_a_format_decides_only_where_it_is_asserted() -> None:
    dated, text = {"type": "string", "format": "date-time"}, {"type": "string"}
    assert both(text, dated) == (False, True)
    assert both(text, dated, Formats.ANNOTATE) == (True, True)


def test_a_counter_example_keeps_exact_numbers() -> None:
    verdict = comparison({"type": "integer"}, {"maximum": 9007199254740993}).backward()
    assert verdict.holds is False
    old, new = {"type": "number", "minimum": 0.1, "maximum": 0.3}, {"exclusiveMinimum": 0.1, "maximum": 0.3}
    assert comparison(old, new).backward() == Containment(False, 0.1)


def test_two_spellings_of_a_number_too_large_to_write_out_are_one_value() -> None:
    old, new = (read_schema(text, name="large") for text in ('{"enum": [1e2000]}', '{"enum": [10e1999, 1]}'))
    assert both(old, new) == (True, False)
    assert both({"allOf": [old, new]}, False) == (False, True)


def nested(depth: int, leaf: Any) -> Any:
    schema = leaf
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def entangled(count: int, extra: int) -> Any:
    """A product of alternatives: 4 to the power of `count` branches."""
    return {
        "allOf": [
            {"anyOf": [{"required": [f"{n}-{k}"], "maxProperties": 40 + extra} for k in range(4)]}
            for n in range(count)
        ]
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (nested(150, {"type": "integer"}), nested(150, {"type": "string"})),
        ({"enum": list(range(60_000))}, {"enum": list(range(1, 60_000))}),
        (entangled(40, 0), entangled(40, 1)),
        (
            {"type": "string", "pattern": "^(a|b)*a(a|b){18}$"},
            {"type": "string", "pattern": "^(a|b)*b(a|b){18}$"},
        ),
        ({"type": "array", "minItems": 10**9}, {"type": "array", "minItems": 10**9 + 1}),
        ({"multipleOf": 1e-300}, {"multipleOf": 1e300}),
    ],
    ids=[
        "deep",
        "huge enum",
        "product of alternatives",
        "exponential automaton",
        "a billion items",
        "extreme steps",
    ],
)
def test_hostile_schemas_take_bounded_time(old: Any, new: Any) -> None:
    started = time.monotonic()
    both(old, new)
    assert time.monotonic() - started < 30


def test_a_reference_that_leads_to_itself_is_refused() -> None:
    with pytest.raises(ContractError):
        versioned_schema({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, name="loop")
