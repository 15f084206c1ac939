"""`silver.superseded`: the readings that lost against a newer one of the same device and time."""

from iot_common.contracts.table import Column, TableContract

SUPERSEDED = TableContract(
    name="silver.superseded",
    owner="silver",
    version="1.0.0",
    grain="one reading that was replaced by a newer ingestion",
    columns=(
        Column(
            "device_id",
            "string",
            "Identifier of the sensor",
            required=True,
            source=("silver.reading.device_id",),
        ),
        Column(
            "event_time_raw",
            "timestamp",
            "Device time both readings claim",
            required=True,
            source=("silver.reading.event_time_raw",),
        ),
        Column(
            "idempotency_key",
            "string",
            "Key of the reading that lost",
            required=True,
            source=("silver.reading.idempotency_key",),
        ),
        Column(
            "row_id", "string", "The bronze row that lost", required=True, source=("silver.reading.row_id",)
        ),
        Column(
            "superseded_by_row_id", "string", "The bronze row that won", source=("silver.reading.row_id",)
        ),
        Column("was_stored", "boolean", "True if it stood in silver.reading before this batch"),
        Column("batch", "string", "Silver batch: query id / number", required=True),
        Column("processing_time", "timestamp", "When silver decided"),
    ),
)
