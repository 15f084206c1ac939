"""`silver.reading`: the newest valid-enough reading per device and device time, typed and flattened."""

from iot_common.contracts.table import REASONS_TYPE, Column, TableContract

READING = TableContract(
    name="silver.reading",
    owner="silver",
    version="1.0.0",
    grain="one reading per device_id and event_time_raw",
    columns=(
        Column("device_id", "string", "Identifier of the sensor", required=True),
        Column(
            "event_time",
            "timestamp",
            "Device time, corrected by the learned offset of a fast clock",
            required=True,
        ),
        Column("event_time_raw", "timestamp", "Device time as sent", required=True),
        Column("clock_suspect", "boolean", "Device time was more than 5 minutes ahead of arrival"),
        Column("late", "boolean", "More than 10 minutes behind the stream's own event time"),
        Column("ingest_time", "timestamp", "Arrival: modification time of the landing object", required=True),
        Column("schema_version", "string", "Version the record claims"),
        Column("contract_version", "string", "Registered version it was checked against"),
        Column("version_fallback", "boolean", "True if the claimed version is not registered"),
        Column("status", "string", "Operational status as sent"),
        Column("latitude", "double", "Latitude", unit="degree"),
        Column("longitude", "double", "Longitude", unit="degree"),
        Column("temperature_celsius", "double", "Temperature, canonical", unit="°C"),
        Column("temperature_value_raw", "double", "Temperature as sent, in temperature_unit_raw"),
        Column("temperature_unit_raw", "string", "Unit as sent"),
        Column("humidity_percent", "double", "Relative humidity", unit="%"),
        Column("battery_percent", "double", "Battery level", unit="%"),
        Column("conforms", "boolean", "The draft-07 verdict, to the letter"),
        Column(
            "is_valid", "boolean", "Every contract column present, typed and in range: what gold asks for"
        ),
        Column("coerced_fields", "array<string>", "Paths whose value was converted without loss"),
        Column("violations", REASONS_TYPE, "Everything that differs from the contract"),
        Column("is_anomaly", "boolean", "True if any anomaly flag is set"),
        Column("anomaly_flags", "array<string>", "range:<column> and zscore:<column>"),
        Column("_rescued", "string", "JSON object: path to exact value, of all without a typed column"),
        Column("row_id", "string", "The bronze row it came from", required=True),
        Column("idempotency_key", "string", "blake2b-128 (hex) of device, raw event time, canonical payload"),
        Column("source_object", "string", "Key of the landing object"),
        Column("source_line", "bigint", "Line number in the object, from 1"),
        Column("processing_time", "timestamp", "When silver processed it"),
        Column("pipeline_version", "string", "Version of silver"),
    ),
    partitioned_by=("days(event_time)",),
    properties={
        # Conflicts and late rows touch few rows of a day: position deletes cost less than rewriting its files.
        "write.merge.mode": "merge-on-read",
        "write.update.mode": "merge-on-read",
        "write.delete.mode": "merge-on-read",
    },
    append_only=False,
)
