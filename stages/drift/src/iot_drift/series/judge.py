"""One entity: learn from its training rows, then judge every row by those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iot_drift.detector import CLIP, SUPPORTED, TRAINING_ROWS, Z_FLOOR, anomaly_scores
from iot_drift.series.evidence import chunks, crossed_evidence, evidence_of, feature_names
from iot_drift.series.limits import Limits, learn_limits, score_limit
from iot_drift.series.trailing import unchanged_rows
from iot_drift.series.usual import Rows, Usual, learn_usual, without_faults

Floats = npt.NDArray[np.float64]

WINDOW_ROWS = 20
"""Rows of a window by default: enough for a deviation, few enough to say when."""

WINDOWS_TO_LEARN = 20
"""Training is cut into at least so many windows, if that leaves a window LEAST_WINDOW_ROWS."""

LEAST_WINDOW_ROWS = 4

LEAST_TRAINING_ROWS = 10

ALL_COLUMNS = "all columns"

SMALL_DIRECTION = 0.3
"""Directions in which all levels together hardly ever move are trusted no further than this share of the mean."""

QUIET = 0.1
"""What the level of a steady column deviates by, in limits, at the least: one that wanders deviates by less of its wide
limits, and is not blown up to the same."""

ROWS_ALONE = 0.5
"""A window with few rows or many makes none of them strange by itself: it speaks through the forest, and up to here."""

LEVEL_CLIP = 3.0
"""Limits beyond which one column's level adds nothing to `all columns`: it is a finding by itself."""


@dataclass(frozen=True)
class SeriesRules:
    """The settings a score depends on.

    Attributes:
        window: Length of a window in the unit of positions; None: WINDOW_ROWS usual steps.
        false_alarms_per_1000_windows: The budget; the limits follow from it and the training rows.
        seed: Of the forest.
    """

    window: float | None = None
    false_alarms_per_1000_windows: float = 1.0
    seed: int = 7


@dataclass(frozen=True)
class Learned:
    """Everything an entity's training rows say.

    Attributes:
        names: Of the features; the last one is ALL_COLUMNS where there are several columns.
        usual: What is usual.
        length: Of a window, in the unit of positions.
        limits: Of the features without ALL_COLUMNS.
        rotation: Makes the levels of all columns uncorrelated.
        joint: Limits of ALL_COLUMNS; None with one column.
        training: Deviations the forest is fitted on.
        forest_limit: Forest score from which less deviation is enough.
    """

    names: tuple[str, ...]
    usual: Usual
    length: float
    limits: Limits
    rotation: Floats
    joint: Limits | None
    training: Floats
    forest_limit: float


def learn_entity(training: Rows, columns: Sequence[str], rules: SeriesRules) -> Learned:
    """Learn from training rows alone: at least LEAST_TRAINING_ROWS, at two times or more."""
    training = without_faults(training)
    step = float(np.median(np.diff(np.unique(training.position))))
    fitting = max(len(training) // WINDOWS_TO_LEARN, LEAST_WINDOW_ROWS)
    length = rules.window or step * min(WINDOW_ROWS, fitting)
    window_rows = int(np.clip(round(length / step), 1, max(len(training) // 2, 1)))
    false_alarms = rules.false_alarms_per_1000_windows / 1000.0
    cycle = training.has_days
    unchanged = unchanged_rows(training.values)
    crossed = crossed_evidence(training, unchanged, length, cycle)
    names = feature_names(columns, cycle)
    limits = learn_limits(crossed, names, window_rows, false_alarms)
    deviation = limits.deviation(crossed)
    rotation, joint = np.zeros((0, 0)), None
    if len(columns) > 1:
        rotation = _rotation(_levels(deviation, names))
        together = _together(deviation, names, rotation)
        joint = learn_limits(together, (ALL_COLUMNS,), window_rows, false_alarms / len(names))
        deviation = np.hstack([deviation, joint.deviation(together)])
        names = (*names, ALL_COLUMNS)
    chosen = np.random.default_rng(rules.seed).permutation(len(deviation))[:TRAINING_ROWS]
    seen = _for_forest(deviation)[np.sort(chosen)]
    scores = anomaly_scores(_for_forest(deviation), seen, rules.seed)
    agreeing = score_limit(scores, window_rows, false_alarms)
    usual = learn_usual(training, cycle)
    return Learned(names, usual, length, limits, rotation, joint, seen, agreeing)


def deviations(rows: Rows, learned: Learned, seed: int) -> Iterator[Floats]:
    """Signed deviation of every feature in limits, in chunks of rows: 1 or more is a finding.

    Where the forest finds the whole row stranger than any training window, SUPPORTED of a limit is enough.
    """
    unchanged = unchanged_rows(rows.values)
    base = learned.names[: len(learned.limits.limit)]
    columns = rows.values.shape[1]
    wild = (learned.limits.spread * learned.limits.limit)[:columns]
    for part, past in chunks(rows, learned.length):
        matrix = evidence_of(rows[part], unchanged[part], learned.usual, learned.length, wild)[past:]
        deviation = learned.limits.deviation(matrix)
        if learned.joint is not None:
            together = _together(deviation, base, learned.rotation)
            deviation = np.hstack([deviation, learned.joint.deviation(together)])
        score = anomaly_scores(_for_forest(deviation), learned.training, seed)
        deviation[score > learned.forest_limit] /= SUPPORTED
        deviation[:, base.index("rows")] = np.clip(deviation[:, base.index("rows")], -ROWS_ALONE, ROWS_ALONE)
        yield deviation


def _levels(deviation: Floats, names: Sequence[str]) -> Floats:
    chosen = [number for number, name in enumerate(names) if name.endswith(" level")]
    return np.clip(deviation[:, chosen], -LEVEL_CLIP, LEVEL_CLIP)


def _rotation(levels: Floats) -> Floats:
    sizes, directions = np.linalg.eigh(levels.T @ levels / len(levels))
    least = max(SMALL_DIRECTION * float(sizes.mean()), QUIET**2)
    return np.asarray(directions / np.sqrt(np.maximum(sizes, least)))


def _together(deviation: Floats, names: Sequence[str], rotation: Floats) -> Floats:
    """Size of all levels together (Mahalanobis distance, shrunk); columns that wander hardly count in it."""
    rotated = np.einsum("ij,jk->ik", _levels(deviation, names), rotation)
    return np.asarray(np.sqrt((rotated**2).mean(axis=1, keepdims=True)))


def _for_forest(deviation: Floats) -> Floats:
    return np.clip(deviation * Z_FLOOR, -CLIP, CLIP)
