"""Observed shapes."""

from __future__ import annotations

import json

from hypothesis import given, settings

from iot_common.engine.parse import parse_record
from iot_common.engine.registry import packaged_registry
from iot_common.engine.shape import OVERFLOW_PATH, SHAPE_PATH_LIMIT, extended_shape, shape_of
from iot_common.testing.mutations import mutated_readings
from iot_common.testing.readings import a_reading, as_payload, put

CONTRACT = packaged_registry().latest


def shape(reading):
    return shape_of(parse_record(as_payload(reading)), CONTRACT)


def entries_at(reading, path):
    return [(kind, value) for name, kind, value in shape(reading).entries if name == path]


def test_types_are_as_written_and_enums_have_their_value():
    reading = a_reading(temperature=21, humidity=21.0, latitude=None, status="degraded" * 20)
    assert entries_at(reading, "readings.temperature.value") == [("integer", None)]
    assert entries_at(reading, "readings.humidity.value") == [("number", None)]
    assert entries_at(reading, "location.latitude") == [("null", None)]
    assert entries_at(reading, "readings.temperature.unit") == [("string", "Celsius")]
    assert entries_at(reading, "status") == [("string", ("degraded" * 20)[:64])]
    assert entries_at(reading, "location") == [("object", None)]


def test_array_elements_share_one_path_with_all_their_types():
    reading = put(a_reading(), "readings.tags", [1, "a", {"b": None}, {"b": True}])
    assert entries_at(reading, "readings.tags[]") == [("integer", None), ("object", None), ("string", None)]
    assert entries_at(reading, "readings.tags[].b") == [("boolean", None), ("null", None)]


def test_id_is_stable_over_processes_key_order_and_values():
    assert shape(a_reading()).shape_id == shape(a_reading(humidity=1.5, device_id="sensor_9")).shape_id
    reordered = dict(reversed(a_reading().items()))
    assert shape(reordered) == shape(a_reading())
    assert shape(a_reading()).shape_id == 6391930906941965036


def test_a_record_of_thousands_of_paths_is_bounded_with_a_marker():
    found = shape(a_reading(**{f"f{number}": 1 for number in range(5_000)}))
    assert len(found.entries) == SHAPE_PATH_LIMIT + 1
    assert OVERFLOW_PATH in {entry.path for entry in found.entries}


def test_long_paths_are_cut_and_stay_different():
    found = shape(a_reading(**{"x" * 1000 + "1": 1, "x" * 1000 + "2": 1}))
    long = [entry.path for entry in found.entries if entry.path.startswith("xx")]
    assert len(long) == 2
    assert max(map(len, long)) <= 256


@settings(max_examples=200, deadline=None)
@given(mutated_readings())
def test_a_shape_extended_by_undeclared_fields_is_the_shape_of_the_whole(reading):
    extras = {"zz": {"deep": [1, None]}, "firmware": "1"}
    if extras.keys() & reading.keys():
        return
    base = shape(json.loads(as_payload(reading)))
    assert extended_shape(base, extras.items()) == shape({**reading, **extras})
