"""The statistical channel in process: the stage's own functions over windows in memory.

The stage judges each batch as it comes; a window never uses later ones, so judging all windows at once gives the same
verdicts, and the hour in which a window was complete is the batch that would have found it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from bench.drift.fleets import CleanFleet, Injection, as_readings

from iot_drift.assessment import ReferencePeriod, assess
from iot_drift.baseline import residuals
from iot_drift.detector import WATCHED, Detector, Rules, judge_windows
from iot_drift.deviations import deviations
from iot_drift.features import HISTORY_HOURS, window_statistics, with_history
from iot_drift.findings import Finding
from iot_drift.settings import DriftSettings
from iot_drift.silences import DevicePresence, silent_devices

RULES = Rules()
NOTHING_STORED = pd.DataFrame(columns=["device_id", "window_start", "reading_count", "is_reference"])
WINDOW = pd.Timedelta(minutes=RULES.window_minutes)
SILENCE = DriftSettings(warehouse="unused").silence


@dataclass(frozen=True)
class Watched:
    """A clean fleet that the detector has learned: windows with features and verdicts, and what was learned."""

    clean: CleanFleet
    windows: pd.DataFrame
    detector: Detector


def watch(clean: CleanFleet) -> Watched:
    """Learn the reference of a healthy fleet and judge the rest of it."""
    statistics = window_statistics(naive(clean.readings), RULES.window_minutes)
    found = assess(statistics, NOTHING_STORED, NOTHING_STORED, ReferencePeriod(), RULES)
    if found.detector is None:
        raise ValueError("the fleet is too young for a reference")
    return Watched(clean, judge_windows(found.windows, found.detector.judge), found.detector)


def naive(readings: pd.DataFrame) -> pd.DataFrame:
    """Event times as the stage hands them to pandas: UTC, without saying so."""
    return readings.assign(event_time=readings["event_time"].dt.tz_localize(None).astype("datetime64[ns]"))


def drifted_windows(watched: Watched, injection: Injection) -> pd.DataFrame:
    """All devices' windows from shortly before the onset on, judged, as they are with the drift."""
    clean = watched.clean
    onset = pd.Timestamp(injection.start_ms, unit="ms").floor(WINDOW)
    names = injection.device_ids(clean.fleet)
    usual = watched.windows
    mine = usual["device_id"].isin(names)
    statistics = window_statistics(naive(readings_with(clean, injection, onset)), RULES.window_minutes)
    past = usual[
        mine
        & (usual["window_start"] < onset)
        & (usual["window_start"] >= onset - pd.Timedelta(hours=HISTORY_HOURS))
    ]
    kept = [*statistics.columns, "is_reference"]
    renewed = with_history(
        pd.concat([past[kept], statistics.assign(is_reference=False)], ignore_index=True),
        RULES.window_minutes,
    )
    before = onset - RULES.persistence_windows * WINDOW
    others = usual[~mine & (usual["window_start"] >= before)]
    windows = pd.concat(
        [others[renewed.columns], renewed[renewed["window_start"] >= before]], ignore_index=True
    )
    windows = windows.sort_values(["device_id", "window_start"], kind="stable", ignore_index=True)
    sizes = residuals(windows, windows.iloc[:0], watched.detector.baseline, RULES.window_minutes)
    return judge_windows(windows.join(sizes), watched.detector.judge)


def readings_with(clean: CleanFleet, injection: Injection, since: pd.Timestamp) -> pd.DataFrame:
    """Readings of the devices that drift, from the onset's window on: untouched lines, and what replaces the others."""
    batch = clean.lines.batch
    concerned = np.isin(batch.device, injection.devices) & (batch.event_ms >= since.value // 1_000_000)
    concerned[injection.rows] = False
    rows = np.flatnonzero(concerned)
    usual = as_readings(clean.classified.iloc[rows], clean.lines.take(rows))
    changed = as_readings(injection.classified, injection.lines)
    return pd.concat([usual, changed], ignore_index=True)


def findings_since(windows: pd.DataFrame, since: pd.Timestamp, devices_seen: int) -> list[Finding]:
    """Findings about windows from a time on, in the whole, as `drift.event` would hold them at the end."""
    rows = windows[windows["is_anomalous"] & (windows["window_start"] >= since)].assign(
        window_minutes=RULES.window_minutes, model_id="bench"
    )
    rows = rows[rows["score"].notna()]
    return deviations(rows, devices_seen)


def silences(
    watched: Watched, windows: pd.DataFrame, injection: Injection | None
) -> tuple[list[Finding], dict[str, float]]:
    """Devices that fell silent by the end of the fleet, and each device's silence over the limit (1 is at it)."""
    usual = watched.windows
    if injection is not None:
        onset = pd.Timestamp(injection.start_ms, unit="ms").floor(WINDOW)
        mine = usual["device_id"].isin(injection.device_ids(watched.clean.fleet))
        usual = pd.concat(
            [
                usual[~mine | (usual["window_start"] < onset)],
                windows[
                    windows["device_id"].isin(injection.device_ids(watched.clean.fleet))
                    & (windows["window_start"] >= onset)
                ],
            ]
        )
    held = usual[usual["reading_count"] > 0].groupby("device_id")["window_start"].agg(["size", "min", "max"])
    presences = [
        DevicePresence(str(device), int(row["size"]), row["min"].to_pydatetime(), row["max"].to_pydatetime())
        for device, row in held.iterrows()
    ]
    newest = held["max"].max()
    ratios = {str(device): (newest - row["max"]) / SILENCE for device, row in held.iterrows()}
    return silent_devices(presences, SILENCE, WINDOW.to_pytimedelta()), ratios


def largest_excess(windows: pd.DataFrame, since: pd.Timestamp) -> pd.Series:
    """Device to its largest lasting size over the limit from a time on: the score that ranks devices."""
    rows = windows[windows["window_start"] >= since]
    excess = rows[[f"{name}_excess" for name in WATCHED if f"{name}_excess" in rows]].max(axis=1)
    return excess.where(rows["score"].notna(), 0.0).groupby(rows["device_id"]).max()
