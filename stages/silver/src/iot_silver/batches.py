"""One batch of silver, in the order of its commits. Called by `job.py`; does its I/O through `iot_common.io`.

Every decision is taken on the tables as they were before the batch (`table_before`), so that a batch repeated after a
crash decides as it did the first time; each commit is skipped if the batch is already in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.engine.registry import ContractFile, read_registry
from iot_common.io import blocks, iceberg
from iot_common.io.contract_folder import contract_files
from iot_common.io.stream import BatchWork, StageContext
from iot_common.metrics import Gate
from iot_silver import __version__, evolution, observation, tables, tasks, transform
from iot_silver.intervals import merged_intervals, within
from iot_silver.policy import packaged_policy
from iot_silver.row_columns import CLASSIFIED_DDL, EVOLVED_DDL
from iot_silver.settings import RollingSettings, SilverSettings
from iot_silver.zscore import FLAGGED_DDL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Batch:
    """What the steps of one batch share."""

    context: StageContext[SilverSettings]
    spark: SparkSession
    identity: BatchIdentity
    now: datetime
    stream_time: datetime | None
    """Newest trusted event time before this batch; None for the first batch."""
    evolved: Mapping[str, str]
    """Evolved columns of `silver.reading` that this batch fills, name -> path."""
    contracts: tuple[ContractFile, ...]
    """Contract files beside the packaged ones."""

    def step(self, text: str) -> None:
        self.context.on_step(f"batch {self.identity.batch_id}: {text}")

    def before(self, table: str) -> DataFrame:
        return iceberg.table_before(self.spark, table, self.identity)


def classify_and_store(context: StageContext[SilverSettings]) -> BatchWork:
    """The work of one batch of `bronze.block` rows."""

    def work(manifest: DataFrame, identity: BatchIdentity) -> list[Gate]:
        spark = manifest.sparkSession
        listed = manifest.select("block_sequence", "block_path", "row_count", "block_bytes").collect()
        stream_time = _stream_time(spark, identity)
        evolved = evolution.evolve(context, spark, identity)
        contracts = contract_files(context.settings.contracts)
        now = _batch_time(context, spark, identity)
        batch = _Batch(context, spark, identity, now, stream_time, evolved, contracts)
        batch.step(f"classifying {sum(row.row_count for row in listed):,} records")
        raw = blocks.read_rows(spark, [(row.block_sequence, row.block_path) for row in listed])
        columns = CLASSIFIED_DDL + (EVOLVED_DDL if evolved else "")
        classified = raw.mapInArrow(_classify_task(batch), columns).persist()
        try:
            gates = _store(batch, classified, max(row.block_sequence for row in listed))
        finally:
            classified.unpersist()
        rows, size = sum(row.row_count for row in listed), sum(row.block_bytes for row in listed)
        return [Gate("ingress", "in", BLOCK.name, rows, len(listed), size), *gates]

    return work


def _batch_time(
    context: StageContext[SilverSettings], spark: SparkSession, identity: BatchIdentity
) -> datetime:
    """The one time all rows of a batch carry: that of its first attempt, if it got as far as its first commit."""
    first = iceberg.commit_of(spark, SCHEMA_OBSERVATION.name, identity)
    if first is not None and tables.BATCH_TIME_KEY in first.summary:
        return datetime.fromisoformat(first.summary[tables.BATCH_TIME_KEY])
    return context.clock()


def _stream_time(spark: SparkSession, identity: BatchIdentity) -> datetime | None:
    micros = iceberg.newest_property(spark, TOUCHED_WINDOW.name, tables.STREAM_TIME_KEY, before=identity)
    return _EPOCH + timedelta(microseconds=int(micros)) if micros else None


def _classify_task(batch: _Batch) -> tasks.ArrowTask:
    settings = batch.context.settings
    limit = None
    if batch.stream_time is not None and settings.late_quarantine_days:
        oldest = batch.stream_time - timedelta(days=settings.late_quarantine_days)
        limit = round((oldest - _EPOCH).total_seconds() * 1_000_000)
    return tasks.classify_task(settings.clock_tolerance_seconds, limit, batch.contracts, batch.evolved)


def _store(batch: _Batch, classified: DataFrame, last_block: int) -> list[Gate]:
    seen = _survey(classified)
    batch.step("observing schemas")
    observed = observation.observation_rows(classified, batch=batch.identity.key, now=batch.now)
    stamp = {tables.BATCH_TIME_KEY: batch.now.isoformat()}
    observations = iceberg.append_once(observed.coalesce(1), SCHEMA_OBSERVATION, batch.identity, stamp)
    evidence = _gather_evidence(batch, observations, seen)
    quarantined, refused = _quarantine(batch, classified, seen)
    resolved = _resolve(batch, classified, seen).persist()
    try:
        counts = _outcomes(resolved)
        merged = _merge_readings(batch, resolved, counts["replaced"])
        lost = transform.superseded_rows(resolved, batch=batch.identity.key, now=batch.now)
        superseded = iceberg.append_once(lost.coalesce(1), SUPERSEDED, batch.identity)
        batch.step("naming touched windows")
        touched = transform.touched_window_rows(resolved, batch=batch.identity.key, now=batch.now)
        properties = {blocks.SILVER_READ_KEY: str(last_block)} | _stream_time_property(batch, seen)
        windows = iceberg.append_once(touched.coalesce(1), TOUCHED_WINDOW, batch.identity, properties)
    finally:
        resolved.unpersist()
    return [
        _written("kept", READING.name, merged),
        _written("quarantined", QUARANTINE.name, quarantined),
        Gate("egress", "duplicate", READING.name, counts["duplicate"]),
        Gate("egress", "duplicate", QUARANTINE.name, refused - quarantined.added_rows),
        Gate("egress", "superseded", SUPERSEDED.name, superseded.added_rows - counts["replaced"]),
        Gate("egress", "replaced", READING.name, counts["replaced"]),
        _written("written", SCHEMA_OBSERVATION.name, observations),
        *([_written("written", EVOLVING_PATH.name, evidence)] if evidence else []),
        _written("written", TOUCHED_WINDOW.name, windows),
    ]


def _written(disposition: Any, target: str, commit: iceberg.Commit) -> Gate:
    return Gate("egress", disposition, target, commit.added_rows, commit.added_files, commit.added_bytes)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one pass over the classified records tells before anything is decided."""

    refused: int
    rescued: int
    suspect_devices: list[str]
    newest_trusted: datetime | None
    hours: list[datetime]


