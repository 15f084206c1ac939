"""Evolution of `silver.reading`: evidence for undeclared paths, and columns for those that have enough of it.

The evidence of a batch counts from the next batch on: the columns of a batch follow from the tables as they were before
it, so a repeated batch writes the same. The columns are added first, in a commit of their own that changes no row: a
crash after it leaves a column that is null everywhere, and the repeated batch finds it there.

`silver.evolving_path` holds the evidence as mergeable counts and sketches, one small row per path: reading all of
`silver.schema_observation` instead would cost more with every batch. A batch without undeclared values reads and
writes none of it but the few rows with enough evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from iot_common.batch import BatchIdentity
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.engine.evolved_column import column_doc, path_of_doc
from iot_common.engine.registry import ContractRegistry
from iot_common.io import iceberg, notices
from iot_common.io.stream import StageContext
from iot_common.notices import COLUMN_BUDGET, Notice
from iot_silver import tables
from iot_silver.evolving import (
    EVIDENCE_DDL,
    Candidate,
    ColumnPlan,
    PathEvidence,
    evidence_rows,
    plan_columns,
)
from iot_silver.policy import Evolution, packaged_policy
from iot_silver.settings import SilverSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PATHS_PER_BATCH = 2_000
"""Most paths of one batch that count as evidence, those of most devices first: a record may invent any number."""

EVIDENCE_VIEW = "evolving_path_batch"


def evolved_columns(spark: SparkSession) -> dict[str, str]:
    """Name -> path of the columns that evolution has added to `silver.reading`, in the order of the table."""
    docs = iceberg.further_columns(spark, READING)
    paths = {name: path_of_doc(doc) for name, doc in docs.items()}
    return {name: path for name, path in paths.items() if path is not None}


def evolve(
    context: StageContext[SilverSettings], spark: SparkSession, identity: BatchIdentity
) -> dict[str, str]:
    """Add the columns that the batches before this one give reason for.

    Returns:
        All evolved columns of the table, name -> path: the batch fills them.
    """
    present = evolved_columns(spark)
    evolution = packaged_policy().evolution
    plan = plan_columns(_candidates(spark, identity, evolution), present, evolution)
    if plan.added:
        added = iceberg.add_text_columns(
            spark, READING, {name: column_doc(path) for name, path in plan.added.items()}
        )
        listed = ", ".join(f"{name} ({plan.added[name]})" for name in added)
        context.on_step(f"batch {identity.batch_id}: new columns in {READING.name}: {listed}")
    if plan.deferred:
        _tell_budget(context, identity, plan, evolution)
    return evolved_columns(spark) if plan.added else present


def _candidates(spark: SparkSession, identity: BatchIdentity, evolution: Evolution) -> list[Candidate]:
    if not evolution.column_budget or iceberg.current_commit(spark, EVOLVING_PATH.name) is None:
        return []
    enough = f"device_count >= {evolution.devices} AND batch_count >= {evolution.batches}"
    rows = iceberg.table_before(spark, EVOLVING_PATH.name, identity).where(enough)
    return [Candidate(*row) for row in rows.select(*Candidate._fields).collect()]


def _tell_budget(
    context: StageContext[SilverSettings], identity: BatchIdentity, plan: ColumnPlan, evolution: Evolution
) -> None:
    count, budget = len(plan.deferred), evolution.column_budget
    context.on_step(f"batch {identity.batch_id}: {count} paths stay rescued: all {budget} columns are taken")
    text = (
        f"{READING.name} has its {budget} evolved columns; {count} further undeclared paths stay in _rescued. "
        "Declare fields in the contract, or raise column_budget in silver's policy."
    )
    facts = {"column_budget": budget, "paths": list(plan.deferred[:20]), "path_count": count}
    notice = Notice(COLUMN_BUDGET, f"{READING.name} {budget}", "silver", text, context.clock(), facts)
    notices.emit_once(context.settings.notices, notice)


def gather_evidence(
    spark: SparkSession,
    identity: BatchIdentity,
    observations: iceberg.Commit,
    registry: ContractRegistry,
    evolved: Mapping[str, str],
    *,
    now: datetime,
) -> iceberg.Commit | None:
    """Add what a batch observed of undeclared paths to `silver.evolving_path`.

    Args:
        spark: The batch's session.
        identity: The batch.
        observations: Its commit to `silver.schema_observation`.
        registry: The contract versions, which tell what is declared.
        evolved: Name -> path of the columns there are: their paths need no more evidence.
        now: Time of the batch.

    Returns:
        The commit; None if no path was without a column.
    """
    done = iceberg.commit_of(spark, EVOLVING_PATH.name, identity)
    if done is not None:
        return done
    declared = sorted({path for contract in registry.contracts for path in contract.nodes} | {"$"})
    observed = _observed(spark, identity, observations, declared)
    rows = evidence_rows(observed, registry, evolved.values())
    if not rows:
        return None
    _per_path(spark.createDataFrame(rows, EVIDENCE_DDL), now).createOrReplaceTempView(EVIDENCE_VIEW)
    return iceberg.merge_once(spark, tables.merge_evidence_statement(EVIDENCE_VIEW), EVOLVING_PATH, identity)


def _observed(
    spark: SparkSession, identity: BatchIdentity, observations: iceberg.Commit, declared: list[str]
) -> list[PathEvidence]:
    from pyspark.sql import functions as F

    sketch = F.hll_union_agg("device_sketch")
    rows = (
        iceberg.read_table(spark, SCHEMA_OBSERVATION.name, observations.snapshot_id)
        .where((F.col("batch") == identity.key) & (F.col("observation") == "path"))
        .where(F.col("contract_version").isNotNull() & ~F.col("path").isin(declared))
        .groupBy("contract_version", "path")
        .agg(
            F.sum("record_count").alias("record_count"),
            sketch.alias("device_sketch"),
            F.min("first_event_time").alias("first_event_time"),
            F.max("last_event_time").alias("last_event_time"),
        )
        .orderBy(F.hll_sketch_estimate("device_sketch").desc(), "path", "contract_version")
        .limit(PATHS_PER_BATCH)
    )
    return [PathEvidence(**row.asDict()) for row in rows.collect()]


def _per_path(evidence: DataFrame, now: datetime) -> DataFrame:
    """One row per folded path: spellings and contract versions together."""
    from pyspark.sql import functions as F

    most = F.struct("record_count", "path")
    return (
        evidence.groupBy("folded_path", "column_name")
        .agg(
            F.max_by("path", most).alias("path"),
            F.sum("record_count").alias("record_count"),
            F.hll_union_agg("device_sketch").alias("device_sketch"),
            F.min("first_event_time").alias("first_event_time"),
            F.max("last_event_time").alias("last_event_time"),
        )
        .withColumn("device_count", F.hll_sketch_estimate("device_sketch"))
        .withColumn("batch_count", F.lit(1).cast("bigint"))
        .withColumn("processing_time", F.lit(now))
        .select(*EVOLVING_PATH.column_names)
        .coalesce(1)
    )
