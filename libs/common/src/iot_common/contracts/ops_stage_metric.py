"""`ops.stage_metric`: what passed each gate of each stage."""

from iot_common.contracts.table import Column, TableContract

STAGE_METRIC = TableContract(
    name="ops.stage_metric",
    owner="metrics",
    version="1.1.1",
    grain="one gate of one stage and batch attempt",
    columns=(
        Column("run_id", "string", "Run of the pipeline or job", required=True),
        Column("stage", "string", "bronze, silver, gold, drift or metrics", required=True),
        Column("stage_version", "string", "Version of the stage"),
        Column("query", "string", "Name of the stage's query"),
        Column("query_id", "string", "Query id of the checkpoint; null if it failed before"),
        Column("batch_id", "bigint", "Number of the batch in that query; null if it failed before"),
        Column("side", "string", "`ingress` or `egress`", required=True),
        Column(
            "disposition",
            "string",
            "in, kept, quarantined, duplicate, superseded; outside the balance: replaced, read, promoted, "
            "written, checked (a quality check; `rows` failed it), maintained (the maintenance of a table)",
        ),
        Column("target", "string", "Table or prefix; of a quality check its suite and expectation"),
        Column("files", "bigint", "Files read or written"),
        Column("bytes", "bigint", "Size of those files", unit="byte"),
        Column("rows", "bigint", "Rows"),
        Column("duration_ms", "bigint", "Duration of the batch so far", unit="ms"),
        Column("outcome", "string", "`success` or `failure`", required=True),
        Column("error", "string", "Why it failed"),
        Column("recorded_time", "timestamp", "When the gate was recorded", required=True),
        Column(
            "detail",
            "string",
            "JSON: of a quality check the validation result in the Great Expectations shape, of a maintenance what the "
            "table was before and is after",
        ),
    ),
    partitioned_by=("days(recorded_time)",),
)
