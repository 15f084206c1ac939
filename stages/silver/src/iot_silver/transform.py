"""From classified records to the rows of silver's tables. Pure: DataFrame in, DataFrame out.

The road: `classified` (one row per raw line) splits into accepted and refused; accepted records are corrected
for a fast clock, resolved against what is stored (kept, duplicate, superseded), flagged, and selected by contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW, WINDOW_MINUTES
from iot_common.engine.events import BREAKER_CODES
from iot_silver.policy import Policy
from iot_silver.zscore import VALUE_COLUMNS

MINIMUM_OFFSET_READINGS = 5
"""Fewer suspect readings say too little about how far a device's clock is off."""

RANGE_PATHS = {
    "temperature_celsius": "readings.temperature.value",
    "humidity_percent": "readings.humidity.value",
    "battery_percent": "readings.battery_level.value",
    "latitude": "location.latitude",
    "longitude": "location.longitude",
}

_ARRIVAL = ("ingest_time", "block_sequence", "source_object", "source_line")
"""Order of ingestion; unique, so that no tie is left to chance."""


def keep_accepted(classified: DataFrame) -> DataFrame:
    """Records that become readings."""
    return classified.where(F.col("decision") == "reading")


def learned_offsets(history: DataFrame) -> DataFrame:
    """Seconds by which each device's clock is ahead: median of device time − arrival over its suspect readings.

    Args:
        history: Readings before this batch, with `device_id, event_time_raw, ingest_time, clock_suspect`.

    Returns:
        `device_id, offset_seconds`, for devices with enough suspect readings.
    """
    ahead = F.unix_micros("event_time_raw") - F.unix_micros("ingest_time")
    return (
        history.where("clock_suspect")
        .groupBy("device_id")
        .agg(F.percentile_approx(ahead, 0.5).alias("offset_micros"), F.count("*").alias("readings"))
        .where(F.col("readings") >= MINIMUM_OFFSET_READINGS)
        .select("device_id", "offset_micros")
    )


def with_event_time(accepted: DataFrame, offsets: DataFrame | None) -> DataFrame:
    """Adds `event_time`: the raw time, less the learned offset where the clock is suspect and the offset known."""
    if offsets is None:
        return accepted.withColumn("event_time", F.col("event_time_raw"))
    corrected = F.timestamp_micros(F.unix_micros("event_time_raw") - F.col("offset_micros"))
    use_offset = F.col("clock_suspect") & F.col("offset_micros").isNotNull()
    return (
        accepted.join(F.broadcast(offsets), on="device_id", how="left")
        .withColumn("event_time", F.when(use_offset, corrected).otherwise(F.col("event_time_raw")))
        .drop("offset_micros")
    )


def with_lateness(accepted: DataFrame, stream_time: datetime | None, lateness_minutes: int) -> DataFrame:
    """Adds `late`: behind the stream's own event time as it was before this batch, not behind the wall clock."""
    if stream_time is None:
        return accepted.withColumn("late", F.lit(False))
    limit = F.lit(stream_time) - F.expr(f"INTERVAL {lateness_minutes} MINUTES")
    return accepted.withColumn("late", F.col("event_time") < limit)


def with_standing_times(accepted: DataFrame) -> DataFrame:
    """Records whose reading stands already keep its event time and lateness (see `standing.py`)."""
    return accepted.withColumns(
        {name: F.coalesce(f"standing_{name}", name) for name in ("event_time", "late")}
    ).drop("standing_event_time", "standing_late")


def resolve(
    accepted: DataFrame, stored: DataFrame, known_losers: DataFrame, *, again: bool = False
) -> DataFrame:
    """Adds `outcome` (`kept`, `duplicate`, `superseded`), `superseded_by_row_id` and the stored row it meets.

    A known key (stored, superseded earlier, or earlier in this batch) is a duplicate. Of different keys for one
    device and raw event time the newest ingestion wins, which may be the stored row. Row effect: none. Adds `renews`:
    the stored row it meets is its own.

    Args:
        accepted: Records with the columns of the contract and of arrival.
        stored: `silver.reading` before this batch: `device_id, event_time_raw` (unique) and `stored_*`.
        known_losers: `idempotency_key` of rows superseded before this batch, unique.
        again: True for rows that silver has met before: they renew their own reading, and may have arrived before
            one of the same time that is stored already.
    """
    is_own = F.coalesce(F.col("stored_row_id") == F.col("row_id"), F.lit(False)) if again else F.lit(False)
    same_reading = ["device_id", "event_time_raw"]
    met = accepted.join(stored, on=same_reading, how="left").join(
        F.broadcast(known_losers.withColumn("lost_before", F.lit(True))), on="idempotency_key", how="left"
    )
    arrival = [F.col(name) for name in _ARRIVAL]
    by_key = Window.partitionBy(*same_reading, "idempotency_key").orderBy(
        *([F.desc("renews")] if again else []), *arrival
    )
    known = ~F.col("renews") & (
        (F.col("idempotency_key") == F.col("stored_idempotency_key")) | F.col("lost_before")
    )
    is_duplicate = F.coalesce(known, F.lit(False)) | (F.row_number().over(by_key) > 1)
    newest_first = Window.partitionBy(*same_reading).orderBy("is_duplicate", *[c.desc() for c in arrival])
    arrived_later = _is_later(("ingest_time", "source_object", "source_line") if again else ("ingest_time",))
    stored_is_newer = F.col("stored_row_id").isNotNull() & arrived_later
    winner = F.when(F.first("stored_is_newer").over(newest_first), F.col("stored_row_id")).otherwise(
        F.first("row_id").over(newest_first)
    )
    loses = (F.row_number().over(newest_first) > 1) | F.col("stored_is_newer")
    return (
        met.withColumn("renews", is_own)
        .withColumn("is_duplicate", is_duplicate)
        .withColumn("stored_is_newer", stored_is_newer)
        .withColumn(
            "outcome", F.when(F.col("is_duplicate"), "duplicate").when(loses, "superseded").otherwise("kept")
        )
        .withColumn("superseded_by_row_id", F.when(F.col("outcome") == "superseded", winner))
        .drop("is_duplicate", "stored_is_newer", "lost_before")
    )


