"""What would turn the usual values into the observed ones: named guesses with their error, never applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NAMED = {
    "celsius_to_fahrenheit": (1.8, 32.0),
    "fahrenheit_to_celsius": (1 / 1.8, -32.0 / 1.8),
    "celsius_to_kelvin": (1.0, 273.15),
    "kelvin_to_celsius": (1.0, -273.15),
    "times_100": (100.0, 0.0),
    "divided_by_100": (0.01, 0.0),
    "sign": (-1.0, 0.0),
}
"""Name to (factor, offset): observed = factor × usual + offset."""

MIN_WINDOWS = 8
EXPLAINED = 0.15
"""A hypothesis holds if the error it leaves is at most this share of the change."""

NEGLIGIBLE = 0.01
"""Share of the change that decides nothing: 273 degrees are Kelvin, though 272.6 fits a warm day better."""

FOLLOWS = 3.0
"""The observed values must still go up and down with the usual ones, within this factor: a sensor that stands still
far away is no unit and no offset."""


def affine_hypothesis(usual: Floats, observed: Floats) -> dict[str, Any] | None:
    """The best of NAMED and a constant offset, if it explains the change; None if nothing does.

    Returns:
        name, factor, offset, and `unexplained`: the median error over the median change, 0 to 1.
    """
    known = ~np.isnan(usual) & ~np.isnan(observed)
    usual, observed = usual[known], observed[known]
    if len(usual) < MIN_WINDOWS:
        return None
    change = float(np.median(np.abs(observed - usual)))
    errors = _errors(usual, observed)
    # A fitted offset fits better than a guess without a free number: it must win by a margin.
    handicap = {"offset": errors["offset"] + NEGLIGIBLE * change}
    best = min(errors, key=lambda name: errors[name] + handicap.get(name, 0.0))
    factor, shift = NAMED.get(best, (1.0, round(float(np.median(observed - usual)), 2)))
    swing = _swing(observed) / (abs(factor) * _swing(usual) + 1e-9)
    if not 1 / FOLLOWS <= swing <= FOLLOWS or change == 0.0 or errors[best] > EXPLAINED * change:
        return None
    return {
        "name": best, "factor": round(factor, 6), "offset": round(shift, 3),
        "unexplained": round(errors[best] / change, 3),
    }  # fmt: skip


def unexplained_shares(usual: Floats, observed: Floats) -> dict[str, float]:
    """Share of the change that each guess leaves unexplained, the best first; above 1 it is worse than none."""
    known = ~np.isnan(usual) & ~np.isnan(observed)
    usual, observed = usual[known], observed[known]
    if len(usual) < MIN_WINDOWS or (change := float(np.median(np.abs(observed - usual)))) == 0.0:
        return {}
    errors = _errors(usual, observed)
    return {name: round(errors[name] / change, 3) for name in sorted(errors, key=lambda n: errors[n])}


def _errors(usual: Floats, observed: Floats) -> dict[str, float]:
    """Median error of each guess, in the field's unit."""
    guesses = {**NAMED, "offset": (1.0, float(np.median(observed - usual)))}
    return {
        name: float(np.median(np.abs(observed - factor * usual - shift)))
        for name, (factor, shift) in guesses.items()
    }


def affine_repair(hypothesis: Mapping[str, Any]) -> dict[str, float]:
    """What turns observed values back: usual = factor × observed + offset. Reversible, and never applied."""
    factor, offset = hypothesis["factor"], hypothesis["offset"]
    return {"factor": round(1 / factor, 6), "offset": round(-offset / factor, 3)}


def _swing(values: Floats) -> float:
    lower, upper = np.quantile(values, [0.1, 0.9])
    return float(upper - lower)


NEAR_DEGREES = 0.1
"""Places closer than this are the same: about 10 km, beyond any jitter of a position."""

EARTH_KM = 6371.0


def place_hypothesis(usual: tuple[float, float], observed: tuple[float, float]) -> dict[str, Any]:
    """How a (latitude, longitude) in degrees became another: swapped, a lost sign, zeros; `moved` if nothing fits.

    Returns:
        name, `kilometres` between the two, and for what can be undone `proposed_repair`.
    """
    latitude, longitude = usual
    guesses: dict[str, tuple[tuple[float, float], dict[str, Any] | None]] = {
        "latitude_longitude_swapped": ((longitude, latitude), {"swap": ["latitude", "longitude"]}),
        "null_island": ((0.0, 0.0), None),
        "sign_of_latitude": ((-latitude, longitude), {"factor": -1.0, "offset": 0.0, "field": "latitude"}),
        "sign_of_longitude": ((latitude, -longitude), {"factor": -1.0, "offset": 0.0, "field": "longitude"}),
        "sign_of_both": ((-latitude, -longitude), {"factor": -1.0, "offset": 0.0, "field": "both"}),
    }
    told: dict[str, Any] = {"name": "moved", "kilometres": round(_kilometres(usual, observed), 1)}
    if _near(usual, observed):
        return told
    for name, (place, repair) in guesses.items():
        if _near(place, observed):
            return told | {"name": name} | ({"proposed_repair": repair} if repair else {})
    return told


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= NEAR_DEGREES


def _kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Along the great circle (haversine)."""
    (lat1, lon1), (lat2, lon2) = (tuple(np.radians(place)) for place in (one, other))
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return float(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0))))
