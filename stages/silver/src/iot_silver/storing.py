"""From classified records to silver's tables, in the order of the commits: the road of every batch of silver.

A batch of the stream (`batches.py`) and rows that are processed again (`reprocess.py`) take it alike. Every decision
is taken on the tables as they were before the batch (`table_before`), so that a batch repeated after a crash decides
as it did the first time; each commit is skipped if the batch is already in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from iot_common.batch import BatchIdentity
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.contracts.table import TableContract
from iot_common.engine.registry import ContractFile
from iot_common.io import iceberg
from iot_common.io.contract_folder import contract_files
from iot_common.io.stream import StageContext
from iot_common.metrics import Gate
from iot_silver import __version__, downgrades, resolution, tables, tasks, transform
from iot_silver.breaker import LONGEST_VERSION
from iot_silver.intervals import merged_intervals, within
from iot_silver.policy import packaged_policy
from iot_silver.row_columns import CLASSIFIED_DDL, EVOLVED_DDL, RAW_COLUMNS
from iot_silver.settings import RollingSettings, SilverSettings
from iot_silver.zscore import FLAGGED_DDL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RECORDS_PER_SCORING_TASK = 200_000
"""A task holds its share of the batch, and what is stored before it, in memory: about 100 bytes a reading."""

RECORDS_PER_FILE = 200_000
"""About 16 MB of `silver.reading`: two files for 15 minutes of 10 GB a day, so that both cores write. The tasks write
what they hold as it is: a shuffle of all columns by day costs more than a file more per task and day."""

UNSHUFFLED_DAYS = 8
"""A batch of more days (a replay of old data) is shuffled all the same: each open file of a task takes memory."""

VERSIONS_TOLD = 20
"""Most unregistered versions one batch tells of: a record may claim any. Drift's log lists more."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SilverBatch:
    """What the steps of one batch share."""

    context: StageContext[SilverSettings]
    spark: SparkSession
    identity: BatchIdentity
    now: datetime
    stream_time: datetime | None
    """Newest trusted event time before this batch; None for the first batch."""
    highest_version: str | None
    """Highest schema version of a reading before this batch; None for the first batch."""
    evolved: Mapping[str, str]
    """Evolved columns of `silver.reading` that this batch fills, name -> path."""
    contracts: tuple[ContractFile, ...]
    """Contract files beside the packaged ones."""
    held: Mapping[str, float] = field(default_factory=dict)
    """Schema versions whose circuit breaker is not closed, and the share of their rows that is let through."""
    again: bool = False
    """True for rows that silver has met before: see `reprocess.py`."""

    def step(self, text: str) -> None:
        """Tell the progress."""
        name = f"{self.identity.query_id} {self.identity.batch_id}" if self.again else self.identity.batch_id
        self.context.on_step(f"batch {name}: {text}")

    def before(self, table: str) -> DataFrame:
        """A table as it was before this batch."""
        return iceberg.table_before(self.spark, table, self.identity)


def open_batch(
    context: StageContext[SilverSettings],
    spark: SparkSession,
    identity: BatchIdentity,
    first: TableContract,
    evolved: Mapping[str, str],
    *,
    again: bool = False,
) -> SilverBatch:
    """A batch with its times.

    Args:
        context: Settings and clock.
        spark: The session of the batch.
        identity: Who the batch is.
        first: The table of its first commit, whose summary holds the batch's time.
        evolved: Evolved columns of `silver.reading`, name -> path.
        again: True for rows that silver has met before.
    """
    micros = iceberg.newest_property(spark, TOUCHED_WINDOW.name, tables.STREAM_TIME_KEY, before=identity)
    stream_time = EPOCH + timedelta(microseconds=int(micros)) if micros else None
    highest = iceberg.newest_property(spark, TOUCHED_WINDOW.name, tables.HIGHEST_VERSION_KEY, before=identity)
    now = _batch_time(context, spark, identity, first)
    contracts = contract_files(context.settings.contracts)
    return SilverBatch(context, spark, identity, now, stream_time, highest, evolved, contracts, again=again)


def _batch_time(
    context: StageContext[SilverSettings], spark: SparkSession, identity: BatchIdentity, first: TableContract
) -> datetime:
    """The one time all rows of a batch carry: that of its first attempt, if it got as far as its first commit."""
    made = iceberg.commit_of(spark, first.name, identity)
    if made is not None and tables.BATCH_TIME_KEY in made.summary:
        return datetime.fromisoformat(made.summary[tables.BATCH_TIME_KEY])
    return context.clock()


