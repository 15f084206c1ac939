"""The quality checks of one batch: bronze's suite on its classified records, silver's on the table as it left it.

They come after the batch's other commits and decide nothing. Called by `batches.py`; I/O goes through `iot_common.io`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.contracts.silver_quality_failure import QUALITY_FAILURE
from iot_common.contracts.silver_reading import READING
from iot_common.io import iceberg
from iot_common.metrics import Gate
from iot_common.quality import Counted
from iot_silver import quality
from iot_silver.intervals import merged_intervals, within
from iot_silver.storing import SilverBatch, Survey

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def check(
    batch: SilverBatch, classified: DataFrame, seen: Survey, arrived: int, stored: Sequence[Gate]
) -> list[Gate]:
    """Check a batch that is stored.

    Args:
        batch: The batch.
        classified: Its records, persisted.
        seen: What the survey of them told.
        arrived: How many came in.
        stored: The gates of its other commits.

    Returns:
        One gate per expectation with its result, and that of the failing rows where there are some.
    """
    batch.step("checking quality")
    counts, failing = _bronze_counts(batch, classified, arrived)
    bronze = quality.result_gates(quality.bronze_suite(), counts, batch=batch.identity.key, arrived=arrived)
    table = _silver_counts(batch, seen, arrived, stored)
    silver = quality.result_gates(quality.silver_suite(), table, batch=batch.identity.key, arrived=arrived)
    return [*failing, *bronze, *silver]


def _bronze_counts(
    batch: SilverBatch, classified: DataFrame, arrived: int
) -> tuple[list[Counted], list[Gate]]:
    suite = quality.bronze_suite()
    counts = _aggregated(classified, quality.count_columns(suite))
    differing = classified.where(quality.has_violations())
    counts |= _aggregated(differing, quality.type_count_columns(suite))
    if not any(count for name, count in counts.items() if name.startswith("failing_")):
        return quality.counted(suite, counts, arrived, {}), []
    failures = quality.failure_rows(classified, suite, batch=batch.identity.key, now=batch.now)
    failures = failures.coalesce(1).persist()  # few, and needed twice
    try:
        commit = iceberg.append_once(failures, QUALITY_FAILURE, batch.identity)
        shown = quality.partial_lists(failures).collect()
    finally:
        failures.unpersist()
    partial = {each.expectation: tuple(each.found) for each in shown}
    return quality.counted(suite, counts, arrived, partial), [
        iceberg.written("written", QUALITY_FAILURE.name, commit)
    ]


def _aggregated(records: DataFrame, aggregates: Sequence[Column]) -> dict[str, int]:
    row = records.agg(*aggregates).head()
    assert row is not None
    return dict(row.asDict())


def _silver_counts(batch: SilverBatch, seen: Survey, arrived: int, stored: Sequence[Gate]) -> list[Counted]:
    made = iceberg.commit_of(batch.spark, READING.name, batch.identity)
    assert made is not None, "a stored batch has its commit to silver.reading"
    readings = iceberg.read_table(batch.spark, READING.name, made.snapshot_id)
    touched = within("event_time_raw", merged_intervals(seen.hours))
    row = quality.table_counts(readings.where(touched)).head()
    assert row is not None
    return quality.judge_table(row, dict(readings.dtypes), arrived, quality.represented(stored))
