"""What structural drifts do to one record.

An effect on a record changes the parsed object in place; an effect on text returns the new text. A path
that is absent (another drift removed it) is left as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Record = dict[str, Any]
Parameters = Mapping[str, Any]
# `variation` is a random number from -1 to 1, the row's own.
RecordEffect = Callable[[Record, Parameters, float], None]
TextEffect = Callable[[str, Parameters], str]


def parent_of(record: Record, path: str) -> tuple[Record | None, str]:
    """The object that holds the last key of a dotted path (None where there is none), and that key."""
    *folders, key = path.split(".")
    holder: Any = record
    for folder in folders:
        holder = holder.get(folder) if isinstance(holder, dict) else None
    return (holder if isinstance(holder, dict) else None), key


def _varied(parameters: Parameters, variation: float) -> Any:
    value = parameters["value"]
    if isinstance(value, bool | str):
        return value
    return round(float(value) + float(parameters.get("spread", 0.0)) * variation, 2)


def _put(record: Record, path: str, value: Any) -> None:
    holder, key = parent_of(record, path)
    if holder is not None:
        holder[key] = value


def _replace(record: Record, path: str, change: Callable[[Any], Any]) -> None:
    holder, key = parent_of(record, path)
    if holder is not None and key in holder:
        holder[key] = change(holder[key])


def add_field(record: Record, parameters: Parameters, variation: float) -> None:
    """Put a scalar at the path."""
    _put(record, parameters["path"], _varied(parameters, variation))


def add_reading(record: Record, parameters: Parameters, variation: float) -> None:
    """Put a reading with value and unit at the path."""
    _put(record, parameters["path"], {"value": _varied(parameters, variation), "unit": parameters["unit"]})


def remove_field(record: Record, parameters: Parameters, variation: float) -> None:
    """Take the key away."""
    holder, key = parent_of(record, parameters["path"])
    if holder is not None:
        holder.pop(key, None)


def change_type(record: Record, parameters: Parameters, variation: float) -> None:
    """Turn a number into its own text, into `value > 0`, or into an object."""
    change: Mapping[str, Callable[[Any], Any]] = {
        "string": str,
        "bool": lambda value: value > 0,
        "object": lambda value: {"reading": value},
    }
    _replace(record, parameters["path"], change[parameters["to"]])


def rename_field(record: Record, parameters: Parameters, variation: float) -> None:
    """Move the value to the new key, which stands where the old one stood."""
    holder, key = parent_of(record, parameters["path"])
    new_key = parameters["to"].split(".")[-1]
    if holder is None or key not in holder:
        return
    members = [(new_key if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(members)


def set_value(record: Record, parameters: Parameters, variation: float) -> None:
    """Replace the value, if the key is there."""
    _replace(record, parameters["path"], lambda _: parameters["value"])


def set_null(record: Record, parameters: Parameters, variation: float) -> None:
    """Replace the value by null."""
    _replace(record, parameters["path"], lambda _: None)


def wrap_in_array(record: Record, parameters: Parameters, variation: float) -> None:
    """Replace the value by an array that holds it alone."""
    _replace(record, parameters["path"], lambda value: [value])


def change_version(record: Record, parameters: Parameters, variation: float) -> None:
    """Set schema_version."""
    record["schema_version"] = parameters["version"]


def raise_version_with_field(record: Record, parameters: Parameters, variation: float) -> None:
    """Set schema_version and add the field that came with it."""
    change_version(record, parameters, variation)
    add_field(record, parameters, variation)


def timestamp_as_epoch(record: Record, parameters: Parameters, variation: float) -> None:
    """Write the timestamp as seconds (with decimals) or whole milliseconds since 1970."""
    moment = datetime.fromisoformat(record["timestamp"])
    milliseconds = round(moment.timestamp() * 1000)
    record["timestamp"] = milliseconds / 1000 if parameters["unit"] == "seconds" else milliseconds


def timestamp_without_zone(record: Record, parameters: Parameters, variation: float) -> None:
    """Leave out the trailing Z."""
    record["timestamp"] = record["timestamp"].removesuffix("Z")


def change_device_prefix(record: Record, parameters: Parameters, variation: float) -> None:
    """Write another prefix before the device's number."""
    record["device_id"] = parameters["prefix"] + record["device_id"].removeprefix("sensor_")


def swap_coordinates(record: Record, parameters: Parameters, variation: float) -> None:
    """Write the latitude as the longitude and the other way round."""
    location = record["location"]
    location["latitude"], location["longitude"] = location["longitude"], location["latitude"]


def repeat_key(text: str, parameters: Parameters) -> str:
    """Append a top-level key a second time, with its own value or, if `conflicting`, with null."""
    key = parameters["path"]
    value = None if parameters["conflicting"] else json.loads(text).get(key)
    return f"{text[:-1]},{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}}}"


def write_literal(text: str, parameters: Parameters) -> str:
    """Write a bare word that is no JSON (NaN, Infinity) as the value at the path."""
    record = json.loads(text)
    mark = "\u0000literal"
    _replace(record, parameters["path"], lambda _: mark)
    return compact_json(record).replace(json.dumps(mark), parameters["literal"])


def compact_json(record: Record) -> str:
    """JSON without spaces, keys in the order they stand in."""
    return json.dumps(record, separators=(",", ":"))
