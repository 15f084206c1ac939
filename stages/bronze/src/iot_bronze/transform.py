"""From landing objects to raw rows. Pure: what is written where is given in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from iot_bronze.lines import Line, Sink, split_object

ROW_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "RawReading",
    "namespace": "driftlake.bronze",
    "fields": [
        {"name": "row_id", "type": "string"},
        {"name": "source_object", "type": "string"},
        {"name": "source_line", "type": "long"},
        {"name": "object_bytes", "type": "long"},
        {"name": "ingest_time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "batch", "type": "string"},
        {"name": "block_sequence", "type": ["null", "long"], "default": None},
        {"name": "payload", "type": ["null", "bytes"], "default": None},
        {"name": "payload_bytes", "type": "long"},
        {"name": "payload_pointer", "type": ["null", "string"], "default": None},
        {"name": "defect", "type": ["null", "string"], "default": None},
    ],
}
"""Avro schema of a block: the columns of `bronze.raw_reading`. `block_sequence` is null in the file, since it is
given at the commit; whoever reads a block takes it from `bronze.block`."""


def row_id(source_object: str, object_digest: bytes, source_line: int) -> str:
    """Identity of a line: the same at each delivery of the same object, another if its content differs."""
    text = f"{source_object}\0{object_digest.hex()}\0{source_line}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def rows_of_object(
    source_object: str,
    ingest_micros: int,
    content: bytes,
    *,
    batch: str,
    max_line_bytes: int,
    oversize_prefix: str,
    open_sink: Callable[[str], Sink],
) -> Iterator[dict[str, Any]]:
    """Rows of `bronze.raw_reading` for one landing object, in the order of its lines.

    Args:
        source_object: Key relative to the landing root.
        ingest_micros: Modification time, microseconds since 1970-01-01 UTC.
        content: The object as delivered.
        batch: Key of the bronze batch.
        max_line_bytes: Longest payload kept in a row.
        oversize_prefix: Where longer lines are kept.
        open_sink: Opens the object for such a line, by its URI.
    """
    digest = hashlib.blake2b(content, digest_size=16).digest()

    def pointer(line_number: int) -> str:
        return f"{oversize_prefix}/{row_id(source_object, digest, line_number)}"

    def as_row(line: Line) -> dict[str, Any]:
        return {
            "row_id": row_id(source_object, digest, line.number),
            "source_object": source_object,
            "source_line": line.number,
            "object_bytes": len(content),
            "ingest_time": ingest_micros,
            "batch": batch,
            "payload": line.payload,
            "payload_bytes": line.payload_bytes,
            "payload_pointer": pointer(line.number) if line.payload is None else None,
            "defect": line.defect,
        }

    for line in split_object(content, max_line_bytes, lambda number: open_sink(pointer(number))):
        yield as_row(line)
