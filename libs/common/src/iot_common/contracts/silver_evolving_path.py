"""`silver.evolving_path`: the evidence for a column, kept up to date so that no batch re-reads all observations."""

from iot_common.contracts.table import Column, TableContract

EVOLVING_PATH = TableContract(
    name="silver.evolving_path",
    owner="silver",
    version="1.0.0",
    grain="one undeclared path, its spellings folded; counted until it has its column",
    columns=(
        Column(
            "folded_path",
            "string",
            "Dotted path, case folded",
            required=True,
            source=("silver.schema_observation.path",),
        ),
        Column(
            "path",
            "string",
            "The spelling that most records of its first batch had",
            required=True,
            source=("silver.schema_observation.path",),
        ),
        Column(
            "column_name",
            "string",
            "Column of silver.reading that it gets",
            required=True,
            source=("silver.schema_observation.path",),
        ),
        Column(
            "record_count",
            "bigint",
            "Records that had it",
            source=("silver.schema_observation.record_count",),
            range="from 1",
        ),
        Column(
            "device_count",
            "bigint",
            "Distinct devices (HyperLogLog estimate)",
            source=("silver.schema_observation.device_sketch",),
            range="from 0",
        ),
        Column(
            "device_sketch",
            "binary",
            "HyperLogLog sketch of the devices, mergeable (hll_union)",
            source=("silver.schema_observation.device_sketch",),
        ),
        Column("batch_count", "bigint", "Silver batches that saw it", range="from 1"),
        Column(
            "first_event_time",
            "timestamp",
            "Earliest device time",
            source=("silver.schema_observation.first_event_time",),
        ),
        Column(
            "last_event_time",
            "timestamp",
            "Latest device time",
            source=("silver.schema_observation.last_event_time",),
        ),
        Column("processing_time", "timestamp", "When silver last saw it"),
    ),
    properties={"write.merge.mode": "copy-on-write"},
    append_only=False,
)