def _survey(classified: DataFrame) -> _Survey:
    from pyspark.sql import functions as F

    accepted = F.col("decision") == "reading"
    trusted = F.when(accepted & ~F.col("clock_suspect"), F.unix_micros("event_time_raw"))
    hour = F.unix_seconds(F.date_trunc("hour", "event_time_raw"))
    row = classified.agg(
        F.count_if(~accepted).alias("refused"),
        F.count("rescued").alias("rescued"),
        F.max(trusted).alias("newest"),
        F.collect_set(F.when(accepted & F.col("clock_suspect"), F.col("device_id"))).alias("suspects"),
        F.collect_set(F.when(accepted, hour)).alias("hours"),
    ).head()
    assert row is not None
    newest = _EPOCH + timedelta(microseconds=row.newest) if row.newest is not None else None
    hours = [_EPOCH + timedelta(seconds=seconds) for seconds in row.hours]
    return _Survey(row.refused, row.rescued, row.suspects, newest, hours)


def _gather_evidence(batch: _Batch, observations: iceberg.Commit, seen: _Survey) -> iceberg.Commit | None:
    if not seen.rescued:
        return None
    batch.step(f"weighing undeclared fields: {seen.rescued:,} records have rescued values")
    registry = read_registry(batch.contracts)
    return evolution.gather_evidence(
        batch.spark, batch.identity, observations, registry, batch.evolved, now=batch.now
    )


