"""Writes `drift.drift_log`, one MERGE per batch, and raises NotifyMissingSchema for versions that nobody registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.engine.registry import ContractRegistry
from iot_common.io.iceberg import merge_once, table_before, written
from iot_common.io.notices import emit_once
from iot_common.metrics import Gate
from iot_common.notices import MISSING_SCHEMA, Notice
from iot_drift.findings import Finding
from iot_drift.log_entries import NEW_VERSION, PENDING, VERSION_PATH, Entry, entries_of, settled
from iot_drift.noticed import merged, noticed_entries, noticed_versions
from iot_drift.tables import LOG_VIEW, merge_log

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from iot_common.io.stream import StageContext
    from iot_drift.settings import DriftSettings

NOTICES_PER_BATCH = 20
"""Most versions one batch gives notice of; `drift_log` lists more of them."""

Claims = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Version kind -> claimed version -> what is known of it."""


def claims_of(seen: Iterable[Mapping[str, Any]], registry: ContractRegistry) -> Claims:
    """The versions that records of a batch claim and nobody registered, by kind.

    Args:
        seen: Observations of the batch; those of the record itself count.
        registry: What is registered.
    """
    claims: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in NEW_VERSION}
    for row in seen:
        version = row["schema_version"]
        if row["path"] != "$" or version is None:
            continue
        resolution = registry.resolve(version)
        if resolution.code is None or resolution.code.value not in claims:
            continue
        known = claims[resolution.code.value].setdefault(version, {"records": 0, "first_event_time": None})
        known["records"] += row["record_count"] or 0
        times = [time for time in (known["first_event_time"], row["first_event_time"]) if time]
        known["first_event_time"] = min(times, default=None)
        known["judged_by"] = resolution.contract.version if resolution.contract else None
    return claims


def notify_missing_schemas(context: StageContext[DriftSettings], claims: Claims) -> None:
    """One notice per version, the first time it is seen; the data flows on meanwhile."""
    missing = [(kind, version, known) for kind in claims for version, known in sorted(claims[kind].items())]
    for kind, version, known in missing[:NOTICES_PER_BATCH]:
        judged = known["judged_by"]
        fate = f"checked against {judged} meanwhile" if judged else "quarantined until then"
        text = f"Records claim contract version {version}, which is not registered; they are {fate}. Register it."
        first = known["first_event_time"]
        facts = {
            "version": version,
            "kind": kind,
            "judged_by": judged,
            "records": known["records"],
            "first_event_time": first.isoformat() if first else None,
        }
        notice = Notice(MISSING_SCHEMA, version, "drift", text, context.clock(), facts)
        if emit_once(context.settings.notices, notice):
            context.on_step(f"{MISSING_SCHEMA}: {text}")


def write(
    context: StageContext[DriftSettings],
    spark: SparkSession,
    findings: Sequence[Finding],
    claims: Claims,
    registry: ContractRegistry,
    batch: BatchIdentity,
) -> Gate:
    """Merge a batch's findings into the log, and approve what a contract has settled; returns what was written."""
    entries = entries_of(findings, claims, registry)
    versions = noticed_versions(context.settings.notices, context.clock())
    asked = [*entries, *((VERSION_PATH, kind) for kind in NEW_VERSION if versions)]
    stored = _stored(spark, batch, asked)
    noticed = noticed_entries(versions, entries, {each.key: each for each in stored}, registry)
    # A finding of the same kind tells more than a notice does; its entry lists the versions of both.
    entries = noticed | {key: merged(entry, noticed.get(key)) for key, entry in entries.items()}
    rows = settled(entries, stored, registry)
    made = None
    if rows:
        now, version = context.clock(), context.run.stage_version
        stamp = {
            "batch": batch.key,
            "first_detected_time": now,
            "processing_time": now,
            "pipeline_version": version,
        }
        filled = [tuple((vars(row) | stamp)[name] for name in DRIFT_LOG.column_names) for row in rows]
        spark.createDataFrame(filled, DRIFT_LOG.ddl).coalesce(1).createOrReplaceTempView(LOG_VIEW)
        made = merge_once(spark, merge_log(), DRIFT_LOG, batch)
    return written("written", DRIFT_LOG.name, made)


def _stored(spark: SparkSession, batch: BatchIdentity, keys: list[tuple[str, str]]) -> list[Entry]:
    """Rows before the batch: those it finds again, and all that wait."""
    before = table_before(spark, DRIFT_LOG.name, batch)
    if keys:
        found = spark.createDataFrame(keys, "path string, kind string").withColumn("found", F.lit(True))
        before = before.join(F.broadcast(found), on=["path", "kind"], how="left").where(
            F.col("found") | (F.col("status") == PENDING)
        )
    else:
        before = before.where(F.col("status") == PENDING)
    names = [field.name for field in fields(Entry)]
    rows = [row.asDict() for row in before.select(*names).collect()]
    return [Entry(**(row | {"versions": tuple(row["versions"] or ())})) for row in rows]
