"""One batch of the structural query: reads observations and readings, writes `drift.event`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.engine.registry import ContractRegistry, packaged_registry
from iot_common.io.iceberg import read_table, table_before, table_exists
from iot_common.metrics import Gate
from iot_drift import events, transform, units
from iot_drift.findings import Finding
from iot_drift.renames import rename_suspects
from iot_drift.structural import Fleet, Observed, structural_findings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from iot_common.io.stream import BatchWork, StageContext
    from iot_drift.settings import DriftSettings


def work(context: StageContext[DriftSettings]) -> BatchWork:
    """The batch function: findings about every path the batch observed, from all observations up to it."""

    def structural(frame: DataFrame, batch: BatchIdentity) -> Sequence[Gate]:
        spark = frame.sparkSession
        seen = frame.agg(F.count("*").alias("rows"), F.max("processing_time").alias("latest")).first()
        assert seen is not None
        touched = {
            (row.contract_version, row.path)
            for row in frame.select("contract_version", "path").distinct().collect()
        }
        # Rows of later batches may be there already when a batch is repeated: silver stamps each batch with one time.
        history = read_table(spark, SCHEMA_OBSERVATION.name).where(
            F.col("processing_time") <= F.lit(seen.latest)
        )
        findings = [
            finding
            for finding in _findings(history, packaged_registry(), context.settings.min_device_share)
            if (finding.contract_version, finding.field) in touched
            or finding.field == "schema_version"
            or (finding.contract_version, finding.evidence.get("new_field")) in touched
        ]
        findings += _unit_findings(spark, frame, batch, context.settings.unit_lookback_hours)
        context.on_step(f"{len(findings)} structural findings in {seen.rows} observations")
        written = events.write(spark, findings, batch, now=context.clock(), version=context.run.stage_version)
        return [
            Gate("ingress", "in", SCHEMA_OBSERVATION.name, rows=seen.rows),
            Gate("egress", "kept", DRIFT_EVENT.name, rows=seen.rows),
            written,
        ]

    return structural


def _findings(history: DataFrame, registry: ContractRegistry, min_share: float) -> list[Finding]:
    observed = [_observed(row.asDict()) for row in transform.observed_summary(history).collect()]
    observed += _claimed_versions(history, registry)
    fleets = {row.path: row for row in transform.fleet_summary(history).collect()}
    fleet = _fleet(next((fleets[path] for path in transform.EVERY_RECORD if path in fleets), None))
    findings = structural_findings(observed, fleet, registry, min_share)
    return findings + rename_suspects(findings, observed, fleet, registry)


def _claimed_versions(history: DataFrame, registry: ContractRegistry) -> list[Observed]:
    """Versions that records claim and nobody registered, each as the event it is."""
    pairs = history.where("path = '$'").select("contract_version", "schema_version").distinct().collect()
    codes = [(*pair, code.value) for pair in pairs if (code := registry.resolve(pair.schema_version).code)]
    if not codes:
        return []
    schema = "contract_version string, schema_version string, code string"
    claims = history.sparkSession.createDataFrame(codes, schema)
    return [_observed(row.asDict()) for row in transform.version_summary(history, claims).collect()]


def _unit_findings(
    spark: SparkSession, frame: DataFrame, batch: BatchIdentity, hours: float
) -> list[Finding]:
    """Devices that changed their declared unit, found in their readings; only where more than one unit is about."""
    units_seen = frame.where(F.col("path").endswith("temperature.unit") & F.col("enum_value").isNotNull())
    about = units_seen.agg(
        F.countDistinct("enum_value").alias("units"),
        F.min("first_event_time").alias("first"),
        F.max("last_event_time").alias("last"),
        F.max("processing_time").alias("latest"),
    ).first()
    if about is None or not about.units or about.first is None or not table_exists(spark, READING.name):
        return []
    readings = read_table(spark, READING.name).where(
        F.col("event_time").between(F.lit(about.first - timedelta(hours=hours)), F.lit(about.last))
        & (F.col("processing_time") <= F.lit(about.latest))
    )
    changed = [row.asDict() for row in transform.unit_changes(readings).collect()]
    stored = table_before(spark, DRIFT_EVENT.name, batch).where(
        "kind = 'UNIT_CHANGED' AND channel = 'structural'"
    )
    before = {row.contract_version: row.asDict() for row in stored.collect()}
    devices_seen = readings.select("device_id").distinct().count() if changed else 0
    return units.unit_findings([_in_utc(each) for each in changed], _parsed(before), devices_seen)


def _parsed(stored: dict[str | None, dict[str, Any]]) -> dict[str | None, dict[str, Any]]:
    return {
        key: {**_in_utc(row), "evidence": json.loads(row["evidence"] or "{}")} for key, row in stored.items()
    }


def _observed(row: dict[str, Any]) -> Observed:
    return Observed(
        **{**_in_utc(row), "devices": tuple(row["devices"] or ()), "found": tuple((row["found"] or ())[:5])}
    )


def _fleet(row: Any) -> Fleet:
    if row is None:
        return Fleet(0, 0, None, None)
    return Fleet(row.record_count, row.device_count, _utc(row.first_event_time), _utc(row.last_event_time))


def _in_utc(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _utc(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _utc(moment: datetime | None) -> datetime | None:
    """Spark hands out times in the process's zone, without saying so."""
    return moment.astimezone(UTC) if moment else None
