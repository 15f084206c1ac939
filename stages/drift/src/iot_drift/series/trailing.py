"""Features of the window that ends at each row. Nothing is learned here, and no row looks at later ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def window_starts(position: Floats, length: float) -> Indices:
    """First row of the window (t - length, t] that ends at each row; positions ascend, equal ones keep their order."""
    return np.searchsorted(position, position - length, side="right").astype("intp")


def window_mean(values: Floats, starts: Indices, least: int = 1) -> Floats:
    """Mean per column of the known values of each row's window; NaN with fewer than `least`."""
    known = ~np.isnan(values)
    total = _sums(np.where(known, values, 0.0), starts)
    number = _sums(known.astype("float64"), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number >= least, total / number, np.nan)


def window_deviation(values: Floats, starts: Indices, least: int = 4) -> Floats:
    """Standard deviation around the window's own mean; NaN with fewer than `least` known values."""
    mean = window_mean(values, starts, least)
    square = window_mean(values**2, starts, least)
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))


def steps(values: Floats) -> Floats:
    """Difference to the last known value before each row; NaN for the first and for unknown ones."""
    before = previous_known(values)
    return np.asarray(values - before)


def previous_known(values: Floats) -> Floats:
    """The newest known value of each column strictly before each row."""
    row = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    newest = np.maximum.accumulate(row, axis=0)
    before = np.vstack([np.full((1, values.shape[1]), -1), newest[:-1]]) if len(values) else newest
    taken = np.take_along_axis(values, np.maximum(before, 0), axis=0) if len(values) else values
    return np.asarray(np.where(before >= 0, taken, np.nan))


def unchanged_rows(values: Floats) -> Floats:
    """How many rows, up to each, every column has had exactly one value; unknown ones neither count nor interrupt."""
    known = ~np.isnan(values)
    moved = known & (values != previous_known(values))
    counted = np.cumsum(known, axis=0)
    at_move = np.maximum.accumulate(np.where(moved, counted, 0), axis=0)
    return np.asarray((counted - at_move + 1.0) * known)


def _sums(values: Floats, starts: Indices) -> Floats:
    total = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(total[1:] - total[starts])
