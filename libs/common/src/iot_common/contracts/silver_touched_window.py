"""`silver.touched_window`: which 5-minute device windows a silver batch changed."""

from iot_common.contracts.table import Column, TableContract

WINDOW_MINUTES = 5
"""The finest window any reader recomputes; gold and drift derive theirs from it."""

TOUCHED_WINDOW = TableContract(
    name="silver.touched_window",
    owner="silver",
    version="1.0.0",
    grain="one (batch, device, 5-minute window)",
    columns=(
        Column("batch", "string", "Silver batch: query id / number", required=True),
        Column(
            "device_id",
            "string",
            "Identifier of the sensor",
            required=True,
            source=("silver.reading.device_id",),
        ),
        Column(
            "window_start",
            "timestamp",
            "Start of the window of event_time",
            required=True,
            source=("silver.reading.event_time",),
            range="multiples of 5 minutes",
        ),
        Column("change_count", "bigint", "Readings written to or taken from the window", range="from 1"),
        Column("processing_time", "timestamp", "When silver changed it"),
    ),
    streamed_by=("drift/statistical", "gold/windows"),
)
