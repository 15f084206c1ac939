"""`drift.alert`: what was told to people, over which channel; so nothing is told twice."""

from iot_common.contracts.table import Column, TableContract

NEW = "new"
RETURNED = "returned"
GRAVER = "graver"

ALERT = TableContract(
    name="drift.alert",
    owner="drift",
    version="1.0.0",
    grain="one finding told over one channel in one digest",
    columns=(
        Column("event_id", "string", "The finding", required=True, source=("drift.event.event_id",)),
        Column(
            "channel",
            "string",
            "`console`, `webhook` or `sns`",
            required=True,
            range="console, webhook, sns",
        ),
        Column(
            "digest_id", "string", "blake2b-64 (hex) of what the digest tells: the same for a repeated one"
        ),
        Column(
            "severity",
            "string",
            "Severity of the finding when it was told",
            source=("drift.event.severity",),
            range="INFO, WARN, ERROR, CRITICAL",
        ),
        Column(
            "reason",
            "string",
            "`new`, `returned` (reopened since), or `graver` than when it was last told",
            range="new, returned, graver",
        ),
        Column("alert_time", "timestamp", "When the channel took it"),
        Column("batch", "string", "Drift batch: query id / number", required=True),
        Column("pipeline_version", "string", "Version of drift"),
    ),
)
