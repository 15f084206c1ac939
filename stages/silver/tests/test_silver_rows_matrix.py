"""The classified row for each row of behaviour.md's matrix that one record alone can show."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from iot_common.engine.contract import compile_contract
from iot_common.engine.parse import ParseLimits
from iot_common.engine.registry import ContractRegistry, packaged_registry
from iot_common.testing.evaluation_data import evaluation_data
from iot_common.testing.mutations import mutated_readings
from iot_common.testing.readings import a_reading, as_payload, put
from iot_silver.policy import packaged_policy
from iot_silver.row_columns import FOUND_SCHEMA
from iot_silver.rows import RowClassifier, RowSettings, classify_rows

NOON = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z, when `a_reading` was taken and, unless a test says otherwise, ingested."""


def bronze_rows(*payloads: Any, defect: str | None = None) -> pa.RecordBatch:
    """Bronze rows of readings, of bytes, or of nothing."""
    count = len(payloads)
    exact = [each if each is None or isinstance(each, bytes) else as_payload(each) for each in payloads]
    return pa.RecordBatch.from_pydict(
        {
            "row_id": [f"row-{number}" for number in range(count)],
            "source_object": ["landing/object.ndjson"] * count,
            "source_line": pa.array(range(1, count + 1), pa.int64()),
            "ingest_time": pa.array([NOON] * count, pa.timestamp("us", tz="UTC")),
            "block_sequence": pa.array([7] * count, pa.int64()),
            "payload": pa.array(exact, pa.binary()),
            "payload_bytes": pa.array([len(each or b"") for each in exact], pa.int64()),
            "payload_pointer": pa.array([None] * count, pa.string()),
            "defect": pa.array([defect] * count, pa.string()),
        }
    )


def classified(*payloads: Any, defect: str | None = None, **options: Any) -> list[dict[str, Any]]:
    batches = iter([bronze_rows(*payloads, defect=defect)])
    [batch] = classify_rows(batches, RowSettings(**options))
    return batch.to_pylist()


def row_of(payload: Any, **options: Any) -> dict[str, Any]:
    [row] = classified(payload, **options)
    return row


def codes(row: dict[str, Any]) -> list[str]:
    return [each["code"] for each in row["violations"]]


def rescued(row: dict[str, Any]) -> dict[str, Any]:
    return json.loads(row["rescued"]) if row["rescued"] is not None else {}


def assert_quarantined(row: dict[str, Any], payload: Any, *expected_codes: str) -> None:
    assert row["decision"] == "quarantine"
    assert row["payload"] == (payload if isinstance(payload, bytes) else as_payload(payload))
    assert set(expected_codes) <= set(codes(row))
    assert row["is_valid"] is False


def test_a_conforming_reading_becomes_typed_columns():
    row = row_of(a_reading(humidity=40))
    assert row.pop("shape") is not None
    assert row.pop("shape_id") is not None
    assert len(row.pop("idempotency_key")) == 32
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert row == {
        "row_id": "row-0",
        "source_object": "landing/object.ndjson",
        "source_line": 1,
        "ingest_time": noon,
        "block_sequence": 7,
        "payload_pointer": None,
        "payload": None,
        "decision": "reading",
        "device_id": "sensor_1",
        "event_time_raw": noon,
        "schema_version": "1.0.0",
        "contract_version": "1.0.0",
        "version_fallback": False,
        "status": "operational",
        "latitude": 52.5,
        "longitude": 13.4,
        "temperature_celsius": 21.5,
        "temperature_value_raw": 21.5,
        "temperature_unit_raw": "Celsius",
        "humidity_percent": 40.0,
        "battery_percent": 90.5,
        "clock_suspect": False,
        "conforms": True,
        "is_valid": True,
        "coerced_fields": [],
        "violations": [],
        "rescued": None,
    }


def test_row_01_new_top_level_field_is_rescued_and_the_row_stays_valid():
    row = row_of(a_reading(firmware="2.1"))
    assert (row["conforms"], row["is_valid"]) == (False, True)
    assert codes(row) == ["FIELD_ADDED"]
    assert rescued(row) == {"firmware": "2.1"}


