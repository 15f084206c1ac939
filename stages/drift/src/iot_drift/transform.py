"""Drift's frames: readings → window statistics, windows → scores, observations → summaries. Pure.

The functions given to `mapInArrow` import what they need inside, so that an executor can unpack the PEX first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

if TYPE_CHECKING:
    import pyarrow as pa

    from iot_drift.detector import Judge

ArrowWork = Callable[[Iterable["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]

READING_COLUMNS = (
    "device_id", "event_time", "temperature_celsius", "humidity_percent", "battery_percent", "latitude", "longitude",
    "is_valid", "ingest_time",
)  # fmt: skip


def distinct_windows(touched: DataFrame, window_minutes: int) -> DataFrame:
    """The windows of `window_minutes` that hold the touched 5-minute windows, each once."""
    length = F.expr(f"INTERVAL {window_minutes} MINUTES")
    start = F.window("window_start", f"{window_minutes} minutes").start
    return touched.select(
        "device_id", start.alias("window_start"), (start + length).alias("window_end")
    ).distinct()


def readings_of(readings: DataFrame, windows: DataFrame, window_minutes: int) -> DataFrame:
    """READING_COLUMNS of the readings that lie in the windows.

    All of them, also invalid ones: a temperature out of range is what must be seen. Only readings with a suspect
    clock stay out, since nobody knows which window they belong to.
    """
    start = F.window("event_time", f"{window_minutes} minutes").start
    return (
        readings.where(~F.coalesce(F.col("clock_suspect"), F.lit(False)))
        .withColumn("window_start", start)
        .join(windows.select("device_id", "window_start"), on=["device_id", "window_start"], how="left_semi")
        .select(*READING_COLUMNS)
    )


def window_statistics(readings: DataFrame, window_minutes: int) -> DataFrame:
    """One row per device and window: reading_count and STATISTICS."""
    from iot_drift.features import STATISTICS

    names = ", ".join(f"`{name}` double" for name in STATISTICS)
    schema = f"device_id string, window_start timestamp, reading_count bigint, {names}"
    return readings.repartition("device_id").mapInArrow(statistics_work(window_minutes), schema)


def judged_windows(
    windows: DataFrame, judge: Judge | None, window_minutes: int, *, batch: str, now: datetime
) -> DataFrame:
    """Rows of `drift.window_score` for the windows with `is_written`; the others are their past.

    Args:
        windows: Columns of `assessment.Assessment.windows`.
        judge: None while learning: no score then.
        window_minutes: Length of a window.
        batch: Key of the drift batch.
        now: Time of scoring.
    """
    from iot_common.contracts.drift_window_score import WINDOW_SCORE

    computed = [c for c in WINDOW_SCORE.columns if c.name not in ("batch", "processing_time")]
    schema = ", ".join(f"{column.name} {column.type}" for column in computed)
    judged = windows.repartition("device_id").mapInArrow(judge_work(judge, window_minutes), schema)
    return judged.withColumns({"batch": F.lit(batch), "processing_time": F.lit(now)}).select(
        *WINDOW_SCORE.column_names
    )


def statistics_work(window_minutes: int) -> ArrowWork:
    """The executor's part of `window_statistics`: all readings of a partition at once."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from iot_common import pex

        pex.activate()
        import pyarrow

        from iot_drift import arrow, features

        readings = arrow.to_pandas(batches)
        if len(readings):
            rows = features.window_statistics(readings, window_minutes).astype({"reading_count": "int64"})
            yield from pyarrow.Table.from_pandas(arrow.in_utc(rows), preserve_index=False).to_batches()

    return work


