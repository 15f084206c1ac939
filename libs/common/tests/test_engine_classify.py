"""Classification: every difference named, none decided; and the draft-07 verdict to the letter."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import event, given, settings

from iot_common.engine.classify import classify, examine
from iot_common.engine.contract import compile_contract
from iot_common.engine.events import EventCode, Source
from iot_common.engine.fast_check import compile_fast_check
from iot_common.engine.parse import Record, parse_record
from iot_common.engine.registry import packaged_registry
from iot_common.testing.mutations import mutated_readings
from iot_common.testing.readings import a_reading, as_payload, put

CONTRACT = packaged_registry().latest


def record_of(reading: Any) -> Record:
    parsed = parse_record(reading if isinstance(reading, bytes) else as_payload(reading))
    assert isinstance(parsed, Record), parsed
    return parsed


def told(reading: Any, contract=CONTRACT) -> list[tuple[str, str, str]]:
    return [
        (each.path, each.code.value, each.source.value) for each in classify(record_of(reading), contract)
    ]


def test_a_conforming_reading_raises_nothing():
    assert told(a_reading()) == []
    assert told(a_reading(temperature=21, humidity=0, battery_level=100.0)) == []


def test_bounds_are_inclusive():
    assert told(a_reading(latitude=90, longitude=-180, temperature=-50, humidity=100)) == []
    assert told(a_reading(humidity=100.00000000001)) == [("readings.humidity.value", "RANGE", "contract")]


def test_a_number_beyond_the_bound_only_in_its_text_is_out_of_range():
    payload = as_payload(a_reading(humidity="X")).replace(b'"X"', b"100.0000000000000000000001")
    assert told(payload) == [("readings.humidity.value", "RANGE", "contract")]


def test_names_every_difference_at_once():
    reading = a_reading(
        without=("status", "readings.battery_level"),
        device_id="Sensor_1",
        timestamp="yesterday",
        latitude=None,
        longitude=[13.4],
        temperature=True,
        temperature_unit="Kelvin",
        humidity="40.5",
        firmware="2.1",
    )
    put(reading, "readings.pressure", {"value": 1013})
    assert told(reading) == [
        ("status", "FIELD_REMOVED_REQUIRED", "contract"),
        ("device_id", "PATTERN", "contract"),
        ("timestamp", "FORMAT", "contract"),
        ("location.latitude", "NULL_VALUE", "contract"),
        ("location.longitude", "ARRAY_SCALAR", "contract"),
        ("readings.battery_level", "FIELD_REMOVED_REQUIRED", "contract"),
        ("readings.temperature.value", "TYPE_CHANGED", "contract"),
        ("readings.temperature.unit", "ENUM_ADDED", "contract"),
        ("readings.humidity.value", "TYPE_CHANGED", "contract"),
        ("readings.pressure", "FIELD_ADDED_NESTED", "engine"),
        ("firmware", "FIELD_ADDED", "contract"),
    ]


def test_a_nested_new_field_conforms_and_a_top_level_one_does_not():
    assert examine(record_of(put(a_reading(), "readings.pressure", 1)), CONTRACT).conforms
    assert not examine(record_of(a_reading(pressure=1)), CONTRACT).conforms


def test_null_and_missing_are_told_apart():
    assert told(a_reading(status=None)) == [("status", "NULL_VALUE", "contract")]
    assert told(a_reading(without=("status",))) == [("status", "FIELD_REMOVED_REQUIRED", "contract")]


def test_a_number_in_a_string_is_also_checked_for_its_range_by_the_engine():
    assert told(a_reading(humidity="101")) == [
        ("readings.humidity.value", "TYPE_CHANGED", "contract"),
        ("readings.humidity.value", "RANGE", "engine"),
    ]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "1e400"])
def test_texts_for_no_finite_number_are_nonfinite(text):
    assert told(a_reading(humidity=text)) == [("readings.humidity.value", "NONFINITE", "contract")]


def test_a_number_beyond_float64_is_nonfinite_and_out_of_range():
    payload = as_payload(a_reading(humidity="X")).replace(b'"X"', b"1e400")
    assert told(payload) == [
        ("readings.humidity.value", "NONFINITE", "engine"),
        ("readings.humidity.value", "RANGE", "contract"),
    ]


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ([], ["ARRAY_SCALAR"]),
        ([40.5], ["ARRAY_SCALAR"]),
        (["40.5"], ["ARRAY_SCALAR", "TYPE_CHANGED"]),
        ([400], ["ARRAY_SCALAR", "RANGE"]),
        ([1, 2], ["ARRAY_SCALAR"]),
        ([[1]], ["ARRAY_SCALAR"]),
        ({"value": 1}, ["ARRAY_SCALAR"]),
        (True, ["TYPE_CHANGED"]),
    ],
)
def test_what_stands_for_a_scalar(value, codes):
    assert [code for _, code, _ in told(a_reading(humidity=value))] == codes


@pytest.mark.parametrize("value", [21.5, "21.5", [], [1, 2], True])
def test_what_stands_for_an_object(value):
    codes = [code for _, code, _ in told(put(a_reading(), "readings.temperature", value))]
    assert codes in (["ARRAY_SCALAR"], ["TYPE_CHANGED"])


def test_a_respelled_key_is_folded_and_its_value_judged_by_the_engine():
    reading = a_reading(without=("readings.humidity", "status"), Status="odd")
    put(reading, "readings.Humidity", {"VALUE": 101, "unit": "percent"})
    assert told(reading) == [
        ("readings.humidity", "KEY_CASE", "contract"),
        ("readings.humidity.value", "KEY_CASE", "engine"),
        ("readings.humidity.value", "RANGE", "engine"),
        ("status", "KEY_CASE", "contract"),
        ("status", "ENUM_ADDED", "engine"),
    ]


def test_the_exact_spelling_wins_and_the_other_is_told():
    assert told(a_reading(STATUS="odd")) == [("STATUS", "KEY_CASE", "contract")]
    assert told(put(a_reading(), "location.Latitude", 9)) == [("location.Latitude", "KEY_CASE", "engine")]


def test_two_other_spellings_fold_to_nothing():
    reading = a_reading(without=("status",), Status="operational", STATUS="offline")
    assert Counter(told(reading)) == Counter(
        [
            ("status", "FIELD_REMOVED_REQUIRED", "contract"),
            ("Status", "KEY_CASE", "contract"),
            ("STATUS", "KEY_CASE", "contract"),
        ]
    )


def test_only_ascii_letters_fold():
    contract = compile_contract("1.0.0", {"type": "object", "properties": {"kelvin": {"type": "number"}}})
    assert told({"\u212aelvin": 1}, contract) == [("\u212aelvin", "FIELD_ADDED", "engine")]


def test_duplicate_keys_are_told_with_their_path():
    payload = as_payload(a_reading()).replace(b'"latitude": 52.5', b'"latitude": 52.5, "latitude": 9')
    assert told(payload) == [("location.latitude", "KEY_DUPLICATE", "engine")]


def test_events_carry_expected_and_found():
    [found] = classify(record_of(a_reading(humidity=101)), CONTRACT)
    assert (found.expected, found.found, found.value) == ("maximum 100", "101", 101)
    [found] = classify(record_of(a_reading(status="x" * 1000)), CONTRACT)
    assert len(found.found) <= 256


def test_other_keywords_are_named_in_a_constraint():
    schema = {
        "type": "object",
        "minProperties": 3,
        "properties": {
            "a": {"type": "array", "items": {"type": "integer"}, "maxItems": 1, "uniqueItems": True},
            "b": {"type": "string", "minLength": 2, "maxLength": 3},
            "c": {"const": 1},
            "d": False,
        },
        "additionalProperties": {"type": "string"},
    }
    contract = compile_contract("1.0.0", schema)
    reading = {"a": [1, 1.0], "b": "x", "c": True, "d": 1, "e": 5}
    expected = [each.expected for each in classify(record_of(reading), contract)]
    assert expected == [
        "maxItems 1",
        "uniqueItems",
        "minLength 2",
        "const 1",
        "nothing (schema false)",
        "not declared",
        "string",
    ]
    assert told({"a": ["x", 1.5, 2.0], "b": "ééé", "c": 1.0}, contract) == [
        ("a", "CONSTRAINT", "contract"),
        ("a[]", "TYPE_CHANGED", "contract"),
        ("a[]", "TYPE_CHANGED", "contract"),
    ]


# The reference: `jsonschema`, with formats asserted and patterns put right (it has ECMA-262's `$` and `\d` wrong).


def is_rfc3339(value: object) -> bool:
    if not isinstance(value, str):
        return True
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:)(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", value, re.ASCII
    )
    if match is None or int(match[5] or 0) > 23 or int(match[6] or 0) > 59:
        return False
    year_zero = value.startswith("0000")
    day = "0400" + match[1][4:] if year_zero else match[1]
    leap = match[3] == "60"
    try:
        moment = datetime.strptime(day + match[2] + ("59" if leap else match[3]), "%Y-%m-%d%H:%M:%S")
    except ValueError:
        return False
    offset = timedelta(hours=int(match[5] or 0), minutes=int(match[6] or 0))
    utc = moment + offset if match[4] == "-" else moment - offset
    return not leap or ((utc.hour, utc.minute) == (23, 59) and (utc + timedelta(days=1)).day == 1)


def ecma_pattern(_validator, pattern, instance, _schema):
    right = pattern.replace(r"\d", "[0-9]").replace("$", r"\Z")
    if isinstance(instance, str) and re.search(right, instance) is None:
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def reference_validator(schema):
    formats = jsonschema.FormatChecker(formats=())
    formats.checks("date-time")(is_rfc3339)
    validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": ecma_pattern})
    return validator(schema, format_checker=formats)


REFERENCE = reference_validator(packaged_registry().latest.schema)


@settings(max_examples=2_000, deadline=None)
@given(mutated_readings())
def test_verdict_equals_the_reference_validator(reading):
    parsed = parse_record(as_payload(reading))
    assert isinstance(parsed, Record)
    valid = REFERENCE.is_valid(parsed.value)
    event("valid" if valid else "invalid")
    found = examine(parsed, CONTRACT)
    assert found.conforms is valid
    assert found.conforms is all(each.source is not Source.CONTRACT for each in found.events)


@settings(max_examples=500, deadline=None)
@given(mutated_readings())
def test_generated_check_passes_only_what_the_walk_finds_flawless(reading):
    check = compile_fast_check(CONTRACT, CONTRACT.leaf_paths)
    parsed = parse_record(as_payload(reading))
    result = check(parsed.value)
    found = examine(parsed, CONTRACT)
    plain = all(each.code in (EventCode.FIELD_ADDED, EventCode.FIELD_ADDED_NESTED) for each in found.events)
    assert (result is not None) is plain
    if result is not None:
        *leaves, _key, extras = result
        found.leaves["timestamp"] = leaves[2]
        assert leaves == list(found.leaves.values())
        assert {extra.path: extra.value for extra in extras or ()} == found.undeclared
        assert found.conforms is not any(extra.closed for extra in extras or ())


def test_no_check_is_generated_for_a_contract_that_is_not_plain():
    contract = compile_contract("1.0.0", {"type": "object", "properties": {"a": {"type": "array"}}})
    assert compile_fast_check(contract, ["a"]) is None
    endless = compile_contract(
        "1.0.0", {"type": "object", "properties": {"a": {"type": "number", "minimum": 0}}}
    )
    assert compile_fast_check(endless, ["a"]) is None
    assert compile_fast_check(CONTRACT, ["device_id"]) is None
