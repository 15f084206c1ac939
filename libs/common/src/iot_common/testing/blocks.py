"""Commits raw payloads as bronze would, for the tests of the stages after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import BLOCK_ROW_SCHEMA, RAW_READING
from iot_common.io.avro import LandedObject, write_blocks
from iot_common.io.iceberg import ensure_table
from iot_common.testing.spark import TEST_NOW, Lake


def land_payloads(
    lake: Lake,
    payloads: Sequence[bytes],
    *,
    arrived: datetime = TEST_NOW,
    name: str = "",
    schema: dict[str, Any] = BLOCK_ROW_SCHEMA,
) -> None:
    """Add one committed Avro block with one row per payload, from one landing object.

    Args:
        lake: The warehouse.
        payloads: Exact bytes, one per line.
        arrived: Modification time of the object.
        name: Key of the object; default: numbered by block.
        schema: Avro schema of the block.
    """
    ensure_table(lake.spark, RAW_READING)
    ensure_table(lake.spark, BLOCK)
    sequence = lake.table(BLOCK).count() + 1
    key = name or f"object-{sequence}.ndjson"
    micros = round(arrived.timestamp() * 1_000_000)

    def rows_of(landed: LandedObject) -> Any:
        for number, payload in enumerate(payloads, start=1):
            yield {
                "row_id": f"{key}#{number}",
                "source_object": landed.key,
                "source_line": number,
                "object_bytes": len(landed.content),
                "ingest_time": landed.ingest_micros,
                "batch": f"test/{sequence}",
                "payload": payload,
                "payload_bytes": len(payload),
            }

    (written,) = write_blocks(
        iter([LandedObject(key, micros, b"\n".join(payloads))]),
        prefix=f"file://{lake.folder}/blocks/test/{sequence}/part",
        schema=schema,
        rows_of=rows_of,
        count_lines=lambda _: len(payloads),
        block_bytes=1 << 30,
    )
    times = {
        name: datetime.fromtimestamp(arrived.timestamp(), UTC)
        for name in ("oldest_ingest_time", "newest_ingest_time")
    }
    lake.append(BLOCK, [{**written, **times, "block_sequence": sequence, "batch": f"test/{sequence}"}])
