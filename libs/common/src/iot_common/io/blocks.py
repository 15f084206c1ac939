"""Where the rows of bronze are: in Avro blocks, in `bronze.raw_reading`, or in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.contracted import contracted
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.io import avro, iceberg, objects

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PROMOTED_KEY = "driftlake.promoted-through"
"""Summary key of `bronze.raw_reading`: the last block it holds."""

SILVER_READ_KEY = "driftlake.silver-read-through"
"""Summary key of `silver.touched_window`, silver's last commit of a batch: the last block it has read."""


def promoted_through(spark: SparkSession) -> int:
    """Sequence of the last promoted block; 0 for none."""
    return int(iceberg.newest_property(spark, RAW_READING.name, PROMOTED_KEY) or 0)


def read_rows(spark: SparkSession, blocks: Sequence[tuple[int, str]]) -> DataFrame:
    """Raw rows of the given blocks (sequence, path): from the Avro file, or promoted where the file is gone."""
    present = [(sequence, path) for sequence, path in blocks if objects.exists(path)]
    gone = sorted(set(blocks) - set(present))
    frames = []
    if present:
        frames.append(avro.read_blocks(spark, present, RAW_READING.ddl))
    if gone or not frames:
        listed = ", ".join(str(sequence) for sequence, _ in gone) or "-1"
        promoted = iceberg.read_table(spark, RAW_READING.name).where(f"block_sequence in ({listed})")
        frames.append(contracted(promoted, RAW_READING))
    return frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])


def raw_reading_all(spark: SparkSession) -> DataFrame:
    """Every raw row once: `bronze.raw_reading` and the blocks that are not promoted yet."""
    promoted = contracted(iceberg.read_table(spark, RAW_READING.name), RAW_READING)
    rows = (
        iceberg.read_table(spark, BLOCK.name).where(f"block_sequence > {promoted_through(spark)}").collect()
    )
    blocks = [(row.block_sequence, row.block_path) for row in rows]
    if not blocks:
        return promoted
    return promoted.unionByName(avro.read_blocks(spark, blocks, RAW_READING.ddl))
