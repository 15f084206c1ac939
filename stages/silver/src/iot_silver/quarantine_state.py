"""What stands in quarantine: records, what was done to them since, and which of them are open. Pure."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from iot_common.contracts.silver_quarantine_action import (
    CLOSING,
    DISCARDED,
    FAILED_AGAIN,
    QUARANTINE_ACTION,
    REPLAYED,
)

FAILS = "fails"
"""Outcome of a record that would be refused again."""

DEFECTS = ("TRUNCATED", "UNDECODABLE", "OVERSIZE")
"""Bronze's words for a line that did not arrive whole; silver's only reason for such a row names it as found."""


def discarded_rows(actions: DataFrame) -> DataFrame:
    """`row_id` of discarded records, unique."""
    return actions.where(F.col("action") == DISCARDED).select("row_id").distinct()


def open_records(quarantined: DataFrame, actions: DataFrame) -> DataFrame:
    """Records without a closing action, as in `silver.quarantine`; reasons are those of the last time they failed.

    Args:
        quarantined: `silver.quarantine`.
        actions: `silver.quarantine_action`.
    """
    newest = Window.partitionBy("row_id").orderBy(F.desc("action_time"), F.desc("batch"))
    failed = (
        actions.where(F.col("action") == FAILED_AGAIN)
        .withColumn("recency", F.row_number().over(newest))
        .where("recency = 1")
        .select("row_id", F.struct("reason_code", "reasons", "contract_version").alias("again"))
    )
    closed = actions.where(F.col("action").isin(*CLOSING)).select("row_id")
    names = ("reason_code", "reasons", "contract_version")
    last = {
        name: F.when(F.col("again").isNull(), F.col(name)).otherwise(F.col(f"again.{name}")) for name in names
    }
    return (
        quarantined.join(closed, on="row_id", how="left_anti")
        .join(failed, on="row_id", how="left")
        .withColumns(last)
        .drop("again")
    )


def as_raw_rows(quarantined: DataFrame) -> DataFrame:
    """Quarantined records as the bronze rows they came from; the defect is read from the reason."""
    only = F.element_at("reasons", 1)
    is_defect = (F.size("reasons") == 1) & (only["path"] == "") & only["found"].isin(*DEFECTS)
    return quarantined.select(
        "row_id",
        "source_object",
        "source_line",
        "ingest_time",
        "block_sequence",
        "payload",
        "payload_pointer",
        F.when(is_defect, only["found"]).alias("defect"),
    )


def closing_actions(resolved: DataFrame, still_open: DataFrame) -> DataFrame:
    """One `replayed` action for each open record that is now resolved: kept, a duplicate, or superseded."""
    open_keys = still_open.select("row_id", F.col("idempotency_key").alias("quarantined_key"))
    return resolved.join(open_keys, on="row_id", how="inner").select(
        "row_id",
        F.col("quarantined_key").alias("idempotency_key"),
        F.lit(REPLAYED).alias("action"),
        "outcome",
        "contract_version",
    )


def failed_actions(refused: DataFrame, still_open: DataFrame) -> DataFrame:
    """One `failed_again` action for each open record that is refused for other reasons, or by another contract.

    Args:
        refused: Classified records that are refused, with `reason_code`.
        still_open: As `open_records` gives it.
    """
    known = still_open.select(
        "row_id",
        F.col("idempotency_key").alias("quarantined_key"),
        F.col("reasons").alias("known_reasons"),
        F.col("contract_version").alias("known_version"),
    )
    as_known = F.col("violations").eqNullSafe(F.col("known_reasons")) & F.col("contract_version").eqNullSafe(
        F.col("known_version")
    )
    return (
        refused.join(known, on="row_id", how="inner")
        .where(~as_known)
        .select(
            "row_id",
            F.col("quarantined_key").alias("idempotency_key"),
            F.lit(FAILED_AGAIN).alias("action"),
            "reason_code",
            F.col("violations").alias("reasons"),
            "contract_version",
        )
    )


def discarding_actions(chosen: DataFrame) -> DataFrame:
    """One `discarded` action for each of these open records."""
    return chosen.select("row_id", "idempotency_key", F.lit(DISCARDED).alias("action"))


def outcomes(resolved: DataFrame, refused: DataFrame) -> DataFrame:
    """What processing again makes of each record: `outcome`, and of those that fail the deciding reason as `now_*`."""
    reason = deciding_reason("reason_code", "violations")
    fails = refused.select(
        "row_id",
        "contract_version",
        F.lit(FAILS).alias("outcome"),
        F.col("reason_code").alias("now_code"),
        shown_path(reason["path"]).alias("now_path"),
        reason["expected"].alias("expected"),
        reason["found"].alias("found"),
    )
    passes = resolved.select("row_id", "contract_version", "outcome")
    return passes.unionByName(fails, allowMissingColumns=True)


def planned_groups(chosen: DataFrame, outcomes: DataFrame) -> DataFrame:
    """Records grouped by what they were and what they would be: the columns of `replay.PlannedGroup`."""
    kinds = (
        "outcome",
        "was_code",
        "was_path",
        "schema_version",
        "contract_version",
        "now_code",
        "now_path",
        "expected",
    )
    was = chosen.select(
        "row_id",
        "device_id",
        "schema_version",
        F.col("reason_code").alias("was_code"),
        shown_path(deciding_reason("reason_code", "reasons")["path"]).alias("was_path"),
        (F.col("payload").isNull() & F.col("payload_pointer").isNotNull()).alias("is_oversize"),
    )
    return (
        was.join(outcomes, on="row_id", how="inner")
        .groupBy(*kinds)
        .agg(
            F.min("found").alias("found"),
            F.count("*").alias("rows"),
            F.countDistinct("device_id").alias("devices"),
            F.count_if("is_oversize").alias("oversize_rows"),
        )
        .orderBy(F.desc("rows"), *kinds)
    )


def deciding_reason(code: str, reasons: str) -> Column:
    """The reason that put a record into quarantine: the first one with its code."""
    return F.element_at(F.filter(reasons, lambda reason: reason["code"] == F.col(code)), 1)


def shown_path(path: Column) -> Column:
    """A path as people write it: `$` for the record itself."""
    return F.when(path == "", "$").otherwise(path)


def action_rows(
    actions: DataFrame,
    *,
    purpose: str,
    requested_by: str | None,
    note: str | None,
    batch: str,
    now: datetime,
    version: str,
) -> DataFrame:
    """Rows of `silver.quarantine_action`; columns that the actions lack are null."""
    same = {
        "purpose": F.lit(purpose),
        "requested_by": F.lit(requested_by),
        "note": F.lit(note),
        "batch": F.lit(batch),
        "action_time": F.lit(now),
        "processor_version": F.lit(version),
    }
    filled = {
        c.name: F.lit(None).cast(c.type) for c in QUARANTINE_ACTION.columns if c.name not in actions.columns
    }
    return actions.withColumns(filled | same).select(*QUARANTINE_ACTION.column_names)
