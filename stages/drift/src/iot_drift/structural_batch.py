"""One batch of the structural query: reads observations and readings, writes `drift.event`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.collected import row_in_utc
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.engine.registry import ContractRegistry, read_registry
from iot_common.io.contract_folder import contract_files
from iot_common.io.iceberg import read_table, table_before, table_exists
from iot_common.metrics import Gate
from iot_drift import drift_log, events, fleet_facts, transform, units
from iot_drift.findings import Finding
from iot_drift.renames import rename_suspects
from iot_drift.silences import FieldPresence, silent_fields
from iot_drift.structural import Fleet, Observed, structural_findings, touched_only

SEEN_COLUMNS = (
    "contract_version", "schema_version", "path", "enum_value", "first_event_time", "last_event_time",
    "processing_time", "record_count",
)  # fmt: skip

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from iot_common.io.stream import BatchWork, StageContext
    from iot_drift.settings import DriftSettings


def work(context: StageContext[DriftSettings]) -> BatchWork:
    """The batch function: findings about every path the batch observed, from all observations up to it."""

    def structural(frame: DataFrame, batch: BatchIdentity) -> Sequence[Gate]:
        spark = frame.sparkSession
        # Bounded by cohorts × paths × types of one batch: a thousand rows without their sketches.
        seen = [row_in_utc(row.asDict()) for row in frame.select(*SEEN_COLUMNS).collect()]
        registry = read_registry(contract_files(context.settings.contracts))
        findings = _findings(spark, seen, batch, context.settings, registry) if seen else []
        claims = drift_log.claims_of(seen, registry)
        drift_log.notify_missing_schemas(context, claims)
        context.on_step(f"{len(findings)} structural findings in {len(seen)} observations")
        written = events.write(spark, findings, batch, now=context.clock(), version=context.run.stage_version)
        logged = drift_log.write(context, spark, findings, claims, registry, batch)
        return [
            Gate("ingress", "in", SCHEMA_OBSERVATION.name, rows=len(seen)),
            Gate("egress", "kept", DRIFT_EVENT.name, rows=len(seen)),
            written,
            logged,
        ]

    return structural


def _findings(
    spark: SparkSession,
    seen: list[dict[str, Any]],
    batch: BatchIdentity,
    settings: DriftSettings,
    registry: ContractRegistry,
) -> list[Finding]:
    # Rows of later batches may be there already when a batch is repeated: silver stamps each batch with one time.
    latest = max(row["processing_time"] for row in seen)
    history = read_table(spark, SCHEMA_OBSERVATION.name).where(F.col("processing_time") <= F.lit(latest))
    observed = [_observed(row.asDict()) for row in transform.observed_summary(history).collect()]
    observed += _claimed_versions(history, seen, registry)
    fleet = Fleet(**row_in_utc(transform.fleet_summary(history).collect()[0].asDict()))
    findings = structural_findings(observed, fleet, registry, settings.min_device_share)
    findings += rename_suspects(findings, observed, fleet, registry)
    touched = {(row["contract_version"], row["path"]) for row in seen}
    units_about = {each.enum_value for each in observed if each.path == units.UNIT_PATH and each.enum_value}
    changed = _unit_findings(spark, seen, batch, settings, fleet) if len(units_about) > 1 else []
    found = touched_only(findings, touched) + changed + _silences(history, registry, settings, fleet)
    # Silver stamps each batch with one time: these are the readings of the batches that were observed.
    stamps = [row["processing_time"] for row in seen]
    readings = F.col("processing_time").between(F.lit(min(stamps)), F.lit(max(stamps)))
    return fleet_facts.with_who(spark, found, readings)


def _silences(
    history: DataFrame, registry: ContractRegistry, settings: DriftSettings, fleet: Fleet
) -> list[Finding]:
    rows = [row_in_utc(row.asDict()) for row in transform.field_presences(history).collect()]
    lists = ("devices", "talking")
    presences = [FieldPresence(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows]
    return silent_fields(presences, registry, settings.silence, fleet.device_count)


def _claimed_versions(
    history: DataFrame, seen: list[dict[str, Any]], registry: ContractRegistry
) -> list[Observed]:
    """Versions that records of this batch claim and nobody registered, each as the event it is."""
    pairs = {(row["contract_version"], row["schema_version"]) for row in seen if row["path"] == "$"}
    codes = [
        (*pair, code.value) for pair in sorted(pairs, key=str) if (code := registry.resolve(pair[1]).code)
    ]
    if not codes:
        return []
    schema = "contract_version string, schema_version string, code string"
    claims = history.sparkSession.createDataFrame(codes, schema)
    return [_observed(row.asDict()) for row in transform.version_summary(history, claims).collect()]


def _unit_findings(
    spark: SparkSession,
    seen: list[dict[str, Any]],
    batch: BatchIdentity,
    settings: DriftSettings,
    fleet: Fleet,
) -> list[Finding]:
    """Devices that changed their declared unit, found in their readings around this batch."""
    times = [
        (row["first_event_time"], row["last_event_time"]) for row in seen if row["path"] == units.UNIT_PATH
    ]
    known = [pair for pair in times if pair[0] and pair[1]]
    if not known or not table_exists(spark, READING.name):
        return []
    since = min(first for first, _ in known) - timedelta(hours=settings.unit_lookback_hours)
    readings = read_table(spark, READING.name).where(
        F.col("event_time").between(F.lit(since), F.lit(max(last for _, last in known)))
        & (F.col("processing_time") <= F.lit(max(row["processing_time"] for row in seen)))
    )
    changed = [row_in_utc(row.asDict()) for row in transform.unit_changes(readings).collect()]
    stored = table_before(spark, DRIFT_EVENT.name, batch).where(
        "kind = 'UNIT_CHANGED' AND channel = 'structural'"
    )
    before = {row.contract_version: row.asDict() for row in stored.collect()} if changed else {}
    return units.unit_findings(changed, _parsed(before), fleet.device_count)


def _parsed(stored: dict[str | None, dict[str, Any]]) -> dict[str | None, dict[str, Any]]:
    return {
        key: {**row_in_utc(row), "evidence": json.loads(row["evidence"] or "{}")}
        for key, row in stored.items()
    }


def _observed(row: dict[str, Any]) -> Observed:
    return Observed(
        **{
            **row_in_utc(row),
            **{name: tuple(row[name] or ()) for name in ("devices", "named", "cohorts")},
            "found": tuple((row["found"] or ())[:5]),
        }
    )
