"""What features and scores of one batch cost, whether linear in windows, and how much state a device has."""
# ruff: noqa: E501 (a page's prose is broken where it reads well)

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from bench.drift.statistical import RULES

from iot_drift.baseline import residuals
from iot_drift.detector import Detector, judge_windows
from iot_drift.features import window_statistics, with_history

READINGS = 330_000
"""A batch of 104 MB of silver rows."""

SIZES = (41_250, 82_500, 165_000, 330_000, 660_000)


def measure(readings: pd.DataFrame, detector: Detector) -> dict[str, Any]:
    """CPU-seconds of `window_statistics`, `with_history`, `residuals` and `judge_windows`, warm.

    Args:
        readings: Of many devices with a baseline; repeated under other names until there are enough.
        detector: Knows the devices.
    """
    _spent(_batch(readings, SIZES[0]), detector)  # the forest is grown and the libraries are loaded
    rows = []
    for size in SIZES:
        batch = _batch(readings, size)
        parts, windows = _spent(batch, detector)
        rows.append(
            {
                "readings": len(batch),
                "windows": windows,
                **{name: round(value, 3) for name, value in parts.items()},
            }
        )
    whole = next(row for row in rows if row["readings"] >= READINGS)
    slope = np.polyfit(np.log([row["windows"] for row in rows]), np.log([row["total"] for row in rows]), 1)[0]
    return {
        "readings": whole["readings"], "windows": whole["windows"], "cpu_seconds": whole["total"], "rows": rows,
        "exponent": round(float(slope), 3), "state": _state(detector),
    }  # fmt: skip


def _batch(readings: pd.DataFrame, size: int) -> pd.DataFrame:
    """One day of the devices, shifted by whole days until there are enough readings."""
    day = readings["event_time"].min() + pd.Timedelta(days=4)
    one = readings[readings["event_time"].between(day, day + pd.Timedelta(days=1), inclusive="left")]
    copies = [
        one.assign(event_time=one["event_time"] + pd.Timedelta(days=number))
        for number in range(size // len(one) + 1)
    ]
    return pd.concat(copies, ignore_index=True).iloc[:size]


def _spent(batch: pd.DataFrame, detector: Detector) -> tuple[dict[str, float], int]:
    marks = [time.process_time()]
    windows = window_statistics(batch, RULES.window_minutes)
    marks.append(time.process_time())
    windows = with_history(windows, RULES.window_minutes).assign(is_reference=False)
    marks.append(time.process_time())
    windows = windows.join(residuals(windows, windows.iloc[:0], detector.baseline, RULES.window_minutes))
    marks.append(time.process_time())
    judge_windows(windows, detector.judge)
    marks.append(time.process_time())
    steps = np.diff(marks).tolist()
    names = ("statistics", "history", "residuals", "verdicts")
    return {**dict(zip(names, steps, strict=True)), "total": marks[-1] - marks[0]}, len(windows)


def _state(detector: Detector) -> dict[str, Any]:
    """Numbers that the baseline keeps for one device."""
    baseline, devices = detector.baseline, len(detector.baseline.devices)
    arrays = [*baseline.daily.values(), *baseline.centre.values(), *baseline.scale.values()]
    return {
        "devices": devices,
        "numbers_per_device": sum(np.asarray(array).size for array in arrays) // devices,
    }


def markdown(measured: dict[str, Any]) -> str:
    """The table of sizes."""
    from bench.drift.document import table

    names = ("readings", "windows", "statistics", "history", "residuals", "verdicts", "total")
    body = [
        [f"{row[name]:,}" if name in names[:2] else f"{row[name]:.2f}" for name in names]
        for row in measured["rows"]
    ]
    state = measured["state"]
    return f"""## Speed

One batch of 104 MB of silver rows is about 330,000 readings. CPU-seconds on one core, warm, of the stage's functions: window statistics, features with
history, residuals, verdicts (IsolationForest included). Spark's own share (reading, shuffling, writing) is not in it.

{table(["readings", "windows", "statistics", "history", "residuals", "verdicts", "total, CPU-s"], body)}

Cost grows as windows to the power of {measured["exponent"]:.2f} (1 is linear). State: a device's baseline is {state["numbers_per_device"]} numbers, whatever its age; its reference
windows are at most those of its first 48 hours."""