def _is_later(arrival: tuple[str, ...]) -> Column:
    """What is stored arrived after the record, by the first of these columns that differs."""
    first, *rest = arrival
    stored, own = F.col(f"stored_{first}"), F.col(first)
    later = stored > own
    return later | ((stored == own) & _is_later(tuple(rest))) if rest else later


def contested_hashes(accepted: DataFrame, stored: DataFrame) -> DataFrame:
    """`reading_hash` of each device and raw time of the batch that is met twice, in it or in `silver.reading`.

    Only numbers travel. Two pairs of one hash are no harm: their records are compared as themselves.
    """
    own = accepted.select(_reading_hash(), F.lit(1).alias("own"))
    others = stored.select(_reading_hash(), F.lit(0).alias("own"))
    counted = own.unionByName(others).groupBy("reading_hash")
    return (
        counted.agg(F.sum("own").alias("own"), F.count("*").alias("met"))
        .where("own > 0 and met > 1")
        .select("reading_hash")
    )


def keep_contested(accepted: DataFrame, hashes: DataFrame) -> DataFrame:
    """Records with one of the hashes."""
    hashed = accepted.withColumn("reading_hash", _reading_hash())
    return hashed.join(F.broadcast(hashes), on="reading_hash", how="left_semi").drop("reading_hash")


def keep_uncontested(accepted: DataFrame, hashes: DataFrame) -> DataFrame:
    """Records with none of the hashes: kept, as `resolve` would say. Without the stored row: they meet none."""
    hashed = accepted.withColumn("reading_hash", _reading_hash())
    return (
        hashed.join(F.broadcast(hashes), on="reading_hash", how="left_anti")
        .drop("reading_hash")
        .withColumn("outcome", F.lit("kept"))
        .withColumn("renews", F.lit(False))
    )


def _reading_hash() -> Column:
    return F.xxhash64("device_id", "event_time_raw").alias("reading_hash")


def for_scoring(kept: DataFrame, history: DataFrame, tasks: int) -> DataFrame:
    """New readings and the device's readings before them, each device in one of so many partitions."""
    devices = kept.select("device_id").distinct()
    before = history.join(F.broadcast(devices), on="device_id", how="left_semi")
    both = _scoring_columns(kept, is_new=True).unionByName(_scoring_columns(before, is_new=False))
    return both.repartition(tasks, "device_id")


def _scoring_columns(readings: DataFrame, *, is_new: bool) -> DataFrame:
    event_micros = F.unix_micros("event_time").alias("event_micros")
    return readings.select("row_id", "device_id", event_micros, *VALUE_COLUMNS, F.lit(is_new).alias("is_new"))


def with_anomaly_flags(kept: DataFrame, flagged: DataFrame) -> DataFrame:
    """Adds `anomaly_flags` and `is_anomaly` from RANGE violations, places that cannot be, and rolling z-scores.

    Args:
        kept: Readings with `violations`, `latitude` and `longitude`.
        flagged: `row_id, zscore_flags` of the few that have one.
    """
    ranges = F.array_compact(F.array(*[_range_flag(column, path) for column, path in RANGE_PATHS.items()]))
    places = F.array_compact(
        F.array(*[F.when(is_so, F.lit(flag)) for flag, is_so in _impossible_places().items()])
    )
    none = F.array().cast("array<string>")
    scored = F.coalesce(F.col("zscore_flags"), none)
    # Spark interprets functions of arrays value by value: only for the few rows that may have a flag.
    may_have = (F.size("violations") > 0) | F.col("zscore_flags").isNotNull()
    for is_so in _impossible_places().values():
        may_have = may_have | is_so
    return (
        kept.join(F.broadcast(flagged), on="row_id", how="left")
        .withColumn("anomaly_flags", F.when(may_have, F.concat(ranges, places, scored)).otherwise(none))
        .withColumn("is_anomaly", F.size("anomaly_flags") > 0)
        .drop("zscore_flags")
    )


