"""Metric rows from inbox lines, and the balance of each batch from metric rows. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.metrics import CONSERVED
from iot_metrics.tables import BATCH_KEY, UNREADABLE

UNITS = {
    ("gold", "windows"): "windows",
    ("drift", "statistical"): "windows",
    ("drift", "structural"): "observations",
}
"""What a query counts; all others count rows."""

MAX_SHOWN_CHARACTERS = 500
"""How much of an unreadable line its error text shows; the inbox object keeps all of it."""


def metric_rows(
    lines: DataFrame, *, run_id: str, version: str, query_id: str, batch_id: int, now: Column
) -> DataFrame:
    """Rows of `ops.stage_metric`, one per line.

    A line that is no metric row (no JSON, a value of another type, a required column missing) becomes a failure row
    of this stage with the line in its error: it stops nothing, and shows.

    Args:
        lines: Columns of `INBOX_DDL` and `source_object`, the path of the line's object.
        run_id: This run, for failure rows; so are `version`, `query_id` and `batch_id`.
        version: Version of this stage.
        query_id: Query id of this stage's checkpoint.
        batch_id: Number of this batch.
        now: Time of this batch.
    """
    judged = lines.withColumn("is_row", is_metric_row())
    shown = F.substring(
        F.coalesce(UNREADABLE, F.to_json(F.struct(*STAGE_METRIC.column_names))), 1, MAX_SHOWN_CHARACTERS
    )
    failure = {
        "run_id": F.lit(run_id),
        "stage": F.lit("metrics"),
        "stage_version": F.lit(version),
        "query": F.lit("inbox"),
        "query_id": F.lit(query_id),
        "batch_id": F.lit(batch_id),
        "side": F.lit("ingress"),
        "target": F.col("source_object"),
        "outcome": F.lit("failure"),
        "error": F.concat(F.lit("unreadable metric line: "), shown),
        "recorded_time": now,
    }
    readable = {name: F.col(name) for name in STAGE_METRIC.column_names} | {"recorded_time": _recorded_time()}
    return judged.select(
        *[
            F.when(F.col("is_row"), readable[column.name])
            .otherwise(failure.get(column.name, F.lit(None)).cast(column.type))
            .alias(column.name)
            for column in STAGE_METRIC.columns
        ]
    )


def is_metric_row() -> Column:
    """True for an inbox line that is a metric row: it parses, and no required column is missing."""
    readable = F.col(UNREADABLE).isNull() & _recorded_time().isNotNull()
    for column in STAGE_METRIC.columns:
        readable = readable & F.col(column.name).isNotNull() if column.required else readable
    return readable


def _recorded_time() -> Column:
    return F.expr("try_to_timestamp(recorded_time)")


def keep_last_attempt(metrics: DataFrame) -> DataFrame:
    """Gates of the last successful attempt of each batch.

    The rows of one attempt share their recorded_time. A batch that was repeated after a crash reported twice; the last
    report is what the tables hold. Failures, and gates without a batch, are dropped.
    """
    succeeded = metrics.where((F.col("outcome") == "success") & F.col("query_id").isNotNull())
    last = F.max("recorded_time").over(Window.partitionBy(*BATCH_KEY))
    return (
        succeeded.withColumn("last_time", last)
        .where(F.col("recorded_time") == F.col("last_time"))
        .drop("last_time")
    )


def conservation(metrics: DataFrame, now: Column) -> DataFrame:
    """The balance of each batch: one row per (stage, query, query_id, batch_id) that has an `in` gate.

    Args:
        metrics: All rows of `ops.stage_metric` of these batches.
        now: When it is checked.
    """
    totals = (
        keep_last_attempt(metrics)
        .groupBy(*BATCH_KEY)
        .agg(
            F.count_if(F.col("disposition") == "in").alias("in_gates"),
            _rows_of("in"),
            *[_rows_of(disposition) for disposition in CONSERVED],
        )
    )
    left = sum((F.col(f"rows_{disposition}") for disposition in CONSERVED), start=F.lit(0))
    checked = totals.where(F.col("in_gates") > 0).withColumn("difference", F.col("rows_in") - left)
    return checked.withColumns(
        {"unit": _unit(), "balanced": F.col("difference") == 0, "checked_time": now}
    ).select(*CONSERVATION.column_names)


def _rows_of(disposition: str) -> Column:
    rows = F.when(F.col("disposition") == disposition, F.col("rows"))
    return F.coalesce(F.sum(rows), F.lit(0)).alias(f"rows_{disposition}")


def _unit() -> Column:
    unit = F.lit("rows")
    for (stage, query), counted in UNITS.items():
        unit = F.when((F.col("stage") == stage) & (F.col("query") == query), F.lit(counted)).otherwise(unit)
    return unit
