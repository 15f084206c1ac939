"""Rows of bronze's tables from what was written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from iot_common.contracts.bronze_block import BLOCK

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def block_rows(
    written: Iterable[Mapping[str, Any]], *, batch: str, after_sequence: int, now: datetime, version: str
) -> list[tuple[Any, ...]]:
    """Rows of `bronze.block` for newly written blocks, numbered on from the last committed sequence.

    Args:
        written: Columns of `iot_common.io.avro.WRITTEN_BLOCK_DDL`, one row per block, in any order.
        batch: Key of the bronze batch.
        after_sequence: Highest sequence already committed; 0 for none.
        now: Time of the commit.
        version: Version of bronze.

    Returns:
        Tuples in the order of the contract's columns.
    """
    in_order = sorted(written, key=lambda block: str(block["block_path"]))
    rows = (
        {
            **block,
            "block_sequence": after_sequence + number,
            "batch": batch,
            "oldest_ingest_time": _EPOCH + timedelta(microseconds=block["oldest_ingest_micros"]),
            "newest_ingest_time": _EPOCH + timedelta(microseconds=block["newest_ingest_micros"]),
            "written_time": now,
            "pipeline_version": version,
        }
        for number, block in enumerate(in_order, start=1)
    )
    return [tuple(row[name] for name in BLOCK.column_names) for row in rows]
