"""From recomputed windows to windows ready to be judged: history, reference, residuals. Pandas in, pandas out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from iot_drift.baseline import Z_NAMES, residuals
from iot_drift.detector import Detector, Rules, fit_detector
from iot_drift.features import HISTORY_HOURS, ROLLING, STATISTICS, with_history

KEY = ["device_id", "window_start"]
EXPECTED = ("temperature_celsius_expected", "humidity_percent_expected")
STORED = (*STATISTICS, *ROLLING, *Z_NAMES, *EXPECTED)
"""Names in `window_score.features` of every window (null ones are left out)."""


@dataclass(frozen=True)
class ReferencePeriod:
    """Which of a device's windows are its reference: the first `hours`, and at least `min_windows`."""

    hours: float = 48.0
    min_windows: int = 48


@dataclass(frozen=True)
class Assessment:
    """One batch, ready to be judged.

    Attributes:
        windows: Touched and dependent windows (`is_written`), and the windows just before them; STORED columns,
            reading_count, is_reference.
        detector: None while no device has a reference.
    """

    windows: pd.DataFrame
    detector: Detector | None


def assess(
    touched: pd.DataFrame, known: pd.DataFrame, reference: pd.DataFrame, period: ReferencePeriod, rules: Rules
) -> Assessment:
    """Prepare the touched windows, and the later ones that look back on them, for judgement.

    Args:
        touched: Recomputed windows with STATISTICS; a window without readings has a reading_count of 0.
        known: Stored windows around them in time (HISTORY_HOURS either way) with STORED, of all devices.
        reference: All stored reference windows with STATISTICS and ROLLING.
        period: What a reference is.
        rules: Of the detector.
    """
    mine = known[known["device_id"].isin(touched["device_id"].unique())]
    timeline = _timeline(touched, mine, rules.window_minutes)
    timeline["is_reference"] = _is_reference(timeline, reference, period)
    written = timeline[timeline["is_written"]]
    training = _training(written, reference, period)
    if training.empty or written["is_reference"].all():
        return Assessment(timeline, None)
    detector = fit_detector(training, rules)
    scored = written[~written["is_reference"]]
    others = known[~known["device_id"].isin(scored["device_id"].unique())]
    rest = timeline[~timeline.index.isin(scored.index)]
    present = pd.concat([part for part in (others, rest) if len(part)] or [rest], ignore_index=True)
    peers = present[present["window_start"].isin(scored["window_start"].unique())]
    scores = residuals(scored, peers, detector.baseline, rules.window_minutes)
    timeline.loc[scored.index, list(scores.columns)] = scores
    return Assessment(timeline, detector)


def _timeline(touched: pd.DataFrame, mine: pd.DataFrame, window_minutes: int) -> pd.DataFrame:
    """The devices' windows in order, ROLLING anew where a touched window is in reach; `is_written` marks those."""
    fresh = touched.assign(is_touched=True)
    stored = mine.merge(touched[KEY], on=KEY, how="left", indicator="_side")
    stored = stored[stored["_side"] == "left_only"].drop(columns="_side").assign(is_touched=False)
    everything = pd.concat([fresh, stored], ignore_index=True) if len(stored) else fresh
    everything = everything.reindex(columns=[*KEY, "reading_count", "is_reference", "is_touched", *STORED])
    ordered = with_history(everything, window_minutes)
    latest = ordered["window_start"].where(ordered["is_touched"]).groupby(ordered["device_id"]).ffill()
    in_reach = ordered["window_start"] - latest <= pd.Timedelta(hours=HISTORY_HOURS)
    ordered["is_written"] = ordered["is_touched"] | in_reach
    before = everything.sort_values(KEY, kind="stable", ignore_index=True)
    for name in ROLLING:
        # Windows before any touched one were computed with a longer history than was loaded: keep theirs.
        ordered[name] = ordered[name].where(ordered["is_written"], before[name])
    ordered.loc[ordered["is_written"], [*Z_NAMES, *EXPECTED]] = float("nan")
    return ordered


def _is_reference(timeline: pd.DataFrame, reference: pd.DataFrame, period: ReferencePeriod) -> pd.Series:
    """True for the device's first hours and windows; a stored window stays what it was."""
    devices = timeline["device_id"]
    stored = timeline["is_reference"].astype("boolean")
    first = timeline["window_start"].where(stored.fillna(True).astype(bool)).groupby(devices).transform("min")
    if len(reference):
        kept = reference.groupby("device_id")["window_start"].min()
        first = pd.concat([first, devices.map(kept)], axis=1).min(axis=1)
        had = devices.map(reference.groupby("device_id").size()).fillna(0)
    else:
        had = 0
    new = stored.isna()
    rank = new.groupby(devices).cumsum() + had
    early = timeline["window_start"] < first + pd.Timedelta(hours=period.hours)
    return stored.fillna((early | (rank <= period.min_windows)) & (timeline["reading_count"] > 0)).astype(
        bool
    )


def _training(written: pd.DataFrame, reference: pd.DataFrame, period: ReferencePeriod) -> pd.DataFrame:
    """Reference windows as they stand after this batch, of devices that have enough of them."""
    columns = [*KEY, *STATISTICS, *ROLLING]
    fresh = written.loc[written["is_reference"], columns]
    if len(reference):
        old = reference.merge(written[KEY], on=KEY, how="left", indicator="_side")
        kept = old.loc[old["_side"] == "left_only", columns]
        fresh = pd.concat([part for part in (fresh, kept) if len(part)] or [fresh], ignore_index=True)
    return fresh[fresh.groupby("device_id")["device_id"].transform("size") >= period.min_windows]
