"""Avro blocks: written whole by the executors, read back as rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

WRITTEN_BLOCK_DDL = (
    "block_path string, object_count bigint, object_bytes bigint, line_count bigint, row_count bigint, "
    "payload_bytes bigint, block_bytes bigint, oldest_ingest_micros bigint, newest_ingest_micros bigint"
)
"""Columns of what `block_writer` yields: one row per block."""

ZSTD_LEVEL = 3
"""Level 3 packs a raw-text envelope 6–9 times; higher levels cost more CPU than the storage they save."""


@dataclass(frozen=True, slots=True)
class LandedObject:
    """One landing object in an executor: key relative to the landing root, arrival, and exact content."""

    key: str
    ingest_micros: int
    content: bytes


RowsOf = Callable[[LandedObject], Iterator[dict[str, Any]]]


class _Block:
    """One Avro file being filled in memory; its rows are counted as they are written."""

    def __init__(self, path: str, schema: Any) -> None:
        from fastavro.write import Writer

        self.path = path
        self.buffer = io.BytesIO()
        self.writer = Writer(
            self.buffer, schema, codec="zstandard", compression_level=ZSTD_LEVEL, sync_interval=1 << 20
        )
        self.totals = dict.fromkeys(
            ("object_count", "object_bytes", "line_count", "row_count", "payload_bytes"), 0
        )
        self.arrivals: list[int] = []

    def add(self, row: dict[str, Any]) -> None:
        self.writer.write(row)
        self.totals["row_count"] += 1
        self.totals["payload_bytes"] += row["payload_bytes"]

    def count_object(self, landed: LandedObject, line_count: int) -> None:
        self.totals["object_count"] += 1
        self.totals["object_bytes"] += len(landed.content)
        self.totals["line_count"] += line_count
        self.arrivals.append(landed.ingest_micros)

    def close(self) -> dict[str, Any]:
        from iot_common.io.objects import put_object

        self.writer.flush()
        content = self.buffer.getvalue()
        put_object(self.path, content)
        return {
            "block_path": self.path,
            **self.totals,
            "block_bytes": len(content),
            "oldest_ingest_micros": min(self.arrivals),
            "newest_ingest_micros": max(self.arrivals),
        }


def write_blocks(
    objects: Iterator[LandedObject],
    *,
    prefix: str,
    schema: dict[str, Any],
    rows_of: RowsOf,
    count_lines: Callable[[bytes], int],
    block_bytes: int,
) -> Iterator[dict[str, Any]]:
    """Write the rows of landing objects as Avro blocks under a prefix; yield one manifest row per block.

    An object never spans two blocks. A block is closed when it reaches `block_bytes` (compressed), so memory is
    bounded by that and the largest object. A manifest row counts lines apart from rows.
    """
    from fastavro import parse_schema

    parsed = parse_schema(schema)
    block: _Block | None = None
    number = 0
    for landed in objects:
        if block is None:
            block = _Block(f"{prefix}-{number:04d}.avro", parsed)
        for row in rows_of(landed):
            block.add(row)
        block.count_object(landed, count_lines(landed.content))
        if block.buffer.tell() >= block_bytes:
            yield block.close()
            block, number = None, number + 1
    if block is not None:
        yield block.close()


def manifest_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Manifest rows as one Arrow batch with the columns of WRITTEN_BLOCK_DDL."""
    import pyarrow as pa

    columns = [column.split() for column in WRITTEN_BLOCK_DDL.split(", ")]
    fields = [pa.field(name, pa.string() if kind == "string" else pa.int64()) for name, kind in columns]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema(fields))


def read_blocks(
    spark: SparkSession, paths_by_sequence: Sequence[tuple[int, str]], columns: str | StructType
) -> DataFrame:
    """Rows of Avro blocks, with `block_sequence` filled in.

    Blocks of several releases may be read at once: Spark would take the columns of any one of them for those of all.

    Args:
        spark: The session.
        paths_by_sequence: Sequence and path of each block; at least one.
        columns: What is read; null where a block has no such column. `block_sequence` is among them.
    """
    from pyspark.sql import functions as F

    rows = spark.read.schema(columns).format("avro").load([path for _, path in paths_by_sequence])
    # The file does not know its sequence, which is given at the commit. Names are unique, and are compared without
    # their folder since Spark may spell the scheme otherwise (`file:///` and `file:/`).
    names = F.create_map(*[F.lit(x) for seq, path in paths_by_sequence for x in (_tail(path), seq)])
    name = F.substring_index(F.col("_metadata.file_path"), "/", -3)
    return rows.withColumn("block_sequence", F.element_at(names, name).cast("bigint"))


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-3:])
