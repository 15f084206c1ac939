"""Structural classes: what changes in the record, and the finding that names it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from bench.drift.classes import DriftClass, _of, _own

from iot_common.engine.registry import ContractFile
from iot_simulator.drifts import KINDS
from iot_simulator.structural_effects import Record

TEMPERATURE = "readings.temperature.value"
UPTIME, RADIO = "uptime_seconds", "signal_strength_dbm"


def contract_1_1_0() -> ContractFile:
    """The packaged contract with an optional whole number, as a team would register it."""
    name = "raw-iot-data-{}.schema.json"
    packaged = resources.files("iot_common.contracts") / name.format("1.0.0")
    schema = json.loads(packaged.read_text("utf-8"))
    schema["properties"][UPTIME] = {"type": "integer", "minimum": 0}
    return name.format("1.1.0"), json.dumps(schema)


def _speak_1_1_0(record: Record, parameters: Mapping[str, Any], variation: float) -> None:
    record["schema_version"] = "1.1.0"
    record[UPTIME] = parameters["uptime"]


def _as_before(record: Record, parameters: Mapping[str, Any], variation: float) -> None:
    """Nothing: the drift is that the prior ends."""


def _integer_temperature(record: Record, parameters: Mapping[str, Any], variation: float) -> None:
    record["status"] = 1


WIDENED = _own(
    "type_widened",
    "a declared integer gets a fraction",
    parameters={"uptime": 12.5},
    record_effect=_speak_1_1_0,
    accompanying_codes=("TYPE_CHANGED",),
)
SPEAKS_1_1_0 = _own(
    "speaks 1.1.0", "a registered newer version", parameters={"uptime": 12}, record_effect=_speak_1_1_0
)
DOWNGRADED = _own("version_downgrade", "back to an older version", record_effect=_as_before)
STOPPED = _own("optional_stopped", "an optional field is sent no more", record_effect=_as_before)
STATUS_NUMBER = _own("retyped", "a text becomes a number", record_effect=_integer_temperature)

STRUCTURAL = (
    _of("field added, top level", "field_added", ("FIELD_ADDED", RADIO)),
    _of("field added, nested (a new sensor)", "field_added_nested", ("FIELD_ADDED_NESTED", "readings.pressure")),
    _of(
        "field added, nested deeper",
        "field_added",
        ("FIELD_ADDED_NESTED", "readings.temperature.accuracy"),
        path="readings.temperature.accuracy",
        value=0.2,
    ),
    _of("required field removed, nested", "field_removed", ("FIELD_REMOVED_REQUIRED", "readings.humidity")),
    _of("required field removed, top level", "field_removed", ("FIELD_REMOVED_REQUIRED", "status"), path="status"),
    _of("number → string", "type_changed", ("TYPE_CHANGED", TEMPERATURE)),
    _of("number → boolean", "type_changed", ("TYPE_CHANGED", TEMPERATURE), to="bool"),
    _of("number → object", "type_changed", ("ARRAY_SCALAR", TEMPERATURE), to="object"),
    _of("text → number", STATUS_NUMBER, ("TYPE_CHANGED", "status"), accompanying=("ENUM_ADDED",)),
    _of("value inside an array", "array_wrap", ("ARRAY_SCALAR", TEMPERATURE)),
    _of("null instead of a value", "null_value", ("NULL_VALUE", "readings.humidity.value")),
    _of("value missing from its reading", "field_removed", ("FIELD_REMOVED_REQUIRED", "readings.humidity.value"),
        path="readings.humidity.value"),
    _of("enumeration value added", "enum_added", ("ENUM_ADDED", "status")),
    _of("unknown unit declared", "unit_unknown", ("ENUM_ADDED", "readings.temperature.unit")),
    # In Fahrenheit a spike leaves the range that the contract gives the bare number.
    _of("unit changed, declared", "unit_changed", ("UNIT_CHANGED", "readings.temperature.unit"),
        accompanying=("RANGE",)),
    _of("key in another case", "key_case", ("KEY_CASE", "readings.humidity")),
    _of("field renamed", "field_renamed", ("RENAME_SUSPECT", "readings.humidity"), batches=6),
    _of("minor version up", "version_minor", ("VERSION_MINOR", "schema_version")),
    _of("major version up", "version_major", ("VERSION_MAJOR", "schema_version")),
    _of("version malformed", "version_malformed", ("VERSION_MALFORMED", "schema_version"), accompanying=("PATTERN",)),
    _of("duplicate key", "duplicate_key", ("KEY_DUPLICATE", "status")),
    _of("NaN written bare", "nonfinite", ("NONFINITE", "$"), accompanying=("MALFORMED_JSON",)),
    _of("timestamp as a number", "timestamp_epoch", ("TYPE_CHANGED", "timestamp")),
    _of("timestamp without a zone", "timestamp_without_zone", ("FORMAT", "timestamp")),
    _of("device id spelled otherwise", "device_id_pattern", ("PATTERN", "device_id")),
    _of("clock ahead", "clock_ahead", ("CLOCK_SKEW", "timestamp")),
)  # fmt: skip
"""Found in what silver observed of the records."""

_PRIOR_FIELD = (KINDS["field_added"], {**KINDS["field_added"].parameters})
WITH_PRIOR = (
    (_of("declared integer → number", WIDENED, ("TYPE_WIDENED", UPTIME)), (SPEAKS_1_1_0, SPEAKS_1_1_0.parameters)),
    (_of("version downgrade", DOWNGRADED, ("VERSION_DOWNGRADE", "schema_version")),
     (SPEAKS_1_1_0, SPEAKS_1_1_0.parameters)),
    (_of("optional field stops", STOPPED, ("FIELD_REMOVED_OPTIONAL", RADIO), batches=12), _PRIOR_FIELD),
)  # fmt: skip
"""Classes whose devices did something else before: with the kind and parameters of what they did."""

SHADOWED = ("SILENT",)
__all__ = ["STRUCTURAL", "WITH_PRIOR", "DriftClass", "contract_1_1_0"]
