"""Compiled verdicts where keywords meet, and schemas and values made to hurt."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from iot_common.engine.draft07.compiler import Formats, compile_schema
from iot_common.engine.exact_number import ExactNumber


def a_schema(schema, **arguments):
    return compile_schema(schema, name="test", **arguments)


def nested(levels, innermost=1, key="a"):
    value = innermost
    for _ in range(levels):
        value = {key: value}
    return value


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"type": ["string", "null"], "minLength": 2}, ["ab", None], ["a", 1]),
        ({"type": ["integer", "string"]}, [1, 1.0, "a"], [1.5, True, None]),
        ({"enum": [1, "1", True, None, [1], {"a": 1}]}, [1.0, "1", True, None, [1.0], {"a": 1.0}], [False, "2", 0, []]),
        ({"enum": []}, [], [None, 1]),
        ({"const": 0}, [0, 0.0, -0.0], [False, ExactNumber("1e-400")]),
        ({"enum": ["a", "b"], "const": "b"}, ["b"], ["a", "c"]),
        ({"type": "integer", "enum": [1.5, 2]}, [2, 2.0], [1.5, 1]),
        ({"additionalProperties": False}, [{}, 1], [{"a": 1}]),
        ({"properties": {"a": True}, "additionalProperties": False}, [{}, {"a": 1}], [{"b": 1}]),
        ({"required": ["a"], "additionalProperties": False}, [], [{}, {"a": 1}]),
        ({"required": ["a"], "properties": {"a": False}}, [1], [{}, {"a": 1}]),
        ({"patternProperties": {"^a": {"type": "null"}}, "additionalProperties": False}, [{"ab": None}], [{"b": 1}]),
        ({"properties": {"a": {"minimum": 1}}, "patternProperties": {"a": {"maximum": 2}}}, [{"a": 1}], [{"a": 3}]),
        ({"items": [{"type": "null"}], "additionalItems": {"type": "string"}}, [[], [None, "a"]], [[1], [None, 1]]),
        ({"items": [True], "additionalItems": False}, [[1]], [[1, 2]]),
        ({"additionalItems": False}, [[1]], []),
        ({"contains": {"const": 1}}, [[0, 1.0], 1], [[], [True]]),
        ({"dependencies": {"a": ["b"], "c": {"minProperties": 2}}}, [{"b": 1}, {"c": 1, "d": 1}], [{"a": 1}, {"c": 1}]),
        ({"propertyNames": {"maxLength": 1}}, [{"a": 1}, "long"], [{"ab": 1}]),
        ({"oneOf": [{"type": "number"}, {"minimum": 2}]}, ["a", 1], [2, 3.5]),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, [{"a": 1}, {"b": 1}, 5], [{}]),
        ({"not": {"required": []}}, [], [{}, 1]),
        ({"not": {"type": ["integer", "string"]}}, [1.5, None], [1, 1.0, "a"]),
        ({"if": {"type": "object"}, "then": {"required": ["a"]}, "else": {"type": "null"}}, [{"a": 1}, None], [{}, 1]),
        ({"then": False, "else": False}, [1], []),
        ({"minLength": 1e0, "maxLength": ExactNumber("10000000000000000000")}, ["a"], [""]),
        ({"minItems": ExactNumber("10000000000000000000")}, [1], [[], [1]]),
        ({"maxLength": 1}, ["😀", "é"], ["e\u0301"]),
        ({"uniqueItems": True}, [[1, True, "1"], [[1], [True]]], [[1, 1.0], [{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]]),
        ({"pattern": "^a$"}, ["a"], ["a\n"]),
        ({"contentEncoding": "base64", "contentMediaType": "application/json"}, ["%", "{"], []),
        ({"$ref": "#/definitions/n", "definitions": {"n": False}}, [], [1, None]),
        (True, [1, None], []),
        (False, [], [1, None]),
    ],
)  # fmt: skip
def test_gives_the_verdict_of_draft_07(schema, valid, invalid):
    compiled = a_schema(schema)
    reference = compiled.reference()
    assert [value for value in valid if not compiled.is_valid(value)] == []
    assert [value for value in invalid if compiled.is_valid(value)] == []
    assert [value for value in valid if not reference.is_valid(value)] == []
    assert [value for value in invalid if reference.is_valid(value)] == []
    assert compiled.handed_over == ()


def test_formats_decide_unless_they_only_annotate():
    schema = {"format": "date-time"}
    assert not a_schema(schema).is_valid("yesterday")
    assert a_schema(schema).is_valid("2026-01-01T00:00:00Z")
    assert a_schema(schema).is_valid(5)
    assert a_schema(schema, formats=Formats.ANNOTATE).is_valid("yesterday")
    assert a_schema({"format": "no-such-format"}).is_valid("yesterday")


def test_a_memo_of_texts_does_not_change_the_verdict():
    compiled = a_schema(
        {"items": {"pattern": "^[a-z]+$"}, "additionalProperties": False, "patternProperties": {"x": {}}}
    )
    assert [compiled.is_valid([text]) for text in ("a", "A", "a", "A")] == [True, False, True, False]
    assert [compiled.is_valid({key: 1}) for key in ("x", "y", "x", "y")] == [True, False, True, False]


def test_names_in_a_schema_are_never_code():
    hostile = 'a\'] or exit()\n  return True #"""{v}\\'
    schema = {
        "properties": {hostile: {"const": hostile}}, "required": [hostile],
        "patternProperties": {"__": {"enum": [hostile]}},
        "dependencies": {hostile: [hostile]}, "title": hostile,
    }  # fmt: skip
    compiled = a_schema(schema)
    assert compiled.is_valid({hostile: hostile}) and not compiled.is_valid({hostile: "a"})


