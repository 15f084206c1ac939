"""Silver job: `bronze.block` → readings, quarantine, observations, touched windows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.stage import run_stage
from iot_silver import __version__
from iot_silver.settings import SilverSettings

if TYPE_CHECKING:
    from iot_common.io.stream import QueryReport, StageContext


def run(context: StageContext[SilverSettings]) -> list[QueryReport]:
    """Classify the records of all blocks committed since the last run.

    Before them it ends a replay that was interrupted, and judges again what waited for a contract version that is now
    there. Before bronze ever ran there is nothing to do, and no error. With the setting `replay` or `maintain`
    it does that alone.

    Raises:
        StageFailedError: If a batch failed; running again continues with that batch.
    """
    from iot_common.contracts.bronze_block import BLOCK
    from iot_common.io.first_batch import with_all_rows
    from iot_common.io.iceberg import ensure_table, stream_table, table_exists
    from iot_common.io.maintenance import maintain
    from iot_common.io.stream import run_query
    from iot_silver import replay, revalidation
    from iot_silver.batches import classify_and_store
    from iot_silver.contract import WRITES
    from iot_silver.selection import Selection

    if context.settings.maintain:
        return maintain(context, WRITES)
    if context.settings.replay:
        return replay.replay(context, Selection.from_text(context.settings.replay))
    for table in WRITES:
        ensure_table(context.spark, table)
    if not table_exists(context.spark, BLOCK.name):
        context.on_step(f"{BLOCK.name} is not there yet: bronze has not run")
        return []
    blocks = stream_table(context.spark, BLOCK.name)
    context.spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
    # Observations have hundreds of groups (cohorts by versions by shapes); beyond 128 Spark would sort the rows.
    context.spark.conf.set("spark.sql.objectHashAggregate.sortBased.fallbackThreshold", "10000")
    again = [*replay.end_interrupted_replay(context), *revalidation.revalidate(context)]
    work = with_all_rows(context, "blocks", BLOCK.name, classify_and_store(context))
    return [*again, run_query(context, "blocks", blocks, work)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run silver as a process of its own."""
    return run_stage(
        "silver", __version__, SilverSettings, run, argv, takes="bronze.block", gives="silver.touched_window"
    )


if __name__ == "__main__":
    sys.exit(main())
