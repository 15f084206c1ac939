"""Typed decoding takes a payload only where it hides nothing, and writes the canonical text as the parser does."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_common.engine.contract import compile_contract
from iot_common.engine.parse import Record, parse_exact
from iot_common.engine.registry import packaged_registry
from iot_common.engine.typed_record import REFUSED, compile_typed_record, is_spaced
from iot_common.testing.mutations import mutated_readings
from iot_common.testing.readings import a_reading, as_payload

CONTRACT = packaged_registry().latest
TYPED = compile_typed_record(CONTRACT, CONTRACT.leaf_paths)


def taken(payload: bytes) -> Any:
    """The record, or None where the payload is left to the general way."""
    assert TYPED is not None
    try:
        record = TYPED.decode(payload)
    except REFUSED:
        return None
    text = TYPED.encode(record)
    return record if text == payload or is_spaced(payload, text) else None


def test_a_conforming_reading_is_taken() -> None:
    assert taken(as_payload(a_reading())).readings.temperature.unit == "Celsius"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"status": "operational"', b'"status":"operational","status":"operational"'),
        (b'"status": "operational"', b'"status":"operational","note":1'),
        (b'"status": "operational"', b'"status":  "operational"'),
        (b'"status": "operational"', b'"status":"\\u006fperational"'),
        (b'"status": "operational"', b'"status":"broken"'),
        (b'"sensor_', b'"sensor\xff_'),
        (b'"value": ', b'"value": 1e2, "was": '),
        (b"}", b"}}"),
    ],
)
def test_a_payload_that_hides_something_is_left(old: bytes, new: bytes) -> None:
    payload = as_payload(a_reading())
    assert old in payload
    assert taken(payload.replace(old, new, 1)) is None


@pytest.mark.parametrize("opening", [b"[", b'{"x":', b'{"readings":', b'{"device_id":"sensor_1","x":['])
def test_a_payload_nested_without_end_is_left(opening: bytes) -> None:
    assert taken(opening * 100_000) is None
    assert taken(as_payload(a_reading())[:-1] + b',"x":' + opening * 100_000) is None


@pytest.mark.parametrize(
    "text", ["21.50", "2.15e1", "-0", "21.500000000000000001", "1e400", "NaN", "true", '"21"']
)
def test_a_number_not_in_its_shortest_text_is_left(text: str) -> None:
    payload = as_payload(a_reading(temperature=12345)).replace(b"12345", text.encode())
    assert taken(payload) is None


NUMBERS = st.floats(-90, 90) | st.integers(-50, 90) | st.floats(0, 1e-300)


@given(NUMBERS, NUMBERS, st.text())
def test_the_canonical_text_is_that_of_the_parser(latitude: float, value: float, device: str) -> None:
    reading = a_reading(temperature=value, device_id=device)
    reading["location"]["latitude"] = latitude
    payload = orjson.dumps(reading)
    record = taken(payload)
    if record is not None:
        parsed = parse_exact(payload)
        assert isinstance(parsed, Record)
        assert TYPED is not None
        assert TYPED.canonical(record) == parsed.canonical


@given(mutated_readings())
def test_what_is_taken_conforms_but_for_patterns_and_formats(reading: Any) -> None:
    payload = as_payload(reading)
    if taken(payload) is None:
        return
    record = json.loads(payload)
    assert record.keys() == CONTRACT.root.properties.keys()
    assert record["status"] in ("operational", "maintenance", "offline")
    assert all(type(each["value"]) in (int, float) for each in record["readings"].values())


def test_one_blank_after_commas_and_colons_hides_nothing_but_one_within_a_string_is_left() -> None:
    assert taken(orjson.dumps(a_reading())) == taken(as_payload(a_reading()))
    assert taken(as_payload(a_reading(device_id="a, b"))) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x": {"type": "number"}}},
        {"type": "object", "properties": {"x": {"type": "number", "minimum": 0.5, "maximum": 3}}},
        {"type": "object", "properties": {"X-1": {"type": "string"}}},
        {"type": "object", "properties": {"x": {"type": "array"}}},
    ],
)
def test_a_contract_that_is_not_plain_has_no_type(schema: Any) -> None:
    contract = compile_contract("1.0.0", schema)
    assert compile_typed_record(contract, contract.leaf_paths) is None
