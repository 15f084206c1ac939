"""Everything that can make a row strange, as one matrix of features; rows in order of time, one entity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from iot_drift.series.trailing import steps, window_deviation, window_mean, window_starts
from iot_drift.series.usual import CLIP, DAY, Rows, Usual, learn_usual

Floats = npt.NDArray[np.float64]

NOISE_FLOOR = 0.1
"""Added before a logarithm, in what is usual: noise below a tenth of it is no less noise."""

STEP_CLIP = 4.0
"""Usual steps beyond which a step counts no more in a window's noise: one spike is two steps and no noise."""

HALVES = 2
"""Without a daily cycle each half of the training rows is judged by the other."""

LEAST_OTHERS = 5

CHUNK = 65_536
"""Rows whose features are held at once; always counted from the first row, so that later rows change nothing."""


def feature_names(columns: Sequence[str], has_cycle: bool) -> tuple[str, ...]:
    """Names of the features, in the order of the matrix."""
    parts = ["value", "level", "noise", "change", "stuck", "missing"]
    parts += ["day"] * has_cycle + ["relation", "apart"] * (len(columns) > 1)
    return (*(f"{column} {part}" for part in parts for column in columns), "rows")


def evidence_of(
    rows: Rows, unchanged: Floats, usual: Usual, length: float, wild: Floats | float = np.inf
) -> Floats:
    """Features of every row and of the window of `length` that ends with it.

    Args:
        rows: In order of time.
        unchanged: From `unchanged_rows`, over the entity's whole past.
        usual: Learned from training rows.
        length: Of the window, in the unit of the rows' position.
        wild: Spreads, per column, beyond which a value is a finding by itself and counts in no window.
    """
    starts = window_starts(rows.position, length)
    residual = usual.residual(rows)
    tame = np.where(np.abs(residual) > wild, np.nan, residual)
    sized = np.clip(tame, -CLIP, CLIP)
    level = window_mean(sized, starts)
    earlier = np.maximum(starts - 1, 0)
    follows = (starts > 0) & (rows.position[earlier] > rows.position - 2 * length)
    before = np.where(follows[:, None], level[earlier], np.nan)
    moved = np.where(
        (np.diff(rows.position, prepend=-np.inf) < length)[:, None], steps(tame) / usual.step, np.nan
    )
    parts = [
        residual,
        level,
        np.log(window_deviation(np.clip(moved, -STEP_CLIP, STEP_CLIP), starts) + NOISE_FLOOR),
        level - before,
        np.log(unchanged + 1.0),
        window_mean(np.isnan(rows.values).astype("float64"), starts),
    ]
    if usual.daily is not None:
        parts.append(_day_change(level, rows.position, length))
    if rows.values.shape[1] > 1:
        apart = np.clip(usual.unexplained(sized), -CLIP, CLIP)
        parts.append(window_mean(apart, starts))
        parts.append(0.5 * np.log(window_mean(apart**2, starts) + NOISE_FLOOR))
    count = np.arange(1, len(rows) + 1) - starts
    return np.hstack([*parts, np.log(count)[:, None]])


def crossed_evidence(rows: Rows, unchanged: Floats, length: float, has_cycle: bool) -> Floats:
    """Features of training rows, each day (or half) judged by what the others say is usual.

    What is usual, judged on the rows it was learned from, looks better than it is.
    """
    fold = np.arange(len(rows)) * HALVES // len(rows)
    if has_cycle:
        fold = np.floor((rows.position - rows.position[0]) / DAY).astype("int64")
    crossed: Floats | None = None
    for number in np.unique(fold):
        mine = fold == number
        others = ~mine if (~mine).sum() >= LEAST_OTHERS else np.ones(len(rows), dtype=bool)
        judged = evidence_of(rows, unchanged, learn_usual(rows[others], has_cycle), length)
        crossed = judged if crossed is None else np.where(mine[:, None], judged, crossed)
    assert crossed is not None
    return crossed


def chunks(rows: Rows, length: float) -> list[tuple[slice, int]]:
    """Slices of at most CHUNK new rows with the past their windows need, and how many rows that past has."""
    reach = length * 2 if not np.isfinite(rows.of_day).all() else length * 2 + 2 * DAY
    found = []
    for first in range(0, len(rows), CHUNK):
        start = int(np.searchsorted(rows.position, rows.position[first] - reach))
        found.append((slice(start, min(first + CHUNK, len(rows))), first - start))
    return found


def _day_change(level: Floats, position: Floats, length: float) -> Floats:
    """Level minus that of a day ago, as far as it also differs from two days ago (or from what is usual).

    So the day after a strange day is not strange itself.
    """
    one = level - _days_before(level, position, length, 1)
    two = level - np.nan_to_num(_days_before(level, position, length, 2))
    lesser = np.sign(one) * np.minimum(np.abs(one), np.abs(two))
    return np.asarray(np.where(np.sign(one) == np.sign(two), lesser, 0.0 * one))


def _days_before(level: Floats, position: Floats, length: float, days: int) -> Floats:
    then = position - days * DAY
    at = np.searchsorted(position, then, side="right") - 1
    near = (at >= 0) & (position[at] > then - length)
    return np.asarray(np.where(near[:, None], level[np.maximum(at, 0)], np.nan))
