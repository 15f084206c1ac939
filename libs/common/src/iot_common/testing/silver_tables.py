"""Rows of silver's tables, as silver would write them, for the tests of the stages that read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW, WINDOW_MINUTES
from iot_common.testing.spark import Lake


def at(clock: str, day: str = "2025-06-01") -> datetime:
    """A time of the test day in UTC: `at("10:02:30")`."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)


def a_reading(time: datetime, device_id: str = "sensor_1", **columns: Any) -> dict[str, Any]:
    """A row of `silver.reading`: valid, in Zurich, 20 °C, unless said otherwise."""
    usual = {
        "device_id": device_id,
        "event_time": time,
        "event_time_raw": time,
        "clock_suspect": False,
        "late": False,
        "ingest_time": time + timedelta(seconds=30),
        "schema_version": "1.0.0",
        "status": "active",
        "latitude": 47.37,
        "longitude": 8.54,
        "temperature_celsius": 20.0,
        "humidity_percent": 50.0,
        "battery_percent": 90.0,
        "conforms": True,
        "is_valid": True,
        "is_anomaly": bool(columns.get("anomaly_flags")),
        "anomaly_flags": [],
        "row_id": f"{device_id}@{time.isoformat()}",
        "idempotency_key": f"{device_id}@{time.isoformat()}",
    }
    unknown = columns.keys() - set(READING.column_names)
    assert not unknown, f"silver.reading has no {sorted(unknown)}"
    return usual | columns


def window_of(time: datetime) -> datetime:
    """Start of the 5-minute window of a time."""
    return time - timedelta(
        minutes=time.minute % WINDOW_MINUTES, seconds=time.second, microseconds=time.microsecond
    )


def write_readings(lake: Lake, batch: str, rows: list[dict[str, Any]]) -> None:
    """Append readings, and then the windows they touch, as one silver batch does."""
    lake.append(READING, rows)
    touch_windows(lake, batch, [(row["device_id"], row["event_time"]) for row in rows])


def touch_windows(lake: Lake, batch: str, device_times: list[tuple[str, datetime]]) -> None:
    """Append the windows of these device times to `silver.touched_window`."""
    windows = sorted({(device_id, window_of(time)) for device_id, time in device_times})
    lake.append(
        TOUCHED_WINDOW,
        [{"batch": batch, "device_id": device_id, "window_start": start} for device_id, start in windows],
    )
