"""Statements and look-ups of silver's tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from iot_common.contracts.silver_reading import READING
from iot_common.settings import CATALOG_NAME
from iot_silver.intervals import Interval, within, within_sql

STREAM_TIME_KEY = "driftlake.stream-time"
"""Summary key of `silver.touched_window`: newest trusted event time so far, microseconds since 1970-01-01 UTC."""


HIGHEST_VERSION_KEY = "driftlake.highest-version"
"""Summary key of `silver.touched_window`: the highest schema version of a reading so far."""


BATCH_TIME_KEY = "driftlake.batch-time"
"""Summary key of `silver.schema_observation`, the first commit of a batch: the time all its rows carry, ISO 8601.

Readers tell by `processing_time` which rows belong to which batch; a batch repeated after a crash keeps its time.
"""


SCHEMA_ID_KEY = "driftlake.schema-id"
"""Summary key of `silver.reading`: id of the schema its rows were written with; evolved columns raise it."""


def merge_statement(source_view: str, intervals: Sequence[Interval]) -> str:
    """MERGE of new readings over the stored ones they replace.

    Args:
        source_view: Temporary view with all columns of the table, one row per device and raw event time.
        intervals: Raw event times of the source: files outside are not read.
    """
    return (
        f"MERGE INTO {CATALOG_NAME}.{READING.name} t USING {source_view} s "
        "ON t.device_id = s.device_id AND t.event_time_raw = s.event_time_raw "
        f"AND {within_sql('t.event_time_raw', intervals)} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )


def backfill_statement(changes_view: str, columns: Sequence[str], intervals: Sequence[Interval]) -> str:
    """MERGE that fills null cells of evolved columns; all else stays as it is.

    Args:
        changes_view: Temporary view with `row_id` and the columns.
        columns: Evolved columns.
        intervals: Event times of the changes: files outside are not read.
    """
    filled = ", ".join(f"t.`{name}` = coalesce(t.`{name}`, s.`{name}`)" for name in columns)
    return (
        f"MERGE INTO {CATALOG_NAME}.{READING.name} t USING {changes_view} s "
        f"ON t.row_id = s.row_id AND {within_sql('t.event_time', intervals)} "
        f"WHEN MATCHED THEN UPDATE SET {filled}"
    )


def stored_readings(
    before: DataFrame, intervals: Sequence[Interval], *, with_place: bool = False
) -> DataFrame:
    """What the batch may meet in `silver.reading`: `device_id, event_time_raw` and the row's identity as `stored_*`.

    Args:
        before: The table before the batch.
        intervals: Raw event times of the batch.
        with_place: With object and line too: of equal arrival the later place counts as newer.
    """
    place = [F.col(name).alias(f"stored_{name}") for name in ("source_object", "source_line") if with_place]
    return before.where(within("event_time_raw", intervals)).select(
        "device_id",
        "event_time_raw",
        F.col("idempotency_key").alias("stored_idempotency_key"),
        F.col("row_id").alias("stored_row_id"),
        F.col("ingest_time").alias("stored_ingest_time"),
        F.col("event_time").alias("stored_event_time"),
        *place,
    )


def known_losers(superseded_before: DataFrame, intervals: Sequence[Interval]) -> DataFrame:
    """Keys of readings that lost before this batch."""
    return superseded_before.where(within("event_time_raw", intervals)).select("idempotency_key").distinct()
