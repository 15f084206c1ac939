"""Device windows from readings: what is aggregated, what is left out, what is counted."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from iot_common.contracts.silver_reading import READING
from iot_common.testing.silver_tables import a_reading, at
from iot_gold import transform


def windows_of(spark: SparkSession, *rows: dict[str, Any]) -> dict[tuple[str, str], Row]:
    """Rows of the device windows, by reading and window start (`hh:mm`)."""
    filled = [tuple(row.get(name) for name in READING.column_names) for row in rows]
    readings = spark.createDataFrame(filled, READING.ddl)
    touched = readings.select("device_id", F.window("event_time", "5 minutes")["start"].alias("window_start"))
    windows = transform.device_windows(transform.keep_touched(readings, touched.distinct()))
    clocked = windows.withColumn("clock", F.date_format("window_start", "HH:mm"))
    return {(row["reading"].split("_")[0], row["clock"]): row for row in clocked.collect()}


def test_aggregates_each_reading_of_a_window(spark: SparkSession) -> None:
    values = [(1.0, 40.0), (2.0, 50.0), (6.0, None)]
    rows = [
        a_reading(at(f"10:0{i}:00"), temperature_celsius=celsius, humidity_percent=humidity)
        for i, (celsius, humidity) in enumerate(values)
    ]
    windows = windows_of(spark, *rows)
    assert len(windows) == 3
    celsius, humidity = windows["temperature", "10:00"], windows["humidity", "10:00"]
    assert (celsius.reading_count, celsius.min_value, celsius.max_value, celsius.avg_value) == (
        3,
        1.0,
        6.0,
        3.0,
    )
    assert celsius.stddev_value == pytest.approx(7.0**0.5)
    assert (celsius.p50_value, celsius.p95_value) == (2.0, pytest.approx(5.6))
    assert (humidity.reading_count, humidity.p50_value, humidity.received_count) == (2, 45.0, 3)
    assert humidity.health_percent == pytest.approx(200 / 3)


def test_deviation_of_one_reading_is_null_and_its_percentiles_are_itself(spark: SparkSession) -> None:
    window = windows_of(spark, a_reading(at("10:00:00"), temperature_celsius=7.5))["temperature", "10:00"]
    assert (window.stddev_value, window.p50_value, window.p99_value) == (None, 7.5, 7.5)


def test_window_start_is_inclusive_and_its_end_exclusive(spark: SparkSession) -> None:
    windows = windows_of(
        spark, a_reading(at("10:00:00")), a_reading(at("10:04:59.999")), a_reading(at("10:05:00"))
    )
    assert windows["temperature", "10:00"].reading_count == 2
    assert windows["temperature", "10:05"].reading_count == 1


def test_invalid_reading_is_received_but_not_aggregated(spark: SparkSession) -> None:
    flagged = ["range:humidity_percent"]
    windows = windows_of(
        spark,
        a_reading(at("10:00:00")),
        a_reading(at("10:01:00"), humidity_percent=101.0, is_valid=False, anomaly_flags=flagged),
    )
    humidity, celsius = windows["humidity", "10:00"], windows["temperature", "10:00"]
    assert (humidity.max_value, humidity.reading_count, humidity.received_count) == (50.0, 1, 2)
    assert (humidity.health_percent, humidity.anomaly_count, celsius.anomaly_count) == (50.0, 1, 0)


def test_window_without_a_valid_reading_keeps_a_row_of_zero_health(spark: SparkSession) -> None:
    window = windows_of(spark, a_reading(at("10:00:00"), is_valid=False))["battery", "10:00"]
    assert (window.reading_count, window.received_count, window.health_percent) == (0, 1, 0.0)
    assert (window.avg_value, window.min_value, window.stddev_value, window.p50_value) == (
        None,
        None,
        None,
        None,
    )


def test_counts_both_kinds_of_anomaly_once_per_reading(spark: SparkSession) -> None:
    both = ["range:temperature_celsius", "zscore:temperature_celsius"]
    windows = windows_of(
        spark,
        a_reading(at("10:00:00"), anomaly_flags=both),
        a_reading(at("10:01:00"), anomaly_flags=["zscore:battery_percent"]),
        a_reading(at("10:02:00"), anomaly_flags=None),
    )
    counts = {
        reading: windows[reading, "10:00"].anomaly_count for reading in ("temperature", "battery", "humidity")
    }
    assert counts == {"temperature": 1, "battery": 1, "humidity": 0}


def test_fast_clock_of_unknown_offset_is_left_out_and_counted(spark: SparkSession) -> None:
    windows = windows_of(
        spark,
        a_reading(at("10:00:00"), temperature_celsius=10.0),
        a_reading(at("10:01:00"), temperature_celsius=99.0, clock_suspect=True),
        a_reading(
            at("10:02:00"), temperature_celsius=20.0, clock_suspect=True, event_time_raw=at("12:02:00")
        ),
        a_reading(at("11:00:00"), clock_suspect=True),
    )
    mixed, alone = windows["temperature", "10:00"], windows["temperature", "11:00"]
    assert (mixed.max_value, mixed.received_count, mixed.clock_suspect_count) == (20.0, 2, 1)
    assert (alone.received_count, alone.clock_suspect_count, alone.health_percent) == (0, 1, None)


def test_place_is_that_of_the_last_position_on_the_globe(spark: SparkSession) -> None:
    windows = windows_of(
        spark,
        a_reading(at("10:03:00"), latitude=95.0, is_valid=False),
        a_reading(at("10:02:00"), latitude=-33.87, longitude=151.21),
        a_reading(at("10:01:00"), latitude=47.37),
        a_reading(at("10:04:00"), latitude=None, is_valid=False),
        a_reading(at("10:10:00"), latitude=None, is_valid=False),
    )
    assert windows["temperature", "10:00"].place == "-33.9,151.2"
    assert windows["temperature", "10:10"].place is None


def test_percentiles_are_those_of_spark(spark: SparkSession) -> None:
    seeded = spark.range(500).select(
        (F.col("id") % 37).alias("group"), F.round(F.randn(seed=3) * 10, 1).alias("value")
    )
    names = {"p50_value": 0.5, "p95_value": 0.95, "p99_value": 0.99}
    grouped = seeded.groupBy("group").agg(
        F.percentile("value", list(names.values())).alias("expected"),
        F.sort_array(F.collect_list("value")).alias("ordered"),
    )
    ours = F.array(*[transform.percentile("ordered", share) for share in names.values()])
    for row in grouped.select("expected", ours.alias("found")).collect():
        assert row.found == pytest.approx(row.expected, rel=1e-12)