def test_row_02_new_nested_field_conforms_and_is_rescued_with_its_dotted_path():
    reading = put(
        put(a_reading(), "readings.pressure", {"value": 1013.25}), "readings.temperature.accuracy", 0.5
    )
    row = row_of(reading)
    assert (row["conforms"], row["is_valid"], row["violations"]) == (True, True, [])
    assert rescued(row) == {"readings.pressure": {"value": 1013.25}, "readings.temperature.accuracy": 0.5}


@pytest.mark.parametrize("path", ["device_id", "timestamp", "schema_version"])
def test_row_03_missing_identity_is_quarantined(path):
    reading = a_reading(without=(path,))
    assert_quarantined(row_of(reading), reading, "FIELD_REMOVED_REQUIRED")


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("status", ["status"]),
        ("location", ["latitude", "longitude"]),
        ("location.latitude", ["latitude"]),
        ("readings.humidity", ["humidity_percent"]),
        ("readings.humidity.value", ["humidity_percent"]),
        ("readings.temperature.value", ["temperature_celsius"]),
    ],
)
def test_row_03_other_missing_fields_are_null_and_invalidate(path, columns):
    row = row_of(a_reading(without=(path,)))
    assert (row["decision"], row["is_valid"], row["conforms"]) == ("reading", False, False)
    assert row["violations"][0]["path"] == path
    assert codes(row) == ["FIELD_REMOVED_REQUIRED"]
    assert [row[column] for column in columns] == [None] * len(columns)


def test_a_value_without_its_unit_is_rescued_and_not_aggregated():
    row = row_of(a_reading(without=("readings.humidity.unit",)))
    assert (row["humidity_percent"], row["is_valid"]) == (None, False)
    assert rescued(row) == {"readings.humidity.value": 40.5}


def test_row_05_a_number_in_a_string_is_coerced_without_loss():
    row = row_of(a_reading(temperature="21.50", longitude="-13"))
    assert (row["temperature_celsius"], row["longitude"]) == (21.5, -13.0)
    assert row["coerced_fields"] == ["location.longitude", "readings.temperature.value"]
    assert (row["conforms"], row["is_valid"], row["rescued"]) == (False, True, None)
    assert codes(row) == ["TYPE_CHANGED", "TYPE_CHANGED"]


@pytest.mark.parametrize(
    "text", ["", " 21", "+21", "021", "0x15", "21,5", "٢١", "21.5C", "1_0", "0.1000000000000000055"]
)
def test_row_05_what_would_lose_something_is_rescued(text):
    row = row_of(a_reading(humidity=text))
    assert (row["humidity_percent"], row["is_valid"], row["coerced_fields"]) == (None, False, [])
    assert rescued(row)["readings.humidity.value"] == text


@pytest.mark.parametrize("value", [True, False])
def test_row_05_a_boolean_is_never_a_number(value):
    row = row_of(a_reading(humidity=value))
    assert (row["humidity_percent"], row["is_valid"]) == (None, False)
    assert rescued(row) == {"readings.humidity.value": value}


@pytest.mark.parametrize("text", ["1e400", "NaN", "Infinity", "-Infinity"])
def test_row_05_nonfinite_texts_are_rescued(text):
    row = row_of(a_reading(humidity=text))
    assert (row["humidity_percent"], row["is_valid"], codes(row)) == (None, False, ["NONFINITE"])
    assert rescued(row) == {"readings.humidity.value": text}


def test_row_05_a_number_beyond_float64_is_rescued_as_written():
    row = row_of(as_payload(a_reading(humidity="X")).replace(b'"X"', b"1e400"))
    assert (row["humidity_percent"], row["is_valid"]) == (None, False)
    assert row["rescued"] == '{"readings.humidity.value":1e400}'


def test_row_06_integers_are_doubles_and_lossy_digits_are_kept_beside_them():
    row = row_of(as_payload(a_reading(humidity="X")).replace(b'"X"', b"40.500000000000000000001"))
    assert (row["humidity_percent"], row["is_valid"], row["conforms"]) == (40.5, True, True)
    assert row["rescued"] == '{"readings.humidity.value":40.500000000000000000001}'


