"""The engine: a score per row of a table, and per window, from what came before.

What a score means: up to THRESHOLD it is half the deviation of the row's strangest feature, in limits. Above, it grows
towards 1 with how far beyond the limit the row is *and* how new that is: what was as far off before, within about as
many rows as training had, stays above the threshold and close to it. The beginning of something scores highest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from iot_drift.series.judge import LEAST_TRAINING_ROWS, SeriesRules, deviations, learn_entity
from iot_drift.series.problems import NothingToScoreError
from iot_drift.series.table import SeriesTable
from iot_drift.series.usual import Rows

Floats = npt.NDArray[np.float64]

THRESHOLD = 0.5
TOP_FEATURES = 3

LASTING = 0.002
"""Share of what is above the threshold that does not ask how new a deviation is; it orders what lasts."""

DIGITS = 6
"""Scores are rounded, so that a sum taken in another order cannot show."""


@dataclass(frozen=True)
class SeriesScores:
    """What became of a table.

    Attributes:
        score: Per row of the table; NaN for training rows and rows that cannot be scored.
        top: Per row, the strangest features with their deviations in limits; empty where there is no score.
        windows: One row per entity and window that holds a scored row: entity, window_start, window_end (positions),
            row_count, score (the highest), is_anomaly, top_features, and every feature's deviation at its last row.
        unscored: Entities without scores, with the reason.
    """

    score: Floats
    top: npt.NDArray[np.object_]
    windows: pd.DataFrame
    unscored: dict[str, str]


def score_table(table: SeriesTable, rules: SeriesRules) -> SeriesScores:
    """Score every row after the training rows, each entity by itself.

    Raises:
        NothingToScoreError: No entity has both enough training rows and rows to score.
    """
    score = np.full(len(table.entity), np.nan)
    top = np.full(len(table.entity), "", dtype=object)
    windows, unscored = [], {}
    for number, name in enumerate(table.entities):
        rows = table.rows_of(number)
        training = int(table.is_training[rows].sum())
        reason = _unscored(table, rows, training)
        if reason:
            unscored[name] = reason
            continue
        score[rows[training:]], top[rows[training:]], seen = _score_entity(table, rows, training, rules)
        windows.append(seen.assign(entity=name))
    if not windows:
        first = next(iter(unscored.items()), ("", "it has no row with a readable time"))
        whose = f"entity {first[0]!r}: {first[1]}" if first[0] else first[1]
        raise NothingToScoreError(f"nothing can be scored ({whose}). Give more rows, or set --train-rows.")
    return SeriesScores(score, top, pd.concat(windows, ignore_index=True), unscored)


def _unscored(table: SeriesTable, rows: npt.NDArray[np.intp], training: int) -> str:
    """Why an entity cannot be scored; empty if it can."""
    times = np.unique(table.times.position[rows[:training]])
    if training < LEAST_TRAINING_ROWS or len(times) < 2:
        at_times = "" if training < LEAST_TRAINING_ROWS else " at a single time"
        return f"it has {training} training rows{at_times}, and {LEAST_TRAINING_ROWS} are the least"
    if training == len(rows):
        return f"all of its {training} rows are training rows"
    if np.isnan(table.values[rows[:training]]).all():
        return "its training rows hold no number"
    return ""


def _score_entity(
    table: SeriesTable, rows: npt.NDArray[np.intp], training: int, rules: SeriesRules
) -> tuple[Floats, npt.NDArray[np.object_], pd.DataFrame]:
    """Score and top features of the rows after the training rows, and the windows that hold them."""
    used = ~np.isnan(table.values[rows[:training]]).all(axis=0)
    columns = [name for name, is_used in zip(table.names, used, strict=True) if is_used]
    everything = Rows(table.values[np.ix_(rows, used)], table.times.position[rows], table.times.of_day[rows])
    learned = learn_entity(everything[:training], columns, rules)
    names = np.array(learned.names, dtype=object)
    start = everything.position[0]
    window = np.floor((everything.position - start) / learned.length).astype("int64")
    ends = np.append(window[1:] != window[:-1], True)
    largest, told, last = [], [], []
    first = 0
    for deviation in deviations(everything, learned, rules.seed):
        rank = np.argsort(-np.abs(deviation), axis=1, kind="stable")[:, :TOP_FEATURES]
        sizes = np.take_along_axis(deviation, rank, axis=1)
        largest.append(np.abs(sizes[:, 0]))
        told.append(_told(names[rank], sizes))
        last.append(deviation[ends[first : first + len(deviation)]])
        first += len(deviation)
    score = with_novelty(np.concatenate(largest), training)[training:]
    top = np.concatenate(told)[training:]
    seen = _windows(window, training, score, top, np.vstack(last), learned.names)
    seen.insert(0, "window_end", start + (seen["window"] + 1) * learned.length)
    seen.insert(0, "window_start", start + seen.pop("window") * learned.length)
    return score, top, seen


def with_novelty(deviation: Floats, training: int) -> Floats:
    """Scores from deviations in limits; at the limit and above it THRESHOLD or more, whatever came before.

    Args:
        deviation: Largest deviation of each row, in order of time.
        training: Rows that train: they are no past to compare with, and set how long a deviation is remembered.
    """
    fading = 0.5 ** (1.0 / max(training, 1))
    scores = np.empty(len(deviation))
    before = 0.0
    for row, size in enumerate(deviation.tolist()):
        if size < 1.0:
            scores[row] = THRESHOLD * size
        else:
            new = max(size - before, 0.0) / size
            beyond = (size - 1.0) / (size + 1.0)
            scores[row] = THRESHOLD + (1.0 - THRESHOLD) * beyond * (LASTING + (1.0 - LASTING) * new)
        if row >= training:
            before = max(before * fading, size)
    return np.round(scores, DIGITS)


def _told(names: npt.NDArray[np.object_], sizes: Floats) -> npt.NDArray[np.object_]:
    """`feature +1.52; feature -0.80`: the sign says whether it is above or below what is usual."""
    texts = np.char.add(np.char.add(names.astype(str), " "), np.char.mod("%+.2f", sizes))
    told = texts[:, 0]
    for place in range(1, texts.shape[1]):
        told = np.char.add(np.char.add(told, "; "), texts[:, place])
    return told.astype(object)


def _windows(
    window: npt.NDArray[np.int64],
    training: int,
    score: Floats,
    top: npt.NDArray[np.object_],
    last: Floats,
    names: tuple[str, ...],
) -> pd.DataFrame:
    numbers, counts = np.unique(window, return_counts=True)
    scored = pd.DataFrame({"window": window[training:], "score": score, "top_features": top})
    highest = scored.loc[scored.groupby("window")["score"].idxmax()]
    features = pd.DataFrame(last, columns=list(names)).round(4)
    features.insert(0, "row_count", counts)
    features.insert(0, "window", numbers)
    whole = highest.assign(is_anomaly=highest["score"] >= THRESHOLD).merge(features, on="window")
    order = ["window", "row_count", "score", "is_anomaly", "top_features", *names]
    return whole[order]
