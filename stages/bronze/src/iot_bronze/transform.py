"""From landing objects to raw rows. Pure: what is written where is given in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from iot_bronze.lines import Line, Sink, split_object


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

    A line too long for a row, and a whole object that is broken, are kept as objects of their own: no byte is lost.

    Args:
        source_object: Key relative to the landing root.
        ingest_micros: Modification time, microseconds since 1970-01-01 UTC.
        content: The object as delivered.
        batch: Key of the bronze batch.
        max_line_bytes: Longest payload kept in a row.
        oversize_prefix: Where longer lines and broken objects are kept.
        open_sink: Opens such an object for writing, by its URI.
    """
    digest = hashlib.blake2b(content, digest_size=16).digest()

    def pointer(line_number: int) -> str:
        return f"{oversize_prefix}/{row_id(source_object, digest, line_number)}"

    def keep_object() -> str:
        uri = f"{oversize_prefix}/{digest.hex()}.object"
        sink = open_sink(uri)
        sink.write(content)
        sink.close()
        return uri

    def where_else(line: Line) -> str | None:
        broken = keep_object() if line.defect in ("TRUNCATED", "UNDECODABLE") else None
        return pointer(line.number) if line.payload is None else broken

    for line in split_object(content, max_line_bytes, lambda number: open_sink(pointer(number))):
        yield {
            "row_id": row_id(source_object, digest, line.number),
            "source_object": source_object,
            "source_line": line.number,
            "object_bytes": len(content),
            "ingest_time": ingest_micros,
            "batch": batch,
            "payload": line.payload,
            "payload_bytes": line.payload_bytes,
            "payload_pointer": where_else(line),
            "defect": line.defect,
        }
