"""What would turn the usual values into the observed ones: named guesses with their error, never applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NAMED = {
    "celsius_to_fahrenheit": (1.8, 32.0),
    "fahrenheit_to_celsius": (1 / 1.8, -32.0 / 1.8),
    "celsius_to_kelvin": (1.0, 273.15),
    "times_100": (100.0, 0.0),
    "divided_by_100": (0.01, 0.0),
    "sign": (-1.0, 0.0),
}
"""Name to (factor, offset): observed = factor × usual + offset."""

MIN_WINDOWS = 8
EXPLAINED = 0.15
"""A hypothesis holds if the error it leaves is at most this share of the change."""

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
    offset = float(np.median(observed - usual))
    guesses = {**NAMED, "offset": (1.0, round(offset, 2))}
    errors = {
        name: float(np.median(np.abs(observed - factor * usual - shift)))
        for name, (factor, shift) in guesses.items()
    }
    # A fitted offset fits better than a guess without a free number: it must win by a margin.
    errors["offset"] *= 2.0
    best = min(errors, key=errors.__getitem__)
    swing = _swing(observed) / (abs(guesses[best][0]) * _swing(usual) + 1e-9)
    if not 1 / FOLLOWS <= swing <= FOLLOWS or change == 0.0 or errors[best] > EXPLAINED * change:
        return None
    factor, shift = guesses[best]
    return {
        "name": best, "factor": round(factor, 6), "offset": round(shift, 3),
        "unexplained": round(errors[best] / change, 3),
    }  # fmt: skip


def _swing(values: Floats) -> float:
    lower, upper = np.quantile(values, [0.1, 0.9])
    return float(upper - lower)
