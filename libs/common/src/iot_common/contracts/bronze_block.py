"""`bronze.block`: the Avro blocks bronze has committed, in order."""

from iot_common.contracts.table import Column, TableContract

BLOCK = TableContract(
    name="bronze.block",
    owner="bronze",
    version="1.0.0",
    grain="one committed Avro block",
    columns=(
        Column(
            "block_sequence",
            "bigint",
            "Order of commit over all batches, from 1",
            required=True,
            range="from 1",
        ),
        Column("block_path", "string", "Where the Avro file is", required=True),
        Column("batch", "string", "Bronze batch that wrote it: query id / number", required=True),
        Column("object_count", "bigint", "Landing objects in it"),
        Column("object_bytes", "bigint", "Size of those objects as delivered", unit="byte"),
        Column("line_count", "bigint", "Lines those objects hold, counted apart from the rows"),
        Column("row_count", "bigint", "Rows in the block"),
        Column("payload_bytes", "bigint", "Size of the payloads, uncompressed", unit="byte"),
        Column("block_bytes", "bigint", "Size of the Avro file", unit="byte"),
        Column("oldest_ingest_time", "timestamp", "Arrival of its oldest row"),
        Column("newest_ingest_time", "timestamp", "Arrival of its newest row"),
        Column("written_time", "timestamp", "When bronze committed it"),
        Column("pipeline_version", "string", "Version of bronze"),
    ),
    streamed_by=("silver/blocks",),
)
