"""`drift.model`: every model that was trained, as plain arrays with its manifest. Never a pickle."""

from iot_common.contracts.table import Column, TableContract

MODEL = TableContract(
    name="drift.model",
    owner="drift",
    version="1.0.0",
    grain="one trained model",
    columns=(
        Column("model_id", "string", "blake2b-128 (hex) of trees, thresholds and settings", required=True),
        Column(
            "role",
            "string",
            "`champion`: it scores; `retired`: it did; `rejected`: a challenger that was not better; `refused`: a "
            "champion that does not fit this version or these settings",
            range="champion, retired, rejected, refused",
        ),
        Column("role_reason", "string", "Why it has its role"),
        Column("created_time", "timestamp", "When it was trained"),
        Column(
            "trained_until",
            "timestamp",
            "Event time up to which windows trained it",
            source=("drift.window_score.window_start",),
        ),
        Column(
            "challenged_until",
            "timestamp",
            "Event time of the last challenge to a champion; the next is due a day (`--retrain-hours`) later",
            source=("drift.window_score.window_start",),
        ),
        Column("format_version", "int", "Version of the meaning of these columns; another one is refused"),
        Column("feature_names", "array<string>", "Features of a window, in the order of the trees' columns"),
        Column("window_minutes", "int", "Setting", unit="minute"),
        Column("persistence_windows", "int", "Setting", unit="window"),
        Column(
            "false_alarms_per_1000_device_days",
            "double",
            "Setting: the budget the thresholds follow from",
            range="above 0, up to 1000",
        ),
        Column("seed", "bigint", "Setting: seed of the forest"),
        Column(
            "thresholds",
            "map<string,double>",
            "Watched feature to the lasting size from which it deviates",
            unit="robust standard deviation",
            source=("drift.window_score.features",),
        ),
        Column(
            "score_threshold",
            "double",
            "Lasting score above which the forest supports a deviation",
            source=("drift.window_score.features",),
            range="0 to 1",
        ),
        Column("reference_devices", "bigint", "Devices whose windows trained it", range="from 1"),
        Column("reference_windows", "bigint", "Windows that trained it", range="from 1"),
        Column("excluded_windows", "bigint", "Windows left out as known to be bad", range="from 0"),
        Column("reference_hash", "string", "blake2b-128 (hex) of the windows that trained it"),
        Column(
            "training_snapshots", "map<string,bigint>", "Table to the Iceberg snapshot that training read"
        ),
        Column(
            "library_versions",
            "map<string,string>",
            "python, numpy, pandas, scikit-learn that trained it; scoring needs no scikit-learn",
        ),
        Column(
            "holdout",
            "string",
            "JSON object: figures of challenger and champion on held-back windows; null for a first model",
            source=("drift.window_score.features",),
        ),
        Column("tree_start", "array<int>", "Place of each tree's first node; null for rejected models"),
        Column(
            "node_left", "array<int>", "Node (numbered within its tree) up to the threshold; -1 in a leaf"
        ),
        Column("node_right", "array<int>", "Node above the threshold; -1 in a leaf"),
        Column("node_feature", "array<int>", "Place in feature_names"),
        Column("node_threshold", "array<double>", "What the feature is compared with"),
        Column("node_samples", "array<int>", "Training rows that reached the node"),
        Column("rows_per_tree", "int", "Training rows each tree was grown from", range="1 to 256"),
        Column("batch", "string", "Drift batch that last changed it: query id / number"),
        Column("processing_time", "timestamp", "When drift last changed it"),
        Column("pipeline_version", "string", "Version of drift"),
    ),
    properties={"write.merge.mode": "merge-on-read"},
    append_only=False,
)
