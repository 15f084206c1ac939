"""Hours by place and days by device, merged from device windows. Pure.

Counts, sums, minima and maxima merge; so do mean and deviation, by the pairwise formula of Chan, Golub and LeVeque
(1979). Percentiles do not, so neither table has any.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from iot_gold.transform import with_health

UNKNOWN_PLACE = "unknown"
"""Place of windows without a position, so that the hours of all places add up to the windows."""


def with_hour(windows: DataFrame) -> DataFrame:
    """Adds hour_start, the hour (UTC) of window_start."""
    return windows.withColumn("hour_start", F.date_trunc("hour", "window_start"))


def with_day(windows: DataFrame) -> DataFrame:
    """Adds day, the day (UTC) of window_start."""
    return windows.withColumn("day", F.to_date("window_start"))


def place_hours(windows: DataFrame) -> DataFrame:
    """One row per (place, hour_start, reading) from all device windows of those hours, with hour_start."""
    placed = windows.withColumn("place", F.coalesce("place", F.lit(UNKNOWN_PLACE)))
    return _merged(
        placed, ["place", "hour_start", "reading"], F.countDistinct("device_id").alias("sensor_count")
    )


def daily_summaries(windows: DataFrame) -> DataFrame:
    """One row per (device_id, day, reading) from all device windows of those days, with day."""
    return _merged(windows, ["device_id", "day", "reading"], F.count_if(_has_values()).alias("window_count"))


def _merged(windows: DataFrame, keys: Sequence[str], own_measure: Column) -> DataFrame:
    """Measures merged over windows of one key; windows that received nothing (a fast clock's) make no row."""
    received = windows.where(F.col("received_count") > 0)
    count, mean = F.col("reading_count"), F.col("avg_value")
    group = Window.partitionBy(*keys)
    centred = received.withColumn("group_mean", F.sum(mean * count).over(group) / F.sum(count).over(group))
    merged = centred.groupBy(*keys).agg(
        F.sum("reading_count").alias("reading_count"),
        F.sum("received_count").alias("received_count"),
        F.first("group_mean").alias("avg_value"),
        F.min("min_value").alias("min_value"),
        F.max("max_value").alias("max_value"),
        F.sum(_squared_deviations()).alias("squared_deviations"),
        F.sum("anomaly_count").alias("anomaly_count"),
        own_measure,
    )
    return with_health(_with_deviation(merged)).drop("squared_deviations")


def _has_values() -> Column:
    return F.col("reading_count") > 0


def _squared_deviations() -> Column:
    """Sum of squares of a window about the mean of its group: within the window, plus the window's own distance."""
    within = F.coalesce(F.pow("stddev_value", F.lit(2)) * (F.col("reading_count") - 1), F.lit(0.0))
    distance = F.col("avg_value") - F.col("group_mean")
    return F.when(_has_values(), within + F.col("reading_count") * distance * distance)


def _with_deviation(merged: DataFrame) -> DataFrame:
    count = F.col("reading_count")
    deviation = F.sqrt(F.col("squared_deviations") / (count - 1))
    return merged.withColumn("stddev_value", F.when(count > 1, deviation))
