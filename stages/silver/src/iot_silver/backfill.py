"""Backfill on demand: evolved columns of rows that were written before the column was there.

The values come from bronze's exact bytes through the pass that every batch goes through, so a backfilled row reads as
if the column had always been there, whichever engine and contract classified it at the time. `_rescued` holds the same
values and tells which rows can have any: a row without it had no undeclared field, and its bytes are not read again.

Only null cells of evolved columns change: nothing is re-judged, no row comes or goes, so no window is touched and gold
and drift, which read contract columns, have nothing to do. Hence it is harmless to repeat, and to interrupt: one commit
holds all of it. Rows already filled are no longer found, so a second run changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_reading import READING
from iot_common.errors import SettingsError
from iot_common.io import blocks, iceberg
from iot_common.io.contract_folder import contract_files
from iot_common.io.stream import QueryReport, StageContext, run_batch
from iot_common.metrics import Gate
from iot_silver import tables, tasks
from iot_silver.evolution import evolved_columns
from iot_silver.intervals import merged_intervals
from iot_silver.row_columns import CLASSIFIED_DDL, EVOLVED_DDL
from iot_silver.settings import SilverSettings

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

CHANGES_VIEW = "backfilled_readings"


@dataclass(frozen=True)
class BackfillRequest:
    """What to fill.

    Attributes:
        columns: Evolved columns; empty for all.
        since: Only readings with this event time or later.
        write: False counts only.
    """

    columns: Sequence[str] = ()
    since: datetime | None = None
    write: bool = False


@dataclass(frozen=True)
class BackfillOutcome:
    """How many rows change, in all and by column, and whether they did."""

    rows: int
    by_column: Mapping[str, int]
    written: bool


def backfill(context: StageContext[SilverSettings], request: BackfillRequest) -> BackfillOutcome:
    """Fill evolved columns of older rows, or say how many rows that would change.

    Raises:
        SettingsError: If a column is not an evolved column of `silver.reading`.
        StageFailedError: If it stopped; nothing was changed then.
    """
    paths = _chosen(context, request.columns)
    if not paths:
        return BackfillOutcome(0, {}, written=False)
    changes = _changes(context, paths, request.since).persist()
    try:
        rows, by_column = _counts(changes, list(paths))
        if request.write and rows:
            context.on_step(f"backfill: writing {rows:,} rows of {READING.name}")
            identity = BatchIdentity(f"backfill-{uuid.uuid4().hex}", 0)
            run_batch(
                context,
                QueryReport("backfill"),
                identity,
                lambda each: _write(context, changes, list(paths), each),
            )
    finally:
        changes.unpersist()
    return BackfillOutcome(rows, by_column, written=request.write and rows > 0)


def _chosen(context: StageContext[SilverSettings], columns: Sequence[str]) -> dict[str, str]:
    there = iceberg.table_exists(context.spark, READING.name)
    present = evolved_columns(context.spark) if there else {}
    unknown = [name for name in columns if name not in present]
    if unknown:
        known = f"it has {', '.join(present)}" if present else "it has none yet"
        raise SettingsError(f"{READING.name} has no evolved column {unknown[0]!r}: {known}")
    return {name: path for name, path in present.items() if not columns or name in columns}


def _changes(
    context: StageContext[SilverSettings], paths: Mapping[str, str], since: datetime | None
) -> DataFrame:
    """`row_id, event_time` and, for each column, the text that a null cell gets (null: stays as it is)."""
    from pyspark.sql import functions as F

    empty = [F.col(name).isNull() for name in paths]
    stored = iceberg.read_table(context.spark, READING.name).where(
        F.col("_rescued").isNotNull() & _any(empty)
    )
    if since is not None:
        stored = stored.where(F.col("event_time") >= F.lit(since))
    stored = stored.select("row_id", "event_time", *paths)
    raw = blocks.raw_reading_all(context.spark).join(stored.select("row_id"), on="row_id", how="left_semi")
    contracts = contract_files(context.settings.contracts)
    task = tasks.classify_task(context.settings.clock_tolerance_seconds, None, contracts, paths)
    classified = raw.select(*RAW_READING.column_names).mapInArrow(task, CLASSIFIED_DDL + EVOLVED_DDL)
    filled = [F.when(F.col(name).isNull(), F.col("evolved")[name]).alias(name) for name in paths]
    found = stored.join(classified.select("row_id", "evolved"), on="row_id", how="inner")
    return found.select("row_id", "event_time", *filled).where(
        _any([F.col(name).isNotNull() for name in paths])
    )


def _any(conditions: Sequence[Column]) -> Column:
    return reduce(lambda one, other: one | other, conditions)


def _counts(changes: DataFrame, names: Sequence[str]) -> tuple[int, dict[str, int]]:
    from pyspark.sql import functions as F

    row = changes.agg(
        F.count("*").alias("rows"), *[F.count(name).alias(f"of_{name}") for name in names]
    ).head()
    assert row is not None
    return row["rows"], {name: row[f"of_{name}"] for name in names}


def _write(
    context: StageContext[SilverSettings], changes: DataFrame, names: Sequence[str], identity: BatchIdentity
) -> list[Gate]:
    from pyspark.sql import functions as F

    hours = changes.select(F.unix_seconds(F.date_trunc("hour", "event_time")).alias("second")).distinct()
    intervals = merged_intervals(datetime.fromtimestamp(row.second, UTC) for row in hours.collect())
    changes.createOrReplaceTempView(CHANGES_VIEW)
    statement = tables.backfill_statement(CHANGES_VIEW, names, intervals)
    schema = {tables.SCHEMA_ID_KEY: str(iceberg.schema_id(context.spark, READING.name))}
    made = iceberg.merge_once(context.spark, statement, READING, identity, schema)
    assert made is not None, "a MERGE that changes rows makes a snapshot"
    return [iceberg.written("written", READING.name, made)]