def _quarantine(batch: _Batch, classified: DataFrame, seen: _Survey) -> tuple[iceberg.Commit, int]:
    batch.step(f"quarantining {seen.refused:,} records")
    known = batch.before(QUARANTINE.name).select("idempotency_key")
    rows = transform.refused_rows(
        classified, known, packaged_policy(), batch=batch.identity.key, now=batch.now, version=__version__
    )
    return iceberg.append_once(rows, QUARANTINE, batch.identity), seen.refused


def _resolve(batch: _Batch, classified: DataFrame, seen: _Survey) -> DataFrame:
    batch.step("resolving duplicates and conflicts")
    intervals = merged_intervals(seen.hours)
    readings = batch.before(READING.name)
    accepted = transform.with_event_time(transform.keep_accepted(classified), _offsets(batch, readings, seen))
    accepted = transform.with_lateness(accepted, batch.stream_time, batch.context.settings.lateness_minutes)
    losers = tables.known_losers(batch.before(SUPERSEDED.name), intervals)
    return transform.resolve(accepted, tables.stored_readings(readings, intervals), losers)


def _offsets(batch: _Batch, readings: DataFrame, seen: _Survey) -> DataFrame | None:
    if not seen.suspect_devices:
        return None
    from pyspark.sql import functions as F

    return transform.learned_offsets(readings.where(F.col("device_id").isin(seen.suspect_devices)))


def _outcomes(resolved: DataFrame) -> dict[str, int]:
    from pyspark.sql import functions as F

    row = resolved.agg(
        F.count_if(F.col("outcome") == "duplicate").alias("duplicate"),
        F.count_if((F.col("outcome") == "kept") & F.col("stored_row_id").isNotNull()).alias("replaced"),
    ).head()
    assert row is not None
    return dict(row.asDict())


def _merge_readings(batch: _Batch, resolved: DataFrame, replaced: int) -> iceberg.Commit:
    kept = resolved.where("outcome = 'kept'")
    batch.step("flagging anomalies")
    flagged = _flagged(batch, kept)
    rows = transform.reading_rows(flagged, batch.evolved, now=batch.now, version=__version__)
    batch.step("writing readings")
    schema = {tables.SCHEMA_ID_KEY: str(iceberg.schema_id(batch.spark, READING.name))}
    if not replaced:  # nothing stored is touched: an append reads no file of the table
        return iceberg.append_once(rows, READING, batch.identity, schema)
    view = f"readings_of_batch_{batch.identity.batch_id}"
    iceberg.with_every_column(rows, READING).createOrReplaceTempView(view)
    statement = tables.merge_statement(view, merged_intervals(_survey_hours(kept)))
    made = iceberg.merge_once(batch.spark, statement, READING, batch.identity, schema)
    assert made is not None, "a MERGE that replaces rows makes a snapshot"
    return made


def _survey_hours(kept: DataFrame, column: str = "event_time_raw") -> Sequence[datetime]:
    from pyspark.sql import functions as F

    rows = kept.select(F.unix_seconds(F.date_trunc("hour", column)).alias("second")).distinct().collect()
    return [_EPOCH + timedelta(seconds=row.second) for row in rows]


def _flagged(batch: _Batch, kept: DataFrame) -> DataFrame:
    rolling = RollingSettings(threshold=batch.context.settings.zscore_threshold)
    intervals = merged_intervals(_survey_hours(kept, "event_time"), timedelta(hours=rolling.hours))
    history = batch.before(READING.name).where(within("event_time", intervals))
    scored = transform.for_scoring(kept, history).mapInArrow(tasks.score_task(rolling), FLAGGED_DDL)
    return transform.with_anomaly_flags(kept, scored)


def _stream_time_property(batch: _Batch, seen: _Survey) -> dict[str, str]:
    times = [time for time in (batch.stream_time, seen.newest_trusted) if time is not None]
    if not times:
        return {}
    return {tables.STREAM_TIME_KEY: str(round((max(times) - _EPOCH).total_seconds() * 1_000_000))}
