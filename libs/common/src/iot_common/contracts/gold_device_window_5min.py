"""`gold.device_window_5min`: strict aggregates per device, 5-minute window and reading."""

from iot_common.contracts.table import Column, TableContract

MEASURES = (
    Column(
        "reading_count",
        "bigint",
        "Valid readings aggregated",
        source=(
            "silver.reading.temperature_celsius",
            "silver.reading.humidity_percent",
            "silver.reading.battery_percent",
            "silver.reading.is_valid",
        ),
        range="from 0",
    ),
    Column(
        "received_count",
        "bigint",
        "Readings received, valid or not",
        source=("silver.reading.row_id",),
        range="from 0",
    ),
    Column(
        "avg_value",
        "double",
        "Mean, in the unit of `reading`",
        source=(
            "silver.reading.temperature_celsius",
            "silver.reading.humidity_percent",
            "silver.reading.battery_percent",
        ),
    ),
    Column(
        "min_value",
        "double",
        "Minimum, in the unit of `reading`",
        source=(
            "silver.reading.temperature_celsius",
            "silver.reading.humidity_percent",
            "silver.reading.battery_percent",
        ),
    ),
    Column(
        "max_value",
        "double",
        "Maximum, in the unit of `reading`",
        source=(
            "silver.reading.temperature_celsius",
            "silver.reading.humidity_percent",
            "silver.reading.battery_percent",
        ),
    ),
    Column(
        "stddev_value",
        "double",
        "Sample standard deviation; null below two readings",
        source=(
            "silver.reading.temperature_celsius",
            "silver.reading.humidity_percent",
            "silver.reading.battery_percent",
        ),
        range="from 0",
    ),
    Column(
        "health_percent",
        "double",
        "Valid share of the readings received",
        unit="%",
        source=("silver.reading.is_valid",),
        range="0 to 100",
    ),
    Column(
        "anomaly_count",
        "bigint",
        "Readings with an anomaly flag for this reading",
        source=("silver.reading.anomaly_flags",),
        range="from 0",
    ),
)
"""Measures that all gold tables share and that merge over windows (percentiles do not)."""

DEVICE_WINDOW_5MIN = TableContract(
    name="gold.device_window_5min",
    owner="gold",
    version="1.0.0",
    grain="one (device_id, window_start, reading)",
    columns=(
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
            "Start of the window of event_time, inclusive",
            required=True,
            source=("silver.reading.event_time",),
            range="multiples of 5 minutes",
        ),
        Column(
            "window_end",
            "timestamp",
            "End of the window, exclusive",
            source=("silver.reading.event_time",),
            range="multiples of 5 minutes",
        ),
        Column(
            "reading",
            "string",
            "temperature_celsius, humidity_percent or battery_percent",
            required=True,
            range="temperature_celsius, humidity_percent, battery_percent",
        ),
        Column(
            "place",
            "string",
            "Cell of 0.1° of the last position in the window: `<latitude>,<longitude>`",
            source=("silver.reading.latitude", "silver.reading.longitude"),
        ),
        *MEASURES,
        Column(
            "p50_value",
            "double",
            "Median, exact",
            source=(
                "silver.reading.temperature_celsius",
                "silver.reading.humidity_percent",
                "silver.reading.battery_percent",
            ),
        ),
        Column(
            "p95_value",
            "double",
            "95th percentile, exact",
            source=(
                "silver.reading.temperature_celsius",
                "silver.reading.humidity_percent",
                "silver.reading.battery_percent",
            ),
        ),
        Column(
            "p99_value",
            "double",
            "99th percentile, exact",
            source=(
                "silver.reading.temperature_celsius",
                "silver.reading.humidity_percent",
                "silver.reading.battery_percent",
            ),
        ),
        Column(
            "clock_suspect_count",
            "bigint",
            "Readings left out: fast clock, offset unknown",
            source=("silver.reading.clock_suspect",),
            range="from 0",
        ),
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
