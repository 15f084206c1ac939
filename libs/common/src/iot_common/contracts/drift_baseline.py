"""`drift.baseline`: what is usual for each device. One row per device, however long it lives."""

from iot_common.contracts.table import Column, TableContract

_MEASURED = (
    "silver.reading.temperature_celsius",
    "silver.reading.humidity_percent",
    "silver.reading.battery_percent",
)

BASELINE = TableContract(
    name="drift.baseline",
    owner="drift",
    version="1.0.0",
    grain="one device_id with enough reference windows",
    columns=(
        Column(
            "device_id",
            "string",
            "Identifier of the sensor",
            required=True,
            source=("silver.reading.device_id",),
        ),
        Column(
            "format_version", "int", "Version of the meaning of these columns; another one is learned anew"
        ),
        Column("window_minutes", "int", "Length of the windows it was learned from", unit="minute"),
        Column(
            "place",
            "string",
            "Cell of 0.1 degree, latitude/longitude, in which the reference lies",
            unit="degree",
            source=("silver.reading.latitude", "silver.reading.longitude"),
        ),
        Column(
            "temperature_celsius_by_hour",
            "array<double>",
            "Usual value at each hour of the day (UTC); NaN while it is learned anew",
            unit="°C",
            source=("silver.reading.temperature_celsius",),
            range="24 values",
        ),
        Column(
            "humidity_percent_by_hour",
            "array<double>",
            "Usual value at each hour of the day (UTC); NaN while it is learned anew",
            unit="%",
            source=("silver.reading.humidity_percent",),
            range="24 values",
        ),
        Column(
            "centre",
            "map<string,double>",
            "Name of a window feature to its usual value, in that feature's unit; absent where unknown",
            source=_MEASURED,
        ),
        Column(
            "scale",
            "map<string,double>",
            "Name of a residual to its robust standard deviation, in that residual's unit",
            source=_MEASURED,
        ),
        Column(
            "reference_from",
            "timestamp",
            "Start of the first reference window",
            source=("drift.window_score.window_start",),
        ),
        Column(
            "reference_until",
            "timestamp",
            "End of the last reference window",
            source=("drift.window_score.window_start",),
        ),
        Column(
            "reference_windows",
            "bigint",
            "Reference windows",
            source=("drift.window_score.is_reference",),
            range="from 2",
        ),
        Column(
            "is_complete", "boolean", "True once the device has left its reference: only then is it frozen"
        ),
        Column(
            "new_normals",
            "map<string,timestamp>",
            "Field to the onset of the accepted change from which its reference starts again",
            source=("drift.event_action.field", "drift.event_action.onset"),
        ),
        Column(
            "learning",
            "array<string>",
            "Fields of `new_normals` whose new reference is not long enough yet: they are not judged",
            source=("drift.event_action.field",),
        ),
        Column("batch", "string", "Drift batch that learned it: query id / number"),
        Column("processing_time", "timestamp", "When drift learned it"),
        Column("pipeline_version", "string", "Version of drift"),
    ),
    append_only=False,
)
