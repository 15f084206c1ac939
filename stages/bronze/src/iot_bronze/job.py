"""Bronze job: landing objects → Avro blocks → `bronze.block`, and by rule → `bronze.raw_reading`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_bronze import __version__
from iot_bronze.settings import BronzeSettings
from iot_common.stage import run_stage

if TYPE_CHECKING:
    from iot_common.io.stream import QueryReport, StageContext


def run(context: StageContext[BronzeSettings]) -> list[QueryReport]:
    """Ingest what has landed, promote blocks if the rule says so, and drop blocks nobody needs any more.

    With the setting `maintain` it ingests nothing: it promotes, drops, and maintains its tables.

    Raises:
        LandingNotFoundError: If the landing place is not there.
        LandingObjectUnreadableError: If an object in it cannot be read.
        StageFailedError: If a batch failed; running again continues with that batch.
    """
    from iot_bronze import batches
    from iot_bronze.contract import WRITES
    from iot_common.io.iceberg import ensure_table
    from iot_common.io.landing import anything_landed, require_landing, stream_landing
    from iot_common.io.stream import QueryReport, run_query

    settings = context.settings
    if settings.maintain:
        return batches.maintain(context)
    require_landing(settings.landing_uri)
    for table in WRITES:
        ensure_table(context.spark, table)
    # One Arrow batch holds whole objects: few at a time keep the worker's memory near the largest of them.
    context.spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "8")
    ingested = QueryReport("landing")
    if anything_landed(settings.landing_uri):
        objects = stream_landing(context.spark, settings.landing_uri, settings.max_files_per_batch)
        ingested = run_query(context, "landing", objects, batches.ingest(context))
    promoted = batches.promote(context)
    batches.drop_passed_blocks(context)
    return [ingested, promoted]


def main(argv: Sequence[str] | None = None) -> int:
    """Run bronze as a process of its own."""
    return run_stage("bronze", __version__, BronzeSettings, run, argv, gives="bronze.block")


if __name__ == "__main__":
    sys.exit(main())
