"""Peers on one series: a score per row from libraries people use, each as its documentation has it.

Every peer sees the training rows first and every row once, in order. `PEERS` gives its score per row, and the score
from which a row counts as found: by the peer's own rule where it has one, else the 99.5 % point of the training rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TRAINING_QUANTILE = 0.995
WINDOW_ROWS = 50
WINDOW_STRIDE = 10
TREES = 20
TREE_ROWS = 256
SHINGLE_ROWS = 8
PSI_DRIFT = 0.2
KS_DRIFT = 0.05


@dataclass(frozen=True)
class Judged:
    """Scores of all rows, and the one from which a row counts as found."""

    score: Floats
    threshold: float


Peer = Callable[[Floats, int], Judged]


def filled(values: Floats) -> Floats:
    """Unknown values become the last known one (0 before any): none of the peers takes nulls."""
    row = np.where(np.isnan(values), 0, np.arange(1, len(values) + 1)[:, None])
    newest = np.maximum.accumulate(row, axis=0)
    return np.vstack([np.zeros((1, values.shape[1])), np.nan_to_num(values)])[
        newest, np.arange(values.shape[1])
    ]


def by_training(score: Floats, training: int) -> Judged:
    """A threshold that 0.5 % of the training rows pass."""
    return Judged(score, float(np.quantile(score[:training], TRAINING_QUANTILE)))


def isolation_forest(values: Floats, training: int) -> Judged:
    """scikit-learn's IsolationForest on single records."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=7).fit(values[:training])
    return by_training(-forest.score_samples(values), training)


def random_cut_forest(values: Floats, training: int, shingle: int = 0) -> Judged:
    """rrcf, streaming: collusive displacement of every row in forests of the last TREE_ROWS; one column is shingled."""
    import rrcf

    np.random.seed(7)  # rrcf draws its cuts from the global generator
    rows = shingle or (SHINGLE_ROWS if values.shape[1] == 1 else 1)
    points = np.hstack([np.roll(values, back, axis=0) for back in reversed(range(rows))])
    points[: rows - 1] = points[rows - 1]
    forest = [rrcf.RCTree() for _ in range(TREES)]
    score = np.zeros(len(points))
    for row, point in enumerate(points):
        for tree in forest:
            if row >= TREE_ROWS:
                tree.forget_point(row - TREE_ROWS)
            tree.insert_point(point, index=row)
            score[row] += tree.codisp(row) / TREES
    return by_training(score, training)


def half_space_trees(values: Floats, training: int) -> Judged:
    """River's HalfSpaceTrees; features scaled to the training rows' range, as it asks for 0 to 1."""
    from river.anomaly import HalfSpaceTrees

    lower, upper = values[:training].min(axis=0), values[:training].max(axis=0)
    scaled = np.clip((values - lower) / np.where(upper > lower, upper - lower, 1.0), 0.0, 1.0)
    model = HalfSpaceTrees(seed=7)
    score = np.zeros(len(scaled))
    for row, point in enumerate(scaled.tolist()):
        features = dict(enumerate(point))
        score[row] = model.score_one(features)
        model.learn_one(features)
    return by_training(score, training)


def adwin(values: Floats, training: int) -> Judged:
    """River's ADWIN on every column; a row is found if it detects a change there."""
    from river.drift import ADWIN

    score = np.zeros(len(values))
    for column in values.T.tolist():
        detector = ADWIN()
        for row, value in enumerate(column):
            detector.update(value)
            score[row] += detector.drift_detected
    return Judged(score, 1.0)


def ks_windows(values: Floats, training: int) -> Judged:
    """Kolmogorov-Smirnov (scipy) of the last WINDOW_ROWS rows against the training rows; the smallest p decides."""
    from scipy.stats import ks_2samp

    def smallest(window: Floats) -> float:
        columns = zip(values[:training].T, window.T, strict=True)
        each = [ks_2samp(usual, now).pvalue for usual, now in columns]
        return -float(np.log10(max(min(each) * len(each), 1e-300)))

    return Judged(_windowed(values, smallest), -float(np.log10(KS_DRIFT)))


def psi_windows(values: Floats, training: int) -> Judged:
    """Population stability index of the last WINDOW_ROWS rows in the training rows' deciles; the largest decides."""
    edges = [np.unique(np.quantile(column, np.linspace(0.1, 0.9, 9))) for column in values[:training].T]
    usual = [_shares(column, edge) for column, edge in zip(values[:training].T, edges, strict=True)]

    def largest(window: Floats) -> float:
        now = [_shares(column, edge) for column, edge in zip(window.T, edges, strict=True)]
        return max(
            float(((new - old) * np.log(new / old)).sum()) for new, old in zip(now, usual, strict=True)
        )

    return Judged(_windowed(values, largest), PSI_DRIFT)


def _shares(column: Floats, edges: Floats) -> Floats:
    count = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1)
    return np.maximum(count / max(len(column), 1), 1e-4)


def _windowed(values: Floats, judge: Callable[[Floats], float]) -> Floats:
    """The verdict on the last WINDOW_ROWS rows, anew every WINDOW_STRIDE rows; it stands until the next."""
    score = np.zeros(len(values))
    window: deque[float] = deque(maxlen=1)
    for row in range(len(values)):
        if row + 1 >= WINDOW_ROWS and row % WINDOW_STRIDE == 0:
            window.append(judge(values[row + 1 - WINDOW_ROWS : row + 1]))
        score[row] = window[0] if window else 0.0
    return score


PEERS: dict[str, Peer] = {
    "IsolationForest, per record (scikit-learn)": isolation_forest,
    "Random Cut Forest (rrcf)": random_cut_forest,
    "HalfSpaceTrees (River)": half_space_trees,
    "ADWIN (River)": adwin,
    "KS windows (scipy)": ks_windows,
    "PSI windows": psi_windows,
}
