"""`silver.circuit_breaker`: which claimed schema versions silver holds back, as transitions; the newest one stands."""

from iot_common.contracts.table import Column, TableContract

OPEN = "open"
HALF_OPEN = "half_open"
CLOSED = "closed"

CIRCUIT_BREAKER = TableContract(
    name="silver.circuit_breaker",
    owner="silver",
    version="1.0.0",
    grain="one change of one breaker in one batch",
    columns=(
        Column("sequence", "bigint", "Order of the changes, from 1", required=True, range="from 1"),
        Column(
            "schema_version", "string", "Version the records claim", required=True, source=("schema_version",)
        ),
        Column(
            "state",
            "string",
            "From the next batch on: `open` (all its records are held), `half_open` (but for a sample), `closed`",
            required=True,
        ),
        Column("checked_rows", "bigint", "Records it was decided on; while half open: so far"),
        Column("failed_rows", "bigint", "Of these, quarantined for reasons of their own other than lateness"),
        Column("batch", "string", "Silver batch that decided: query id / number", required=True),
        Column("transition_time", "timestamp", "Time of that batch; the cool-down counts from it"),
        Column("pipeline_version", "string", "Version of silver"),
    ),
)
