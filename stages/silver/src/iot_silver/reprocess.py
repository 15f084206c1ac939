"""Rows of bronze that silver processes again: a replay of quarantine, a re-validation, a backfill.

They take the road of a stream's batch (`storing.py`) and leave by the same gates, so each such batch balances as any
other. How rows that stand in silver already are treated is said in `standing.py`; an open quarantined record that no
longer fails is closed in `silver.quarantine_action`. Nothing is observed anew: drift has counted these rows.

A batch is named by its purpose and a number, and its commits are tagged with that name. Killed anywhere and repeated
with the same rows it ends in the same tables; so whoever chooses the rows by what stands in a table must ask the table
as it was before the batch (`iot_common.io.iceberg.table_before`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.contracts.table import TableContract
from iot_common.io import iceberg
from iot_common.io.stream import QueryReport, StageContext, run_batch
from iot_common.metrics import Gate
from iot_silver import (
    __version__,
    downgrades,
    evolution,
    quarantine_state,
    standing,
    storing,
    tables,
    transform,
)
from iot_silver.intervals import merged_intervals, within
from iot_silver.policy import packaged_policy
from iot_silver.settings import SilverSettings
from iot_silver.storing import SilverBatch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REQUEST_KEY = "driftlake.request"
"""Summary key of a batch's first commit: what was asked for, as JSON, so that an interrupted batch can be ended."""


@dataclass(frozen=True)
class Asked:
    """Who asked for it, why, and for what. `request` is what chose the rows, as JSON values."""

    requested_by: str | None = None
    note: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)

    def as_text(self) -> str:
        """As one JSON object."""
        return json.dumps(
            {"requested_by": self.requested_by, "note": self.note, "request": dict(self.request)}
        )

    @staticmethod
    def from_text(text: str) -> Asked:
        """The same back."""
        return Asked(**json.loads(text))


def next_batch(spark: SparkSession, purpose: str) -> tuple[BatchIdentity, Asked | None]:
    """The batch to run next for a purpose: the one that was interrupted, with what it was asked, or a new one."""
    begun, asked = _newest(spark, QUARANTINE, purpose)
    ended, _ = _newest(spark, TOUCHED_WINDOW, purpose)
    if ended < begun:
        return BatchIdentity(purpose, begun), Asked.from_text(asked)
    return BatchIdentity(purpose, begun + 1), None


def newest_number(spark: SparkSession, table: TableContract, purpose: str) -> int:
    """Number of the purpose's newest batch in a table; −1 for none."""
    return _newest(spark, table, purpose)[0]


def _newest(spark: SparkSession, table: TableContract, purpose: str) -> tuple[int, str]:
    """Number of the purpose's newest batch in a table, −1 for none, and what it was asked."""
    from pyspark.sql import functions as F

    batch = F.col("summary")[iceberg.BATCH_KEY]
    number = F.element_at(F.split(batch, "/"), -1).cast("int").alias("number")
    # One small job: a walk over the snapshots asks Java four times for each, and there are 96 a day.
    history = iceberg.read_table(spark, f"{table.name}.snapshots").where(batch.startswith(f"{purpose}/"))
    newest = (
        history.select(number, F.col("summary")[REQUEST_KEY].alias("asked")).orderBy(F.desc("number")).first()
    )
    return (newest.number, newest.asked) if newest else (-1, "")


def is_interrupted(spark: SparkSession, purpose: str) -> bool:
    """True if the newest thing that happened to the quarantine is a batch of this purpose that has not ended.

    Asks two metadata files. It sees every interrupted batch if it is asked before anything else writes.
    """
    newest = iceberg.newest_batch_commit(spark, QUARANTINE.name)
    key = newest.summary.get(iceberg.BATCH_KEY, "") if newest else ""
    if not key.startswith(f"{purpose}/"):
        return False
    ended = iceberg.newest_batch_commit(spark, TOUCHED_WINDOW.name)
    return ended is None or ended.summary.get(iceberg.BATCH_KEY) != key


def run_reprocess(
    context: StageContext[SilverSettings],
    rows_of: Callable[[SparkSession, BatchIdentity], DataFrame],
    identity: BatchIdentity,
    purpose: str,
    asked: Asked | None = None,
    source: str = RAW_READING.name,
) -> QueryReport:
    """One batch as its own query in the metrics, named by its purpose.

    Raises:
        StageFailedError: If it failed; running it again with the same identity continues it.
    """
    report = QueryReport(purpose)

    def work(batch: BatchIdentity) -> list[Gate]:
        return reprocess(context, rows_of(context.spark, batch), batch, purpose, asked, source)

    run_batch(context, report, identity, work)
    return report


