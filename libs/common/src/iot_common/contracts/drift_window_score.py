"""`drift.window_score`: features and IsolationForest score of each device window."""

from iot_common.contracts.table import Column, TableContract

WINDOW_SCORE = TableContract(
    name="drift.window_score",
    owner="drift",
    version="1.0.0",
    grain="one (device_id, window_start)",
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
        ),
        Column("window_minutes", "int", "Length of the window", unit="minute"),
        Column(
            "reading_count",
            "bigint",
            "Readings in the window",
            source=("silver.reading.row_id",),
            range="from 0",
        ),
        Column(
            "features",
            "map<string,double>",
            "Feature name to value (docs of the drift stage); null where unknown",
            source=(
                "silver.reading.temperature_celsius",
                "silver.reading.humidity_percent",
                "silver.reading.battery_percent",
                "silver.reading.is_valid",
            ),
        ),
        Column("is_reference", "boolean", "True if the window trained the model"),
        Column(
            "score",
            "double",
            "IsolationForest anomaly score, 0 to 1, higher is stranger; null while learning",
            source=("drift.window_score.features",),
            range="0 to 1",
        ),
        Column(
            "threshold",
            "double",
            "Score above which a window deviates; null while learning",
            source=("drift.window_score.features",),
            range="0 to 1",
        ),
        Column(
            "is_anomalous",
            "boolean",
            "Deviates: by score, or by the size of a residual",
            source=("drift.window_score.score",),
        ),
        Column(
            "top_feature",
            "string",
            "Feature that carries the deviation",
            source=("drift.window_score.features",),
        ),
        Column(
            "top_feature_z",
            "double",
            "Its robust z-score",
            unit="MAD",
            source=("drift.window_score.features",),
        ),
        Column(
            "model_id", "string", "Hash of the reference windows, features, settings and library versions"
        ),
        Column("batch", "string", "Drift batch: query id / number"),
        Column("processing_time", "timestamp", "When drift scored it"),
    ),
    partitioned_by=("days(window_start)",),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
