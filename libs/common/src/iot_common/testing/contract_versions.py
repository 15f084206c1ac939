"""Contract versions that no fleet has (yet): a minor step that adds a field, and a second major with its migration."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

from iot_common.engine.registry import ContractFile

FIRST_SCHEMA: Final = (
    resources.files("iot_common.contracts").joinpath("raw-iot-data-1.0.0.schema.json").read_text("utf-8")
)


def minor_step(version: str = "1.1.0", **properties: Any) -> ContractFile:
    """The given contract with further top-level fields; `firmware`, a text, unless others are named."""
    schema = json.loads(FIRST_SCHEMA)
    schema["properties"] |= properties or {"firmware": {"type": "string"}}
    return f"raw-iot-data-{version}.schema.json", json.dumps(schema)


def second_major() -> ContractFile:
    """Version 2.0.0: `deviceId`, the temperature in kelvin and flat, the humidity as text, no status, a pressure."""
    schema = json.loads(FIRST_SCHEMA)
    properties = schema["properties"]
    properties["deviceId"] = properties.pop("device_id")
    properties["temperature_kelvin"] = {"type": "number", "minimum": 200, "maximum": 400}
    del properties["readings"]["properties"]["temperature"], properties["status"]
    properties["readings"]["required"] = ["humidity", "battery_level"]
    properties["readings"]["properties"]["pressure"] = {"type": "number"}
    properties["readings"]["properties"]["humidity"]["properties"]["value"] = {"type": "string"}
    schema["required"] = [
        "schema_version", "deviceId", "timestamp", "location", "readings", "temperature_kelvin",
    ]  # fmt: skip
    return "raw-iot-data-2.0.0.schema.json", json.dumps(schema)


def second_major_migration() -> ContractFile:
    """How a record of 2.0.0 becomes one of 1.0.0."""
    before = second_major_record()
    after = second_major_record()
    after["device_id"] = after.pop("deviceId")
    after["readings"]["temperature"] = {"value": 21.5, "unit": "Celsius"}
    after["readings"]["humidity"]["value"] = 40.5
    after["status"] = "operational"
    del after["temperature_kelvin"]
    text = f"""
to = "1.0.0"

[[rules]]
kind = "rename"
path = "deviceId"
to = "device_id"

[[rules]]
kind = "move"
path = "temperature_kelvin"
to = "readings.temperature.value"

[[rules]]
kind = "unit"
path = "readings.temperature.value"
add = -273.15
multiply = 1
divide = 1

[[rules]]
kind = "default"
path = "readings.temperature.unit"
value = "Celsius"

[[rules]]
kind = "cast"
path = "readings.humidity.value"
from = "string"
to = "number"

[[rules]]
kind = "default"
path = "status"
value = "operational"

[[examples]]
before = '{json.dumps(before)}'
after = '{json.dumps(after)}'
"""
    return "raw-iot-data-2.0.0.migration.toml", text


def second_major_record(**members: Any) -> dict[str, Any]:
    """A record of 2.0.0 that conforms, but for what is named."""
    usual: dict[str, Any] = {
        "schema_version": "2.0.0",
        "deviceId": "sensor_1",
        "timestamp": "2026-01-01T12:00:00Z",
        "location": {"latitude": 52.5, "longitude": 13.4},
        "temperature_kelvin": 294.65,
        "readings": {
            "humidity": {"value": "40.5", "unit": "percent"},
            "battery_level": {"value": 90.5, "unit": "percent"},
            "pressure": 1013.25,
        },
    }
    return usual | members


def write_contracts(folder: Path, *files: ContractFile) -> str:
    """Put contract files into a folder; gives its name, as the setting `contracts` wants it."""
    folder.mkdir(exist_ok=True)
    for name, text in files:
        (folder / name).write_text(text, "utf-8")
    return str(folder)
