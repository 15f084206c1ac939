"""Hours and days: the same numbers as if they had been computed from the readings."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from iot_common.testing.silver_tables import at
from iot_gold import rollup

WINDOW_DDL = (
    "device_id string, window_start timestamp, place string, reading string, reading_count bigint, "
    "received_count bigint, avg_value double, min_value double, max_value double, stddev_value double, "
    "anomaly_count bigint"
)


def a_window(clock: str, values: list[float], **columns: Any) -> dict[str, Any]:
    """A device window that holds these values."""
    usual = {
        "device_id": "sensor_1",
        "window_start": at(clock),
        "place": "47.3,8.5",
        "reading": "temperature_celsius",
        "reading_count": len(values),
        "received_count": len(values),
        "avg_value": statistics.fmean(values) if values else None,
        "min_value": min(values, default=None),
        "max_value": max(values, default=None),
        "stddev_value": statistics.stdev(values) if len(values) > 1 else None,
        "anomaly_count": 0,
    }
    return usual | columns


def windows_frame(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return spark.createDataFrame([tuple(row.values()) for row in rows], WINDOW_DDL)


def test_merged_measures_are_those_of_all_readings(spark: SparkSession) -> None:
    draw = random.Random(5)
    # A mean far from 0 with a small deviation: where sums of squares about 0 lose all their digits.
    groups = [[1e6 + draw.gauss(0, 1e-3) for _ in range(size)] for size in (1, 2, 30, 7)]
    rows = [a_window(f"10:{5 * i:02}:00", values) for i, values in enumerate(groups)]
    windows = rollup.with_day(windows_frame(spark, *rows))
    (row,) = rollup.daily_summaries(windows).collect()
    values = [value for group in groups for value in group]
    assert row.reading_count == 40
    assert row.avg_value == pytest.approx(statistics.fmean(values), rel=1e-15)
    assert row.stddev_value == pytest.approx(statistics.stdev(values), rel=1e-6)
    assert (row.min_value, row.max_value, row.window_count) == (min(values), max(values), 4)


def test_day_ends_at_midnight_utc_and_hours_are_apart(spark: SparkSession) -> None:
    windows = windows_frame(spark, a_window("23:55:00", [1.0]), a_window("22:55:00", [3.0]))
    after = windows_frame(spark, a_window("00:00:00", [5.0], window_start=at("00:00:00", "2025-06-02")))
    both = windows.unionByName(after)
    days = {str(row.day): row.avg_value for row in rollup.daily_summaries(rollup.with_day(both)).collect()}
    assert days == {"2025-06-01": 2.0, "2025-06-02": 5.0}
    assert rollup.place_hours(rollup.with_hour(both)).count() == 3


def test_windows_without_valid_readings_lower_health_and_nothing_else(spark: SparkSession) -> None:
    windows = windows_frame(
        spark, a_window("10:00:00", [1.0, 3.0]), a_window("10:05:00", [], received_count=2, anomaly_count=2)
    )
    (row,) = rollup.daily_summaries(rollup.with_day(windows)).collect()
    assert (row.avg_value, row.reading_count, row.received_count, row.health_percent) == (2.0, 2, 4, 50.0)
    assert (row.window_count, row.anomaly_count) == (1, 2)


def test_day_of_invalid_readings_has_a_row_without_values(spark: SparkSession) -> None:
    windows = windows_frame(spark, a_window("10:00:00", [], received_count=1))
    (row,) = rollup.daily_summaries(rollup.with_day(windows)).collect()
    assert (row.avg_value, row.stddev_value, row.reading_count, row.health_percent) == (None, None, 0, 0.0)


def test_window_of_a_fast_clock_alone_makes_no_day(spark: SparkSession) -> None:
    windows = windows_frame(spark, a_window("10:00:00", [], received_count=0))
    assert rollup.daily_summaries(rollup.with_day(windows)).count() == 0


def test_place_hour_counts_sensors_once_and_names_the_unknown_place(spark: SparkSession) -> None:
    windows = windows_frame(
        spark,
        a_window("10:00:00", [1.0]),
        a_window("10:55:00", [2.0]),
        a_window("10:00:00", [3.0], device_id="sensor_2"),
        a_window("10:00:00", [4.0], device_id="sensor_3", place=None),
    )
    hours = {row.place: row for row in rollup.place_hours(rollup.with_hour(windows)).collect()}
    assert {place: row.sensor_count for place, row in hours.items()} == {"47.3,8.5": 2, "unknown": 1}
    assert hours["47.3,8.5"].avg_value == 2.0
