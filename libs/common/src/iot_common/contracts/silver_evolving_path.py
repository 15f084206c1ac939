"""`silver.evolving_path`: the evidence for a column, kept up to date so that no batch re-reads all observations."""

from iot_common.contracts.table import Column, TableContract

_PATH = ("silver.schema_observation.path",)

EVOLVING_PATH = TableContract(
    name="silver.evolving_path",
    owner="silver",
    version="1.0.0",
    grain="one undeclared path, its spellings folded; watched until it has its column",
    columns=(
        Column("folded_path", "string", "Dotted path, case folded", required=True, source=_PATH),
        Column(
            "path",
            "string",
            "The spelling that most records of its first batch had",
            required=True,
            source=_PATH,
        ),
        Column("column_name", "string", "Column of silver.reading that it gets", required=True, source=_PATH),
        Column(
            "devices",
            "array<string>",
            "Devices that sent it, at most 50, in order",
            source=("silver.schema_observation.device_examples",),
        ),
        Column(
            "batch_count",
            "bigint",
            "Silver batches that saw it, counted no further than is asked for",
            range="from 1",
        ),
        Column(
            "first_event_time",
            "timestamp",
            "Earliest device time",
            source=("silver.schema_observation.first_event_time",),
        ),
        Column("processing_time", "timestamp", "When evidence was last added"),
    ),
    append_only=False,
)
