"""`drift.drift_log`: what waits for a contract change, and what became of it."""

from iot_common.contracts.table import Column, TableContract

DRIFT_LOG = TableContract(
    name="drift.drift_log",
    owner="drift",
    version="1.0.0",
    grain="one path and kind of structural finding",
    columns=(
        Column(
            "path",
            "string",
            "Dotted path of the record; `schema_version` for versions",
            required=True,
            source=("drift.event.field",),
        ),
        Column("kind", "string", "Event code", required=True, source=("drift.event.kind",)),
        Column(
            "status",
            "string",
            "PENDING: waits for a contract change; APPROVED: a registered contract has it; DISMISSED: people said no, "
            "and it stays so; NOTED: asks for no contract change",
            range="PENDING, APPROVED, DISMISSED, NOTED",
        ),
        Column(
            "severity",
            "string",
            "INFO, WARN, ERROR or CRITICAL, of the last finding",
            source=("drift.event.severity",),
            range="INFO, WARN, ERROR, CRITICAL",
        ),
        Column("first_seen", "timestamp", "Device time of the first record", source=("drift.event.onset",)),
        Column("last_seen", "timestamp", "Device time of the last record", source=("drift.event.last_seen",)),
        Column("occurrences", "bigint", "Drift batches that found it, never records", range="from 1"),
        Column(
            "record_count",
            "bigint",
            "Records so far, of the last finding",
            source=("drift.event.occurrence_count",),
            range="from 1",
        ),
        Column(
            "device_count",
            "bigint",
            "Devices so far, of the last finding",
            source=("drift.event.device_count",),
            range="from 0",
        ),
        Column(
            "device_share",
            "double",
            "Share of the devices seen, 0 to 1",
            source=("drift.event.device_share",),
            range="0 to 1",
        ),
        Column(
            "versions",
            "array<string>",
            "Contract versions it was found under; for VERSION kinds, the versions that are claimed. At most 50",
            source=("silver.schema_observation.contract_version", "silver.schema_observation.schema_version"),
            range="at most 50",
        ),
        Column("sample", "string", "One value or type found", source=("drift.event.evidence",)),
        Column(
            "proposed_column",
            "string",
            "Column of silver.reading that a new field gets; null for others",
            source=("drift.event.field",),
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
