"""`ops.conservation`: the proof, per batch, that nothing was lost and nothing doubled."""

from iot_common.contracts.table import Column, TableContract

CONSERVATION = TableContract(
    name="ops.conservation",
    owner="metrics",
    version="1.0.0",
    grain="one (stage, query, batch)",
    columns=(
        Column("stage", "string", "Stage", required=True),
        Column("query", "string", "Name of the stage's query", required=True),
        Column("query_id", "string", "Query id of the checkpoint", required=True),
        Column("batch_id", "bigint", "Number of the batch", required=True),
        Column(
            "unit", "string", "What is counted: rows (bronze: lines in, rows out), windows or observations"
        ),
        Column("rows_in", "bigint", "Came in"),
        Column("rows_kept", "bigint", "Written"),
        Column("rows_quarantined", "bigint", "Refused, with reasons and bytes"),
        Column("rows_duplicate", "bigint", "Known already, not kept"),
        Column("rows_superseded", "bigint", "Lost against a newer reading"),
        Column("difference", "bigint", "in − kept − quarantined − duplicate − superseded"),
        Column("balanced", "boolean", "True if the difference is 0"),
        Column("checked_time", "timestamp", "When metrics checked it"),
    ),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
