"""`drift.drift_log`: what waits for a contract change, and what became of it."""

from iot_common.contracts.table import Column, TableContract

DRIFT_LOG = TableContract(
    name="drift.drift_log",
    owner="drift",
    version="1.0.0",
    grain="one path and kind of structural finding",
    columns=(
        Column("path", "string", "Dotted path of the record; `schema_version` for versions", required=True),
        Column("kind", "string", "Event code", required=True),
        Column(
            "status",
            "string",
            "PENDING: waits for a contract change; APPROVED: a registered contract has it; DISMISSED: people said no, "
            "and it stays so; NOTED: asks for no contract change",
        ),
        Column("severity", "string", "INFO, WARN, ERROR or CRITICAL, of the last finding"),
        Column("first_seen", "timestamp", "Device time of the first record"),
        Column("last_seen", "timestamp", "Device time of the last record"),
        Column("occurrences", "bigint", "Drift batches that found it, never records"),
        Column("record_count", "bigint", "Records so far, of the last finding"),
        Column("device_count", "bigint", "Devices so far, of the last finding"),
        Column("device_share", "double", "Share of the devices seen, 0 to 1"),
        Column(
            "versions",
            "array<string>",
            "Contract versions it was found under; for VERSION kinds, the versions that are claimed. At most 50",
        ),
        Column("sample", "string", "One value or type found"),
        Column(
            "proposed_column", "string", "Column of silver.reading that a new field gets; null for others"
        ),
        Column("contract_version", "string", "Highest registered contract when it was last found"),
        Column("approved_by", "string", "Contract version that approved it"),
        Column("batch", "string", "Drift batch that last changed it: query id / number"),
        Column("first_detected_time", "timestamp", "When drift first logged it"),
        Column("processing_time", "timestamp", "When drift last changed it"),
        Column("pipeline_version", "string", "Version of drift"),
    ),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
