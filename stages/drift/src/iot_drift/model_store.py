"""Reads and writes `drift.model` and `drift.baseline`, each once per batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.collected import in_utc, row_in_utc
from iot_common.contracts.drift_baseline import BASELINE
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import ACCEPTED, EVENT_ACTION
from iot_common.contracts.drift_model import MODEL
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.silver_reading import READING
from iot_common.io.iceberg import (
    commit_of,
    current_commit,
    merge_once,
    overwrite_once,
    read_table,
    table_before,
)
from iot_drift import transform
from iot_drift.assessment import KEY, Memory
from iot_drift.baseline import Z_NAMES
from iot_drift.baseline_rows import Usual, baseline_rows, naive, usual_from
from iot_drift.detector import RATES, Rules
from iot_drift.model_rows import CHAMPION, judge_from, refusal
from iot_drift.new_normal import VALUES, NewNormals, ReferencePeriod, new_normals, renewed_reference
from iot_drift.tables import MODEL_VIEW, merge_models

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from iot_common.io.stream import StageContext
    from iot_drift.settings import DriftSettings

Row = Mapping[str, Any]
Finding = tuple[str, pd.Timestamp, pd.Timestamp]
"""Device, onset, last seen."""

ACTIONS_READ = "driftlake.event-actions-read"
"""Summary key: the snapshot of `drift.event_action` that a baseline follows. A batch repeated after a crash reads the
same, whatever people have decided meanwhile."""


def recall(
    context: StageContext[DriftSettings], spark: SparkSession, batch: BatchIdentity, rules: Rules
) -> tuple[Memory, dict[str, Any] | None]:
    """What was known before the batch, and the champion's row: one that does not fit is told, and not used."""
    rows = table_before(spark, MODEL.name, batch).where(F.col("role") == CHAMPION).collect()
    champion = row_in_utc(rows[0].asDict()) if rows else None
    why = refusal(champion, rules) if champion else None
    if champion and why:
        context.on_step(f"model {champion['model_id']} is refused: {why}; a new one is trained")
    stored = [row_in_utc(row.asDict()) for row in table_before(spark, BASELINE.name, batch).collect()]
    usual = usual_from(stored, rules.window_minutes)
    if stored and usual is None:
        context.on_step("the stored baselines are of another version or window length: they are learned anew")
    judge = judge_from(champion) if champion and not why else None
    return Memory(judge, usual, _accepted(spark, batch)), champion


def _accepted(spark: SparkSession, batch: BatchIdentity) -> NewNormals:
    snapshot = _actions_snapshot(spark, batch)
    if snapshot is None:
        return {}
    rows = (
        read_table(spark, EVENT_ACTION.name, snapshot)
        .where((F.col("action") == ACCEPTED) & (F.col("channel") == "statistical"))
        .select(F.explode("devices").alias("device_id"), "field", "onset")
        .collect()
    )
    return new_normals(
        (row.device_id, row.field, naive(in_utc(row.onset))) for row in rows if row.onset is not None
    )


def _actions_snapshot(spark: SparkSession, batch: BatchIdentity) -> int | None:
    made = commit_of(spark, BASELINE.name, batch)
    if made is not None:
        return int(made.summary.get(ACTIONS_READ, "0")) or None
    newest = current_commit(spark, EVENT_ACTION.name)
    return newest.snapshot_id if newest else None


def reference_windows(spark: SparkSession, batch: BatchIdentity) -> pd.DataFrame:
    """All reference windows before the batch: a bounded number per device."""
    before = table_before(spark, WINDOW_SCORE.name, batch).where("is_reference")
    return transform.with_features(before, VALUES[1:]).toPandas()


def training_windows(
    spark: SparkSession, batch: BatchIdentity, memory: Memory, settings: DriftSettings
) -> pd.DataFrame:
    """Reference windows of the devices that have a baseline, under the accepted changes; all before the batch."""
    assert memory.usual is not None
    period = ReferencePeriod(settings.reference_hours, settings.reference_min_windows)
    reference = reference_windows(spark, batch)
    mine = reference[reference["device_id"].isin(memory.usual.baseline.devices)]
    later = windows_since(spark, batch, memory.usual.normals, period, settings.window_minutes)
    if later is None:
        return mine
    return renewed_reference(mine, later, memory.usual.normals, period).reference


