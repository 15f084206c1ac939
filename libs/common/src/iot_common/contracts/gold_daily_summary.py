"""`gold.daily_summary`: strict aggregates per device, day and reading, with anomaly counts."""

from iot_common.contracts.gold_device_window_5min import MEASURES
from iot_common.contracts.table import Column, TableContract

DAILY_SUMMARY = TableContract(
    name="gold.daily_summary",
    owner="gold",
    version="1.0.0",
    grain="one (device_id, day, reading)",
    columns=(
        Column(
            "device_id",
            "string",
            "Identifier of the sensor",
            required=True,
            source=("gold.device_window_5min.device_id",),
        ),
        Column(
            "day",
            "date",
            "Day of event_time, UTC",
            required=True,
            source=("gold.device_window_5min.window_start",),
        ),
        Column(
            "reading",
            "string",
            "temperature_celsius, humidity_percent or battery_percent",
            required=True,
            range="temperature_celsius, humidity_percent, battery_percent",
        ),
        Column(
            "window_count",
            "bigint",
            "5-minute windows with a reading",
            source=("gold.device_window_5min.window_start",),
            range="1 to 288",
        ),
        *MEASURES,
        Column("batch", "string", "Gold batch that wrote it: query id / number"),
        Column("processing_time", "timestamp", "When gold wrote it"),
    ),
    partitioned_by=("months(day)",),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
