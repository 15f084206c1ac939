"""Every keyword of draft-07 has its event: where, which code, what was expected and what was found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from iot_common.engine.classify import classify, examine, examine_value
from iot_common.engine.contract import compile_contract, read_contract
from iot_common.engine.draft07.compiler import Formats
from iot_common.engine.events import NO_VERDICT, EventCode, Source, shorten
from iot_common.engine.exact_number import ExactNumber
from iot_common.engine.fast_check import compile_fast_check
from iot_common.engine.parse import json_text, parse_record
from iot_common.engine.registry import packaged_registry
from iot_common.engine.shape import shape_of
from iot_common.engine.wording import brief
from iot_common.testing import draft07_cases as cases
from iot_common.testing.readings import a_reading, as_payload


def differences(schema, value, **options):
    contract = compile_contract("1.0.0", schema, **options)
    found = examine_value(value, contract)
    assert found.conforms is contract.compiled.is_valid(value)
    return [(each.path, each.code.value, each.expected, each.found) for each in found.events]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, 1.5, ("", "TYPE_CHANGED", "integer", "number 1.5")),
        ({"type": ["string", "null"]}, 1, ("", "TYPE_CHANGED", "string or null", "integer 1")),
        ({"type": "string"}, None, ("", "NULL_VALUE", "string", "null")),
        ({"type": "array"}, 1, ("", "ARRAY_SCALAR", "array", "1")),
        ({"enum": ["a", 1]}, "b", ("", "ENUM_ADDED", 'one of "a", 1', '"b"')),
        ({"const": {"a": 1}}, {}, ("", "CONSTRAINT", 'const {"a":1}', "{}")),
        ({"minimum": 2}, 1, ("", "RANGE", "minimum 2", "1")),
        ({"maximum": 2}, 2.5, ("", "RANGE", "maximum 2", "2.5")),
        ({"exclusiveMinimum": 2}, 2.0, ("", "RANGE", "exclusiveMinimum 2", "2.0")),
        ({"exclusiveMaximum": 2}, 2, ("", "RANGE", "exclusiveMaximum 2", "2")),
        ({"multipleOf": 0.01}, 0.075, ("", "CONSTRAINT", "multipleOf 0.01", "0.075")),
        ({"minLength": 2}, "é", ("", "CONSTRAINT", "minLength 2", "1")),
        ({"maxLength": 1}, "ab", ("", "CONSTRAINT", "maxLength 1", "2")),
        ({"pattern": "^a"}, "ba", ("", "PATTERN", "^a", '"ba"')),
        ({"format": "date"}, "today", ("", "FORMAT", "date", '"today"')),
        ({"format": "date-time"}, "today", ("", "FORMAT", "date-time (RFC 3339 with a zone)", '"today"')),
        ({"minItems": 1}, [], ("", "CONSTRAINT", "minItems 1", "0")),
        ({"maxItems": 1.0}, [1, 2], ("", "CONSTRAINT", "maxItems 1", "2")),
        ({"uniqueItems": True}, [1, 1.0], ("", "CONSTRAINT", "uniqueItems", "equal items")),
        ({"items": {"type": "string"}}, ["a", 1], ("[]", "TYPE_CHANGED", "string", "integer 1")),
        ({"items": [{}, {"minimum": 5}]}, [1, 2], ("[]", "RANGE", "minimum 5", "2")),
        (
            {"items": [{}], "additionalItems": False},
            [1, 2],
            ("", "CONSTRAINT", "additionalItems false: at most 1", "2"),
        ),
        (
            {"items": [{}], "additionalItems": {"type": "null"}},
            [1, 2],
            ("[]", "TYPE_CHANGED", "null", "integer 2"),
        ),
        (
            {"contains": {"type": "null"}},
            [1, 2],
            ("", "CONSTRAINT", 'contains {"type":"null"}', "none of 2 items"),
        ),
        ({"minProperties": 1}, {}, ("", "CONSTRAINT", "minProperties 1", "0")),
        ({"maxProperties": 0, "properties": {"a": {}}}, {"a": 1}, ("", "CONSTRAINT", "maxProperties 0", "1")),
        ({"required": ["a"]}, {}, ("a", "FIELD_REMOVED_REQUIRED", "present (required)", "missing")),
        ({"properties": {"a": False}}, {"a": 1}, ("a", "CONSTRAINT", "nothing (schema false)", "1")),
        ({"additionalProperties": False}, {"a": 1}, ("a", "FIELD_ADDED", "not declared", "integer 1")),
        (
            {"patternProperties": {"^s_": {"type": "string"}}},
            {"s_1": 1},
            ("s_1", "TYPE_CHANGED", "string", "integer 1"),
        ),
        (
            {"properties": {"ab": {}}, "propertyNames": {"maxLength": 1}},
            {"ab": 1},
            ("ab", "CONSTRAINT", 'propertyNames {"maxLength":1}', '"ab"'),
        ),
        (
            {"properties": {"a": {}}, "dependencies": {"a": ["b"]}},
            {"a": 1},
            ("b", "CONSTRAINT", 'dependencies: present beside "a"', "missing"),
        ),
        (
            {"properties": {"a": {}}, "dependencies": {"a": {"required": ["b"]}}},
            {"a": 1},
            ("b", "FIELD_REMOVED_REQUIRED", "present (required)", "missing"),
        ),
        ({"not": {"type": "null"}}, None, ("", "CONSTRAINT", 'not {"type":"null"}', "null")),
        ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, 4, ("", "RANGE", "maximum 3", "4")),
        (
            {"$ref": "#/definitions/a", "definitions": {"a": {"minimum": 1}}},
            0,
            ("", "RANGE", "minimum 1", "0"),
        ),
        ({"if": {"minimum": 5}, "then": {"multipleOf": 5}}, 7, ("", "CONSTRAINT", "multipleOf 5", "7")),
        ({"if": {"minimum": 5}, "else": {"multipleOf": 2}}, 3, ("", "CONSTRAINT", "multipleOf 2", "3")),
        (False, 1, ("", "CONSTRAINT", "nothing (schema false)", "1")),
        (
            {"anyOf": [{"type": "null"}, {"type": "number", "maximum": 5}]},
            7,
            (
                "",
                "CONSTRAINT",
                "anyOf: at least one of 2 schemas",
                "nearest is anyOf/1: the value: RANGE (expected maximum 5, found 7)",
            ),
        ),
        (
            {"oneOf": [{"minimum": 1}, {"type": "null"}, {"maximum": 9}]},
            5,
            ("", "CONSTRAINT", "oneOf: exactly one of 3 schemas", "fits 2: oneOf/0, oneOf/2"),
        ),
    ],
    ids=str,
)
def test_each_keyword_has_one_event_that_says_all(schema, value, expected):
    assert differences(schema, value) == [expected]


def test_paths_lead_through_objects_arrays_and_references():
    schema = {
        "properties": {"rows": {"items": {"$ref": "#/definitions/row"}}},
        "definitions": {"row": {"properties": {"a.b": {"items": {"type": "integer"}}}}},
    }
    contract = compile_contract("1.0.0", schema)
    [found] = examine_value({"rows": [{}, {"a.b": [1, 2, "x"]}]}, contract).events
    assert (found.path, found.indexes) == ('rows[]["a.b"][]', (1, 2))


def test_a_key_that_any_branch_declares_is_no_added_field():
    schema = {
        "properties": {"own": {}},
        "allOf": [{"properties": {"all": {}}}, {"$ref": "#/definitions/base"}],
        "anyOf": [{"properties": {"any": {"properties": {"deep": {}}}}}, True],
        "oneOf": [{"properties": {"one": {}}}],
        "if": {"properties": {"condition": {}}},
        "then": {"properties": {"then": {}}},
        "else": {"properties": {"else": {}}},
        "dependencies": {"own": {"properties": {"dependent": {}}}},
        "patternProperties": {"^x_": {}},
        "not": {"properties": {"hidden": False}, "required": ["hidden"]},
        "definitions": {"base": {"properties": {"base": {}}}},
    }
    keys = ["own", "all", "base", "any", "one", "condition", "then", "else", "dependent", "x_1"]
    assert differences(schema, {key: {} for key in keys}) == []
    assert [each[:2] for each in differences(schema, {"any": {"deep": 1, "new": 2}, "hidden": 1})] == [
        ("any.new", "FIELD_ADDED_NESTED"),
        ("hidden", "FIELD_ADDED"),
    ]


def test_a_closed_schema_refuses_what_another_one_declares():
    schema = {"properties": {"b": {}}, "allOf": [{"properties": {"a": {}}, "additionalProperties": False}]}
    assert differences(schema, {"a": 1, "b": 2}) == [("b", "CONSTRAINT", "additionalProperties false", "2")]


def test_variants_are_told_by_their_constant():
    circle = {
        "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
        "required": ["radius"],
    }
    box = {
        "properties": {"kind": {"const": "box"}, "width": {"type": "number"}, "height": {"type": "number"}}
    }
    schema = {"properties": {"shape": {"oneOf": [circle, box]}}}
    [(path, _, _, found)] = differences(schema, {"shape": {"kind": "box", "width": "1", "height": "2"}})
    assert path == "shape"
    assert found.startswith("nearest is oneOf/1: shape.width: TYPE_CHANGED (expected number")


def test_equal_findings_of_several_schemas_are_told_once():
    schema = {"allOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["a"]}]}
    assert [each[:2] for each in differences(schema, {})] == [("a", "FIELD_REMOVED_REQUIRED")]
    assert [each[:2] for each in differences(schema, 1)] == [("", "ARRAY_SCALAR")]


def test_keys_in_another_case_are_not_folded_where_a_schema_speaks_of_other_keys():
    folding = {"properties": {"a": {"type": "integer"}}}
    assert [each[1] for each in differences(folding, {"A": "x"})] == ["KEY_CASE", "TYPE_CHANGED"]
    for speaking in ({"patternProperties": {"^A$": {}}}, {"additionalProperties": {}}):
        assert "KEY_CASE" not in [each[1] for each in differences(folding | speaking, {"A": "x"})]


def test_formats_that_only_annotate_raise_nothing():
    assert differences({"format": "date-time"}, "today", formats=Formats.ANNOTATE) == []


def test_a_number_beyond_float64_is_the_engines_business():
    [found] = examine_value(
        [ExactNumber("1e400")], compile_contract("1.0.0", {"items": {"type": "number"}})
    ).events
    assert (found.path, found.code, found.source) == ("[]", EventCode.NONFINITE, Source.ENGINE)


def test_a_recursive_contract_has_finite_paths_and_is_followed_to_any_depth():
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "left": {"$ref": "#"}, "rest": {"items": {"$ref": "#"}}},
    }
    contract = compile_contract("1.0.0", schema)
    assert list(contract.nodes) == ["id", "left", "rest", "rest[]"]
    assert contract.leaf_paths == ("id", "rest")
    value = {"id": "deep"}
    for _ in range(30):
        value = {"left": value}
    [found] = examine_value(value, contract).events
    assert found.path == "left." * 30 + "id"
    record = parse_record(as_payload(value))
    assert (found.path, "string", None) in shape_of(record, contract).entries
    assert compile_fast_check(contract, contract.leaf_paths) is None


def test_declared_types_and_values_are_the_widest_that_may_be_valid():
    schema = {
        "properties": {
            "nullable": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "both": {"type": ["integer", "string"], "allOf": [{"type": ["number", "null"]}]},
            "perhaps": {"anyOf": [{"enum": ["a"]}, {"enum": ["b", "a"]}]},
            "open": {"anyOf": [{"enum": ["a"]}, {"type": "string"}]},
            "referred": {"$ref": "#/definitions/unit"},
        },
        "definitions": {"unit": {"enum": ["C", "F"]}},
    }
    nodes = compile_contract("1.0.0", schema).nodes
    assert nodes["nullable"].types == ("number", "null")
    assert nodes["both"].types == ("integer",)
    assert nodes["perhaps"].enum == ("a", "b")
    assert nodes["open"].enum is None
    assert (nodes["referred"].enum, nodes["referred"].plain) == (("C", "F"), True)
    assert not nodes["nullable"].plain


def test_a_pattern_without_a_verdict_is_an_event_of_the_engine():
    contract = compile_contract(
        "1.0.0", {"properties": {"a": {"pattern": r"^(a+)+\1$"}, "b": {"type": "string"}}}
    )
    record = parse_record(as_payload({"a": "a" * 5_000 + "b", "b": 1}))
    assert [(each.path, each.code, each.found, each.source) for each in classify(record, contract)] == [
        ("a", EventCode.CONSTRAINT, NO_VERDICT, Source.ENGINE),
        ("b", EventCode.TYPE_CHANGED, "integer 1", Source.CONTRACT),
    ]


def test_texts_stay_short_and_paths_bounded_whatever_the_value():
    contract = compile_contract(
        "1.0.0", {"additionalProperties": {"type": "string"}, "not": {"required": ["x"]}}
    )
    value = {"x": {str(number): "y" * 100 for number in range(10_000)}, "k" * 10_000: [[[0] * 1_000] * 1_000]}
    events = examine_value(value, contract).events
    assert len(events) == 5
    assert max(len(each.found) for each in events) <= 256


def test_a_thousand_elements_that_break_a_rule_raise_a_bounded_number_of_events():
    contract = compile_contract("1.0.0", {"items": {"type": "string"}})
    found = examine_value(list(range(100_000)), contract)
    assert (len(found.events), found.omitted, found.conforms) == (1_000, 99_000, False)


def test_events_of_declared_fields_are_never_left_out():
    reading = a_reading(humidity=101, status="odd")
    reading["location"] |= {f"extra_{number}": number for number in range(3_000)}
    found = examine(parse_record(as_payload(reading)), packaged_registry().latest)
    assert {"RANGE", "ENUM_ADDED"} <= {each.code.value for each in found.events}
    assert found.omitted > 0
    assert len(found.undeclared) == 3_000


def test_documents_given_beside_a_schema_are_walked_too():
    document = {"properties": {"a": {"type": "string"}}}
    found = differences({"$ref": "urn:other"}, {"a": 1, "b": 2}, documents={"urn:other": document})
    assert [each[:2] for each in found] == [("a", "TYPE_CHANGED"), ("b", "FIELD_ADDED")]


def test_bounds_keep_the_text_they_were_written_with():
    contract = read_contract("1.0.0", b'{"maximum": 0.10000000000000000000000001}')
    [found] = examine_value(ExactNumber("0.10000000000000000000000002"), contract).events
    assert (found.expected, found.found) == (
        "maximum 0.10000000000000000000000001",
        "0.10000000000000000000000002",
    )


def test_a_schema_whose_branches_double_at_each_step_takes_no_more_time():
    steps = {f"d{n}": {"anyOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(60)}
    schema = {"$ref": "#/definitions/d0", "definitions": {**steps, "d60": {"type": "integer"}}}
    assert differences(schema, 1) == []
    assert [each[1] for each in differences(schema, "x")] == ["CONSTRAINT"]
    assert compile_contract("1.0.0", {"properties": {"a": schema}, **schema}).root.types == ("integer",)


def test_many_conditions_are_settled_for_each_record_anew():
    rules = [{"if": {"required": [f"k{n}"]}, "then": {"required": [f"v{n}"]}} for n in range(40)]
    contract = compile_contract("1.0.0", {"allOf": rules, "additionalProperties": {}})
    for number in range(200):
        keys = [n for n in range(40) if number * 2654435761 >> n & 1]
        events = examine_value({f"k{n}": 1 for n in keys}, contract).events
        missing = [each.path for each in events if each.source is Source.CONTRACT]
        assert missing == [f"v{n}" for n in keys]


def test_a_schema_may_hold_half_of_a_surrogate_pair():
    schema = {"properties": {"a": {"enum": ["\ud800"]}}, "required": ["\udc00"]}
    assert [each[:3] for each in differences(schema, {"a": "x"})] == [
        ("\udc00", "FIELD_REMOVED_REQUIRED", "present (required)"),
        ("a", "ENUM_ADDED", 'one of "\\ud800"'),
    ]


@settings(max_examples=300, deadline=None)
@given(cases.values)
def test_a_brief_text_is_the_whole_text_cut(value):
    assert brief(value) == shorten(json_text(value))
