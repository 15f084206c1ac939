"""The kinds of drift: what each does to a device's lines, and what a detector should call it.

A kind acts at one of three places: on the columns (values, clocks, silence), on the record as a JSON
object (structure), or on the record's text (what no JSON library would write).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from iot_simulator import structural_effects as structure
from iot_simulator import value_effects as values

Parameters = Mapping[str, Any]

TEMPERATURE_VALUE = "readings.temperature.value"


@dataclass(frozen=True)
class DriftKind:
    """One kind of drift.

    Attributes:
        name: As written in a scenario.
        meaning: One line for people.
        expected_codes: Names under which a finding is right, the most specific first: event codes of the
            contract engine, or VALUE_SHIFT, STUCK, NOISE, SILENT for statistical findings. Empty for what
            is no drift.
        accompanying_codes: Further findings that are true consequences, neither needed nor wrong.
        parameters: Every parameter with its default.
        paths: Dotted paths of the fields it concerns, given the parameters.
        column_effect: Changes columns, if it does.
        record_effect: Changes the parsed record, if it does.
        text_effect: Changes the record's text, if it does.
        celsius_only: It makes sense only for devices that declare Celsius.
    """

    name: str
    meaning: str
    expected_codes: tuple[str, ...]
    paths: Callable[[Parameters], tuple[str, ...]]
    parameters: Parameters = field(default_factory=dict)
    accompanying_codes: tuple[str, ...] = ()
    column_effect: values.ColumnEffect | None = None
    record_effect: structure.RecordEffect | None = None
    text_effect: structure.TextEffect | None = None
    celsius_only: bool = False


def _the_path(parameters: Parameters) -> tuple[str, ...]:
    return (str(parameters["path"]),)


def _path_and_new_path(parameters: Parameters) -> tuple[str, ...]:
    return (str(parameters["path"]), str(parameters["to"]))


def _reading_value(parameters: Parameters) -> tuple[str, ...]:
    return (f"readings.{parameters['reading']}.value",)


def _version_and_added(parameters: Parameters) -> tuple[str, ...]:
    return ("schema_version", str(parameters["path"]))


def _always(*paths: str) -> Callable[[Parameters], tuple[str, ...]]:
    return lambda _: paths


# A field that is not usable any more leaves gold, which looks like silence or a shift from there.
_UNUSABLE = ("SILENT", "VALUE_SHIFT")

_STRUCTURAL = (
    DriftKind(
        "field_added",
        "a new field at the top level",
        ("FIELD_ADDED",),
        _the_path,
        {"path": "signal_strength_dbm", "value": -71.0, "spread": 6.0},
        record_effect=structure.add_field,
    ),
    DriftKind(
        "field_added_nested",
        "a new sensor among the readings",
        ("FIELD_ADDED_NESTED",),
        _the_path,
        {"path": "readings.pressure", "value": 1013.2, "spread": 5.0, "unit": "hPa"},
        record_effect=structure.add_reading,
    ),
    DriftKind(
        "field_removed",
        "a required field is missing",
        ("FIELD_REMOVED_REQUIRED",),
        _the_path,
        {"path": "readings.humidity"},
        _UNUSABLE,
        record_effect=structure.remove_field,
    ),
    DriftKind(
        "type_changed",
        "a number becomes a string, a boolean or an object",
        ("TYPE_CHANGED",),
        _the_path,
        {"path": TEMPERATURE_VALUE, "to": "string"},
        _UNUSABLE,
        record_effect=structure.change_type,
    ),
    DriftKind(
        "field_renamed",
        "a field has another name",
        ("RENAME_SUSPECT", "FIELD_REMOVED_REQUIRED", "FIELD_ADDED_NESTED", "FIELD_ADDED"),
        _path_and_new_path,
        {"path": "readings.humidity", "to": "readings.relative_humidity"},
        _UNUSABLE,
        record_effect=structure.rename_field,
    ),
    DriftKind(
        "enum_added",
        "a value outside its enumeration",
        ("ENUM_ADDED",),
        _the_path,
        {"path": "status", "value": "degraded"},
        _UNUSABLE,
        record_effect=structure.set_value,
    ),
    DriftKind(
        "version_minor",
        "a newer minor version with a new field",
        ("VERSION_MINOR",),
        _version_and_added,
        {"version": "1.1.0", "path": "firmware", "value": "2.4.1"},
        ("FIELD_ADDED", "FIELD_ADDED_NESTED"),
        record_effect=structure.raise_version_with_field,
    ),
    DriftKind(
        "version_major",
        "an unknown major version",
        ("VERSION_MAJOR", "VERSION_UNKNOWN"),
        _always("schema_version"),
        {"version": "2.0.0"},
        _UNUSABLE,
        record_effect=structure.change_version,
    ),
    DriftKind(
        "version_malformed",
        "a version that is none",
        ("VERSION_MALFORMED", "PATTERN"),
        _always("schema_version"),
        {"version": "v1"},
        _UNUSABLE,
        record_effect=structure.change_version,
    ),
    DriftKind(
        "null_value",
        "null where a value belongs",
        ("NULL_VALUE",),
        _the_path,
        {"path": "readings.humidity.value"},
        (*_UNUSABLE, "TYPE_CHANGED"),
        record_effect=structure.set_null,
    ),
    DriftKind(
        "key_case",
        "a key in another case",
        ("KEY_CASE",),
        _path_and_new_path,
        {"path": "readings.humidity", "to": "readings.Humidity"},
        ("FIELD_REMOVED_REQUIRED", "FIELD_ADDED_NESTED", "FIELD_ADDED"),
        record_effect=structure.rename_field,
    ),
    DriftKind(
        "array_wrap",
        "a value inside an array of one",
        ("ARRAY_SCALAR",),
        _the_path,
        {"path": TEMPERATURE_VALUE},
        (*_UNUSABLE, "TYPE_CHANGED"),
        record_effect=structure.wrap_in_array,
    ),
    DriftKind(
        "duplicate_key",
        "a top-level key twice in one record",
        ("KEY_DUPLICATE",),
        _the_path,
        {"path": "status", "conflicting": False},
        _UNUSABLE,
        text_effect=structure.repeat_key,
    ),
    DriftKind(
        "nonfinite",
        "NaN as a bare word, as some serialisers write it",
        ("NONFINITE", "MALFORMED_JSON"),
        _the_path,
        {"path": TEMPERATURE_VALUE, "literal": "NaN"},
        _UNUSABLE,
        text_effect=structure.write_literal,
    ),
    DriftKind(
        "timestamp_epoch",
        "the timestamp as a number since 1970",
        ("TYPE_CHANGED",),
        _always("timestamp"),
        {"unit": "seconds"},
        (*_UNUSABLE, "FORMAT"),
        record_effect=structure.timestamp_as_epoch,
    ),
    DriftKind(
        "timestamp_without_zone",
        "the timestamp without its zone",
        ("FORMAT",),
        _always("timestamp"),
        {},
        _UNUSABLE,
        record_effect=structure.timestamp_without_zone,
    ),
    DriftKind(
        "device_id_pattern",
        "the device id in another spelling",
        ("PATTERN",),
        _always("device_id"),
        {"prefix": "Sensor_"},
        _UNUSABLE,
        record_effect=structure.change_device_prefix,
    ),
    DriftKind(
        "coordinates_swapped",
        "latitude and longitude swapped",
        ("VALUE_SHIFT", "RANGE"),
        _always("location.latitude", "location.longitude"),
        {},
        _UNUSABLE,
        record_effect=structure.swap_coordinates,
    ),
)

_IN_COLUMNS = (
    DriftKind(
        "unit_changed",
        "another unit, declared, with values to match",
        ("UNIT_CHANGED",),
        _always("readings.temperature.unit"),
        {"to": "Fahrenheit"},
        column_effect=values.declare_unit,
        celsius_only=True,
    ),
    DriftKind(
        "unit_unknown",
        "a unit outside the contract, declared, with values to match",
        ("ENUM_ADDED", "UNIT_CHANGED"),
        _always("readings.temperature.unit"),
        {"to": "Kelvin"},
        ("RANGE", *_UNUSABLE),
        column_effect=values.declare_unit,
        celsius_only=True,
    ),
    DriftKind(
        "unit_flip_undeclared",
        "values in Fahrenheit that still say Celsius",
        ("UNIT_SUSPECT", "VALUE_SHIFT"),
        _always(TEMPERATURE_VALUE),
        {},
        ("RANGE",),
        column_effect=values.flip_to_fahrenheit,
        celsius_only=True,
    ),
    DriftKind(
        "value_offset",
        "a constant added",
        ("VALUE_SHIFT",),
        _reading_value,
        {"reading": "temperature", "offset": 5.0},
        ("RANGE", "UNIT_SUSPECT"),
        column_effect=values.add_offset,
    ),
    DriftKind(
        "value_scale",
        "multiplied by a constant",
        ("UNIT_SUSPECT", "VALUE_SHIFT", "RANGE"),
        _reading_value,
        {"reading": "temperature", "factor": 100.0},
        ("SILENT",),
        column_effect=values.scale,
        celsius_only=True,
    ),
    DriftKind(
        "stuck",
        "frozen at the value it had at the start",
        ("STUCK",),
        _reading_value,
        {"reading": "temperature"},
        ("VALUE_SHIFT",),
        column_effect=values.freeze,
    ),
    DriftKind(
        "noise_increase",
        "more noise",
        ("NOISE",),
        _reading_value,
        {"reading": "temperature", "deviation": 3.0},
        ("VALUE_SHIFT", "RANGE"),
        column_effect=values.add_noise,
    ),
    DriftKind(
        "slow_drift",
        "a ramp to a lasting change",
        ("VALUE_SHIFT",),
        _reading_value,
        {"reading": "temperature", "change": 8.0, "hours": 24.0},
        ("RANGE",),
        column_effect=values.ramp,
    ),
    DriftKind(
        "battery_runaway",
        "the battery runs empty and the temperature runs away with it",
        ("VALUE_SHIFT",),
        _always(TEMPERATURE_VALUE, "readings.humidity.value", "readings.battery_level.value"),
        {"hours": 24.0, "change": 95.0},
        ("RANGE", "NOISE", "STUCK", "SILENT"),
        column_effect=values.run_away,
    ),
    DriftKind(
        "clock_ahead",
        "the device's clock is ahead",
        ("CLOCK_SKEW", "CLOCK_FUTURE"),
        _always("timestamp"),
        {"seconds": 10_800.0},
        ("SILENT", "VALUE_SHIFT"),
        column_effect=values.shift_clock,
    ),
    DriftKind(
        "silent",
        "the device sends nothing",
        ("SILENT",),
        _always("device_id"),
        {},
        column_effect=values.fall_silent,
    ),
    DriftKind(
        "weather_front",
        "no drift: warm or cold weather at its devices, rising and falling over its time",
        (),
        _always(TEMPERATURE_VALUE, "readings.humidity.value"),
        {"change": 4.0, "hours": 18.0},
        ("VALUE_SHIFT",),
        column_effect=values.pass_front,
    ),
)

KINDS: Mapping[str, DriftKind] = MappingProxyType({kind.name: kind for kind in (*_STRUCTURAL, *_IN_COLUMNS)})
