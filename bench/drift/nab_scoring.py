"""The Numenta Anomaly Benchmark's scoring, standard profile, as its sweeper and normaliser do it.

As in github.com/numenta/NAB (`nab/sweeper.py`, `nab/runner.py`): a detection counts by how early it lies in its window,
only the best one of each window; a detection outside costs up to 0.11, less just after a window; a missed window costs
1. The first 15 % of a file (at most 750 rows) do not count. 100 is a perfect detector, 0 one that never detects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, inf

import numpy as np
import numpy.typing as npt

TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1.0, 0.11, 1.0
"""Weights of the standard profile."""

PROBATION_SHARE, PROBATION_ROWS = 0.15, 750


@dataclass(frozen=True)
class ScoredFile:
    """One file: a score per row, and the rows (first, last) of its labelled windows."""

    name: str
    score: npt.NDArray[np.float64]
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class NabResult:
    """Normalised score at the best single threshold for all files."""

    score: float
    threshold: float
    found_windows: int
    windows: int
    false_detections: int


def scaled_sigmoid(position: float) -> float:
    """1 far before the end of a window, 0 at its end, -1 far behind."""
    return -1.0 if position >= 3.0 else 2.0 / (1.0 + exp(5.0 * position)) - 1.0


def probation(rows: int) -> int:
    """Rows at the beginning that do not count."""
    return int(min(floor(PROBATION_SHARE * rows), PROBATION_ROWS))


def row_weights(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[list[float], list[int]]:
    """What a detection at each row is worth, and the number of its window (-1: none)."""
    weights, names = [], []
    remaining = list(windows)
    inside: tuple[int, int] | None = None
    past: tuple[int, int] | None = None
    number = -1
    for row in range(rows):
        if remaining and row == remaining[0][0]:
            inside = remaining.pop(0)
            number += 1
        if inside is not None:
            width = inside[1] - inside[0] + 1
            position = -(inside[1] - row + 1) / width
            weights.append(scaled_sigmoid(position) * TRUE_POSITIVE / scaled_sigmoid(-1.0))
        elif past is None:
            weights.append(-FALSE_POSITIVE)
        else:
            width = past[1] - past[0]
            weights.append(scaled_sigmoid((row - past[1]) / width) * FALSE_POSITIVE)
        names.append(number if inside is not None else -1)
        if inside is not None and row == inside[1]:
            past, inside = inside, None
    return weights, names


def nab_score(files: Sequence[ScoredFile], threshold: float | None = None) -> NabResult:
    """The score over all files, at `threshold` or at the one that gives the most."""
    points: list[tuple[float, float, tuple[str, int] | None]] = []
    best: dict[tuple[str, int], float] = {}
    total = 0
    for scored in files:
        weights, names = row_weights(len(scored.score), scored.windows)
        total += len(scored.windows)
        for row in range(probation(len(scored.score)), len(scored.score)):
            window = (scored.name, names[row]) if names[row] >= 0 else None
            points.append((float(scored.score[row]), weights[row], window))
            if window is not None:
                best[window] = -FALSE_NEGATIVE
    points.sort(key=lambda point: -point[0])
    return _sweep(points, best, total, threshold)


def _sweep(
    points: Sequence[tuple[float, float, tuple[str, int] | None]],
    best: dict[tuple[str, int], float],
    total: int,
    threshold: float | None,
) -> NabResult:
    """Take the rows from the highest score down; after each distinct score, see what it would have earned."""
    null = -FALSE_NEGATIVE * len(best)
    perfect = TRUE_POSITIVE * len(best)
    false_cost, wrong, earned = 0.0, 0, null
    result = NabResult(_normal(null, null, perfect), inf, 0, total, 0)
    for place, (score, weight, window) in enumerate(points):
        if threshold is not None and score < threshold:
            break
        if window is None:
            false_cost += weight
            wrong += 1
        elif weight > best[window]:
            earned += weight - best[window]
            best[window] = weight
        last = place + 1 == len(points) or points[place + 1][0] != score
        if last and (threshold is not None or _normal(earned + false_cost, null, perfect) > result.score):
            found = sum(value > -FALSE_NEGATIVE for value in best.values())
            result = NabResult(_normal(earned + false_cost, null, perfect), score, found, total, wrong)
    return result


def _normal(raw: float, null: float, perfect: float) -> float:
    return 100.0 * (raw - null) / (perfect - null)
