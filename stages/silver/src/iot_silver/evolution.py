"""Evolution of `silver.reading`: evidence for undeclared paths, and columns for those that have enough of it.

The evidence of a batch counts from the next batch on: the columns of a batch follow from the tables as they were before
it, so a repeated batch writes the same. The columns are added first, in a commit of their own that changes no row: a
crash after it leaves a column that is null everywhere, and the repeated batch finds it there.

`silver.evolving_path` holds the evidence, one small row per path: reading all of `silver.schema_observation` instead
would cost more with every batch. It is read whole, changed here and written whole, which costs less than a MERGE, and
only when a batch adds what is asked for. A batch without rescued values reads it and does nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iot_common.batch import BatchIdentity
from iot_common.collected import row_in_utc
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.engine.evolved_column import column_doc, folded, path_of_doc
from iot_common.engine.registry import ContractRegistry
from iot_common.io import iceberg, notices
from iot_common.io.stream import StageContext
from iot_common.notices import COLUMN_BUDGET, Notice
from iot_silver.evolving import (
    ColumnPlan,
    Evidence,
    ObservedPath,
    plan_columns,
    undeclared,
    with_evidence,
)
from iot_silver.policy import Evolution, packaged_policy
from iot_silver.settings import SilverSettings

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

OBSERVATIONS_PER_BATCH = 20_000
"""Most rows of one batch's observations that are looked at; they are in one file, so it is the same ones each time."""


@dataclass(frozen=True)
class Evolved:
    """Where evolution stands as a batch begins.

    Attributes:
        columns: Evolved columns of `silver.reading`, name -> path: the batch fills them.
        watched: Evidence of the batches before, by folded path.
    """

    columns: Mapping[str, str]
    watched: Mapping[str, Evidence]


def evolved_columns(spark: SparkSession) -> dict[str, str]:
    """Name -> path of the columns that evolution has added to `silver.reading`, in the order of the table."""
    docs = iceberg.further_columns(spark, READING)
    paths = {name: path_of_doc(doc) for name, doc in docs.items()}
    return {name: path for name, path in paths.items() if path is not None}


def evolve(context: StageContext[SilverSettings], spark: SparkSession, identity: BatchIdentity) -> Evolved:
    """Add the columns that the batches before this one give reason for."""
    present = evolved_columns(spark)
    evolution = packaged_policy().evolution
    watched = _watched(spark, identity) if evolution.column_budget else {}
    plan = plan_columns(watched.values(), present, evolution)
    if plan.added:
        added = iceberg.add_text_columns(
            spark, READING, {name: column_doc(path) for name, path in plan.added.items()}
        )
        listed = ", ".join(f"{name} ({plan.added[name]})" for name in added)
        context.on_step(f"batch {identity.batch_id}: new columns in {READING.name}: {listed}")
    if plan.deferred:
        _tell_budget(context, identity, plan, evolution)
    return Evolved(evolved_columns(spark) if plan.added else present, watched)


def _watched(spark: SparkSession, identity: BatchIdentity) -> dict[str, Evidence]:
    if iceberg.current_commit(spark, EVOLVING_PATH.name) is None:
        return {}
    before = iceberg.table_before(spark, EVOLVING_PATH.name, identity)
    # An earlier release counted devices in a sketch, under another name: what it watched is gathered anew.
    rows = before.where("devices IS NOT NULL").select(*Evidence._fields).collect()
    evidence = (Evidence(**_plain(row)) for row in rows)
    return {each.folded_path: each for each in evidence}


def _plain(row: Row) -> dict[str, Any]:
    """Times in UTC, lists as tuples."""
    values = row_in_utc(row.asDict())
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


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
    evolved: Evolved,
    *,
    now: datetime,
) -> iceberg.Commit | None:
    """Add what a batch observed of undeclared paths to `silver.evolving_path`.

    Args:
        spark: The batch's session.
        identity: The batch.
        observations: Its commit to `silver.schema_observation`.
        registry: The contract versions, which tell what is declared.
        evolved: As the batch began.
        now: Time of the batch.

    Returns:
        The commit; None if the batch adds nothing that is asked for.
    """
    evolution = packaged_policy().evolution
    if not evolution.column_budget:
        return None
    having = list(evolved.columns.values())
    done = {folded(path) for path in having}
    watched = {path: each for path, each in evolved.watched.items() if path not in done}
    seen = undeclared(_observed(spark, identity, observations, registry), registry, having)
    after = with_evidence(watched, seen, evolution, now)
    if after == watched:
        return None
    rows = [tuple(each._asdict()[name] for name in EVOLVING_PATH.column_names) for each in after.values()]
    frame = spark.createDataFrame(rows, EVOLVING_PATH.ddl).coalesce(1)
    return iceberg.overwrite_once(frame, EVOLVING_PATH, identity)


def _observed(
    spark: SparkSession, identity: BatchIdentity, observations: iceberg.Commit, registry: ContractRegistry
) -> list[ObservedPath]:
    """Paths of the batch that no contract declares; its one file is found by the bounds of `batch`."""
    from pyspark.sql import functions as F

    declared = sorted({path for contract in registry.contracts for path in contract.nodes} | {"$"})
    rows = (
        iceberg.read_table(spark, SCHEMA_OBSERVATION.name, observations.snapshot_id)
        .where((F.col("batch") == identity.key) & (F.col("observation") == "path"))
        .where(F.col("contract_version").isNotNull() & ~F.col("path").isin(declared))
        .select(*ObservedPath._fields)
        .limit(OBSERVATIONS_PER_BATCH)
        .collect()
    )
    return [ObservedPath(**_plain(row)) for row in rows]
