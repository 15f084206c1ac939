"""`silver.quarantine`: every record that failed, with its exact bytes and every reason."""

from iot_common.contracts.table import REASONS_TYPE, Column, TableContract

QUARANTINE = TableContract(
    name="silver.quarantine",
    owner="silver",
    version="1.0.0",
    grain="one refused record",
    columns=(
        Column("row_id", "string", "The bronze row", required=True, source=("bronze.raw_reading.row_id",)),
        Column(
            "idempotency_key",
            "string",
            "blake2b-128 (hex) of the record, or of its bytes if it does not parse",
            source=("$",),
        ),
        Column(
            "reason_code",
            "string",
            "Event code of the first reason that quarantines",
            source=("silver.quarantine.reasons",),
        ),
        Column("reasons", REASONS_TYPE, "All reasons", source=("$",)),
        Column(
            "payload", "binary", "The exact bytes; null if oversize", source=("bronze.raw_reading.payload",)
        ),
        Column(
            "payload_pointer",
            "string",
            "Where an oversize line is kept",
            source=("bronze.raw_reading.payload_pointer",),
        ),
        Column("device_id", "string", "Identifier, where it could be read", source=("device_id",)),
        Column("event_time_raw", "timestamp", "Device time, where it could be read", source=("timestamp",)),
        Column(
            "schema_version",
            "string",
            "Version the record claims, where it could be read",
            source=("schema_version",),
        ),
        Column(
            "contract_version",
            "string",
            "Registered version it was checked against",
            source=("schema_version",),
        ),
        Column(
            "source_object",
            "string",
            "Key of the landing object",
            source=("bronze.raw_reading.source_object",),
        ),
        Column(
            "source_line",
            "bigint",
            "Line number in the object, from 1",
            source=("bronze.raw_reading.source_line",),
            range="from 1",
        ),
        Column(
            "ingest_time",
            "timestamp",
            "Arrival of the object",
            required=True,
            source=("bronze.raw_reading.ingest_time",),
        ),
        Column(
            "block_sequence",
            "bigint",
            "The bronze block it was read from",
            source=("bronze.raw_reading.block_sequence",),
            range="from 1",
        ),
        Column("batch", "string", "Silver batch: query id / number", required=True),
        Column("failed_time", "timestamp", "When silver refused it"),
        Column("processor_stage", "string", "Stage that refused it"),
        Column("processor_version", "string", "Version of that stage"),
    ),
    partitioned_by=("days(ingest_time)",),
)
