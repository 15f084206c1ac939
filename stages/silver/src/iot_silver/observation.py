"""Schema observations: what was seen, as mergeable counts. Pure: DataFrame in, DataFrame out.

Each record carries the id of its shape (paths, types and enum values); shapes are few, so records are counted per shape
and only the counts are spread over paths. Events are counted per code and path.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION

COHORTS = 16
"""Cohorts by hash of the device id: a fixed, bounded cut through any fleet."""

MAX_DEVICE_EXAMPLES = 50
"""Devices named per observation; their number is in the sketch."""

_GROUP = ("contract_version", "schema_version", "device_cohort")


def with_cohort(classified: DataFrame) -> DataFrame:
    """Adds `device_cohort`."""
    number = F.pmod(F.crc32(F.col("device_id").cast("binary")), F.lit(COHORTS))
    cohort = F.format_string("c%02d", number.cast("int"))
    return classified.withColumn(
        "device_cohort", F.when(F.col("device_id").isNull(), "none").otherwise(cohort)
    )


def observation_rows(classified: DataFrame, *, batch: str, now: datetime) -> DataFrame:
    """Rows of `silver.schema_observation` for one batch of classified records."""
    records = with_cohort(classified)
    both = [_path_counts(records), _event_counts(records)]
    return (
        reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), both)
        .withColumn("device_count", F.coalesce(F.hll_sketch_estimate("device_sketch"), F.lit(0)))
        .withColumn("batch", F.lit(batch))
        .withColumn("processing_time", F.lit(now))
        .select(*SCHEMA_OBSERVATION.column_names)
    )


def _path_counts(records: DataFrame) -> DataFrame:
    shapes = (
        records.where(F.col("shape").isNotNull())
        .groupBy("shape_id")
        .agg(F.first("shape").alias("shape"))
        .select("shape_id", F.explode(F.concat(_root(), F.col("shape"))).alias("entry"))
        .select("shape_id", "entry.path", "entry.json_type", "entry.enum_value")
    )
    # By device first, in plain numbers: sketches and sets are then fed a device once, not each of its records.
    per_device = (
        records.where(F.col("shape_id").isNotNull())
        .groupBy(*_GROUP, "shape_id", "device_id")
        .agg(
            F.count("*").alias("record_count"),
            F.min("event_time_raw").alias("first_event_time"),
            F.max("event_time_raw").alias("last_event_time"),
        )
    )
    per_shape = per_device.groupBy(*_GROUP, "shape_id").agg(
        F.sum("record_count").alias("record_count"),
        F.hll_sketch_agg("device_id").alias("device_sketch"),
        _first_devices(F.collect_set("device_id")).alias("device_examples"),
        F.min("first_event_time").alias("first_event_time"),
        F.max("last_event_time").alias("last_event_time"),
    )
    return (
        per_shape.join(F.broadcast(shapes), on="shape_id", how="inner")
        .groupBy(*_GROUP, "path", "json_type", "enum_value")
        .agg(
            F.sum("record_count").alias("record_count"),
            F.hll_union_agg("device_sketch").alias("device_sketch"),
            _first_devices(F.flatten(F.collect_list("device_examples"))).alias("device_examples"),
            F.min("first_event_time").alias("first_event_time"),
            F.max("last_event_time").alias("last_event_time"),
        )
        .withColumn("observation", F.lit("path"))
        .withColumn("code", F.lit(None).cast("string"))
        .withColumn("expected", F.lit(None).cast("string"))
        .withColumn("found_examples", F.lit(None).cast("array<string>"))
    )


def _event_counts(records: DataFrame) -> DataFrame:
    events = (
        records.where(F.size("violations") > 0)
        .select(*_GROUP, "device_id", "event_time_raw", "row_id", F.explode("violations").alias("event"))
        .select("*", "event.path", "event.code", "event.expected", "event.found")
    )
    examples = F.array(F.min("found"), F.min_by("found", "row_id"), F.max("found"))
    return (
        events.withColumn("path", F.when(F.col("path") == "", "$").otherwise(F.col("path")))
        .groupBy(*_GROUP, "path", "code", "expected")
        .agg(*_devices_and_times(), F.array_distinct(F.array_compact(examples)).alias("found_examples"))
        .withColumn("observation", F.lit("event"))
        .withColumn("json_type", F.lit(None).cast("string"))
        .withColumn("enum_value", F.lit(None).cast("string"))
    )


def _root() -> Column:
    root = F.struct(
        F.lit("$").alias("path"),
        F.lit("object").alias("json_type"),
        F.lit(None).cast("string").alias("enum_value"),
    )
    return F.array(root)


def _devices_and_times() -> list[Column]:
    return [
        F.count("*").alias("record_count"),
        F.hll_sketch_agg("device_id").alias("device_sketch"),
        _first_devices(F.collect_set("device_id")).alias("device_examples"),
        F.min("event_time_raw").alias("first_event_time"),
        F.max("event_time_raw").alias("last_event_time"),
    ]


def _first_devices(devices: Column) -> Column:
    return F.slice(F.array_sort(F.array_distinct(devices)), 1, MAX_DEVICE_EXAMPLES)