def test_row_08_a_new_status_passes_with_a_violation():
    row = row_of(a_reading(status="degraded"))
    assert (row["status"], row["is_valid"], row["conforms"]) == ("degraded", True, False)
    assert (codes(row), row["rescued"]) == (["ENUM_ADDED"], None)


def test_row_08_a_new_unit_takes_its_reading_out_and_leaves_the_others():
    row = row_of(a_reading(temperature=30, temperature_unit="Kelvin"))
    assert (row["temperature_celsius"], row["humidity_percent"], row["is_valid"]) == (None, 40.5, False)
    assert (row["temperature_value_raw"], row["temperature_unit_raw"]) == (30.0, "Kelvin")
    assert rescued(row) == {"readings.temperature.unit": "Kelvin", "readings.temperature.value": 30}


def test_row_09_an_unknown_minor_version_falls_back_and_says_so():
    row = row_of(put(a_reading(schema_version="1.3.0"), "readings.pressure", 1013))
    assert (row["schema_version"], row["contract_version"], row["version_fallback"]) == (
        "1.3.0",
        "1.0.0",
        True,
    )
    assert (row["conforms"], row["is_valid"], row["violations"]) == (True, True, [])
    assert rescued(row) == {"readings.pressure": 1013}


def test_row_10_an_unknown_major_version_is_quarantined_unjudged():
    reading = a_reading(schema_version="2.0.0", humidity="many")
    row = row_of(reading)
    assert_quarantined(row, reading, "VERSION_MAJOR")
    assert codes(row) == ["VERSION_MAJOR"]
    assert (row["device_id"], row["contract_version"]) == ("sensor_1", None)


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0\n", "01.0.0", ""])
def test_row_11_a_malformed_version_is_quarantined(version):
    reading = a_reading(schema_version=version)
    assert_quarantined(row_of(reading), reading, "VERSION_MALFORMED")


def test_row_12_fahrenheit_becomes_celsius_with_the_raw_value_kept():
    row = row_of(a_reading(temperature=77, temperature_unit="Fahrenheit"))
    assert (row["temperature_celsius"], row["temperature_value_raw"]) == (25.0, 77.0)
    assert (row["temperature_unit_raw"], row["is_valid"], row["conforms"]) == ("Fahrenheit", True, True)


def test_row_12_the_raw_contract_range_holds_whatever_the_unit():
    row = row_of(a_reading(temperature=212, temperature_unit="Fahrenheit"))
    assert (row["temperature_celsius"], row["is_valid"], codes(row)) == (100.0, False, ["RANGE"])


def test_row_12_the_canonical_range_holds_where_the_contract_would_allow_more():
    schema = json.loads(json.dumps(packaged_registry().latest.schema))
    schema["properties"]["readings"]["properties"]["temperature"]["properties"]["value"]["maximum"] = 212
    registry = ContractRegistry([compile_contract("1.0.0", schema)])
    classifier = RowClassifier(RowSettings(), registry, packaged_policy())
    hot = named(classifier.row("r", as_payload(a_reading(temperature=150)), NOON, None))
    assert (hot["conforms"], hot["is_valid"], hot["temperature_celsius"]) == (True, False, 150.0)
    assert hot["violations"][0][:2] == ("readings.temperature.value", "RANGE")
    boiling = a_reading(temperature=212, temperature_unit="Fahrenheit")
    assert named(classifier.row("r", as_payload(boiling), NOON, None))["is_valid"] is True


def test_row_14_a_value_out_of_range_stays_and_invalidates():
    row = row_of(a_reading(humidity=101))
    assert (row["humidity_percent"], row["is_valid"], row["conforms"]) == (101.0, False, False)
    assert row["violations"] == [
        {"path": "readings.humidity.value", "code": "RANGE", "expected": "maximum 100", "found": "101"}
    ]