def judge_work(judge: Judge | None, window_minutes: int) -> ArrowWork:
    """The executor's part of `judged_windows`; it fits the forest from the judge's arrays, once per process."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from iot_common import pex

        pex.activate()
        from iot_drift import arrow, scoring

        windows = arrow.to_pandas(batches)
        if len(windows):
            yield from scoring.score_rows(windows, judge, window_minutes).to_batches()

    return work


OBSERVED_KEY = ("contract_version", "path", "json_type", "enum_value", "code")
EVERY_RECORD = "$"
"""The path of the record itself: its observations say how many records and devices there were."""


NAMED_LIMIT = 2000
"""Most devices that are kept by name to look for a rule; each observation names 50."""


def observed_summary(observations: DataFrame) -> DataFrame:
    """One row per OBSERVED_KEY over all batches and cohorts: counts, distinct devices, examples, times.

    Device counts come from the union of the sketches, so that adding up batches counts no device twice.
    """
    # A set of the lists: a cohort names the same devices batch after batch, so it stays small.
    named = F.array_distinct(F.flatten(F.collect_set("device_examples")))
    return observations.groupBy(*OBSERVED_KEY).agg(
        F.sum("record_count").alias("record_count"),
        F.hll_sketch_estimate(F.hll_union_agg("device_sketch", True)).alias("device_count"),
        F.slice(F.array_sort(named), 1, 50).alias("devices"),
        F.slice(F.array_sort(named), 1, NAMED_LIMIT).alias("named"),
        F.array_sort(F.collect_set("device_cohort")).alias("cohorts"),
        F.array_sort(F.array_distinct(F.flatten(F.collect_set("found_examples")))).alias("found"),
        F.min("expected").alias("expected"),
        F.min("first_event_time").alias("first_event_time"),
        F.max("last_event_time").alias("last_event_time"),
    )


def version_summary(observations: DataFrame, codes: DataFrame) -> DataFrame:
    """As `observed_summary`, for the versions that records claim: one row per contract version and code.

    Args:
        observations: Rows of `silver.schema_observation`.
        codes: contract_version, schema_version, code of the claimed versions that are not registered as they are.
    """
    records = observations.where((F.col("observation") == "path") & (F.col("path") == EVERY_RECORD)).drop(
        "code", "path"
    )
    same = [records[name].eqNullSafe(codes[name]) for name in ("contract_version", "schema_version")]
    claimed = records.join(
        F.broadcast(codes.withColumnRenamed("code", "claim")), on=same, how="inner"
    ).select(records["*"], F.col("claim").alias("code"), F.lit("schema_version").alias("path"))
    return observed_summary(
        claimed.withColumns(
            {"json_type": F.lit(None).cast("string"), "found_examples": F.array("schema_version")}
        )
    )


def fleet_summary(observations: DataFrame) -> DataFrame:
    """One row: records, distinct devices, first and last event time of everything seen so far."""
    records = observations.where((F.col("observation") == "path") & (F.col("path") == EVERY_RECORD))
    return records.agg(
        F.coalesce(F.sum("record_count"), F.lit(0)).alias("record_count"),
        F.coalesce(F.hll_sketch_estimate(F.hll_union_agg("device_sketch", True)), F.lit(0)).alias(
            "device_count"
        ),
        F.min("first_event_time").alias("first_event_time"),
        F.max("last_event_time").alias("last_event_time"),
    )


def field_presences(observations: DataFrame) -> DataFrame:
    """One row per path and device cohort over all batches, with the columns of `silences.FieldPresence`."""
    paths = observations.where(
        (F.col("observation") == "path")
        & F.col("device_cohort").isNotNull()
        & (F.col("device_cohort") != "none")
    )
    cohorts = (
        paths.where(F.col("path") == EVERY_RECORD)
        .groupBy("device_cohort")
        .agg(
            F.max("last_event_time").alias("cohort_last_event_time"),
            F.max_by("device_examples", "last_event_time").alias("talking"),
        )
    )
    named = F.array_distinct(F.flatten(F.collect_set("device_examples")))
    return (
        paths.where(F.col("path") != EVERY_RECORD)
        .groupBy("path", "device_cohort")
        .agg(
            F.max_by("contract_version", "last_event_time").alias("contract_version"),
            F.sum("record_count").alias("record_count"),
            F.min("first_event_time").alias("first_event_time"),
            F.max("last_event_time").alias("last_event_time"),
            F.slice(F.array_sort(named), 1, 50).alias("devices"),
        )
        .join(cohorts, on="device_cohort", how="inner")
    )


def device_presences(scores: DataFrame) -> DataFrame:
    """One row per device of `drift.window_score`, with the columns of `silences.DevicePresence`."""
    held = F.when(F.col("reading_count") > 0, F.col("window_start"))
    return (
        scores.groupBy("device_id")
        .agg(
            F.count(held).alias("windows"),
            F.min(held).alias("first_window"),
            F.max(held).alias("last_window"),
        )
        .where(F.col("windows") > 0)
    )


def unit_changes(readings: DataFrame) -> DataFrame:
    """Devices whose newest declared unit is not their first: device_id, unit_before, unit, onset, reading_count.

    `onset` is the first reading in the new unit, `reading_count` how many there are. A device that used one unit
    all the time, whichever, has not changed.
    """
    declared = readings.where(F.col("temperature_unit_raw").isNotNull())
    # Few devices declare two units. They are found by hashes, because Spark sorts all rows to compare texts.
    unit = F.xxhash64("temperature_unit_raw")
    several = declared.groupBy("device_id").agg(F.min(unit).alias("least"), F.max(unit).alias("greatest"))
    several = several.where("least != greatest").select("device_id")
    declared = declared.join(F.broadcast(several), on="device_id", how="left_semi")
    ends = declared.groupBy("device_id").agg(
        F.min_by("temperature_unit_raw", "event_time").alias("unit_before"),
        F.max_by("temperature_unit_raw", "event_time").alias("unit"),
    )
    changed = ends.where(F.col("unit") != F.col("unit_before"))
    in_new = declared.join(changed, on="device_id", how="inner").where(
        F.col("temperature_unit_raw") == F.col("unit")
    )
    return in_new.groupBy("device_id", "unit_before", "unit", "contract_version").agg(
        F.min("event_time").alias("onset"),
        F.max("event_time").alias("last_seen"),
        F.count("*").alias("reading_count"),
    )


def deviating_windows(scores: DataFrame, devices: DataFrame) -> DataFrame:
    """All deviating windows of some devices, with what a finding tells about them as columns."""
    from iot_drift.assessment import STORED
    from iot_drift.deviations import DEVIATION_NAMES

    kept = scores.where("is_anomalous").join(devices, on="device_id", how="left_semi")
    return kept.select(
        "device_id", "window_start", "window_minutes", "score", "threshold", "model_id",
        *(F.col("features")[name].alias(name) for name in (*STORED, *DEVIATION_NAMES)),
    )  # fmt: skip


def batch_number(batch: Column) -> Column:
    """The number in `query id / number`."""
    return F.element_at(F.split(batch, "/"), -1).cast("bigint")


def newest_actions(actions: DataFrame) -> DataFrame:
    """One row per finding: event_id, its newest action, action_number (of the batch) and seen_at_action."""
    number = batch_number(F.col("batch"))
    newest = F.max_by(F.struct("action", "last_seen", number.alias("number")), number).alias("newest")
    return (
        actions.groupBy("event_id")
        .agg(newest)
        .select(
            "event_id",
            F.col("newest.action").alias("action"),
            F.col("newest.number").alias("action_number"),
            F.col("newest.last_seen").alias("seen_at_action"),
        )
    )


def living_events(events: DataFrame, newest: DataFrame) -> DataFrame:
    """Findings with what their life and their alerts ask: no evidence but who drifted and the hypothesis.

    Args:
        events: Rows of `drift.event`.
        newest: Of `newest_actions`.
    """
    evidence = {"who": "$.who.rule", "hypothesis": "$.hypothesis.name"}
    told = events.withColumns({name: F.get_json_object("evidence", path) for name, path in evidence.items()})
    return told.drop("evidence").join(newest, on="event_id", how="left")


def quiet_windows(scores: DataFrame, living: DataFrame) -> DataFrame:
    """One row per finding: event_id, quiet: windows with readings after its last deviation, of the device with most.

    A device without any such window is silent or quarantined, and proves nothing. A finding none of whose devices has
    any window at all is measured by the fleet: how many windows its newest lies after the last deviation.

    Args:
        scores: Rows of `drift.window_score`, from the windows of the first of these last deviations on.
        living: event_id, channel, device_id, last_seen: a row per device of a finding.
    """
    held = scores.where("reading_count > 0")
    known = held.select(
        "device_id", "window_start", "window_minutes", F.col("score").isNotNull().alias("is_scored")
    )
    mine = living.join(known, on="device_id", how="left")
    counts = (F.col("window_start") > F.col("last_seen")) & (
        (F.col("channel") == "structural") | F.col("is_scored")
    )
    per_device = mine.groupBy("event_id", "device_id").agg(
        F.count(F.when(counts, 1)).alias("quiet"),
        F.count("window_start").alias("windows"),
        F.max("last_seen").alias("last_seen"),
    )
    per_event = per_device.groupBy("event_id").agg(
        F.max("quiet").alias("quiet"),
        F.max("windows").alias("windows"),
        F.max("last_seen").alias("last_seen"),
    )
    fleet = known.agg(F.max("window_start").alias("newest"), F.max("window_minutes").alias("window_minutes"))
    minutes = (F.col("newest").cast("long") - F.col("last_seen").cast("long")) / 60
    by_fleet = F.greatest(F.floor(minutes / F.col("window_minutes")), F.lit(0))
    quiet = F.when(F.col("windows") > 0, F.col("quiet")).otherwise(F.coalesce(by_fleet, F.lit(0)))
    return per_event.crossJoin(F.broadcast(fleet)).select("event_id", quiet.cast("bigint").alias("quiet"))


USUAL = (
    "latitude_median", "longitude_median", "battery_percent_slope", "temperature_celsius_noise",
    "humidity_percent_noise", "battery_percent_noise", "temperature_celsius_unchanged_hours",
    "humidity_percent_unchanged_hours", "battery_percent_unchanged_hours",
)  # fmt: skip
"""Features whose usual value a finding tells, and no window holds."""


def usual_features(scores: DataFrame, devices: DataFrame) -> DataFrame:
    """One row per device: the median of each of USUAL in its reference windows; of `_unchanged_hours` the longest."""
    reference = scores.where("is_reference").join(F.broadcast(devices), on="device_id", how="left_semi")
    values = [(name, F.col("features")[name]) for name in USUAL]
    return reference.groupBy("device_id").agg(
        *(
            (F.max(value) if name.endswith("_hours") else F.percentile_approx(value, 0.5)).alias(name)
            for name, value in values
        )
    )


def device_facts(readings: DataFrame) -> DataFrame:
    """One row per device of some readings: the newest version it claims, and where it stood first."""
    known = F.col("latitude").isNotNull() & F.col("longitude").isNotNull()
    placed = F.when(known, F.col("event_time"))
    # By version first, in numbers alone: Spark sorts all rows to aggregate texts and structs.
    spoken = readings.groupBy("device_id", "schema_version").agg(
        F.max("event_time").alias("last_time"),
        F.min(placed).alias("placed_time"),
        *(F.min_by(name, placed).alias(name) for name in ("latitude", "longitude")),
    )
    return (
        spoken.groupBy("device_id")
        .agg(
            F.max_by("schema_version", "last_time").alias("version"),
            F.min_by(F.struct("latitude", "longitude"), "placed_time").alias("place"),
        )
        .select("device_id", "version", "place.latitude", "place.longitude")
    )


def with_features(scores: DataFrame, names: Iterable[str]) -> DataFrame:
    """Rows of `drift.window_score` with some of their features as columns."""
    return scores.select(
        "device_id", "window_start", "reading_count", "is_reference",
        *(F.col("features")[name].alias(name) for name in names),
    )  # fmt: skip