def doubling(levels):
    """2^levels ways lead to the last definition."""
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(levels)}
    return {"definitions": {**definitions, f"d{levels}": {"type": "object"}}, "$ref": "#/definitions/d0"}


def doubling_by_level(levels):
    """As above, each step one level deeper into the value."""
    definitions = {
        f"d{n}": {"allOf": [{"properties": {"a": {"$ref": f"#/definitions/d{n + 1}"}}} for _ in "12"]}
        for n in range(levels)
    }
    return {"definitions": {**definitions, f"d{levels}": {"type": "object"}}, "$ref": "#/definitions/d0"}


def recursive_alternatives():
    """Each level of a value asks both alternatives, and only at the end does one fail."""
    child = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    return {"oneOf": [{**child, "required": ["b"]}, {**child, "required": ["c"]}, {"type": "integer"}]}


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        (doubling(60), {}, []),
        (doubling_by_level(60), nested(60, {}), nested(60, 1)),
        (recursive_alternatives(), 1, nested(60, "x")),
    ],
    ids=["doubling", "doubling-by-level", "alternatives"],
)
def test_a_schema_that_multiplies_questions_is_judged_in_linear_time(schema, valid, invalid):
    started = time.process_time()
    compiled = a_schema(schema)
    assert compiled.is_valid(valid)
    assert not compiled.is_valid(invalid)
    assert time.process_time() - started < 5


def test_a_long_chain_of_references_is_followed_once():
    chain = {f"d{n}": {"$ref": f"#/definitions/d{n + 1}"} for n in range(5_000)}
    schema = {
        "properties": {name: {"$ref": f"#/definitions/{name}"} for name in chain},
        "definitions": {**chain, "d5000": {"enum": list(range(5_000))}},
    }
    started = time.process_time()
    compiled = a_schema(schema)
    assert compiled.is_valid({"d0": 4_999}) and not compiled.is_valid({"d0": 5_000})
    assert time.process_time() - started < 10


def test_answers_of_one_value_are_forgotten_before_the_next():
    compiled = a_schema(recursive_alternatives())
    for _ in range(100):
        # New objects take the place, and often the identity, of the ones just judged.
        assert compiled.is_valid({"b": [1] * 3})
        assert not compiled.is_valid({"d": [1] * 3})


@pytest.mark.parametrize("levels", [31, 1_000, 20_000])
def test_a_deep_value_is_judged_like_a_flat_one(levels):
    compiled = a_schema(
        {"type": ["object", "integer"], "properties": {"a": {"$ref": "#"}}, "uniqueItems": True}
    )
    assert compiled.is_valid(nested(levels))
    assert not compiled.is_valid(nested(levels, "x"))
    assert sys.getrecursionlimit() < levels + 2_000


def test_the_reference_judges_a_deep_value_too():
    reference = a_schema({"properties": {"a": {"$ref": "#"}}, "type": ["object", "integer"]}).reference()
    assert reference.is_valid(nested(1_500))
    assert not reference.is_valid(nested(1_500, "x"))


def test_a_deep_value_may_end_in_what_is_handed_over():
    later = {"$schema": "https://json-schema.org/draft/2019-09/schema", "items": {"type": "integer"}}
    schema = {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "http://x/"}}}
    compiled = a_schema(schema, documents={"http://x/": later})
    assert compiled.is_valid(nested(5_000, {"b": [1]}))
    assert not compiled.is_valid(nested(5_000, {"b": ["x"]}))


def test_deep_items_are_compared_without_recursion():
    compiled = a_schema({"uniqueItems": True})
    assert not compiled.is_valid([nested(20_000), nested(20_000)])
    assert compiled.is_valid([nested(20_000), nested(20_001)])


@pytest.mark.parametrize(
    "wrap", [lambda s: {"not": s}, lambda s: {"properties": {"a": s}}, lambda s: {"allOf": [s]}]
)
def test_a_deeply_nested_schema_compiles(wrap):
    schema = {"type": "integer"}
    for _ in range(2_000):
        schema = wrap(schema)
    compiled = a_schema(schema)
    assert compiled.is_valid(1) in (True, False)


def test_a_plain_schema_is_judged_without_loading_the_reference():
    program = (
        "import sys\n"
        "from iot_common.engine.draft07.compiler import compile_schema\n"
        "schema = {'properties': {'a': {'$ref': '#/definitions/n'}}, 'definitions': {'n': {'type': 'number'}}}\n"
        "assert compile_schema(schema, name='test').is_valid({'a': 1})\n"
        "assert 'jsonschema' not in sys.modules and 'referencing' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