def test_row_16_one_element_is_unwrapped_and_more_are_rescued():
    row = row_of(a_reading(humidity=[40], battery_level=["90.5"]))
    assert (row["humidity_percent"], row["battery_percent"], row["is_valid"]) == (40.0, 90.5, True)
    assert row["coerced_fields"] == ["readings.humidity.value", "readings.battery_level.value"]
    row = row_of(a_reading(humidity=[40, 41], battery_level={"volts": 3}, longitude=[[1]]))
    assert (row["humidity_percent"], row["battery_percent"], row["longitude"]) == (None, None, None)
    assert rescued(row) == {
        "location.longitude": [[1]],
        "readings.humidity.value": [40, 41],
        "readings.battery_level.value": {"volts": 3},
    }


def test_row_16_objects_too():
    row = row_of(a_reading(location=[{"latitude": 1.5, "longitude": 2.5}]))
    assert (row["latitude"], row["longitude"], row["coerced_fields"]) == (1.5, 2.5, ["location"])
    row = row_of(put(a_reading(), "readings.humidity", 40.5))
    assert (row["humidity_percent"], row["is_valid"]) == (None, False)
    assert rescued(row) == {"readings.humidity": 40.5}


def test_row_17_null_and_missing_are_both_null_with_different_violations():
    null, missing = classified(a_reading(humidity=None), a_reading(without=("readings.humidity.value",)))
    assert null["humidity_percent"] is missing["humidity_percent"] is None
    assert (codes(null), codes(missing)) == (["NULL_VALUE"], ["FIELD_REMOVED_REQUIRED"])


def test_row_18_a_respelled_key_reaches_its_column():
    row = row_of(a_reading(without=("status", "device_id"), STATUS="offline", Device_Id="sensor_2"))
    assert (row["status"], row["device_id"], row["is_valid"]) == ("offline", "sensor_2", True)
    assert (codes(row), row["rescued"]) == (["KEY_CASE", "KEY_CASE"], None)


def test_row_18_the_exact_spelling_wins_and_the_other_is_rescued():
    row = row_of(a_reading(Status="offline"))
    assert (row["status"], rescued(row), row["is_valid"]) == ("operational", {"Status": "offline"}, True)


def test_row_18_a_respelled_version_still_counts():
    reading = a_reading(without=("schema_version",), Schema_Version="2.0.0")
    assert_quarantined(row_of(reading), reading, "VERSION_MAJOR")


def test_row_19_a_key_twice_with_equal_values_passes_and_is_told():
    payload = as_payload(a_reading()).replace(b'"status"', b'"status": "operational", "status"')
    row = row_of(payload)
    assert (row["decision"], row["is_valid"], codes(row)) == ("reading", True, ["KEY_DUPLICATE"])
    assert row["idempotency_key"] == row_of(a_reading())["idempotency_key"]


def test_row_19_a_key_twice_with_different_values_is_quarantined():
    payload = as_payload(a_reading()).replace(b'"value": 40.5', b'"value": 40.5, "value": 41')
    assert_quarantined(row_of(payload), payload, "KEY_DUPLICATE")


@pytest.mark.parametrize(
    ("timestamp", "suspect"), [("2026-01-01T12:05:00Z", False), ("2026-01-01T12:05:00.000001Z", True)]
)
def test_row_20_a_clock_ahead_is_suspect_beyond_the_tolerance(timestamp, suspect):
    row = row_of(a_reading(timestamp=timestamp))
    assert (row["clock_suspect"], "CLOCK_FUTURE" in codes(row)) == (suspect, suspect)
    assert (row["decision"], row["is_valid"]) == ("reading", True)
    assert row["event_time_raw"] is not None


def test_row_21_an_event_too_late_to_merge_is_quarantined():
    on_time, late = classified(
        a_reading(), a_reading(timestamp="2026-01-01T11:59:59.999999Z"), late_quarantine_before=NOON
    )
    assert on_time["decision"] == "reading"
    assert_quarantined(late, a_reading(timestamp="2026-01-01T11:59:59.999999Z"), "LATE")
    assert late["conforms"] is True


