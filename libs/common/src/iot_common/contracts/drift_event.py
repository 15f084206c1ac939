"""`drift.event`: what changed, since when, for whom, and why we say so."""

from iot_common.contracts.table import Column, TableContract

DRIFT_EVENT = TableContract(
    name="drift.event",
    owner="drift",
    version="1.0.0",
    grain="one finding: (channel, kind, field, contract version, device where the finding is one device's)",
    columns=(
        Column("event_id", "string", "blake2b-128 (hex) of the grain", required=True),
        Column("channel", "string", "`structural` or `statistical`", required=True),
        Column("kind", "string", "Event code, or VALUE_SHIFT, STUCK, NOISE, SILENT", required=True),
        Column("severity", "string", "INFO, WARN, ERROR or CRITICAL"),
        Column(
            "field", "string", "Dotted path of the contract, or the silver column for statistical findings"
        ),
        Column("contract_version", "string", "Contract version; null for statistical findings"),
        Column("devices", "array<string>", "Devices, at most 50, in order"),
        Column("device_count", "bigint", "Devices concerned (HyperLogLog estimate above 50)"),
        Column("device_share", "double", "Share of the devices seen, 0 to 1"),
        Column("onset", "timestamp", "Device time of the first deviating record or window"),
        Column("last_seen", "timestamp", "Device time of the last deviating record or window"),
        Column("occurrence_count", "bigint", "Deviating records or windows"),
        Column("score", "double", "Largest score, 0 to 1; null for structural findings but RENAME_SUSPECT"),
        Column("threshold", "double", "What the finding had to pass: a share or a score"),
        Column("evidence", "string", "JSON object: what was expected and found, in numbers and examples"),
        Column("status", "string", "open"),
        Column("batch", "string", "Drift batch that last changed it: query id / number"),
        Column("first_detected_time", "timestamp", "When drift first reported it"),
        Column("processing_time", "timestamp", "When drift last changed it"),
        Column("pipeline_version", "string", "Version of drift"),
    ),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
