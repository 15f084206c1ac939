"""The Avro blocks that bronze has written and not yet promoted: the younger part of `bronze.raw_reading_all`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from driftlake.aws import is_deployed
from driftlake.catalog import local_path, object_bytes
from driftlake.errors import BlockReadError
from iot_common.contracts.bronze_raw_reading import RAW_READING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

UNPROMOTED_VIEW = "bronze.unpromoted_block"
"""View over the rows of `bronze.block` above the last promoted one."""

BLOCKS_VIEW = "bronze.raw_reading_all"

ROWS_AT_ONCE = 50_000
"""Rows of a block turned into Arrow at once: about 25 MB of readings."""


def create_unpromoted_block(connection: duckdb.DuckDBPyConnection, promoted_through: int) -> None:
    """Make the view `bronze.unpromoted_block`.

    Args:
        connection: With the warehouse's views.
        promoted_through: Sequence of the last promoted block, as bronze's commit names it.
    """
    connection.execute(
        f"CREATE VIEW {UNPROMOTED_VIEW} AS SELECT * FROM bronze.block WHERE block_sequence > {int(promoted_through)}"
    )


def raw_reading_schema() -> pa.Schema:
    """The columns of `bronze.raw_reading` as Arrow."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "bigint": pa.int64(),
        "binary": pa.binary(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    return pa.schema([(column.name, types[column.type]) for column in RAW_READING.columns])


def read_block(sequence: int, location: str) -> Iterator[pa.Table]:
    """The rows of one block, in parts, with their `block_sequence`, which the file does not know.

    DuckDB's Avro reader has no zstd, which bronze writes, so fastavro reads.

    Raises:
        BlockReadError: If the file is not there or damaged.
    """
    import fastavro
    import pyarrow as pa

    schema = raw_reading_schema()
    rows: list[dict[str, Any]] = []
    try:
        with (
            io.BytesIO(object_bytes(location))
            if is_deployed(location)
            else local_path(location).open("rb") as file
        ):
            for row in fastavro.reader(file):
                rows.append({**row, "block_sequence": sequence})  # type: ignore[dict-item]
                if len(rows) == ROWS_AT_ONCE:
                    yield pa.Table.from_pylist(rows, schema)
                    rows = []
    except (OSError, ValueError, EOFError) as error:
        raise BlockReadError(location, str(error)) from error
    if rows:
        yield pa.Table.from_pylist(rows, schema)


def create_raw_reading_all(connection: duckdb.DuckDBPyConnection, with_blocks: bool) -> None:
    """Make `bronze.raw_reading_all` and its alias `raw_reading_all` (the name Spark's view has).

    Args:
        connection: With the warehouse's views.
        with_blocks: Read the blocks into a table of this connection; without, the view lacks them.
    """
    names = ", ".join(RAW_READING.column_names)
    connection.execute(
        f"CREATE TABLE bronze.unpromoted_row AS SELECT {names} FROM bronze.raw_reading LIMIT 0"
    )
    if with_blocks:
        blocks = connection.execute(
            f"SELECT block_sequence, block_path FROM {UNPROMOTED_VIEW} ORDER BY 1"
        ).fetchall()
        for sequence, location in blocks:
            for part in read_block(sequence, location):
                connection.register("block_part", part)
                connection.execute(f"INSERT INTO bronze.unpromoted_row SELECT {names} FROM block_part")
                connection.unregister("block_part")
    union = f"SELECT {names} FROM bronze.raw_reading UNION ALL SELECT {names} FROM bronze.unpromoted_row"
    connection.execute(f"CREATE VIEW {BLOCKS_VIEW} AS {union}")
    connection.execute(f"CREATE VIEW raw_reading_all AS FROM {BLOCKS_VIEW}")
