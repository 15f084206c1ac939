"""`gold.device_window_5min`: strict aggregates per device, 5-minute window and reading."""

from iot_common.contracts.table import Column, TableContract

MEASURES = (
    Column("reading_count", "bigint", "Valid readings aggregated"),
    Column("received_count", "bigint", "Readings received, valid or not"),
    Column("avg_value", "double", "Mean, in the unit of `reading`"),
    Column("min_value", "double", "Minimum, in the unit of `reading`"),
    Column("max_value", "double", "Maximum, in the unit of `reading`"),
    Column("stddev_value", "double", "Sample standard deviation; null below two readings"),
    Column("health_percent", "double", "Valid share of the readings received", unit="%"),
    Column("anomaly_count", "bigint", "Readings with an anomaly flag for this reading"),
)
"""Measures that all gold tables share and that merge over windows (percentiles do not)."""

DEVICE_WINDOW_5MIN = TableContract(
    name="gold.device_window_5min",
    owner="gold",
    version="1.0.0",
    grain="one (device_id, window_start, reading)",
    columns=(
        Column("device_id", "string", "Identifier of the sensor", required=True),
        Column("window_start", "timestamp", "Start of the window of event_time, inclusive", required=True),
        Column("window_end", "timestamp", "End of the window, exclusive"),
        Column(
            "reading", "string", "temperature_celsius, humidity_percent or battery_percent", required=True
        ),
        Column(
            "place", "string", "Cell of 0.1° of the last position in the window: `<latitude>,<longitude>`"
        ),
        *MEASURES,
        Column("p50_value", "double", "Median, exact"),
        Column("p95_value", "double", "95th percentile, exact"),
        Column("p99_value", "double", "99th percentile, exact"),
        Column("clock_suspect_count", "bigint", "Readings left out: fast clock, offset unknown"),
        Column(
            "revised_at", "timestamp", "When the window was last recomputed after its first time; null before"
        ),
        Column("batch", "string", "Gold batch that wrote it: query id / number"),
        Column("processing_time", "timestamp", "When gold wrote it"),
        Column("pipeline_version", "string", "Version of gold"),
    ),
    partitioned_by=("days(window_start)",),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
