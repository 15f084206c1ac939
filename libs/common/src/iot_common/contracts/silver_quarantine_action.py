"""`silver.quarantine_action`: what was done to quarantined records since; open are those without a closing action."""

from iot_common.contracts.table import REASONS_TYPE, Column, TableContract

REPLAYED = "replayed"
DISCARDED = "discarded"
FAILED_AGAIN = "failed_again"

CLOSING = (REPLAYED, DISCARDED)
"""Actions after which a record is no longer open; each record has at most one of them."""

QUARANTINE_ACTION = TableContract(
    name="silver.quarantine_action",
    owner="silver",
    version="1.0.0",
    grain="one thing done to one quarantined record",
    columns=(
        Column(
            "row_id",
            "string",
            "The bronze row, as in silver.quarantine",
            required=True,
            source=("silver.quarantine.row_id",),
        ),
        Column(
            "idempotency_key",
            "string",
            "Key of the record in silver.quarantine",
            source=("silver.quarantine.idempotency_key",),
        ),
        Column(
            "action", "string", "`replayed`, `discarded` (both close it) or `failed_again`", required=True
        ),
        Column("outcome", "string", "Of a replayed record: `kept`, `duplicate` or `superseded`; else null"),
        Column(
            "reason_code",
            "string",
            "Of a record that failed again: the first reason that quarantines",
            source=("$",),
        ),
        Column("reasons", REASONS_TYPE, "Of a record that failed again: all reasons", source=("$",)),
        Column(
            "contract_version",
            "string",
            "Registered version it was checked against this time",
            source=("schema_version",),
        ),
        Column("purpose", "string", "Why it was processed again: replay, discard, …", required=True),
        Column("requested_by", "string", "Who asked for it"),
        Column("note", "string", "Why, in the words of who asked"),
        Column("batch", "string", "Silver batch: query id / number", required=True),
        Column("action_time", "timestamp", "When silver did it"),
        Column("processor_version", "string", "Version of silver"),
    ),
)
