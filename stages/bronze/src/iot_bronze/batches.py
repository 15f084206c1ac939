"""The batches of bronze: ingest, promote, clean up. Called by `job.py`; does its I/O through `iot_common.io`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from iot_bronze import __version__
from iot_bronze.contract import WRITES
from iot_bronze.ingestion import block_task
from iot_bronze.promotion import Block, promotion_due
from iot_bronze.settings import BronzeSettings
from iot_bronze.tables import block_rows
from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.io import avro, iceberg, maintenance, objects
from iot_common.io.blocks import PROMOTED_KEY, SILVER_READ_KEY, promoted_through
from iot_common.io.stream import BatchWork, QueryReport, StageContext, run_batch
from iot_common.metrics import Gate

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def ingest(context: StageContext[BronzeSettings]) -> BatchWork:
    """The work of one landing batch: write its blocks, commit them to `bronze.block`, count both."""
    settings = context.settings

    def work(landed: DataFrame, batch: BatchIdentity) -> list[Gate]:
        spark = landed.sparkSession
        commit = iceberg.commit_of(spark, BLOCK.name, batch)
        if commit is None:
            commit = _write_blocks(context, landed, batch)
        written = iceberg.read_table(spark, BLOCK.name).where(f"batch = '{batch.key}'")
        sums = written.selectExpr(
            "sum(object_count) objects", "sum(object_bytes) object_bytes", "sum(line_count) lines",
            "sum(row_count) rows", "count(*) blocks", "sum(block_bytes) block_bytes",
        ).head()  # fmt: skip
        assert sums is not None
        if settings.trigger_seconds:  # a query that never ends has no end at which to promote
            promote(context)
            drop_passed_blocks(context)
        return [
            Gate(
                "ingress",
                "in",
                settings.landing_uri,
                sums.lines or 0,
                sums.objects or 0,
                sums.object_bytes or 0,
            ),
            Gate("egress", "kept", BLOCK.name, sums.rows or 0, sums.blocks or 0, sums.block_bytes or 0),
        ]

    return work


def _write_blocks(
    context: StageContext[BronzeSettings], landed: DataFrame, batch: BatchIdentity
) -> iceberg.Commit:
    spark = landed.sparkSession
    prefix = f"{context.settings.block_prefix}/{batch.key}"
    objects.delete_prefix(prefix)  # what an interrupted attempt left
    context.on_step(f"batch {batch.batch_id}: writing blocks")
    task = block_task(context.settings, batch.key, prefix)
    written = [row.asDict() for row in landed.mapInArrow(task, avro.WRITTEN_BLOCK_DDL).collect()]
    rows = block_rows(
        written,
        batch=batch.key,
        after_sequence=_last_sequence(spark),
        now=context.clock(),
        version=__version__,
    )
    context.on_step(f"batch {batch.batch_id}: committing blocks")
    return iceberg.append_once(spark.createDataFrame(rows, BLOCK.ddl), BLOCK, batch)


def _last_sequence(spark: SparkSession) -> int:
    newest = iceberg.read_table(spark, BLOCK.name).agg({"block_sequence": "max"}).head()
    return (newest[0] or 0) if newest else 0


def unpromoted_blocks(spark: SparkSession) -> list[Block]:
    """Blocks above the promoted high-water mark, in order."""
    rows = (
        iceberg.read_table(spark, BLOCK.name)
        .where(f"block_sequence > {promoted_through(spark)}")
        .orderBy("block_sequence")
        .selectExpr("*", "cast(oldest_ingest_time as timestamp_ntz) as oldest_utc")
        .collect()
    )
    return [
        Block(r.block_sequence, r.block_path, r.row_count, r.block_bytes, r.oldest_utc.replace(tzinfo=UTC))
        for r in rows
    ]


def promote(context: StageContext[BronzeSettings]) -> QueryReport:
    """Append the unpromoted blocks to `bronze.raw_reading` in one commit, if the rule says it is due.

    The commit names the last block it holds: the mark above which `bronze.raw_reading_all` still reads blocks.
    """
    report = QueryReport("promotion")
    blocks = unpromoted_blocks(context.spark)
    settings = context.settings
    if not promotion_due(blocks, context.clock(), settings.promote_bytes, settings.promote_minutes):
        return report

    def work(batch: BatchIdentity) -> list[Gate]:
        context.on_step(f"promoting {len(blocks)} blocks")
        # As wide as the table: a later release that was rolled back may have written more than this one knows of.
        columns = iceberg.read_table(context.spark, RAW_READING.name).schema
        listed = [(block.sequence, block.path) for block in blocks]
        rows = avro.read_blocks(context.spark, listed, columns)
        made = iceberg.append_once(rows, RAW_READING, batch, {PROMOTED_KEY: str(blocks[-1].sequence)})
        block_bytes = sum(block.bytes for block in blocks)
        return [
            Gate("ingress", "in", BLOCK.name, sum(block.rows for block in blocks), len(blocks), block_bytes),
            iceberg.written("kept", RAW_READING.name, made),
        ]

    run_batch(context, report, BatchIdentity("promotion", blocks[-1].sequence), work)
    return report


def drop_passed_blocks(context: StageContext[BronzeSettings]) -> int:
    """Delete the files of blocks that are promoted and that silver has read; return how many.

    Their rows in `bronze.block` stay: they say what was written, and the rows themselves are in `bronze.raw_reading`.
    """
    from pyspark.sql import functions as F

    spark = context.spark
    # Asking for each block that ever was would cost more requests with every batch.
    present = objects.objects_under(context.settings.block_prefix)
    if not present or not iceberg.table_exists(spark, TOUCHED_WINDOW.name):
        return 0
    silver_read = int(iceberg.newest_property(spark, TOUCHED_WINDOW.name, SILVER_READ_KEY) or 0)
    passed = min(silver_read, promoted_through(spark))
    rows = (
        iceberg.read_table(spark, BLOCK.name)
        .where((F.col("block_sequence") <= passed) & F.col("block_path").isin(present))
        .select("block_path")
        .collect()
    )
    for row in rows:
        objects.delete_object(row.block_path)
    return len(rows)


def maintain(context: StageContext[BronzeSettings]) -> list[QueryReport]:
    """Promote what is due, drop the blocks that nobody needs any more, and maintain the tables."""
    if context.settings.dry_run or not iceberg.table_exists(context.spark, RAW_READING.name):
        return maintenance.maintain(context, WRITES)
    promoted = promote(context)
    drop_passed_blocks(context)
    return [promoted, *maintenance.maintain(context, WRITES)]
