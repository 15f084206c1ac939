"""Which silver column holds the value of a path, and which path a column's value comes from."""

from __future__ import annotations

from iot_common.contracts.silver_reading import READING

NUMBERS = ("temperature_celsius", "humidity_percent", "battery_percent", "latitude", "longitude")
"""Numeric columns of `silver.reading` that are watched, the ones a device plot can show."""

AXES = {
    "temperature_celsius": "temperature, °C", "humidity_percent": "humidity, %", "battery_percent": "battery, %",
    "latitude": "latitude, °", "longitude": "longitude, °",
}  # fmt: skip

_PATHS = {column.name: column.source[0] for column in READING.columns if column.name in NUMBERS}


def column_of(field: str | None) -> str | None:
    """The numeric column that a field is about: itself, or the one filled from this path, its unit or its parent."""
    if field in NUMBERS:
        return field
    parts = (field or "").split(".")
    stem = ".".join(parts[:-1]) if parts[-1] in ("value", "unit") else field
    return next((name for name, path in _PATHS.items() if path in (field, f"{stem}.value")), None)


def path_of(field: str | None) -> str | None:
    """The path of a record that a field is about."""
    return _PATHS.get(field or "", field)
