"""How far from usual is too far: centre, spread and limit of every feature, from training rows and a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iot_drift.detector import budget_threshold

Floats = npt.NDArray[np.float64]

SPREAD_FLOOR = {
    "value": 1.0,
    "level": 0.1,
    "noise": 0.1,
    "change": 0.1,
    "stuck": 0.2,
    "missing": 0.05,
    "day": 0.1,
    "relation": 0.1,
    "apart": 0.1,
    "columns": 0.1,
    "rows": 0.2,
}
"""By the last word of a feature: features are in spreads of their column (noise, stuck and rows: logarithms; missing:
a share), and a training that never moved must not make each tenth of a spread a finding."""

TAIL = 0.003
"""Student's tail is taken here and stretched like a normal one beyond: with two or three independent windows its own
far tail says nothing but `never`."""

ALL_BUT_WILDEST = 0.95
"""Share of the training windows that are below every limit; the others may hold what training should not."""

FARTHEST = 1e6
"""Limits beyond which it no longer matters how far: numbers near the end of float64 stay numbers."""

MOST_REPEATED = 0.95
LEAST_INDEPENDENT = 2.0


@dataclass(frozen=True)
class Limits:
    """Per feature; a row deviates by |feature - centre| / spread / limit: 1 is at the limit."""

    centre: Floats
    spread: Floats
    limit: Floats

    def deviation(self, matrix: Floats) -> Floats:
        """Signed deviation in limits; what is unknown deviates by 0."""
        with np.errstate(over="ignore"):
            sizes = np.nan_to_num((matrix - self.centre) / self.spread / self.limit)
        return np.asarray(np.clip(sizes, -FARTHEST, FARTHEST))


def learn_limits(matrix: Floats, names: Sequence[str], window_rows: int, false_alarms: float) -> Limits:
    """Centre, spread and limit per feature.

    A limit is the larger of two. One is a prediction limit: Student's t for as many independent windows as the
    training has; a column that wanders has two or three, however many rows, and its level proves nothing. The other is
    a Gumbel distribution through the largest deviation of every training window, and never below what all but
    the wildest twentieth of them reached.

    Args:
        matrix: Features of training rows, in order of time, crossed.
        names: Of the features.
        window_rows: Rows of a window.
        false_alarms: Expected false alarms per window, all features together.
    """
    known = matrix.copy()
    of_rows = np.array([name.endswith(" value") for name in names])
    # The first windows are not full; they would make everything look noisier.
    known[: min(window_rows, len(known) // 2), ~of_rows] = np.nan
    centre = _known_quantile(known, 0.5)
    floor = np.array([SPREAD_FLOOR[name.rsplit(" ", 1)[-1]] for name in names])
    spread = np.maximum(_known_quantile(np.abs(known - centre), 0.9) / 1.645, floor)
    sizes = np.nan_to_num((known - centre) / spread)
    each = false_alarms / len(names)
    firsts = np.arange(0, len(sizes), window_rows)
    largest = np.maximum.reduceat(np.abs(sizes), firsts, axis=0)
    counts = np.diff(np.append(firsts, len(sizes)))[:, None]
    means = np.add.reduceat(sizes, firsts, axis=0) / counts
    share = np.where(of_rows, each / window_rows, each)
    limit = np.maximum(_prediction_limit(means, share), np.quantile(largest, ALL_BUT_WILDEST, axis=0))
    gumbel = [budget_threshold(column, each) for column in largest.T]
    return Limits(centre, spread, np.maximum(limit, gumbel))


def score_limit(scores: Floats, window_rows: int, false_alarms: float) -> float:
    """The forest score that a training window's largest exceeds with probability `false_alarms`."""
    largest = np.maximum.reduceat(scores, np.arange(0, len(scores), window_rows))
    return budget_threshold(largest, false_alarms)


def _known_quantile(values: Floats, share: float) -> Floats:
    filled = np.where(np.isnan(values).all(axis=0), 0.0, values)
    return np.asarray(np.nanquantile(filled, share, axis=0))


def _prediction_limit(means: Floats, false_alarms: Floats) -> Floats:
    """Student's t for the windows that are independent of each other, by how much one repeats the one before."""
    from scipy.special import ndtri, stdtrit

    count = len(means)
    centred = means - means.mean(axis=0)
    repeated = (centred[1:] * centred[:-1]).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-12)
    # A short series underestimates how much it repeats itself, by about one over its length.
    repeated = np.clip(repeated + 1.0 / count, 0.0, MOST_REPEATED)
    independent = np.maximum(count * (1 - repeated) / (1 + repeated), LEAST_INDEPENDENT)
    stretched = ndtri(false_alarms / 2) / ndtri(TAIL / 2)
    return np.asarray(-stdtrit(independent - 1, TAIL / 2) * stretched)
