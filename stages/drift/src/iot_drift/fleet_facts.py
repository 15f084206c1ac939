"""What is known of the devices of a batch, for the rule that tells the drifted from the healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from iot_common.contracts.silver_reading import READING
from iot_common.io.iceberg import read_table, table_exists
from iot_drift import transform
from iot_drift.carriers import Usual
from iot_drift.explanation import explained, needs_facts
from iot_drift.findings import Finding
from iot_drift.who import DeviceFacts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def with_who(
    spark: SparkSession,
    findings: Sequence[Finding],
    readings: Column,
    first_seen: Mapping[str, datetime] | None = None,
) -> list[Finding]:
    """The findings with who drifted; asks `silver.reading` only where a rule could say more than an id.

    Args:
        spark: The session.
        findings: Of one batch.
        readings: Condition on `silver.reading`: those of the batch.
        first_seen: First window of each device, where it is known; without, no rule speaks of it.
    """
    if not findings:
        return []
    facts = _facts(spark, readings, first_seen or {}) if needs_facts(findings) else []
    return explained(findings, facts)


def _facts(spark: SparkSession, readings: Column, first_seen: Mapping[str, datetime]) -> list[DeviceFacts]:
    if not table_exists(spark, READING.name):
        return []
    rows = transform.device_facts(read_table(spark, READING.name).where(readings)).collect()
    facts = [DeviceFacts(**row.asDict()) for row in rows]
    return [replace(each, first_seen=first_seen.get(each.device_id)) for each in facts]


def usual_of(scores: DataFrame, devices: Sequence[str]) -> dict[str, Usual]:
    """Per device, the usual values of `transform.USUAL` from its reference windows; unknown ones are left out."""
    if not devices:
        return {}
    wanted = scores.sparkSession.createDataFrame([(each,) for each in devices], "device_id string")
    rows = [row.asDict() for row in transform.usual_features(scores, wanted).collect()]
    return {
        row["device_id"]: {name: row[name] for name in transform.USUAL if row[name] is not None}
        for row in rows
    }
