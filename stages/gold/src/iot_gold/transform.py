"""Device windows from readings. Pure; hours and days follow from them in `rollup`."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from iot_common.contracts.silver_touched_window import WINDOW_MINUTES
from iot_gold.place import is_on_globe, place_of

READINGS = ("temperature_celsius", "humidity_percent", "battery_percent")

_WINDOW = ("device_id", "window_start")
_PERCENTILES = {"p50_value": 0.50, "p95_value": 0.95, "p99_value": 0.99}


def keep_touched(readings: DataFrame, touched: DataFrame) -> DataFrame:
    """Readings that lie in a touched window, with that `window_start`.

    Args:
        readings: Rows of `silver.reading`.
        touched: Distinct (device_id, window_start).
    """
    windowed = readings.withColumn(
        "window_start", F.window("event_time", f"{WINDOW_MINUTES} minutes")["start"]
    )
    return windowed.join(touched.select(*_WINDOW), on=list(_WINDOW), how="left_semi")


def device_windows(readings: DataFrame) -> DataFrame:
    """Strict aggregates: one row per (device_id, window_start, reading).

    Only `is_valid` readings are aggregated. A window that received readings but no valid one keeps its rows, with
    `reading_count` 0 and null aggregates, so that its health of 0 % shows. Readings of a fast clock whose offset is
    unknown (`event_time` is still `event_time_raw`) are left out of everything, since the window they claim is not
    theirs, and counted in `clock_suspect_count`.

    Args:
        readings: Rows of `silver.reading` with `window_start`.

    Returns:
        The columns of `gold.device_window_5min` that follow from the readings alone.
    """
    left_out = F.coalesce(F.col("clock_suspect"), F.lit(False)) & (
        F.col("event_time") == F.col("event_time_raw")
    )
    marked = readings.withColumn("counts", ~left_out)
    aggregates = [_aggregates_of(reading).alias(reading) for reading in READINGS]
    windows = marked.groupBy(*_WINDOW).agg(
        F.count_if(F.col("counts")).alias("received_count"),
        F.count_if(~F.col("counts")).alias("clock_suspect_count"),
        _last_position().alias("position"),
        *aggregates,
    )
    rows = windows.withColumn("measures", F.explode(F.array(*[_named(reading) for reading in READINGS])))
    return with_health(_flattened(rows))


def _aggregates_of(reading: str) -> Column:
    """All aggregates of one reading as a struct."""
    valid = F.col("counts") & F.coalesce(F.col("is_valid"), F.lit(False))
    value = F.when(valid, F.col(reading))
    flags = F.array(F.lit(f"range:{reading}"), F.lit(f"zscore:{reading}"))
    flagged = F.col("counts") & F.coalesce(F.arrays_overlap(F.col("anomaly_flags"), flags), F.lit(False))
    return F.struct(
        F.count(value).alias("reading_count"),
        F.avg(value).alias("avg_value"),
        F.min(value).alias("min_value"),
        F.max(value).alias("max_value"),
        F.stddev_samp(value).alias("stddev_value"),
        F.count_if(flagged).alias("anomaly_count"),
        # Sorted lists instead of Spark's `percentile`: the same numbers, measured a third cheaper.
        F.sort_array(F.collect_list(value)).alias("ordered"),
    )


def _last_position() -> Column:
    """The last position in the window that is on the globe; ties go to the greater row_id."""
    position = F.struct("latitude", "longitude")
    is_position = F.col("counts") & is_on_globe(F.col("latitude"), F.col("longitude"))
    return F.max_by(position, F.when(is_position, F.struct("event_time", "row_id")))


def _named(reading: str) -> Column:
    return F.struct(F.lit(reading).alias("reading"), F.col(f"{reading}.*"))


def _flattened(rows: DataFrame) -> DataFrame:
    percentiles = [percentile("ordered", share).alias(name) for name, share in _PERCENTILES.items()]
    flat = rows.select(
        *_WINDOW,
        (F.col("window_start") + F.make_dt_interval(mins=F.lit(WINDOW_MINUTES))).alias("window_end"),
        place_of(F.col("position.latitude"), F.col("position.longitude")).alias("place"),
        "received_count",
        "clock_suspect_count",
        "measures.*",
    )
    return flat.select("*", *percentiles).drop("ordered")


def percentile(ordered: str, share: float) -> Column:
    """Exact percentile of a sorted array, linear between neighbours, as Spark's `percentile`; null if empty."""
    rank = (F.size(ordered) - 1) * F.lit(share)
    below = F.get(ordered, F.floor(rank).cast("int"))
    above = F.get(ordered, F.ceil(rank).cast("int"))
    part = rank - F.floor(rank)
    return F.when(part == 0, below).otherwise(below * (1 - part) + above * part)


def with_health(rows: DataFrame) -> DataFrame:
    """Adds health_percent, the valid share of the readings received; null where none was received."""
    share = F.col("reading_count") / F.col("received_count")
    return rows.withColumn("health_percent", F.when(F.col("received_count") > 0, 100 * share))


def with_revision(rows: DataFrame, known: DataFrame, now: Column) -> DataFrame:
    """Adds revised_at: `now` for windows that gold already had, null for new ones.

    Args:
        rows: Rows of device windows.
        known: Keys of `gold.device_window_5min` before the batch.
        now: Time of the batch.
    """
    seen = known.select(*_WINDOW).distinct().withColumn("revised_at", now)
    return rows.join(seen, on=list(_WINDOW), how="left")