def windows_since(
    spark: SparkSession,
    batch: BatchIdentity,
    normals: NewNormals,
    period: ReferencePeriod,
    window_minutes: int,
) -> pd.DataFrame | None:
    """Windows of accepted changes, from the onset to beyond the end of the new reference; None without any."""
    if not normals:
        return None
    hours = max(period.hours + 24.0, 4.0 * period.min_windows * window_minutes / 60.0)
    rows = [(device, since.to_pydatetime()) for (device, _), since in sorted(normals.items())]
    wanted = spark.createDataFrame(rows, "wanted string, since timestamp_ntz").withColumn(
        "since", F.col("since").cast("timestamp")
    )
    before = table_before(spark, WINDOW_SCORE.name, batch)
    near = (
        (F.col("device_id") == F.col("wanted"))
        & (F.col("window_start") >= F.col("since"))
        & (F.col("window_start") < F.col("since") + F.expr(f"INTERVAL {int(hours)} HOURS"))
    )
    chosen = before.join(F.broadcast(wanted), on=near, how="left_semi").where("reading_count > 0")
    return transform.with_features(chosen, VALUES[1:]).toPandas()


def scored_windows(
    spark: SparkSession, batch: BatchIdentity, since: pd.Timestamp, until: pd.Timestamp
) -> pd.DataFrame:
    """SIZES and is_anomalous of the scored windows of a time, before the batch."""
    before = table_before(spark, WINDOW_SCORE.name, batch).where(
        F.col("score").isNotNull()
        & (F.col("window_start") >= F.lit(since.tz_localize("UTC").to_pydatetime()))
        & (F.col("window_start") < F.lit(until.tz_localize("UTC").to_pydatetime()))
    )
    features = (F.col("features")[name].alias(name) for name in (*Z_NAMES, *RATES))
    return before.select(*KEY, *features, "is_anomalous").toPandas()


def findings_about(spark: SparkSession, batch: BatchIdentity) -> list[Finding]:
    """Statistical findings that nobody accepted as the new normal."""
    before = table_before(spark, DRIFT_EVENT.name, batch).where(
        (F.col("channel") == "statistical") & (F.coalesce(F.col("status"), F.lit("open")) != ACCEPTED)
    )
    rows = before.select(F.explode("devices").alias("device_id"), "onset", "last_seen").collect()
    return [
        (row.device_id, naive(in_utc(row.onset)), naive(in_utc(row.last_seen)))
        for row in rows
        if row.onset and row.last_seen
    ]


def snapshots_read(spark: SparkSession, batch: BatchIdentity) -> dict[str, int]:
    """Snapshots that a training of this batch reads."""
    made = commit_of(spark, WINDOW_SCORE.name, batch)
    newest = current_commit(spark, WINDOW_SCORE.name)
    scores = made.parent_id if made else newest and newest.snapshot_id
    readings = current_commit(spark, READING.name)
    found = {WINDOW_SCORE.name: scores, READING.name: readings and readings.snapshot_id}
    return {name: snapshot for name, snapshot in found.items() if snapshot}


def write_usual(
    context: StageContext[DriftSettings], spark: SparkSession, usual: Usual, batch: BatchIdentity
) -> None:
    """Put what is usual now in the place of what was."""
    snapshot = _actions_snapshot(spark, batch)
    stamp = {
        "batch": batch.key,
        "processing_time": context.clock(),
        "pipeline_version": context.run.stage_version,
    }
    rows = [row | stamp for row in baseline_rows(usual, context.settings.window_minutes)]
    overwrite_once(_frame(spark, rows, BASELINE), BASELINE, batch, {ACTIONS_READ: str(snapshot or 0)})


def write_models(spark: SparkSession, rows: Iterable[Row], batch: BatchIdentity) -> None:
    """Add models, and change what became of older ones."""
    _frame(spark, list(rows), MODEL).createOrReplaceTempView(MODEL_VIEW)
    merge_once(spark, merge_models(), MODEL, batch)


def _frame(spark: SparkSession, rows: Sequence[Row], table: Any) -> DataFrame:
    filled = [tuple(row[name] for name in table.column_names) for row in rows]
    return spark.createDataFrame(filled, table.ddl).coalesce(1)
