"""Rows of `drift.model`: a judge with its manifest, and the reasons to refuse one that was stored."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from iot_drift.detector import FOREST_FEATURES, FORMAT_VERSION, WATCHED, Judge, Rules, judge_of
from iot_drift.forest import Forest
from iot_drift.training import TrainingFacts

CHAMPION, RETIRED, REJECTED, REFUSED = "champion", "retired", "rejected", "refused"

TREE_COLUMNS = {
    "tree_start": "tree_start", "node_left": "left", "node_right": "right", "node_feature": "feature",
    "node_threshold": "threshold", "node_samples": "samples", "rows_per_tree": "rows_per_tree",
}  # fmt: skip
"""Column to part of the Forest."""

LIBRARIES = ("numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: who trained it, when, on what."""

    now: datetime
    trained_until: pd.Timestamp
    snapshots: Mapping[str, int]
    batch: str
    pipeline_version: str


def model_row(
    judge: Judge,
    facts: TrainingFacts,
    made: Provenance,
    role: str,
    reason: str,
    holdout: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A new model as a row; a rejected one keeps its figures and not its trees."""
    trees = {
        column: None if role == REJECTED else _plain(getattr(judge.forest, part))
        for column, part in TREE_COLUMNS.items()
    }
    until = made.trained_until.tz_localize("UTC").to_pydatetime()
    return {
        "model_id": judge.model_id,
        "role": role,
        "role_reason": reason,
        "created_time": made.now,
        "trained_until": until,
        "challenged_until": until,
        "format_version": FORMAT_VERSION,
        "feature_names": list(FOREST_FEATURES),
        **vars(judge.rules),
        "thresholds": dict(judge.thresholds),
        "score_threshold": judge.score_threshold,
        "reference_devices": facts.devices,
        "reference_windows": facts.windows,
        "excluded_windows": facts.excluded,
        "reference_hash": facts.digest,
        "training_snapshots": dict(made.snapshots),
        "library_versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
        "holdout": json.dumps(holdout, sort_keys=True) if holdout else None,
        **trees,
        "batch": made.batch,
        "processing_time": made.now,
        "pipeline_version": made.pipeline_version,
    }


def judge_from(row: Mapping[str, Any]) -> Judge:
    """The judge that a row holds; ask `refusal` first."""
    forest = Forest(
        tree_start=np.asarray(row["tree_start"], dtype="int32"),
        left=np.asarray(row["node_left"], dtype="int32"),
        right=np.asarray(row["node_right"], dtype="int32"),
        feature=np.asarray(row["node_feature"], dtype="int32"),
        threshold=np.asarray(row["node_threshold"], dtype="float64"),
        samples=np.asarray(row["node_samples"], dtype="int32"),
        rows_per_tree=int(row["rows_per_tree"]),
    )
    thresholds = {name: float(size) for name, size in dict(row["thresholds"]).items()}
    return judge_of(forest, thresholds, float(row["score_threshold"]), _rules(row))


def refusal(row: Mapping[str, Any], rules: Rules) -> str | None:
    """Why a stored model cannot judge here; None if it can. Scores come from its arrays, so libraries do not matter."""
    if row["format_version"] != FORMAT_VERSION:
        return f"it is stored in format {row['format_version']}, this version reads {FORMAT_VERSION}"
    if tuple(row["feature_names"]) != FOREST_FEATURES or set(dict(row["thresholds"])) != set(WATCHED):
        changed = set(row["feature_names"]) ^ set(FOREST_FEATURES) or {"their order or what is watched"}
        return f"its features differ: {', '.join(sorted(changed))}"
    if _rules(row) != rules:
        was, now = vars(_rules(row)), vars(rules)
        told = (f"{name} was {was[name]}, is {now[name]}" for name in now if was[name] != now[name])
        return f"its settings differ: {', '.join(told)}"
    if any(row[column] is None for column in TREE_COLUMNS) or judge_from(row).model_id != row["model_id"]:
        return "its trees are not those it was named after"
    return None


def _rules(row: Mapping[str, Any]) -> Rules:
    return Rules(
        int(row["window_minutes"]),
        int(row["persistence_windows"]),
        float(row["false_alarms_per_1000_device_days"]),
        int(row["seed"]),
    )


def _plain(part: Any) -> Any:
    return part.tolist() if isinstance(part, np.ndarray) else int(part)
