"""One batch of the statistical query: reads readings, writes `drift.window_score` and `drift.event`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.collected import row_in_utc
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.io.iceberg import append_once, commit_of, merge_once, read_table, table_before
from iot_common.metrics import Gate
from iot_drift import events, fleet_facts, model_life, model_store, transform
from iot_drift.assessment import KEY, STORED, Assessment, Memory, ReferencePeriod, assess, needs_reference
from iot_drift.detector import Rules
from iot_drift.deviations import deviations
from iot_drift.features import HISTORY_HOURS
from iot_drift.silences import DevicePresence, silent_devices
from iot_drift.tables import SCORE_VIEW, merge_scores

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from iot_common.io.stream import BatchWork, StageContext
    from iot_drift.settings import DriftSettings


def work(context: StageContext[DriftSettings]) -> BatchWork:
    """The batch function: score the touched windows, then findings about their devices from all stored scores."""
    settings = context.settings
    rules = Rules(
        settings.window_minutes,
        settings.persistence_windows,
        settings.false_alarms_per_1000_device_days,
        settings.seed,
    )
    period = ReferencePeriod(settings.reference_hours, settings.reference_min_windows)

    def statistical(frame: DataFrame, batch: BatchIdentity) -> Sequence[Gate]:
        spark = frame.sparkSession
        windows = transform.distinct_windows(frame, rules.window_minutes).persist()
        touched = _recomputed(spark, windows, rules.window_minutes)
        context.on_step(f"{len(touched)} windows of {touched['device_id'].nunique()} devices to score")
        if touched.empty:
            return _gates(0, 0, spark, batch)
        if commit_of(spark, WINDOW_SCORE.name, batch) is None:
            memory, champion = model_store.recall(context, spark, batch, rules)
            known = _known(spark, batch, touched, memory)
            assessment = _assessed(spark, batch, touched, known, memory, period, rules)
            model_life.settle(context, spark, batch, champion, memory, assessment, touched)
            _write_scores(context, spark, batch, assessment, known)
        devices = windows.select("device_id").distinct()
        scores = read_table(spark, WINDOW_SCORE.name)
        rows: pd.DataFrame = transform.deviating_windows(scores, devices).toPandas()
        presences = _presences(scores)
        usual = fleet_facts.usual_of(scores, sorted(rows["device_id"].unique()))
        findings = deviations(rows, len(presences), usual)
        findings += silent_devices(presences, settings.silence, timedelta(minutes=rules.window_minutes))
        first_seen = {each.device_id: each.first_window for each in presences}
        findings = fleet_facts.with_who(spark, findings, _within(touched, rules.window_minutes), first_seen)
        written = events.write(spark, findings, batch, now=context.clock(), version=context.run.stage_version)
        windows.unpersist()
        used = Gate("ingress", "read", READING.name, rows=int(touched["reading_count"].sum()))
        return [*_gates(len(touched), len(touched), spark, batch), used, written]

    return statistical


def _within(touched: pd.DataFrame, window_minutes: int) -> Column:
    """Readings between the first and the last touched window."""
    first, last = touched["window_start"].min(), touched["window_start"].max()
    end = last + pd.Timedelta(minutes=window_minutes)
    return (F.col("event_time") >= F.lit(first.to_pydatetime())) & (
        F.col("event_time") < F.lit(end.to_pydatetime())
    )


def _presences(scores: DataFrame) -> list[DevicePresence]:
    rows = transform.device_presences(scores).collect()
    return [DevicePresence(**row_in_utc(row.asDict())) for row in rows]


def _recomputed(spark: SparkSession, windows: DataFrame, window_minutes: int) -> pd.DataFrame:
    """Statistics of every touched window; one without usable readings is there with a count of 0."""
    asked: pd.DataFrame = windows.select(*KEY, "window_end").toPandas()
    if asked.empty:
        return asked
    first, last = asked["window_start"].min(), asked["window_end"].max()
    readings = read_table(spark, READING.name).where(
        (F.col("event_time") >= F.lit(first.to_pydatetime()))
        & (F.col("event_time") < F.lit(last.to_pydatetime()))
    )
    chosen = transform.readings_of(readings, windows, window_minutes)
    found = transform.window_statistics(chosen, window_minutes).toPandas()
    merged = asked[KEY].merge(found, on=KEY, how="left")
    return (
        merged.astype({"reading_count": "float64"})
        .fillna({"reading_count": 0})
        .astype({"reading_count": "int64"})
    )


def _assessed(
    spark: SparkSession,
    batch: BatchIdentity,
    touched: pd.DataFrame,
    known: pd.DataFrame,
    memory: Memory,
    period: ReferencePeriod,
    rules: Rules,
) -> Assessment:
    if not needs_reference(touched, memory, period):
        return assess(touched, known, None, period, rules, memory)
    reference = model_store.reference_windows(spark, batch)
    later = model_store.windows_since(spark, batch, memory.normals, period, rules.window_minutes)
    return assess(touched, known, reference, period, rules, memory, later)


def _known(spark: SparkSession, batch: BatchIdentity, touched: pd.DataFrame, memory: Memory) -> pd.DataFrame:
    """What the table said before this batch of windows around the touched ones, and since a pending change."""
    before = table_before(spark, WINDOW_SCORE.name, batch)
    times = [*touched["window_start"], *memory.pending.values()]
    reach = timedelta(hours=HISTORY_HOURS)
    first, last = min(times).to_pydatetime() - reach, touched["window_start"].max().to_pydatetime() + reach
    upper = F.col("window_start") <= F.lit(last)
    if memory.pending:  # all since then is judged anew, also what this batch does not touch
        upper = F.lit(True)
    around = before.where((F.col("window_start") >= F.lit(first)) & upper)
    return transform.with_features(around, STORED).toPandas()


def _write_scores(
    context: StageContext[DriftSettings],
    spark: SparkSession,
    batch: BatchIdentity,
    assessment: Assessment,
    known: pd.DataFrame,
) -> None:
    minutes = context.settings.window_minutes
    judge = assessment.detector.judge if assessment.detector else None
    ready = _as_frame(spark, assessment.windows)
    rows = transform.judged_windows(ready, judge, minutes, batch=batch.key, now=context.clock())
    written = assessment.windows.loc[assessment.windows["is_written"], KEY]
    if written.merge(known[KEY], on=KEY).empty:  # nothing is replaced: an append reads no file of the table
        append_once(rows, WINDOW_SCORE, batch)
        return
    rows.createOrReplaceTempView(SCORE_VIEW)
    merge_once(spark, merge_scores(), WINDOW_SCORE, batch)


def _as_frame(spark: SparkSession, windows: pd.DataFrame) -> DataFrame:
    """Windows as a Spark frame; flags as booleans, so that every batch has the same types."""
    # As a local relation, Spark's optimiser would interpret any projection over it row by row, on the driver.
    spark.conf.set("spark.sql.execution.arrow.localRelationThreshold", "0")
    flags = dict.fromkeys(("is_reference", "is_touched", "is_written"), "bool")
    return spark.createDataFrame(windows.astype(flags | {"reading_count": "int64"}))


def _gates(touched: int, recomputed: int, spark: SparkSession, batch: BatchIdentity) -> list[Gate]:
    made = commit_of(spark, WINDOW_SCORE.name, batch)
    return [
        Gate("ingress", "in", TOUCHED_WINDOW.name, rows=touched),
        Gate(
            "egress",
            "kept",
            WINDOW_SCORE.name,
            rows=recomputed,
            files=made.added_files if made else None,
            bytes=made.added_bytes if made else None,
        ),
    ]