def reprocess(
    context: StageContext[SilverSettings],
    rows: DataFrame,
    identity: BatchIdentity,
    purpose: str,
    asked: Asked | None = None,
    source: str = RAW_READING.name,
) -> list[Gate]:
    """Process rows again and store what they now are.

    Args:
        context: Settings and clock.
        rows: Bronze's rows, each `row_id` once, with row_id, source_object, source_line, ingest_time, block_sequence,
            payload, payload_pointer, defect. The same rows if the batch is repeated.
        identity: Who the batch is: the purpose and a number, as `next_batch` gives it.
        purpose: `replay`, `revalidate`, `backfill`, …: names the query in the metrics.
        asked: Who asked for it and why.
        source: The table that the rows were chosen from, for the metrics.

    Returns:
        The gates: in = kept + quarantined + duplicate + superseded. None at all, and no commit, where every row is
        quarantined already and fails as it did before.
    """
    batch = again_batch(context, rows.sparkSession, identity, QUARANTINE)
    batch.step("classifying records again")
    records = classify_again(batch, rows).persist()
    still_open = open_before(batch).persist()
    try:
        count = records.count()
        if not _has_news(batch, records, still_open):
            return []
        seen = storing.survey(records)
        gates = storing.store(
            batch,
            downgrades.told(batch, records, seen),
            seen,
            first_properties={
                tables.BATCH_TIME_KEY: batch.now.isoformat(),
                REQUEST_KEY: (asked or Asked()).as_text(),
            },
            before_last=lambda resolved: [
                _write_actions(batch, resolved, records, still_open, purpose, asked or Asked())
            ],
        )
    finally:
        records.unpersist()
        still_open.unpersist()
    return [Gate("ingress", "in", source, count), *gates]


def again_batch(
    context: StageContext[SilverSettings], spark: SparkSession, identity: BatchIdentity, first: TableContract
) -> SilverBatch:
    """A batch of rows that silver has met before; `first` is the table of its first commit."""
    return storing.open_batch(context, spark, identity, first, evolution.evolved_columns(spark), again=True)


def classify_again(batch: SilverBatch, rows: DataFrame) -> DataFrame:
    """Rows classified by today's contracts and policy, and as they stand in silver's tables: see `standing.py`."""
    arrived = merged_intervals(storing.hours_of(rows, "ingest_time"))
    readings = batch.before(READING.name).where(within("ingest_time", arrived))
    stands = standing.standing_readings(readings, rows.select("row_id"), batch.evolved)
    discarded = quarantine_state.discarded_rows(_actions_before(batch))
    return standing.with_standing(storing.classify(batch, rows), stands, discarded)


def open_before(batch: SilverBatch) -> DataFrame:
    """Open quarantined records as they were before the batch."""
    return quarantine_state.open_records(batch.before(QUARANTINE.name), _actions_before(batch))


def _actions_before(batch: SilverBatch) -> DataFrame:
    if iceberg.table_exists(batch.spark, QUARANTINE_ACTION.name):
        return batch.before(QUARANTINE_ACTION.name)
    # A plan writes nothing, so the table of a warehouse that is older than it may not be there.
    return batch.spark.createDataFrame([], QUARANTINE_ACTION.ddl)


def refused_records(records: DataFrame) -> DataFrame:
    """Those that fail (again), with `reason_code`."""
    return records.where("decision = 'quarantine'").withColumn(
        "reason_code", transform.reason_code(packaged_policy())
    )


def _has_news(batch: SilverBatch, records: DataFrame, still_open: DataFrame) -> bool:
    """True unless the tables say of every row already what the batch would say."""
    begun = iceberg.commit_of(batch.spark, QUARANTINE.name, batch.identity) is not None
    if begun or not records.where("decision = 'reading'").isEmpty():
        return True
    refused = refused_records(records)
    unknown = refused.join(batch.before(QUARANTINE.name).select("row_id"), on="row_id", how="left_anti")
    return not (unknown.isEmpty() and quarantine_state.failed_actions(refused, still_open).isEmpty())


def _write_actions(
    batch: SilverBatch,
    resolved: DataFrame,
    records: DataFrame,
    still_open: DataFrame,
    purpose: str,
    asked: Asked,
) -> Gate:
    batch.step("closing what no longer fails")
    replayed = quarantine_state.closing_actions(resolved, still_open)
    failed = quarantine_state.failed_actions(refused_records(records), still_open)
    rows = quarantine_state.action_rows(
        replayed.unionByName(failed, allowMissingColumns=True),
        purpose=purpose,
        requested_by=asked.requested_by,
        note=asked.note,
        batch=batch.identity.key,
        now=batch.now,
        version=__version__,
    )
    return iceberg.written(
        "written",
        QUARANTINE_ACTION.name,
        iceberg.append_once(rows.coalesce(1), QUARANTINE_ACTION, batch.identity),
    )
