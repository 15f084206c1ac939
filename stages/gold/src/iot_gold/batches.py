"""One batch of gold: which windows silver touched, and the three tables that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracted import contracted
from iot_common.contracts.gold_daily_summary import DAILY_SUMMARY
from iot_common.contracts.gold_device_window_5min import DEVICE_WINDOW_5MIN
from iot_common.contracts.gold_place_hour import PLACE_HOUR
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW, WINDOW_MINUTES
from iot_common.contracts.table import TableContract
from iot_common.io.iceberg import Commit, commit_of, read_table, written
from iot_common.io.stream import BatchWork, StageContext
from iot_common.metrics import Gate
from iot_gold import rollup, tables, transform
from iot_gold.publication import known_keys, replace_rows
from iot_gold.settings import GoldSettings
from iot_gold.spans import Span, joined_spans, within


@dataclass(frozen=True)
class _Batch:
    """What every step of one batch needs."""

    spark: SparkSession
    identity: BatchIdentity
    touched: DataFrame
    touched_count: int
    spans: list[Span]
    now: datetime
    version: str

    def stamped(self, rows: DataFrame) -> DataFrame:
        """Rows with the columns that say who wrote them, and when."""
        return rows.withColumns(
            {
                "batch": F.lit(self.identity.key),
                "processing_time": F.lit(self.now),
                "pipeline_version": F.lit(self.version),
            }
        )


def recompute(context: StageContext[GoldSettings]) -> BatchWork:
    """The work of one batch: device windows, then hours and days from the windows of that very commit.

    Each table is one commit tagged with the batch, and one that is there is not made again. Hours and days read the
    snapshot of the device windows' commit, so that a batch repeated after a crash ends in the same tables.
    """

    def work(frame: DataFrame, identity: BatchIdentity) -> Sequence[Gate]:
        touched = frame.select("device_id", "window_start").distinct().persist()
        try:
            batch = _opened(context, touched, identity)
            return _gates_of(batch) if batch.touched_count else []
        finally:
            touched.unpersist()

    return work


def _opened(context: StageContext[GoldSettings], touched: DataFrame, identity: BatchIdentity) -> _Batch:
    seconds = F.unix_timestamp("window_start")
    by_day = (
        touched.groupBy(F.to_date("window_start")).agg(F.min(seconds), F.max(seconds), F.count("*")).collect()
    )
    width = timedelta(minutes=WINDOW_MINUTES)
    spans = [Span(_utc(first), _utc(last) + width) for _, first, last, _ in by_day]
    count = sum(row[3] for row in by_day)
    version = context.run.stage_version
    return _Batch(
        touched.sparkSession, identity, touched, count, joined_spans(spans), context.clock(), version
    )


def _utc(epoch_seconds: int) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, tz=UTC)


def _gates_of(batch: _Batch) -> list[Gate]:
    windows = _device_windows(batch)
    derived = [
        (DEVICE_WINDOW_5MIN, windows),
        (PLACE_HOUR, _place_hours(batch, windows.snapshot_id)),
        (DAILY_SUMMARY, _daily_summaries(batch, windows.snapshot_id)),
    ]
    rewritten, readings = _rewritten(batch, windows.snapshot_id)
    kept = rewritten + windows.count(tables.WINDOWS_VANISHED)
    return [
        Gate("ingress", "in", TOUCHED_WINDOW.name, batch.touched_count),
        Gate("ingress", "read", READING.name, readings),
        Gate("egress", "kept", DEVICE_WINDOW_5MIN.name, kept),
        *[written("written", contract.name, commit) for contract, commit in derived],
    ]


def _device_windows(batch: _Batch) -> Commit:
    """Recompute the touched windows from what silver holds now; a window without readings goes."""
    done = commit_of(batch.spark, DEVICE_WINDOW_5MIN.name, batch.identity)
    if done is not None:
        return done
    known = known_keys(batch.spark, DEVICE_WINDOW_5MIN, batch.identity, batch.spans, batch.touched).persist()
    # Contract columns alone: what silver evolves is nothing to gold until a merged contract names it.
    readings = contracted(read_table(batch.spark, READING.name), READING)
    readings = readings.where(within("event_time", batch.spans))
    windows = transform.device_windows(transform.keep_touched(readings, batch.touched))
    rows = transform.with_revision(windows, known, F.lit(batch.now)).persist()
    properties = {tables.WINDOWS_VANISHED: str(_vanished(batch, rows))}
    commit = replace_rows(
        batch.stamped(rows), known, DEVICE_WINDOW_5MIN, batch.identity, batch.spans, properties
    )
    rows.unpersist()
    known.unpersist()
    return commit


def _vanished(batch: _Batch, rows: DataFrame) -> int:
    """Touched windows in which no reading is left."""
    one_per_window = rows.where(F.col("reading") == transform.READINGS[0])
    return batch.touched.join(one_per_window, on=batch.touched.columns, how="left_anti").count()


def _rewritten(batch: _Batch, snapshot_id: int) -> tuple[int, int]:
    """Windows the batch's commit holds, and the readings in them: asked of the table, not of what was to be written."""
    table = read_table(batch.spark, DEVICE_WINDOW_5MIN.name, snapshot_id)
    own = table.where(tables.in_spans(DEVICE_WINDOW_5MIN, batch.spans)).where(
        F.col("batch") == batch.identity.key
    )
    one_per_window = own.where(F.col("reading") == transform.READINGS[0])
    readings = F.sum(F.col("received_count") + F.col("clock_suspect_count"))
    windows, read = one_per_window.agg(F.count("*"), F.coalesce(readings, F.lit(0))).first() or (0, 0)
    return int(windows), int(read)


def _place_hours(batch: _Batch, snapshot_id: int) -> Commit:
    """Hours of all places, not only of the touched devices': a window that moves changes two places."""
    hours = rollup.with_hour(batch.touched).select("hour_start").distinct()
    windows = _windows(batch, snapshot_id, [span.in_whole_hours() for span in batch.spans])
    touched = rollup.with_hour(windows).join(hours, on="hour_start", how="left_semi")
    return _replace_derived(batch, PLACE_HOUR, rollup.place_hours(touched), hours)


def _daily_summaries(batch: _Batch, snapshot_id: int) -> Commit:
    """Days of the touched devices."""
    days = rollup.with_day(batch.touched).select("device_id", "day").distinct()
    windows = _windows(batch, snapshot_id, [span.in_whole_days() for span in batch.spans])
    touched = rollup.with_day(windows).join(days, on=days.columns, how="left_semi")
    return _replace_derived(batch, DAILY_SUMMARY, rollup.daily_summaries(touched), days)


def _windows(batch: _Batch, snapshot_id: int, spans: Sequence[Span]) -> DataFrame:
    return read_table(batch.spark, DEVICE_WINDOW_5MIN.name, snapshot_id).where(within("window_start", spans))


def _replace_derived(batch: _Batch, contract: TableContract, rows: DataFrame, touched: DataFrame) -> Commit:
    known = known_keys(batch.spark, contract, batch.identity, batch.spans, touched)
    rows = rows.persist()
    commit = replace_rows(batch.stamped(rows), known, contract, batch.identity, batch.spans)
    rows.unpersist()
    return commit