def classify(batch: SilverBatch, raw: DataFrame) -> DataFrame:
    """Raw rows, classified: `row_columns.CLASSIFIED_DDL`, and `EVOLVED_DDL` where there are evolved columns."""
    settings = batch.context.settings
    limit = None
    # Whether rows that silver has met before came too late was judged when they came.
    if batch.stream_time is not None and settings.late_quarantine_days and not batch.again:
        oldest = batch.stream_time - timedelta(days=settings.late_quarantine_days)
        limit = round((oldest - EPOCH).total_seconds() * 1_000_000)
    # Whatever else bronze knows of a row would be read, sent to Python and thrown away.
    raw = raw.select(*RAW_COLUMNS)
    task = tasks.classify_task(
        settings.clock_tolerance_seconds, limit, batch.contracts, batch.evolved, batch.held
    )
    return raw.mapInArrow(task, CLASSIFIED_DDL + (EVOLVED_DDL if batch.evolved else ""))


def store(
    batch: SilverBatch,
    classified: DataFrame,
    seen: Survey,
    *,
    first_properties: Mapping[str, str] | None = None,
    last_properties: Mapping[str, str] | None = None,
    before_last: Callable[[DataFrame], Sequence[Gate]] = lambda _: (),
) -> list[Gate]:
    """Quarantine, readings, superseded, touched windows: one commit each; in that order.

    Args:
        batch: The batch.
        classified: Its records, persisted.
        seen: What a survey of them tells.
        first_properties: Summary entries of the commit to `silver.quarantine`.
        last_properties: Summary entries of the commit to `silver.touched_window`.
        before_last: Commits more before the last one, given the resolved records; returns its gates.
    """
    quarantined = _quarantine(batch, classified, seen, first_properties)
    resolved = resolution.resolve(batch, classified, seen)
    try:
        counts = resolution.outcomes(resolved.contested)
        merged = _merge_readings(batch, resolved.records, seen, counts["replaced"] + counts["renewed"])
        lost = transform.superseded_rows(resolved.contested, batch=batch.identity.key, now=batch.now)
        superseded = iceberg.append_once(lost.coalesce(1), SUPERSEDED, batch.identity)
        more = before_last(resolved.records)
        batch.step("naming touched windows")
        touched = transform.touched_window_rows(resolved.records, batch=batch.identity.key, now=batch.now)
        properties = dict(last_properties or {}) | _stream_time_property(batch, seen)
        properties |= downgrades.highest_property(batch, seen)
        windows = iceberg.append_once(touched.coalesce(1), TOUCHED_WINDOW, batch.identity, properties)
    finally:
        resolved.unpersist()
    new_losers = superseded.added_rows - counts["replaced"] + counts["renewed_lost"]
    return [
        iceberg.written("kept", READING.name, merged),
        iceberg.written("quarantined", QUARANTINE.name, quarantined),
        Gate("egress", "duplicate", READING.name, counts["duplicate"]),
        Gate("egress", "duplicate", QUARANTINE.name, seen.refused - quarantined.added_rows),
        Gate("egress", "superseded", SUPERSEDED.name, new_losers),
        Gate("egress", "replaced", READING.name, counts["replaced"] + counts["renewed"]),
        *more,
        iceberg.written("written", TOUCHED_WINDOW.name, windows),
    ]


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the classified records tells before anything is decided."""

    accepted: int
    refused: int
    rescued: int
    suspect_devices: list[str]
    newest_trusted: datetime | None
    hours: list[datetime]
    lowest_version: str | None = None
    highest_version: str | None = None
    """Among accepted records."""
    without_contract: int = 0
    """Records whose claimed version no registered contract can judge."""
    unregistered_versions: tuple[str, ...] = ()
    """Versions those claim, a few of them."""


def survey(classified: DataFrame) -> Survey:
    """One pass over classified records."""
    from pyspark.sql import functions as F

    accepted = F.col("decision") == "reading"
    trusted = F.when(accepted & ~F.col("clock_suspect"), F.unix_micros("event_time_raw"))
    hour = F.unix_seconds(F.date_trunc("hour", "event_time_raw"))
    version = downgrades.version_key(F.when(accepted, F.col("schema_version")))
    claimed = F.when(F.col("contract_version").isNull(), F.col("schema_version"))
    listed = F.when(F.length(claimed) <= LONGEST_VERSION, claimed)
    row = classified.agg(
        F.count_if(accepted).alias("accepted"),
        F.count_if(~accepted).alias("refused"),
        F.count("rescued").alias("rescued"),
        F.max(trusted).alias("newest"),
        F.collect_set(F.when(accepted & F.col("clock_suspect"), F.col("device_id"))).alias("suspects"),
        F.collect_set(F.when(accepted, hour)).alias("hours"),
        F.min_by("schema_version", version).alias("lowest"),
        F.max_by("schema_version", version).alias("highest"),
        F.count(claimed).alias("without_contract"),
        F.slice(F.array_sort(F.collect_set(listed)), 1, VERSIONS_TOLD).alias("unregistered"),
    ).head()
    assert row is not None
    newest = EPOCH + timedelta(microseconds=row.newest) if row.newest is not None else None
    hours = [EPOCH + timedelta(seconds=seconds) for seconds in row.hours]
    return Survey(
        row.accepted,
        row.refused,
        row.rescued,
        row.suspects,
        newest,
        hours,
        row.lowest,
        row.highest,
        row.without_contract,
        tuple(row.unregistered),
    )


def _quarantine(
    batch: SilverBatch, classified: DataFrame, seen: Survey, properties: Mapping[str, str] | None
) -> iceberg.Commit:
    batch.step(f"quarantining {seen.refused:,} records")
    known = batch.before(QUARANTINE.name).select("row_id", "idempotency_key")
    refused = classified.where("decision = 'quarantine'")
    if batch.again:
        refused = refused.join(known.select("row_id"), on="row_id", how="left_anti")
        known = known.unionByName(_settled(batch, hours_of(refused)))
    rows = transform.refused_rows(
        refused,
        known.select("idempotency_key"),
        packaged_policy(),
        batch=batch.identity.key,
        now=batch.now,
        version=__version__,
    )
    return iceberg.append_once(rows, QUARANTINE, batch.identity, properties)


def _settled(batch: SilverBatch, hours: Sequence[datetime]) -> DataFrame:
    """Readings that stand or lost: a row of the same content that is refused today is no news of them."""
    there = within("event_time_raw", merged_intervals(hours))
    tables_of_readings = (batch.before(name).where(there) for name in (READING.name, SUPERSEDED.name))
    stored, lost = (table.select("row_id", "idempotency_key") for table in tables_of_readings)
    return stored.unionByName(lost)


def _merge_readings(batch: SilverBatch, resolved: DataFrame, seen: Survey, replaced: int) -> iceberg.Commit:
    kept = resolved.where("outcome = 'kept'")
    batch.step("flagging anomalies")
    flagged = _flagged(batch, kept, seen)
    rows = transform.reading_rows(flagged, batch.evolved, now=batch.now, version=__version__)
    batch.step("writing readings")
    schema = {tables.SCHEMA_ID_KEY: str(iceberg.schema_id(batch.spark, READING.name))}
    if not replaced:  # nothing stored is touched: an append reads no file of the table
        if len({hour.date() for hour in seen.hours}) <= UNSHUFFLED_DAYS:
            # One more, for the few contested: they are a task of their own, beside which all others would share one.
            tasks_of_files = rows.coalesce(2 + seen.accepted // RECORDS_PER_FILE)
            return iceberg.append_once(tasks_of_files, READING, batch.identity, schema, shuffled=False)
        return iceberg.append_once(rows, READING, batch.identity, schema)
    view = f"readings_of_batch_{batch.identity.batch_id}"
    iceberg.with_every_column(rows, READING).createOrReplaceTempView(view)
    statement = tables.merge_statement(view, merged_intervals(hours_of(kept)))
    made = iceberg.merge_once(batch.spark, statement, READING, batch.identity, schema)
    assert made is not None, "a MERGE that replaces rows makes a snapshot"
    return made


def hours_of(records: DataFrame, column: str = "event_time_raw") -> list[datetime]:
    """The full hours, in UTC, in which a time column falls; rows without the time are left out."""
    from pyspark.sql import functions as F

    hour = F.unix_seconds(F.date_trunc("hour", column)).alias("second")
    rows = records.where(F.col(column).isNotNull()).select(hour).distinct().collect()
    return [EPOCH + timedelta(seconds=row.second) for row in rows]


def _flagged(batch: SilverBatch, kept: DataFrame, seen: Survey) -> DataFrame:
    rolling = RollingSettings(threshold=batch.context.settings.zscore_threshold)
    # Event times are the raw ones, but where a clock was corrected or a reading stands already.
    as_sent = not (batch.again or seen.suspect_devices)
    hours = seen.hours if as_sent else hours_of(kept, "event_time")
    intervals = merged_intervals(hours, timedelta(hours=rolling.hours))
    history = batch.before(READING.name).where(within("event_time", intervals))
    if batch.again:  # a reading is not its own history
        history = history.join(kept.select("row_id"), on="row_id", how="left_anti")
    shares = 2 + seen.accepted // RECORDS_PER_SCORING_TASK
    scored = transform.for_scoring(kept, history, shares).mapInArrow(tasks.score_task(rolling), FLAGGED_DDL)
    return transform.with_anomaly_flags(kept, scored)


def _stream_time_property(batch: SilverBatch, seen: Survey) -> dict[str, str]:
    times = [time for time in (batch.stream_time, seen.newest_trusted) if time is not None]
    if not times:
        return {}
    return {tables.STREAM_TIME_KEY: str(round((max(times) - EPOCH).total_seconds() * 1_000_000))}
