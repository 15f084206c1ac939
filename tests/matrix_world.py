"""The landing folder of the behaviour matrix: a small fleet over days, and one troubled device per row."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import resources
from math import pi, sin
from pathlib import Path
from typing import Any

from pipeline_runs import run_pipeline

from driftlake.query_engine import open_duckdb
from iot_common.testing.readings import a_reading, as_payload

DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
FLEET = 8
STEP = timedelta(minutes=15)
NOON = "2026-01-01T12:00:00Z"

SILENT_DEVICE = "sensor_7"
FLIPPED_DEVICE = "sensor_2"
TELEPORTED_DEVICE = "sensor_3"


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def at(day: int, hour: float) -> datetime:
    return DAY_ONE + timedelta(days=day - 1, hours=hour)


def fleet_reading(number: int, moment: datetime) -> dict[str, Any]:
    """What a healthy device says: a daily cycle, its own offset, and a little that repeats never."""
    hour = (moment - DAY_ONE) / timedelta(hours=1)
    wobble = sin(hour * 7.3 + number) * 0.2
    reading = a_reading(
        device_id=f"sensor_{number}",
        timestamp=text_of(moment),
        latitude=52.5 + number / 1000,
        temperature=round(20 + number / 4 + 4 * sin(2 * pi * hour / 24) + wobble, 2),
        humidity=round(45 - 5 * sin(2 * pi * hour / 24) + wobble, 2),
        battery_level=round(95 - hour / 24 - number / 10, 3),
    )
    if number == 8 and moment < at(3, 0):  # row 4: one device tells its uptime, and stops
        reading["readings"]["uptime"] = {"value": round(hour), "unit": "hour"}
    if number <= 6:  # rows 1 and 2: six devices learn two new fields
        reading["firmware"] = f"7.{number}"
        reading["readings"]["pressure"] = {"value": 1013.25 + number, "unit": "hPa"}
    return reading


def fleet_of_day(day: int, hours: int = 24) -> list[bytes]:
    lines = []
    for step in range(int(timedelta(hours=hours) / STEP)):
        moment = at(day, 0) + step * STEP
        for number in range(1, FLEET + 1):
            reading = fleet_reading(number, moment)
            if moment >= at(3, 6):
                trouble(reading)
            if not (reading["device_id"] == SILENT_DEVICE and moment >= at(3, 0)):
                lines.append(as_payload(reading))
    return lines


def trouble(reading: dict[str, Any]) -> None:
    """From the morning of the third day: one device speaks Fahrenheit without saying so, one is elsewhere."""
    if reading["device_id"] == FLIPPED_DEVICE:
        value = reading["readings"]["temperature"]
        value["value"] = round(value["value"] * 1.8 + 32, 2)
    if reading["device_id"] == TELEPORTED_DEVICE:
        reading["location"] = {"latitude": -33.9, "longitude": 18.4}


def several(number: int, count: int, day: int = 1, **fields: Any) -> list[bytes]:
    """Readings of device `sensor_<number>`, a minute apart from noon of a day."""
    start = at(day, 12)
    return [
        as_payload(
            a_reading(device_id=f"sensor_{number}", timestamp=text_of(start + timedelta(minutes=n)), **fields)
        )
        for n in range(count)
    ]


def one(number: int, *, without: Iterable[str] = (), **fields: Any) -> bytes:
    return as_payload(a_reading(device_id=f"sensor_{number}", without=without, **fields))


def schema_1_1_0() -> str:
    """The next minor version: an optional count of the battery's charges."""
    text = (
        resources.files("iot_common.contracts").joinpath("raw-iot-data-1.0.0.schema.json").read_text("utf-8")
    )
    schema = json.loads(text)
    schema["properties"]["charge_cycles"] = {"type": "integer", "minimum": 0}
    return json.dumps(schema)


@dataclass
class World:
    """The warehouse after the last batch."""

    folder: Path

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse"

    @property
    def contracts(self) -> Path:
        return self.folder / "contracts"

    def land(self, name: str, lines: Iterable[bytes], arrived: datetime) -> None:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(lines) + b"\n")
        os.utime(path, (arrived.timestamp(), arrived.timestamp()))

    def run(self, *arguments: str) -> None:
        run_pipeline(self.landing, self.warehouse, *arguments)

    @cached_property
    def rows(self) -> Callable[[str], list[dict[str, Any]]]:
        """Asks the tables; the connection lives as long as this object."""
        connection = open_duckdb(str(self.warehouse)).__enter__()

        def ask(sql: str) -> list[dict[str, Any]]:
            cursor = connection.execute(sql)
            names = [entry[0] for entry in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        return ask

    def columns(self, table: str) -> dict[str, str]:
        return {row["column_name"]: row["column_type"] for row in self.rows(f"describe {table}")}

    def bronze(self, number: int) -> list[bytes]:
        found = self.rows(
            f"select payload from bronze.raw_reading_all where source_object like '%row{number:02d}%' "
            "order by source_object, source_line"
        )
        return [bytes(row["payload"]) for row in found]

    def silver(self, number: int) -> list[dict[str, Any]]:
        return self._of(number, "silver.reading", "event_time_raw")

    def quarantine(self, number: int) -> list[dict[str, Any]]:
        return self._of(number, "silver.quarantine", "source_line")

    def _of(self, number: int, table: str, order: str) -> list[dict[str, Any]]:
        return self.rows(
            f"select * from {table} where source_object like '%row{number:02d}%' order by source_object, {order}"
        )

    def gold(self, device: str, reading: str) -> list[dict[str, Any]]:
        return self.rows(
            f"select * from gold.device_window_5min where device_id = '{device}' and reading = '{reading}' "
            "order by window_start"
        )

    def events(self, kind: str, field: str | None = None) -> list[dict[str, Any]]:
        where = f"kind = '{kind}'" + (f" and field = '{field}'" if field else "")
        found = self.rows(f"select * from drift.event where {where} order by onset")
        return [row | {"evidence": json.loads(row["evidence"] or "{}")} for row in found]


def codes(row: dict[str, Any], column: str = "violations") -> list[str]:
    return [each["code"] for each in row[column]]


def rescued(row: dict[str, Any]) -> dict[str, Any]:
    return json.loads(row["_rescued"] or "{}")
