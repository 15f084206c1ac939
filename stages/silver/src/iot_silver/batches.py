"""One batch of the stream of blocks. Called by `job.py`; does its I/O through `iot_common.io`.

The schema observations are the first commit; then the records take the road of `storing.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.engine.registry import read_registry
from iot_common.io import blocks, iceberg
from iot_common.io.stream import BatchWork, StageContext
from iot_common.metrics import Gate
from iot_common.run_token import UNREGISTERED, WITHOUT_CONTRACT
from iot_silver import breakers, downgrades, evolution, observation, quality_checks, storing, tables
from iot_silver.breaker import let_through
from iot_silver.policy import packaged_policy
from iot_silver.settings import SilverSettings
from iot_silver.storing import SilverBatch, Survey

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def classify_and_store(context: StageContext[SilverSettings]) -> BatchWork:
    """The work of one batch of `bronze.block` rows."""

    def work(manifest: DataFrame, identity: BatchIdentity) -> list[Gate]:
        spark = manifest.sparkSession
        listed = manifest.select("block_sequence", "block_path", "row_count", "block_bytes").collect()
        evolved = evolution.evolve(context, spark, identity)
        batch = storing.open_batch(context, spark, identity, SCHEMA_OBSERVATION, evolved.columns)
        standing = breakers.not_closed(spark, identity)
        batch = replace(batch, held=let_through(standing, batch.now, packaged_policy().breaker))
        batch.step(f"classifying {sum(row.row_count for row in listed):,} records")
        raw = blocks.read_rows(spark, [(row.block_sequence, row.block_path) for row in listed])
        classified = storing.classify(batch, raw).persist()
        read_through = {blocks.SILVER_READ_KEY: str(max(row.block_sequence for row in listed))}
        try:
            seen = storing.survey(classified)
            told = downgrades.told(batch, classified, seen)
            observed = _observe(batch, told, seen, evolved)
            gates = storing.store(
                batch,
                told,
                seen,
                last_properties=read_through,
                before_last=lambda _: breakers.judge(batch, classified, seen, standing),
            )
            rows = sum(row.row_count for row in listed)
            checked = quality_checks.check(batch, classified, seen, rows, gates)
        finally:
            classified.unpersist()
        size = sum(row.block_bytes for row in listed)
        came = Gate("ingress", "in", BLOCK.name, rows, len(listed), size, _missing_contracts(seen))
        return [came, *gates, *observed, *checked]

    return work


def _missing_contracts(seen: Survey) -> dict[str, Any] | None:
    """What the token of the run says of versions that nobody registered; None where there are none."""
    if not seen.without_contract:
        return None
    return {WITHOUT_CONTRACT: seen.without_contract, UNREGISTERED: list(seen.unregistered_versions)}


def _observe(
    batch: SilverBatch, classified: DataFrame, seen: Survey, evolved: evolution.Evolved
) -> list[Gate]:
    batch.step("observing schemas")
    observed = observation.observation_rows(classified, batch=batch.identity.key, now=batch.now)
    stamp = {tables.BATCH_TIME_KEY: batch.now.isoformat()}
    commit = iceberg.append_once(observed.coalesce(1), SCHEMA_OBSERVATION, batch.identity, stamp)
    gates = [iceberg.written("written", SCHEMA_OBSERVATION.name, commit)]
    evidence = _gather_evidence(batch, commit, seen, evolved)
    return gates if evidence is None else [*gates, iceberg.written("written", EVOLVING_PATH.name, evidence)]


def _gather_evidence(
    batch: SilverBatch, observations: iceberg.Commit, seen: Survey, evolved: evolution.Evolved
) -> iceberg.Commit | None:
    if not seen.rescued:
        return None
    batch.step(f"weighing undeclared fields: {seen.rescued:,} records have rescued values")
    registry = read_registry(batch.contracts)
    return evolution.gather_evidence(
        batch.spark, batch.identity, observations, registry, evolved, now=batch.now
    )