def _range_flag(column: str, path: str) -> Column:
    breaks = F.exists("violations", lambda v: (v["code"] == "RANGE") & (v["path"] == path))
    return F.when(breaks, F.lit(f"range:{column}"))


def _impossible_places() -> dict[str, Column]:
    """`place:swapped` where only the two numbers exchanged make a place; `place:null_island` for (0, 0)."""
    latitude, longitude = F.col("latitude"), F.col("longitude")
    return {
        "place:swapped": (F.abs(latitude) > 90) & (F.abs(latitude) <= 180) & (F.abs(longitude) <= 90),
        "place:null_island": (latitude == 0) & (longitude == 0),
    }


def reading_rows(
    flagged: DataFrame, evolved: Iterable[str] = (), *, now: datetime, version: str
) -> DataFrame:
    """Rows of `silver.reading`.

    Args:
        flagged: Readings with their flags; with the map `evolved` if there are evolved columns.
        evolved: Names of the evolved columns; they stand at the end.
        now: Time of the batch.
        version: Version of silver.
    """
    return (
        flagged.withColumnRenamed("rescued", "_rescued")
        .withColumn("processing_time", F.lit(now))
        .withColumn("pipeline_version", F.lit(version))
        .select(*READING.column_names, *(F.col("evolved")[name].alias(name) for name in evolved))
    )


def superseded_rows(resolved: DataFrame, *, batch: str, now: datetime) -> DataFrame:
    """Rows of `silver.superseded`: incoming records that lost, and stored ones that a kept record replaces."""
    # A row that came again to renew its own reading, and lost, is told of as the stored row it was.
    incoming = resolved.where("outcome = 'superseded' and not renews").withColumn("was_stored", F.lit(False))
    replaced = (
        resolved.where("outcome = 'kept' and stored_row_id is not null and not renews")
        .withColumn("superseded_by_row_id", F.col("row_id"))
        .withColumn("row_id", F.col("stored_row_id"))
        .withColumn("idempotency_key", F.col("stored_idempotency_key"))
        .withColumn("was_stored", F.lit(True))
    )
    return (
        incoming.unionByName(replaced)
        .withColumn("batch", F.lit(batch))
        .withColumn("processing_time", F.lit(now))
        .select(*SUPERSEDED.column_names)
    )


def touched_window_rows(resolved: DataFrame, *, batch: str, now: datetime) -> DataFrame:
    """Rows of `silver.touched_window`: windows a kept reading enters, and windows a replaced one leaves."""
    kept = resolved.where("outcome = 'kept'")
    entered = kept.select("device_id", "event_time")
    left = kept.where("stored_event_time is not null and not renews").select(
        "device_id", F.col("stored_event_time").alias("event_time")
    )
    start = F.window("event_time", f"{WINDOW_MINUTES} minutes")["start"]
    return (
        entered.unionByName(left)
        .groupBy("device_id", start.alias("window_start"))
        .agg(F.count("*").alias("change_count"))
        .withColumn("batch", F.lit(batch))
        .withColumn("processing_time", F.lit(now))
        .select(*TOUCHED_WINDOW.column_names)
    )


def refused_rows(
    classified: DataFrame, known_keys: DataFrame, policy: Policy, *, batch: str, now: datetime, version: str
) -> DataFrame:
    """Rows of `silver.quarantine`: refused records whose key is neither known already nor earlier in the batch.

    Args:
        classified: Classified records; those with decision `quarantine` are taken.
        known_keys: `idempotency_key` of rows quarantined before this batch.
        policy: Tells which of the reasons quarantined the record.
        batch: Key of the silver batch.
        now: Time of the refusal.
        version: Version of silver.
    """
    first = Window.partitionBy("idempotency_key").orderBy(*_ARRIVAL)
    return (
        classified.where(F.col("decision") == "quarantine")
        .withColumn("occurrence", F.row_number().over(first))
        .where("occurrence = 1")
        .join(known_keys.distinct(), on="idempotency_key", how="left_anti")
        .withColumn("reasons", F.col("violations"))
        .withColumn("reason_code", reason_code(policy))
        .withColumn("batch", F.lit(batch))
        .withColumn("failed_time", F.lit(now))
        .withColumn("processor_stage", F.lit("silver"))
        .withColumn("processor_version", F.lit(version))
        .select(*QUARANTINE.column_names)
    )


def reason_code(policy: Policy) -> Column:
    """The first of the `violations` that quarantines."""
    anywhere = sorted({code for code, rule in policy.events.items() if rule.may_quarantine} | BREAKER_CODES)
    by_path = sorted(f"{path} {code}" for (path, code), rule in policy.by_path.items() if rule.may_quarantine)

    def quarantines(reason: Column) -> Column:
        return reason["code"].isin(anywhere) | F.concat_ws(" ", reason["path"], reason["code"]).isin(by_path)

    first = F.element_at(F.filter("violations", quarantines), 1)["code"]
    return F.coalesce(first, F.element_at("violations", 1)["code"])
