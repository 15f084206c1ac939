"""One batch of metrics: inbox lines into `ops.stage_metric`, then the balance of the batches they speak of."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.io.iceberg import Commit, append_once, merge_once, read_table, written
from iot_common.io.stream import BatchWork, StageContext
from iot_common.metrics import Gate
from iot_metrics import tables, transform
from iot_metrics.settings import MetricsSettings

CHECKS_VIEW = "conservation_checks"


def gather(context: StageContext[MetricsSettings]) -> BatchWork:
    """The work of one batch: two commits, each tagged with the batch and not made again if it is there.

    A batch that holds nothing but what this stage said of its own earlier batches reports no gates: else each report
    would be the next batch's only line, for ever.
    """

    def work(frame: DataFrame, batch: BatchIdentity) -> Sequence[Gate]:
        lines = frame.persist()
        try:
            rows = _metric_rows(context, lines, batch)
            appended = append_once(rows, STAGE_METRIC, batch)
            checked = _check(context, rows, appended, batch)
            return [] if _only_own(rows, context) else _gates(context, lines, appended, checked)
        finally:
            lines.unpersist()

    return work


def _metric_rows(context: StageContext[MetricsSettings], lines: DataFrame, batch: BatchIdentity) -> DataFrame:
    return transform.metric_rows(
        lines,
        run_id=context.run.run_id,
        version=context.run.stage_version,
        query_id=batch.query_id,
        batch_id=batch.batch_id,
        now=F.lit(context.clock()),
    )


def _check(
    context: StageContext[MetricsSettings], rows: DataFrame, appended: Commit, batch: BatchIdentity
) -> Commit | None:
    """Check the batches these rows speak of, over all that was ever reported of them."""
    spoken_of = rows.where(F.col("query_id").isNotNull()).select(*tables.BATCH_KEY).distinct()
    reported = read_table(rows.sparkSession, STAGE_METRIC.name, appended.snapshot_id)
    reports = reported.join(spoken_of, on=list(tables.BATCH_KEY), how="left_semi")
    checks = transform.conservation(reports, F.lit(context.clock())).persist()
    try:
        if checks.isEmpty():
            return None
        checks.createOrReplaceTempView(CHECKS_VIEW)
        return merge_once(rows.sparkSession, tables.merge_statement(CHECKS_VIEW), CONSERVATION, batch)
    finally:
        checks.unpersist()


def _only_own(rows: DataFrame, context: StageContext[MetricsSettings]) -> bool:
    said_by_another = (F.col("stage") != context.run.stage) | (F.col("outcome") == "failure")
    return rows.where(said_by_another).isEmpty()


def _gates(
    context: StageContext[MetricsSettings], lines: DataFrame, appended: Commit, checked: Commit | None
) -> list[Gate]:
    objects = lines.groupBy("source_object", "source_object_bytes").agg(
        F.count("*").alias("lines"), F.count_if(~transform.is_metric_row()).alias("unreadable")
    )
    sums = [F.coalesce(F.sum(name), F.lit(0)) for name in ("lines", "unreadable", "source_object_bytes")]
    line_count, unreadable, object_bytes, object_count = objects.agg(*sums, F.count("*")).first() or (
        0,
        0,
        0,
        0,
    )
    gates = [
        Gate("ingress", "in", context.settings.metric_inbox, line_count, object_count, object_bytes),
        Gate("egress", "kept", STAGE_METRIC.name, appended.added_rows - unreadable),
        Gate("egress", "quarantined", STAGE_METRIC.name, unreadable),
    ]
    made = [(STAGE_METRIC, appended)] + ([(CONSERVATION, checked)] if checked else [])
    return gates + [written("written", contract.name, commit) for contract, commit in made]
