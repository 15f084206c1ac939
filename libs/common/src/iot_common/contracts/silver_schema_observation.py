"""`silver.schema_observation`: what was seen, as mergeable counts; drift is found from this table alone."""

from iot_common.contracts.table import Column, TableContract

SCHEMA_OBSERVATION = TableContract(
    name="silver.schema_observation",
    owner="silver",
    version="1.0.0",
    grain="one (batch, contract version, device cohort, path, type or event code)",
    columns=(
        Column("batch", "string", "Silver batch: query id / number", required=True),
        Column(
            "observation",
            "string",
            "`path`: a path and type was present; `event`: an event code was raised",
            range="path, event",
        ),
        Column(
            "contract_version",
            "string",
            "Registered version the records were checked against",
            source=("schema_version",),
        ),
        Column("schema_version", "string", "Version the records claim", source=("schema_version",)),
        Column(
            "device_cohort",
            "string",
            "`c00`..`c15` by hash of the device id; `none` where it is unknown",
            source=("device_id",),
            range="c00 to c15, none",
        ),
        Column("path", "string", "Dotted path; `$` is the record itself", required=True, source=("$",)),
        Column(
            "json_type",
            "string",
            "JSON type seen at the path; null for events",
            source=("$",),
            range="null, boolean, integer, number, string, array, object",
        ),
        Column(
            "enum_value",
            "string",
            "Value seen, for paths whose contract has an enum; null otherwise",
            source=("$",),
        ),
        Column("code", "string", "Event code; null for paths", source=("$",)),
        Column("expected", "string", "What the contract or engine asks for; null for paths", source=("$",)),
        Column("record_count", "bigint", "Records", range="from 1"),
        Column(
            "device_count",
            "bigint",
            "Distinct devices in this batch (HyperLogLog estimate)",
            source=("device_id",),
            range="from 0",
        ),
        Column(
            "device_sketch",
            "binary",
            "HyperLogLog sketch of the devices, mergeable (hll_union_agg)",
            source=("device_id",),
        ),
        Column(
            "device_examples",
            "array<string>",
            "Up to 50 of the devices, in order",
            source=("device_id",),
            range="at most 50",
        ),
        Column(
            "found_examples",
            "array<string>",
            "Up to 3 of the values found; null for paths",
            source=("$",),
            range="at most 3",
        ),
        Column("first_event_time", "timestamp", "Earliest device time", source=("timestamp",)),
        Column("last_event_time", "timestamp", "Latest device time", source=("timestamp",)),
        Column("processing_time", "timestamp", "When silver observed it"),
    ),
    streamed_by=("drift/structural",),
)
