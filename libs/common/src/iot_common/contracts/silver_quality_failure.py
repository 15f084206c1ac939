"""`silver.quality_failure`: every row that failed a quality check, per check; the results are in `ops.stage_metric`."""

from iot_common.contracts.table import Column, TableContract

QUALITY_FAILURE = TableContract(
    name="silver.quality_failure",
    owner="silver",
    version="1.0.0",
    grain="one bronze row and one expectation that it fails",
    columns=(
        Column("row_id", "string", "The bronze row", required=True),
        Column("expectation", "string", "Type and column of the expectation", required=True),
        Column("suite", "string", "Suite it belongs to"),
        Column("found", "string", "The failing value as text; null where it is missing", source=("$",)),
        Column("batch", "string", "Silver batch: query id / number", required=True),
        Column("processing_time", "timestamp", "When silver checked it"),
    ),
    partitioned_by=("days(processing_time)",),
)
