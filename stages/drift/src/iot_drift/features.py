"""Features of device windows, from readings alone: no model, no table, no clock.

Two steps. `window_statistics` looks at the readings of a window and at nothing else. `with_history` adds what needs
earlier windows of the same device; it never looks at later ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

FIELDS = ("temperature_celsius", "humidity_percent", "battery_percent")
"""The readings: columns of silver.reading that are watched for shift, noise and standstill."""

PLACE = ("latitude", "longitude")

DAILY = ("temperature_celsius", "humidity_percent")
"""Fields with a daily cycle; the battery is watched by its slope, a place by its coordinates."""

STATISTICS = (
    *(f"{field}_{what}" for field in FIELDS for what in ("median", "range", "jitter")),
    *(f"{field}_median" for field in PLACE),
    "invalid_share",
    "missing_share",
    "lag_minutes",
)
"""What `window_statistics` computes, besides reading_count."""

ROLLING = (
    *(f"{field}_noise" for field in FIELDS),
    *(f"{field}_unchanged_hours" for field in FIELDS),
    *(f"{field}_{what}" for field in DAILY for what in ("step", "spread")),
    "battery_percent_slope",
)
"""What `with_history` adds."""

NOISE_HOURS = 2.0
"""Noise is a median over so long: shorter is itself noisy at three readings a window."""

HISTORY_HOURS = 12.0
"""How far back a feature looks; also how far a late reading can change later windows."""

SLOPE_MIN_HOURS = 6.0
"""A battery slope over less is quantisation: devices report tenths of a percent and lose a few a day."""

NANOSECONDS = 3_600_000_000_000


def window_statistics(readings: pd.DataFrame, window_minutes: int) -> pd.DataFrame:
    """One row per device and window that has a reading.

    Medians, so that one spike is no shift; the range of a single reading is null, not 0.

    Args:
        readings: device_id, event_time, the columns of FIELDS and PLACE, is_valid; any order. Without an ingest_time
            the lag is null.
        window_minutes: Length of a window; windows start at multiples of it since 1970 (UTC).

    Returns:
        device_id, window_start, reading_count and STATISTICS, by device and time.
    """
    ordered = readings.sort_values(["device_id", "event_time"], kind="stable", ignore_index=True)
    keys = [
        ordered["device_id"],
        ordered["event_time"].dt.floor(f"{window_minutes}min").rename("window_start"),
    ]
    values = ordered[[*FIELDS, *PLACE]].astype("float64")
    values["is_invalid"] = 1.0 - ordered["is_valid"].eq(True).astype("float64")
    values["is_missing"] = values[list(FIELDS)].isna().mean(axis=1)
    values["lag_minutes"] = _lag_minutes(ordered)
    grouped = values.groupby(keys, sort=True)
    columns: dict[str, pd.Series] = {"reading_count": grouped.size()}
    medians = grouped[[*FIELDS, *PLACE, "lag_minutes"]].median()
    spread = (grouped[list(FIELDS)].max() - grouped[list(FIELDS)].min()).where(
        grouped[list(FIELDS)].count() > 1
    )
    steps = grouped[list(FIELDS)].diff().abs().groupby(keys, sort=True).median()
    for field in FIELDS:
        columns[f"{field}_median"] = medians[field]
        columns[f"{field}_range"] = spread[field]
        columns[f"{field}_jitter"] = steps[field]
    for field in PLACE:
        columns[f"{field}_median"] = medians[field]
    columns["invalid_share"] = grouped["is_invalid"].mean()
    columns["missing_share"] = grouped["is_missing"].mean()
    columns["lag_minutes"] = medians["lag_minutes"]
    return pd.DataFrame(columns).reset_index()


def _lag_minutes(readings: pd.DataFrame) -> pd.Series | float:
    """From a reading to its arrival; a clock ahead of ours gives a negative one."""
    if "ingest_time" not in readings:
        return float("nan")
    arrived = pd.to_datetime(readings["ingest_time"], utc=True).dt.tz_localize(None)
    return (arrived - readings["event_time"]).dt.total_seconds() / 60.0


def with_history(windows: pd.DataFrame, window_minutes: int) -> pd.DataFrame:
    """Adds ROLLING to windows with STATISTICS.

    Args:
        windows: One row per device and window, with the device's windows of the last HISTORY_HOURS before those
            that matter; any order.
        window_minutes: Length of a window.

    Returns:
        The rows by device and time, with `<field>_noise` (log of the median jitter over NOISE_HOURS),
        `<field>_unchanged_hours` (how long the field has had exactly one value), `<field>_step` (change since the
        window before), `<field>_spread` (log of the standard deviation of the windows over NOISE_HOURS) and
        `battery_percent_slope` (percent a day over the last HISTORY_HOURS; null below SLOPE_MIN_HOURS).
    """
    ordered = windows.sort_values(["device_id", "window_start"], kind="stable", ignore_index=True)
    by_time = ordered.set_index("window_start")
    rolling = by_time.groupby("device_id", sort=False)
    added: dict[str, object] = {}
    for field in FIELDS:
        jitter = rolling[f"{field}_jitter"].rolling(f"{NOISE_HOURS}h", min_periods=2).median().to_numpy()
        added[f"{field}_noise"] = np.log(jitter + JITTER_FLOOR)
        added[f"{field}_unchanged_hours"] = _unchanged_hours(ordered, field, window_minutes)
    for field in DAILY:
        added[f"{field}_step"] = _step(ordered, field)
        spread = rolling[f"{field}_median"].rolling(f"{NOISE_HOURS}h", min_periods=3).std().to_numpy()
        added[f"{field}_spread"] = np.log(spread + JITTER_FLOOR)
    added["battery_percent_slope"] = _battery_slope(ordered)
    return ordered.assign(**added)


JITTER_FLOOR = 0.02
"""Added before the logarithm, in the field's unit: steps below the sensors' resolution are no less noise."""


def _step(ordered: pd.DataFrame, field: str) -> Floats:
    """Change since the device's window before, null after a gap of over two hours."""
    median = ordered[f"{field}_median"].to_numpy()
    device = ordered["device_id"].to_numpy()
    nanos = ordered["window_start"].to_numpy().astype("datetime64[ns]").astype("int64")
    step = np.full(len(ordered), np.nan)
    follows = (device[1:] == device[:-1]) & (np.diff(nanos) <= 2 * NANOSECONDS)
    step[1:] = np.where(follows, median[1:] - median[:-1], np.nan)
    return step


