"""The statistical detector: an IsolationForest and the sizes of residuals, with thresholds from a false-alarm budget.

What a score means: `score` is the anomaly score of Liu, Ting and Zhou ("Isolation Forest", ICDM 2008), 0 to 1; about
0.45 is an ordinary window, higher is stranger. It says how *unlike the reference* a window's residuals are, not how
far off they are: outside the range it was trained on it saturates (a window 5 and one 500 degrees off score the
same). So a window deviates if a residual is large by itself, or if it is moderately large and the forest agrees; both
for most of the last windows, since a single odd window is an event and no drift.

Nothing is pickled: a judge is plain arrays and numbers, stored in `drift.model`; its `model_id` is their hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from iot_drift.baseline import Z_NAMES, Baseline
from iot_drift.features import DAILY, FIELDS
from iot_drift.forest import Forest, fit_forest

Floats = npt.NDArray[np.float64]

SUPPORTING = (
    "relation",
    *(f"{field}_{what}_z" for field in DAILY for what in ("step", "spread")),
    "lag_z",
    "gap_share",
)
"""What only feeds the forest: it says that a window is strange, and not that a sensor is wrong. A late upload, a gap, a
front that passes are no drift; a shift that comes with them is found at 80 % of its limit."""

WATCHED = tuple(name for name in Z_NAMES if name not in SUPPORTING)
"""Residuals that make a finding by themselves."""

STUCK = tuple(f"{field}_stuck" for field in FIELDS)
RATES = ("invalid_share", "missing_share")
FOREST_FEATURES = (*Z_NAMES, *RATES)

Z_FLOOR = 6.0
"""No residual below six robust deviations is drift by itself, however quiet the reference was."""

SUPPORTED = 0.8
"""Share of the threshold that is enough where the forest agrees."""

CLIP = 10.0
"""Residuals beyond it look the same to the forest; without it one wild reference window would stretch every split."""

TRAINING_ROWS = 4096
"""Rows kept to grow the forest: 100 trees of 256 rows each do not look at more."""

FORMAT_VERSION = 1
"""Of what is stored about models and baselines: another one is refused, and learned anew."""


@dataclass(frozen=True)
class Rules:
    """The settings a verdict depends on."""

    window_minutes: int = 15
    persistence_windows: int = 4
    false_alarms_per_1000_device_days: float = 1.0
    seed: int = 7

    @property
    def needed_windows(self) -> int:
        """How many of the last `persistence_windows` must deviate: all but one, so that one gap breaks nothing."""
        return max(1, self.persistence_windows - 1)


@dataclass(frozen=True)
class Judge:
    """What a worker needs to judge windows: plain arrays and numbers, small enough to travel with the task."""

    forest: Forest
    thresholds: Mapping[str, float]
    score_threshold: float
    rules: Rules
    model_id: str


@dataclass(frozen=True)
class Detector:
    """What judges windows: what is usual for each device, and what is too much."""

    baseline: Baseline
    judge: Judge


def judge_of(forest: Forest, thresholds: Mapping[str, float], score_threshold: float, rules: Rules) -> Judge:
    """The judge that these make; its `model_id` names all that a verdict depends on, features included."""
    said = repr((FORMAT_VERSION, FOREST_FEATURES, sorted(thresholds.items()), score_threshold, rules))
    named = blake2b((forest.digest + said).encode(), digest_size=16).hexdigest()
    return Judge(forest, thresholds, score_threshold, rules, named)


def forest_matrix(scores: pd.DataFrame) -> Floats:
    """FOREST_FEATURES as numbers: unknown is 0 (as usual), sizes end at CLIP."""
    return np.clip(np.nan_to_num(scores[list(FOREST_FEATURES)].to_numpy(dtype="float64")), -CLIP, CLIP)


def anomaly_scores(matrix: Floats, training: Floats, seed: int) -> Floats:
    """Score of each row, 0 to 1, higher is stranger; from a forest grown on `training` with `seed`."""
    return _grown(training.tobytes(), training.shape, seed).scores(matrix)


@lru_cache(maxsize=2)
def _grown(training: bytes, shape: tuple[int, int], seed: int) -> Forest:
    """Grown once per process and training set."""
    return fit_forest(np.frombuffer(training, dtype="float64").reshape(shape), seed)


def persistent(values: Floats, codes: npt.NDArray[np.intp], rules: Rules) -> Floats:
    """The size that most of the last windows reached: the n-th largest of this window and those before it.

    Args:
        values: Sizes by device and time.
        codes: Device of each row; a window never looks across devices.
        rules: How many of how many.
    """
    length = rules.persistence_windows
    padded = np.full((length, len(values)), 0.0)
    for back in range(length):
        same = np.zeros(len(values), dtype=bool)
        same[back:] = codes[back:] == codes[: len(values) - back]
        padded[back, back:] = values[: len(values) - back]
        padded[back, ~same] = 0.0
    return np.asarray(np.sort(padded, axis=0)[length - rules.needed_windows])


def budget_threshold(largest: Floats, false_alarms: float) -> float:
    """The value that a device-day's maximum exceeds with probability `false_alarms`.

    A Gumbel distribution through the quartiles of the maxima: there are never enough reference days to count an event
    of one in ten thousand, and quartiles do not care for a few reference devices that were faulty already.
    """
    if not len(largest):
        return float("inf")
    lower, middle, upper = np.quantile(largest, [0.25, 0.5, 0.75])
    spread = (upper - lower) / 1.5725
    mode = middle + spread * np.log(np.log(2.0))
    return float(mode - spread * np.log(-np.log1p(-false_alarms)))


def judge_windows(windows: pd.DataFrame, judge: Judge) -> pd.DataFrame:
    """Score windows and say which of them deviate, lastingly, and by what.

    Args:
        windows: FOREST_FEATURES, device_id, window_start, is_reference; each device with its windows just before
            those that matter. Reference windows count as undisturbed.
        judge: From `training.fit_detector`, or stored.

    Returns:
        By device and time: the columns given, score, threshold, is_anomalous, top_feature, top_feature_z, and for
        each of WATCHED `<name>_excess` (lasting size over its limit; 1 or more deviates), `<name>_limit` and
        `<name>_since_minutes` (how long before the window the deviating run began).
    """
    ordered = windows.sort_values(["device_id", "window_start"], kind="stable", ignore_index=True)
    codes = pd.factorize(ordered["device_id"])[0]
    undisturbed = ordered["is_reference"].to_numpy(dtype=bool)
    score = judge.forest.scores(forest_matrix(ordered))
    agreed = persistent(np.where(undisturbed, 0.0, score), codes, judge.rules) > judge.score_threshold
    added: dict[str, Any] = {"score": np.where(undisturbed, np.nan, score)}
    added["threshold"] = np.where(undisturbed, np.nan, judge.score_threshold)
    minutes = ordered["window_start"].to_numpy().astype("datetime64[s]").astype("int64") / 60.0
    for name in WATCHED:
        size = np.where(undisturbed, 0.0, np.abs(np.nan_to_num(ordered[name].to_numpy(dtype="float64"))))
        limit = np.full(len(ordered), judge.thresholds[name])
        if name not in STUCK:
            limit[agreed] *= SUPPORTED
        added[f"{name}_excess"] = persistent(size, codes, judge.rules) / limit
        added[f"{name}_limit"] = limit
        added[f"{name}_since_minutes"] = _run_minutes(size >= limit, minutes, codes, judge.rules)
    return _with_verdict(ordered.assign(**added))


def _run_minutes(
    over: npt.NDArray[np.bool_], minutes: Floats, codes: npt.NDArray[np.intp], rules: Rules
) -> Floats:
    """Minutes from the earliest deviating window among the last ones to this window."""
    since = np.zeros(len(over))
    for back in range(1, rules.persistence_windows):
        same = over[: len(over) - back] & (codes[back:] == codes[: len(codes) - back])
        since[back:] = np.where(same, minutes[back:] - minutes[: len(minutes) - back], since[back:])
    return since


def _with_verdict(judged: pd.DataFrame) -> pd.DataFrame:
    excess = judged[[f"{name}_excess" for name in WATCHED]].to_numpy()
    top = excess.argmax(axis=1) if len(judged) else np.zeros(0, dtype="int64")
    largest = excess[np.arange(len(judged)), top]
    sizes = judged[list(WATCHED)].to_numpy(dtype="float64")[np.arange(len(judged)), top]
    named = np.array([*WATCHED, None], dtype=object)[np.where(largest > 0, top, len(WATCHED))]
    return judged.assign(is_anomalous=largest >= 1.0, top_feature=named, top_feature_z=sizes)
