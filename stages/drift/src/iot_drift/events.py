"""Writes findings to `drift.event`, once per batch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from iot_common.batch import BatchIdentity
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.io.iceberg import merge_once, written
from iot_common.metrics import Gate
from iot_drift.findings import Finding, event_row
from iot_drift.tables import EVENT_VIEW, merge_events

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def write(
    spark: SparkSession, findings: Iterable[Finding], batch: BatchIdentity, *, now: datetime, version: str
) -> Gate:
    """Merge findings in one tagged commit; without any there is none. Returns the gate of what was written."""
    rows = [event_row(finding, batch=batch.key, now=now, version=version) for finding in findings]
    made = None
    if rows:
        spark.createDataFrame(rows, DRIFT_EVENT.ddl).coalesce(1).createOrReplaceTempView(EVENT_VIEW)
        made = merge_once(spark, merge_events(), DRIFT_EVENT, batch)
    return written("written", DRIFT_EVENT.name, made)
