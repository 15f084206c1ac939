"""`gold.daily_summary`: strict aggregates per device, day and reading, with anomaly counts."""

from iot_common.contracts.gold_device_window_5min import MEASURES
from iot_common.contracts.table import Column, TableContract

DAILY_SUMMARY = TableContract(
    name="gold.daily_summary",
    owner="gold",
    version="1.0.0",
    grain="one (device_id, day, reading)",
    columns=(
        Column("device_id", "string", "Identifier of the sensor", required=True),
        Column("day", "date", "Day of event_time, UTC", required=True),
        Column(
            "reading", "string", "temperature_celsius, humidity_percent or battery_percent", required=True
        ),
        Column("window_count", "bigint", "5-minute windows with a reading"),
        *MEASURES,
        Column("batch", "string", "Gold batch that wrote it: query id / number"),
        Column("processing_time", "timestamp", "When gold wrote it"),
    ),
    partitioned_by=("months(day)",),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
