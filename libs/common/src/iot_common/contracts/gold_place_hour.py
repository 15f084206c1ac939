"""`gold.place_hour`: strict aggregates per place, hour and reading."""

from iot_common.contracts.gold_device_window_5min import MEASURES
from iot_common.contracts.table import Column, TableContract

PLACE_HOUR = TableContract(
    name="gold.place_hour",
    owner="gold",
    version="1.0.0",
    grain="one (place, hour_start, reading)",
    columns=(
        Column(
            "place",
            "string",
            "Cell of 0.1°: `<latitude>,<longitude>`",
            required=True,
            source=("gold.device_window_5min.place",),
        ),
        Column(
            "hour_start",
            "timestamp",
            "Start of the hour of event_time, inclusive",
            required=True,
            source=("gold.device_window_5min.window_start",),
            range="whole hours",
        ),
        Column(
            "reading",
            "string",
            "temperature_celsius, humidity_percent or battery_percent",
            required=True,
            range="temperature_celsius, humidity_percent, battery_percent",
        ),
        Column(
            "sensor_count",
            "bigint",
            "Distinct devices",
            source=("gold.device_window_5min.device_id",),
            range="from 1",
        ),
        *MEASURES,
        Column("batch", "string", "Gold batch that wrote it: query id / number"),
        Column("processing_time", "timestamp", "When gold wrote it"),
    ),
    partitioned_by=("months(hour_start)",),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
