"""Builders of raw readings, so that a test shows only the fields that matter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

_PLACES: Final = {
    "latitude": ("location", "latitude"),
    "longitude": ("location", "longitude"),
    "temperature": ("readings", "temperature", "value"),
    "temperature_unit": ("readings", "temperature", "unit"),
    "humidity": ("readings", "humidity", "value"),
    "humidity_unit": ("readings", "humidity", "unit"),
    "battery_level": ("readings", "battery_level", "value"),
    "battery_level_unit": ("readings", "battery_level", "unit"),
}


def a_reading(*, without: Iterable[str] = (), **overrides: Any) -> dict[str, Any]:
    """A reading that conforms to contract 1.0.0, but for what is named.

    Args:
        without: dotted paths to leave out, as `readings.humidity.unit`.
        overrides: values by short name (`humidity=101`, `temperature_unit="Kelvin"`), or any top-level key.
    """
    reading: dict[str, Any] = {
        "schema_version": "1.0.0",
        "device_id": "sensor_1",
        "timestamp": "2026-01-01T12:00:00Z",
        "location": {"latitude": 52.5, "longitude": 13.4},
        "readings": {
            "temperature": {"value": 21.5, "unit": "Celsius"},
            "humidity": {"value": 40.5, "unit": "percent"},
            "battery_level": {"value": 90.5, "unit": "percent"},
        },
        "status": "operational",
    }
    for name, value in overrides.items():
        put(reading, ".".join(_PLACES.get(name, (name,))), value)
    for path in without:
        *parents, last = path.split(".")
        _follow(reading, parents).pop(last)
    return reading


def put(reading: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set the value at a dotted path, whose parents must be there; gives the reading back."""
    *parents, last = path.split(".")
    _follow(reading, parents)[last] = value
    return reading


def as_payload(reading: Any) -> bytes:
    """The bytes a device would send: JSON with Python's usual spacing."""
    return json.dumps(reading, ensure_ascii=False).encode()


def _follow(reading: dict[str, Any], parents: list[str]) -> dict[str, Any]:
    for parent in parents:
        reading = reading[parent]
    return reading
