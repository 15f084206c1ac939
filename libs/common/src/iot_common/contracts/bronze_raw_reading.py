"""`bronze.raw_reading`: every line of every landing object, byte for byte, with its envelope."""

from iot_common.contracts.table import Column, TableContract

RAW_READING = TableContract(
    name="bronze.raw_reading",
    owner="bronze",
    version="1.0.0",
    grain="one line of one landing object",
    columns=(
        Column("row_id", "string", "blake2b-128 (hex) of object key, object digest and line number", required=True),
        Column("source_object", "string", "Key of the object, relative to the landing root", required=True),
        Column("source_line", "bigint", "Line number in the object, from 1", required=True),
        Column("object_bytes", "bigint", "Size of the object as delivered", unit="byte"),
        Column("ingest_time", "timestamp", "Arrival: modification time of the landing object", required=True),
        Column("batch", "string", "Bronze batch: query id / number", required=True),
        Column("block_sequence", "bigint", "The block it was first written to", required=True),
        Column("payload", "binary", "The exact bytes of the line, without its newline; null if oversize"),
        Column("payload_bytes", "bigint", "Size of the line", unit="byte"),
        Column("payload_pointer", "string", "Where an oversize line is kept; null otherwise"),
        Column("defect", "string", "TRUNCATED, UNDECODABLE or OVERSIZE; null for a whole line"),
    ),
    partitioned_by=("days(ingest_time)",),
)
