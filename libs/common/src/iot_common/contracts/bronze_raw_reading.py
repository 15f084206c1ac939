"""`bronze.raw_reading`: every line of every landing object, byte for byte, with its envelope."""

from typing import Any

from iot_common.contracts.table import Column, TableContract

RAW_READING = TableContract(
    name="bronze.raw_reading",
    owner="bronze",
    version="1.0.0",
    grain="one line of one landing object",
    columns=(
        Column(
            "row_id",
            "string",
            "blake2b-128 (hex) of object key, object digest and line number",
            required=True,
        ),
        Column("source_object", "string", "Key of the object, relative to the landing root", required=True),
        Column("source_line", "bigint", "Line number in the object, from 1", required=True, range="from 1"),
        Column("object_bytes", "bigint", "Size of the object as delivered", unit="byte", range="from 0"),
        Column("ingest_time", "timestamp", "Arrival: modification time of the landing object", required=True),
        Column("batch", "string", "Bronze batch: query id / number", required=True),
        Column(
            "block_sequence",
            "bigint",
            "The block it was first written to",
            required=True,
            source=("bronze.block.block_sequence",),
            range="from 1",
        ),
        Column(
            "payload",
            "binary",
            "The exact bytes of the line, without its newline; null if oversize",
            source=("$",),
        ),
        Column("payload_bytes", "bigint", "Size of the line", unit="byte", source=("$",), range="from 0"),
        Column(
            "payload_pointer", "string", "Where an oversize line, or the whole of a broken object, is kept"
        ),
        Column(
            "defect",
            "string",
            "TRUNCATED, UNDECODABLE or OVERSIZE; null for a whole line",
            range="TRUNCATED, UNDECODABLE, OVERSIZE or null",
        ),
    ),
    partitioned_by=("days(ingest_time)",),
)

BLOCK_ROW_SCHEMA: dict[str, Any] = {
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
"""Avro schema of a block: the same columns. `block_sequence` is null in the file, since it is given at the commit;
whoever reads a block takes it from `bronze.block`."""
