"""The features that carry a statistical finding: what was usual, what was observed, how large, against which limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from iot_drift.detector import WATCHED
from iot_drift.features import FIELDS, JITTER_FLOOR, PLACE

UNITS = {
    "temperature_celsius": "°C", "humidity_percent": "%", "battery_percent": "%", "latitude": "degree",
    "longitude": "degree",
}  # fmt: skip

FEATURES = {
    f"{field}_{what}": (field, what) for field in (*FIELDS, *PLACE) for what in ("shift", "noise_z", "stuck")
}
"""Watched feature to the field and what is watched of it."""

Usual = Mapping[str, float]
"""`transform.USUAL` of one device's reference windows."""


def carrying_features(own: str, rows: pd.DataFrame, usual: Usual) -> list[dict[str, Any]]:
    """The features that deviated in a finding's windows: its own first, then the largest against their limits.

    Args:
        own: The finding's feature.
        rows: Its windows.
        usual: Of its device.

    Returns:
        feature, usual, observed, unit, size and limit of each; null where a value is not known.
    """
    names = [name for name in WATCHED if f"{name}_excess" in rows and (rows[f"{name}_excess"] >= 1.0).any()]
    names.sort(key=lambda name: (name != own, -rows[f"{name}_excess"].max()))
    return [_told(name, rows, usual) for name in names]


def _told(name: str, rows: pd.DataFrame, usual: Usual) -> dict[str, Any]:
    field, what = FEATURES[name]
    concerned = rows[rows[f"{name}_excess"] >= 1.0]
    largest = concerned.loc[concerned[f"{name}_excess"].idxmax()]
    before, observed, unit = _values(field, what, concerned, usual)
    return {
        "feature": name, "usual": rounded(before), "observed": rounded(observed), "unit": unit,
        "size": rounded(largest[name]), "limit": rounded(largest[f"{name}_limit"]),
    }  # fmt: skip


def _values(
    field: str, what: str, rows: pd.DataFrame, usual: Usual
) -> tuple[float | None, float | None, str]:
    """Usual and observed, and their unit: of a noise the step between readings, of a standstill its hours."""
    if what == "stuck":
        return usual.get(f"{field}_unchanged_hours"), rows[f"{field}_unchanged_hours"].max(), "h unchanged"
    if what == "noise_z":
        before = usual.get(f"{field}_noise")
        return _step(before), _step(rows[f"{field}_noise"].median()), f"{UNITS[field]} between readings"
    if field == "battery_percent":
        return usual.get("battery_percent_slope"), rows["battery_percent_slope"].median(), "% a day"
    if f"{field}_expected" in rows:
        return rows[f"{field}_expected"].median(), rows[f"{field}_median"].median(), UNITS[field]
    return usual.get(f"{field}_median"), rows[f"{field}_median"].median(), UNITS[field]


def _step(noise: float | None) -> float | None:
    """Median step between readings, from its logarithm."""
    return None if noise is None else max(float(np.exp(noise)) - JITTER_FLOOR, 0.0)


def rounded(number: float | None) -> float | None:
    """To thousandths; None for what is not known."""
    return None if number is None or np.isnan(number) else round(float(number), 3)
