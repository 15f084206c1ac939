"""`drift.window_score`: features and IsolationForest score of each device window."""

from iot_common.contracts.table import Column, TableContract

WINDOW_SCORE = TableContract(
    name="drift.window_score",
    owner="drift",
    version="1.0.0",
    grain="one (device_id, window_start)",
    columns=(
        Column("device_id", "string", "Identifier of the sensor", required=True),
        Column("window_start", "timestamp", "Start of the window of event_time, inclusive", required=True),
        Column("window_minutes", "int", "Length of the window", unit="minute"),
        Column("reading_count", "bigint", "Readings in the window"),
        Column(
            "features",
            "map<string,double>",
            "Feature name to value (docs of the drift stage); null where unknown",
        ),
        Column("is_reference", "boolean", "True if the window trained the model"),
        Column(
            "score",
            "double",
            "IsolationForest anomaly score, 0 to 1, higher is stranger; null while learning",
        ),
        Column("threshold", "double", "Score above which a window deviates; null while learning"),
        Column("is_anomalous", "boolean", "Deviates: by score, or by the size of a residual"),
        Column("top_feature", "string", "Feature that carries the deviation"),
        Column("top_feature_z", "double", "Its robust z-score", unit="MAD"),
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
