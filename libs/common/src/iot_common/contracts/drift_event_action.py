"""`drift.event_action`: what became of findings: what people decided, and what drift saw end or come back."""

from iot_common.contracts.table import Column, TableContract

OPEN = "open"
ACKNOWLEDGED = "acknowledged"
ACCEPTED = "accepted"
RESOLVED = "resolved"
REOPENED = "reopened"

STATUS_AFTER = {ACKNOWLEDGED: ACKNOWLEDGED, ACCEPTED: ACCEPTED, RESOLVED: RESOLVED, REOPENED: OPEN}
"""Status of a finding after its newest action; without an action it is open."""

EVENT_ACTION = TableContract(
    name="drift.event_action",
    owner="drift",
    version="1.0.0",
    grain="one thing done to one finding",
    columns=(
        Column(
            "event_id",
            "string",
            "The finding, as in drift.event",
            required=True,
            source=("drift.event.event_id",),
        ),
        Column(
            "action",
            "string",
            "`acknowledged`: in hand; `accepted`: the new normal; `resolved`: over; `reopened`: back",
            required=True,
            range="acknowledged, accepted, resolved, reopened",
        ),
        Column("action_time", "timestamp", "When it was done"),
        Column("requested_by", "string", "Who asked for it; null where drift itself saw it end or come back"),
        Column("note", "string", "Why, in the words of who asked, or of drift"),
        Column(
            "channel",
            "string",
            "`structural` or `statistical`",
            source=("drift.event.channel",),
            range="structural, statistical",
        ),
        Column("kind", "string", "Kind of the finding", source=("drift.event.kind",)),
        Column("field", "string", "Its field", source=("drift.event.field",)),
        Column(
            "contract_version", "string", "Its contract version", source=("drift.event.contract_version",)
        ),
        Column(
            "devices",
            "array<string>",
            "Its devices: all of a statistical finding, at most 50 of a structural one",
            source=("drift.event.devices",),
        ),
        Column(
            "onset",
            "timestamp",
            "Its onset: where the new normal of an accepted one begins",
            source=("drift.event.onset",),
        ),
        Column(
            "last_seen",
            "timestamp",
            "Its last deviation when this was done: a later one is a return",
            source=("drift.event.last_seen",),
        ),
        Column("batch", "string", "Drift batch: query id / number", required=True),
        Column("processing_time", "timestamp", "When drift wrote it"),
        Column("pipeline_version", "string", "Version of drift"),
    ),
)