def _unchanged_hours(ordered: pd.DataFrame, field: str, window_minutes: int) -> Floats:
    """Hours up to the end of each window in which the field kept one value, at most HISTORY_HOURS; 0 if it moves.

    A window without the field, or a gap of over two hours, ends a standstill: nobody saw it stand.
    """
    median = ordered[f"{field}_median"].to_numpy()
    still = (ordered[f"{field}_range"].fillna(0.0).to_numpy() == 0.0) & ~np.isnan(median)
    device = ordered["device_id"].to_numpy()
    nanos = ordered["window_start"].to_numpy().astype("datetime64[ns]").astype("int64")
    goes_on = np.zeros(len(ordered), dtype=bool)
    goes_on[1:] = still[1:] & (device[1:] == device[:-1]) & (median[1:] == median[:-1])
    goes_on[1:] &= np.diff(nanos) <= 2 * NANOSECONDS
    start = np.maximum.accumulate(np.where(goes_on, 0, np.arange(len(ordered))))
    hours = (nanos - nanos[start]) / NANOSECONDS + window_minutes / 60
    return np.where(still, np.minimum(hours, HISTORY_HOURS), 0.0)


def _battery_slope(ordered: pd.DataFrame) -> Floats:
    """Percent a day between the oldest and the newest window of the last HISTORY_HOURS."""
    known = ordered[ordered["battery_percent_median"].notna()]
    nanos = known["window_start"].to_numpy().astype("datetime64[ns]").astype("int64")
    codes = pd.factorize(known["device_id"])[0].astype("int64")
    # One sorted number per (device, time) finds the oldest window in reach with one binary search.
    base = nanos.min() if len(nanos) else 0
    width = (nanos.max() - base if len(nanos) else 0) + int(HISTORY_HOURS * NANOSECONDS) + 1
    place = codes * width + (nanos - base)
    reach = np.maximum(nanos - base - int(HISTORY_HOURS * NANOSECONDS), 0)
    oldest = np.searchsorted(place, codes * width + reach)
    level = known["battery_percent_median"].to_numpy()
    hours = (nanos - nanos[oldest]) / NANOSECONDS
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(hours >= SLOPE_MIN_HOURS, (level - level[oldest]) / hours * 24.0, np.nan)
    return pd.Series(slope, index=known.index).reindex(ordered.index).to_numpy()
