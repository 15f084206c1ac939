"""What becomes of models in a batch: the first one, a challenger, a promotion; writes what the batch learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from iot_common.batch import BatchIdentity
from iot_drift import model_store
from iot_drift.assessment import Assessment, Memory
from iot_drift.baseline_rows import naive
from iot_drift.challenge import Challenge, challenge
from iot_drift.model_rows import CHAMPION, REFUSED, REJECTED, RETIRED, Provenance, model_row
from iot_drift.training import facts_of, learn_baseline

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from iot_common.io.stream import StageContext
    from iot_drift.settings import DriftSettings

Row = dict[str, Any]


def settle(
    context: StageContext[DriftSettings],
    spark: SparkSession,
    batch: BatchIdentity,
    champion: Row | None,
    memory: Memory,
    assessment: Assessment,
    touched: pd.DataFrame,
) -> None:
    """Store what the batch learned, before the scores that rest on it; a repeated batch changes nothing."""
    if assessment.usual is not None:
        model_store.write_usual(context, spark, assessment.usual, batch)
    until = stream_time(touched, context.settings.window_minutes)
    if until is None:
        return
    if memory.champion is None:
        rows = _first(context, spark, batch, champion, assessment, until)
    elif champion is not None and is_due(champion, until, context.settings.retrain_hours):
        rows = _challenged(context, spark, batch, champion, memory, until)
    else:
        return
    if rows:
        model_store.write_models(spark, rows, batch)


def stream_time(touched: pd.DataFrame, window_minutes: int) -> pd.Timestamp | None:
    """Event time of a batch, as the middle device tells it: one clock years ahead moves nothing."""
    newest = touched[touched["reading_count"] > 0].groupby("device_id")["window_start"].max()
    if newest.empty:
        return None
    middle = newest.sort_values().iloc[(len(newest) - 1) // 2]
    return pd.Timestamp(middle) + pd.Timedelta(minutes=window_minutes)


def is_due(champion: Row, until: pd.Timestamp, retrain_hours: float) -> bool:
    """True if so much event time has passed since the last challenge; 0 hours: never."""
    since = naive(champion["challenged_until"])
    return retrain_hours > 0 and until - since >= pd.Timedelta(hours=retrain_hours)


def _first(
    context: StageContext[DriftSettings],
    spark: SparkSession,
    batch: BatchIdentity,
    refused: Row | None,
    assessment: Assessment,
    until: pd.Timestamp,
) -> list[Row]:
    """The model of a warehouse that had none, or none that fits."""
    if assessment.detector is None or assessment.learned is None:
        if refused:
            context.on_step("no reference windows to train from: statistical findings are held back")
        return []
    judge, learned = assessment.detector.judge, assessment.learned
    made = _provenance(context, spark, batch, until)
    reason = "the one before was refused" if refused else "the first"
    row = model_row(judge, facts_of(learned.sizes, learned.excluded), made, CHAMPION, reason)
    context.on_step(f"model {judge.model_id} trained on {row['reference_windows']} reference windows")
    if refused is None or refused["model_id"] == judge.model_id:
        return [row]
    return [row, _changed(refused, made, REFUSED, "does not fit this version or these settings")]


def _challenged(
    context: StageContext[DriftSettings],
    spark: SparkSession,
    batch: BatchIdentity,
    champion: Row,
    memory: Memory,
    until: pd.Timestamp,
) -> list[Row]:
    """The champion, and the challenger if it is another model."""
    assert memory.champion is not None
    since = until - pd.Timedelta(days=context.settings.training_days)
    learned = learn_baseline(
        model_store.training_windows(spark, batch, memory, context.settings), memory.champion.rules
    )
    recent = model_store.scored_windows(spark, batch, since, until)
    findings = model_store.findings_about(spark, batch)
    found = challenge(memory.champion, learned.sizes, recent, findings, until, learned.excluded)
    made = _provenance(context, spark, batch, until)
    rows = decided(champion, found, made)
    context.on_step(f"challenger {found.judge.model_id}: {rows[-1]['role']}, {rows[-1]['role_reason']}")
    return rows


def decided(champion: Row, found: Challenge, made: Provenance) -> list[Row]:
    """Rows of a challenge: who scores from the next batch on, and why."""
    asked = champion | {"challenged_until": made.trained_until.tz_localize("UTC").to_pydatetime()}
    if found.judge.model_id == champion["model_id"]:
        return [_changed(asked, made, CHAMPION, "the challenger was the same model")]
    if found.figures is None:
        role, reason, holdout = REJECTED, "no held-back windows to judge it by", None
    else:
        role = CHAMPION if found.figures.is_better else REJECTED
        reason, holdout = found.figures.as_text, found.figures.as_json
    challenger = model_row(found.judge, found.facts, made, role, reason, holdout)
    if role == REJECTED:
        return [_changed(asked, made, CHAMPION, champion["role_reason"]), challenger]
    return [_changed(asked, made, RETIRED, f"{found.judge.model_id} was better"), challenger]


def _changed(row: Row, made: Provenance, role: str, reason: str) -> Row:
    return row | {
        "role": role,
        "role_reason": reason,
        "batch": made.batch,
        "processing_time": made.now,
        "pipeline_version": made.pipeline_version,
    }


def _provenance(
    context: StageContext[DriftSettings], spark: SparkSession, batch: BatchIdentity, until: pd.Timestamp
) -> Provenance:
    return Provenance(
        context.clock(),
        until,
        model_store.snapshots_read(spark, batch),
        batch.key,
        context.run.stage_version,
    )
