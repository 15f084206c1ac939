"""The classified row for records of registered, upgraded and unknown versions (behaviour.md, rows 9 and 10)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_common.engine.registry import ContractFile, read_registry
from iot_common.testing.contract_versions import (
    minor_step,
    second_major,
    second_major_migration,
    second_major_record,
)
from iot_common.testing.mutations import JSON_VALUES
from iot_common.testing.readings import a_reading, as_payload, put
from iot_silver.policy import packaged_policy
from iot_silver.row_columns import FOUND_SCHEMA
from iot_silver.rows import RowClassifier, RowSettings

NOON = 1_767_268_800_000_000
UPGRADED = (second_major(), second_major_migration())


def row_of(record: dict[str, Any], *files: ContractFile) -> dict[str, Any]:
    classifier = RowClassifier(RowSettings(contracts=files), read_registry(files), packaged_policy())
    return dict(zip(FOUND_SCHEMA.names, classifier.row("row-0", as_payload(record), NOON, None), strict=True))


def told(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(path, code) for path, code, _, _ in row["violations"]]


def verdict(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["contract_version"], row["version_fallback"], row["conforms"], row["is_valid"]


def test_a_field_that_a_registered_minor_version_declares_conforms_and_is_rescued():
    record = a_reading(schema_version="1.1.0", firmware="7")
    before, after = row_of(record), row_of(record, minor_step())
    assert verdict(before) == ("1.0.0", True, False, True)
    assert verdict(after) == ("1.1.0", False, True, True)
    assert told(before) == [("firmware", "FIELD_ADDED")]
    assert told(after) == []
    assert before["rescued"] == after["rescued"] == '{"firmware":"7"}'
    assert before["idempotency_key"] == after["idempotency_key"]


def test_a_record_of_a_version_with_a_migration_fills_the_columns():
    row = row_of(second_major_record(), *UPGRADED)
    assert row["decision"] == "reading"
    assert verdict(row) == ("2.0.0", False, True, True)
    assert (row["schema_version"], row["device_id"], row["status"]) == ("2.0.0", "sensor_1", "operational")
    assert (row["temperature_celsius"], row["temperature_unit_raw"], row["humidity_percent"]) == (
        21.5,
        "Celsius",
        40.5,
    )
    assert told(row) == []
    assert row["coerced_fields"] == [
        "readings.temperature.value", "readings.temperature.unit", "readings.humidity.value", "status",
    ]  # fmt: skip
    assert json.loads(row["rescued"]) == {
        "temperature_kelvin": 294.65,
        "readings.humidity.value": "40.5",
        "readings.pressure": 1013.25,
    }, "what was converted, as it was sent, and what no column takes"


def test_an_unregistered_minor_of_an_upgraded_major_falls_back_and_is_upgraded():
    row = row_of(second_major_record(schema_version="2.4.0", firmware="7"), *UPGRADED)
    assert verdict(row) == ("2.0.0", True, False, True)
    assert told(row) == [("firmware", "FIELD_ADDED")]


@pytest.mark.parametrize("files", [(), (second_major(),)])
def test_an_unknown_major_or_one_without_migration_is_quarantined_with_its_bytes(files):
    record = second_major_record()
    row = row_of(record, *files)
    assert (row["decision"], row["payload"]) == ("quarantine", as_payload(record))
    assert told(row) == [("schema_version", "VERSION_MAJOR")]
    assert row["contract_version"] is None


def test_conforms_is_the_verdict_of_the_own_contract_and_is_valid_that_of_the_columns():
    too_hot = row_of(second_major_record(temperature_kelvin=380.0), *UPGRADED)
    assert verdict(too_hot) == ("2.0.0", False, True, False)
    assert told(too_hot) == [("readings.temperature.value", "RANGE")]
    loose = row_of(second_major_record(temperature_kelvin=150), *UPGRADED)
    assert verdict(loose)[2:] == (False, False)
    odd = row_of(
        second_major_record(readings={**second_major_record()["readings"], "pressure": "1"}), *UPGRADED
    )
    assert verdict(odd)[2:] == (False, True), "a field without a column does not make the columns invalid"
    assert told(odd) == [("readings.pressure", "TYPE_CHANGED")]


def test_an_identity_that_fails_after_its_rename_is_quarantined_for_that():
    row = row_of(second_major_record(deviceId="Sensor_12"), *UPGRADED)
    assert row["decision"] == "quarantine"
    assert told(row)[0] == ("device_id", "PATTERN")
    assert ("schema_version", "VERSION_MAJOR") in told(row)
    missing = second_major_record()
    del missing["deviceId"]
    assert told(row_of(missing, *UPGRADED))[0] == ("device_id", "FIELD_REMOVED_REQUIRED")


def test_a_value_that_had_to_make_room_is_rescued():
    row = row_of(second_major_record(device_id="sensor_2"), *UPGRADED)
    assert row["device_id"] == "sensor_1"
    assert json.loads(row["rescued"])["device_id"] == "sensor_2"
    assert verdict(row)[2:] == (False, True)
    assert told(row) == [("device_id", "FIELD_ADDED")]


def test_two_values_that_had_to_make_room_in_one_place_are_both_rescued():
    record = second_major_record(temperature_kelvin=[])
    put(record, "readings.temperature", {"value": True})
    rescued = json.loads(row_of(record, *UPGRADED)["rescued"])
    assert rescued["readings.temperature.value"] == [True, []]


def test_a_kelvin_that_is_no_number_is_never_read_as_celsius():
    row = row_of(second_major_record(temperature_kelvin="21.5"), *UPGRADED)
    assert (row["temperature_celsius"], row["is_valid"], row["conforms"]) == (None, False, False)
    assert json.loads(row["rescued"])["readings.temperature.value"] == "21.5"


def test_duplicate_keys_of_an_upgraded_record_are_judged_as_ever():
    payload = as_payload(second_major_record()).replace(
        b'"temperature_kelvin"', b'"temperature_kelvin": 1, "temperature_kelvin"'
    )
    classifier = RowClassifier(RowSettings(contracts=UPGRADED), read_registry(UPGRADED), packaged_policy())
    row = dict(zip(FOUND_SCHEMA.names, classifier.row("row-0", payload, NOON, None), strict=True))
    assert row["decision"] == "quarantine"
    assert [code for _, code in told(row)].count("KEY_DUPLICATE") == 1


PATHS = (
    "schema_version", "deviceId", "timestamp", "location", "location.latitude", "temperature_kelvin", "readings",
    "readings.humidity", "readings.humidity.value", "readings.humidity.unit", "readings.battery_level.value",
    "readings.pressure", "readings.temperature", "device_id", "status", "DeviceID",
)  # fmt: skip


def scalars(value: Any) -> set[str]:
    """JSON texts of all that is no container, null aside."""
    if isinstance(value, dict):
        return set().union(*map(scalars, value.values()))
    if isinstance(value, list):
        return set().union(*map(scalars, value))
    return set() if value is None else {json.dumps(float(value) if type(value) is int else value)}


def as_number(text: str) -> float | None:
    """What a JSON text with a number in quotes says; None for all others."""
    try:
        return float(json.loads(text)) if text.startswith('"') else None
    except ValueError:
        return None


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(PATHS), JSON_VALUES, max_size=3))
def test_every_value_of_an_upgraded_record_is_in_a_column_or_rescued(changes):
    record = second_major_record()
    for path, value in sorted(changes.items()):
        with contextlib.suppress(TypeError, KeyError):  # another change took the place of its parent
            put(record, path, value)
    row = row_of(record, *UPGRADED)
    assert row["decision"] in ("reading", "quarantine")
    if row["decision"] == "quarantine":
        assert row["payload"] == as_payload(record)
        return
    columns = {
        name: row[name] for name in row if name not in ("rescued", "violations", "coerced_fields", "shape")
    }
    kept = scalars(columns) | scalars(json.loads(row["rescued"] or "{}")) | {json.dumps("percent")}
    sent = scalars({key: record[key] for key in record if key != "timestamp"})
    # A number that came as a text stands in its column as a number.
    numbers = {each for each in columns.values() if isinstance(each, float)}
    assert {
        each for each in sent - kept if not (row["coerced_fields"] and as_number(each) in numbers)
    } == set()


def test_the_short_way_is_not_for_versions_that_a_migration_leads():
    classifier = RowClassifier(RowSettings(), read_registry(UPGRADED), packaged_policy())
    assert list(classifier.lanes) == ["1.0.0"]
