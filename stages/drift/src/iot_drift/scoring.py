"""Rows of `drift.window_score` from assessed windows; runs in the executors."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from iot_drift.arrow import in_utc, number_map
from iot_drift.assessment import STORED
from iot_drift.baseline import Z_NAMES
from iot_drift.detector import WATCHED, Judge, judge_windows

FINDING_PARTS = ("excess", "limit", "since_minutes")
"""Kept in the features of a deviating window, for each feature that makes it deviate."""


def score_rows(windows: pd.DataFrame, judge: Judge | None, window_minutes: int) -> pa.Table:
    """The contract's columns, without batch and processing time, of the windows with `is_written`."""
    judged = _unjudged(windows) if judge is None else judge_windows(windows, judge)
    rows = judged[judged["is_written"]].reset_index(drop=True)
    parts = []
    for name in WATCHED:
        names = [f"{name}_{part}" for part in FINDING_PARTS]
        if names[0] in rows and (rows[names[0]] >= 1.0).any():
            rows[names] = rows[names].where(rows[names[0]] >= 1.0)
            parts += names
    # Zero is what an absent residual means; leaving it out shortens the map of a healthy window.
    rows[list(Z_NAMES)] = rows[list(Z_NAMES)].where(rows[list(Z_NAMES)] != 0.0)
    scored = rows["score"].notna() & (rows["reading_count"] > 0)
    table = in_utc(rows[["device_id", "window_start"]])
    columns = {
        "device_id": pa.array(table["device_id"], pa.string()),
        "window_start": pa.array(table["window_start"], pa.timestamp("us", "UTC")),
        "window_minutes": pa.array([window_minutes] * len(rows), pa.int32()),
        "reading_count": pa.array(rows["reading_count"], pa.int64()),
        "features": number_map(rows, [*STORED, *parts]),
        "is_reference": pa.array(rows["is_reference"], pa.bool_()),
        "score": pa.array(rows["score"].where(scored), pa.float64()),
        "threshold": pa.array(rows["threshold"].where(scored), pa.float64()),
        "is_anomalous": pa.array(rows["is_anomalous"].astype(bool) & scored, pa.bool_()),
        "top_feature": pa.array(rows["top_feature"].where(scored, None), pa.string()),
        "top_feature_z": pa.array(rows["top_feature_z"].where(scored), pa.float64()),
        "model_id": pa.array(
            [judge.model_id if judge and is_scored else None for is_scored in scored], pa.string()
        ),
    }
    return pa.table(columns)


def _unjudged(windows: pd.DataFrame) -> pd.DataFrame:
    nothing = float("nan")
    return windows.assign(
        score=nothing, threshold=nothing, is_anomalous=False, top_feature=None, top_feature_z=nothing
    )