def test_row_22_redelivery_has_the_same_key_and_a_correction_another():
    reading = a_reading()
    compact = json.dumps(dict(reversed(reading.items())), separators=(",", ":")).encode()
    once, again, corrected, other = classified(
        reading, compact, a_reading(humidity=41), a_reading(device_id="sensor_2")
    )
    assert once["idempotency_key"] == again["idempotency_key"]
    assert len({row["idempotency_key"] for row in (once, corrected, other)}) == 3


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "MALFORMED_JSON"),
        (b'{"device_id": "sensor_1"', "MALFORMED_JSON"),
        (b"[1]", "MALFORMED_JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "ENCODING"),
        (b'{"a": "\xff"}', "ENCODING"),
        (b'{"a": "\x00"}', "MALFORMED_JSON"),
        (b'{"a": NaN}', "NONFINITE"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "MALFORMED_JSON"),
        (b'{"a": "' + b"x" * 1_000_000 + b'"}', "OVERSIZE"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_row_23_bytes_that_are_no_record_are_quarantined_exactly(payload, code):
    row = row_of(payload)
    assert_quarantined(row, payload, code)
    assert (row["shape"], row["conforms"], len(row["idempotency_key"])) == (None, False, 32)


@pytest.mark.parametrize(
    ("defect", "code"),
    [("TRUNCATED", "MALFORMED_JSON"), ("UNDECODABLE", "MALFORMED_JSON"), ("OVERSIZE", "OVERSIZE")],
)
def test_row_23_defects_of_bronze_are_quarantined_even_if_the_bytes_would_parse(defect, code):
    row = row_of(a_reading(), defect=defect)
    assert_quarantined(row, a_reading(), code)
    assert row["violations"][0]["found"] == defect


def test_rows_without_bytes_are_told_apart():
    first, second = classified(None, None, defect="OVERSIZE")
    assert first["payload"] is None
    assert first["idempotency_key"] != second["idempotency_key"]


def test_row_24_a_time_without_zone_is_read_as_utc_and_named():
    row = row_of(a_reading(timestamp="2026-01-01T12:00:00"))
    assert row["event_time_raw"] == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (row["coerced_fields"], codes(row), row["conforms"]) == (["timestamp"], ["FORMAT"], False)
    assert row["is_valid"] is True


@pytest.mark.parametrize("timestamp", ["yesterday", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", ""])
def test_row_24_what_is_no_time_is_quarantined(timestamp):
    assert_quarantined(row_of(a_reading(timestamp=timestamp)), a_reading(timestamp=timestamp), "FORMAT")


def test_row_24_an_epoch_number_is_a_changed_type():
    assert_quarantined(
        row_of(a_reading(timestamp=1767268800)), a_reading(timestamp=1767268800), "TYPE_CHANGED"
    )


@pytest.mark.parametrize("device_id", ["Sensor_12", "sensor_١٢", "sensor_1\n", "sensor_", " sensor_1"])
def test_row_25_a_broken_device_id_is_quarantined(device_id):
    assert_quarantined(row_of(a_reading(device_id=device_id)), a_reading(device_id=device_id), "PATTERN")


@pytest.mark.parametrize("value", [None, 12, ["sensor_1"], {}])
def test_row_25_a_device_id_of_another_type_is_quarantined(value):
    assert_quarantined(row_of(a_reading(device_id=value)), a_reading(device_id=value))


def test_quarantine_lists_all_reasons():
    reading = a_reading(without=("device_id",), humidity=101, timestamp="never", firmware=1)
    row = row_of(reading)
    assert_quarantined(row, reading, "FIELD_REMOVED_REQUIRED", "RANGE", "FORMAT", "FIELD_ADDED")


def test_thousands_of_differences_are_listed_in_part_and_rescued_in_full():
    row = row_of(a_reading(**{f"f{number}": number for number in range(1_000)}))
    assert len(row["violations"]) == 256
    assert row["violations"][-1]["found"] == "745 more"
    assert len(rescued(row)) == 1_000


def test_each_shape_is_spelled_out_once_per_call():
    rows = classified(
        a_reading(), a_reading(humidity=1.5), a_reading(status="offline"), a_reading(x=1), a_reading(x=2)
    )
    assert [row["shape"] is not None for row in rows] == [True, False, True, True, False]
    assert len({row["shape_id"] for row in rows}) == 3


def test_rows_keep_their_order_and_number_and_an_empty_batch_stays_empty():
    rows = classified(a_reading(), b"", a_reading(device_id="x"), None)
    assert [row["row_id"] for row in rows] == ["row-0", "row-1", "row-2", "row-3"]
    assert classified() == []


def test_limits_are_settings():
    assert codes(row_of(a_reading(), limits=ParseLimits(payload_bytes=10))) == ["OVERSIZE"]


NAUGHTY = evaluation_data("json_parsing/blns.json")


@pytest.mark.skipif(NAUGHTY is None, reason="evaluation data json_parsing is absent")
def test_naughty_strings_arrive_unchanged():
    texts = json.loads(NAUGHTY.read_text("utf-8"))
    rows = classified(*(a_reading(status=text, firmware=text, temperature_unit=text) for text in texts))
    assert len(texts) > 400
    assert [row["status"] for row in rows] == texts
    assert [row["temperature_unit_raw"] for row in rows] == texts
    assert [rescued(row)["firmware"] for row in rows] == texts
    refused = classified(*(a_reading(device_id=text) for text in texts))
    assert [row["device_id"] for row in refused] == texts
    assert {row["decision"] for row in refused} == {"quarantine"}


def named(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(FOUND_SCHEMA.names, row, strict=True))


@cache
def both_ways(late_before: int | None) -> tuple[RowClassifier, RowClassifier]:
    row_settings = RowSettings(late_quarantine_before=late_before)
    lane = RowClassifier(row_settings, packaged_registry(), packaged_policy())
    general = RowClassifier(row_settings, packaged_registry(), packaged_policy())
    general.lanes.clear()
    return lane, general


@settings(max_examples=500, deadline=None)
@given(mutated_readings(), st.sampled_from([NOON, NOON - 400_000_000]), st.sampled_from([None, NOON + 1]))
def test_the_fast_lane_and_the_general_way_give_the_same_row(reading, ingest, late_before):
    lane, general = both_ways(late_before)
    payload = as_payload(reading)
    for _ in range(2):
        fast, slow = (
            named(lane.row("r", payload, ingest, None)),
            named(general.row("r", payload, ingest, None)),
        )
        assert {**fast, "rescued": rescued(fast)} == {**slow, "rescued": rescued(slow)}
        assert list(fast["violations"]) == list(slow["violations"])


@settings(max_examples=500, deadline=None)
@given(mutated_readings())
def test_nothing_is_lost(reading):
    """Each value of a kept row is in its column exactly (or coerced without loss), or among the rescued."""
    row = named(both_ways(None)[0].row("r", as_payload(reading), NOON, None))
    event(row["decision"])
    if row["decision"] == "quarantine":
        assert row["payload"] == as_payload(reading)
        return
    kept = [name.lower() for name in rescued(row)]
    for path, value in scalars(reading):
        folded = path.lower()
        if not any(folded == name or folded.startswith((f"{name}.", f"{name}[")) for name in kept):
            assert holds(row, path, value), (path, value)


COLUMNS = {
    "schema_version": "schema_version",
    "device_id": "device_id",
    "status": "status",
    "location.latitude": "latitude",
    "location.longitude": "longitude",
    "readings.temperature.value": "temperature_value_raw",
    "readings.temperature.unit": "temperature_unit_raw",
    "readings.humidity.value": "humidity_percent",
    "readings.battery_level.value": "battery_percent",
}


def scalars(value: Any, path: str = ""):
    """Leaves with their paths; only what a column may hold is looked into, so arrays are one step deep."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            quoted = "." in key or not key
            name = f"[{json.dumps(key)}]" if quoted else (f".{key}" if path else key)
            yield from scalars(item, path + name)
    elif isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        yield from scalars(value[0], path)
    else:
        yield path, value


def holds(row: dict[str, Any], path: str, value: Any) -> bool:
    folded = path.lower()
    if value is None or value in ({}, []):
        return True
    if folded == "timestamp":
        return row["event_time_raw"] is not None
    if folded.endswith(("humidity.unit", "battery_level.unit")):
        return value == "percent"
    held = row[COLUMNS[folded]]
    return held == value or (isinstance(value, str) and isinstance(held, float) and float(value) == held)
