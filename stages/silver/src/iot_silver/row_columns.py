"""The columns that classification gives silver, once for Arrow and once for Spark (a test holds them together)."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from iot_common.engine.events import Event, EventCode, Source
from iot_common.engine.shape import OVERFLOW_PATH, bounded_path

READING: Final = "reading"
QUARANTINE: Final = "quarantine"

LISTED_VIOLATIONS_LIMIT: Final = 256
"""Most differences one row lists; beyond them one entry tells how many more there were."""

Violation = tuple[str, str, str, str]

_UTC_MICROS: Final = pa.timestamp("us", tz="UTC")
_VIOLATION: Final = pa.struct(
    [("path", pa.string()), ("code", pa.string()), ("expected", pa.string()), ("found", pa.string())]
)
_SHAPE_ENTRY: Final = pa.struct(
    [("path", pa.string()), ("json_type", pa.string()), ("enum_value", pa.string())]
)

CARRIED_SCHEMA: Final = pa.schema(
    [
        ("row_id", pa.string()),
        ("source_object", pa.string()),
        ("source_line", pa.int64()),
        ("ingest_time", _UTC_MICROS),
        ("block_sequence", pa.int64()),
        ("payload_pointer", pa.string()),
    ]
)
"""Columns of bronze's rows that pass through unchanged."""

RAW_COLUMNS: Final = (*CARRIED_SCHEMA.names, "payload", "defect")
"""Columns of bronze's rows that classification reads."""

FOUND_SCHEMA: Final = pa.schema(
    [
        ("payload", pa.binary()),
        ("decision", pa.string()),
        ("idempotency_key", pa.string()),
        ("device_id", pa.string()),
        ("event_time_raw", _UTC_MICROS),
        ("schema_version", pa.string()),
        ("contract_version", pa.string()),
        ("version_fallback", pa.bool_()),
        ("status", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("temperature_celsius", pa.float64()),
        ("temperature_value_raw", pa.float64()),
        ("temperature_unit_raw", pa.string()),
        ("humidity_percent", pa.float64()),
        ("battery_percent", pa.float64()),
        ("clock_suspect", pa.bool_()),
        ("conforms", pa.bool_()),
        ("is_valid", pa.bool_()),
        ("coerced_fields", pa.list_(pa.string())),
        ("violations", pa.list_(_VIOLATION)),
        ("rescued", pa.string()),
        ("shape_id", pa.int64()),
        ("shape", pa.list_(_SHAPE_ENTRY)),
    ]
)
"""Columns that classification adds, in the order of `typing_rules.FoundRow`."""

CLASSIFIED_SCHEMA: Final = pa.schema([*CARRIED_SCHEMA, *FOUND_SCHEMA])

CLASSIFIED_DDL: Final = """
    row_id string,
    source_object string,
    source_line bigint,
    ingest_time timestamp,
    block_sequence bigint,
    payload_pointer string,
    payload binary,
    decision string,
    idempotency_key string,
    device_id string,
    event_time_raw timestamp,
    schema_version string,
    contract_version string,
    version_fallback boolean,
    status string,
    latitude double,
    longitude double,
    temperature_celsius double,
    temperature_value_raw double,
    temperature_unit_raw string,
    humidity_percent double,
    battery_percent double,
    clock_suspect boolean,
    conforms boolean,
    is_valid boolean,
    coerced_fields array<string>,
    violations array<struct<path:string,code:string,expected:string,found:string>>,
    rescued string,
    shape_id bigint,
    shape array<struct<path:string,json_type:string,enum_value:string>>
"""
"""The same for Spark, as `mapInArrow` wants it."""


EVOLVED_FIELD: Final = pa.field("evolved", pa.map_(pa.string(), pa.string()))
"""Column name -> text, for the evolved columns that a row has a value for. Only where the table has such columns."""

EVOLVED_DDL: Final = ", evolved map<string,string>"
"""The same for Spark."""


def as_violation(event: Event) -> Violation:
    """An event as the column `violations` holds it."""
    return bounded_path(event.path), event.code.value, event.expected, event.found


def as_violations(events: list[Event]) -> list[Violation]:
    """All of them, or the first ones and an entry that counts the rest."""
    shown = events[:LISTED_VIOLATIONS_LIMIT]
    if len(shown) < len(events):
        more = f"{len(events) - len(shown) + 1} more"
        limit = f"at most {LISTED_VIOLATIONS_LIMIT} listed differences"
        shown[-1] = Event(OVERFLOW_PATH, EventCode.CONSTRAINT, limit, more, Source.ENGINE)
    return [as_violation(event) for event in shown]
