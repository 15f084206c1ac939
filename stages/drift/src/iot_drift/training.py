"""How a judge comes to be: from residuals of usual windows, without those that are known to be bad."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd

from iot_drift.baseline import Z_NAMES, Baseline, fit_baseline
from iot_drift.detector import (
    RATES,
    STUCK,
    TRAINING_ROWS,
    WATCHED,
    Z_FLOOR,
    Detector,
    Judge,
    Rules,
    budget_threshold,
    forest_matrix,
    judge_of,
    persistent,
)
from iot_drift.forest import fit_forest

Floats = npt.NDArray[np.float64]

MOST_EXCLUDED = 0.5
"""A device that would lose more of its reference keeps it all: what it does most of the time is its normal."""

KEY = ["device_id", "window_start"]
SIZES = (*KEY, *Z_NAMES, *RATES)
"""What a judge is made of: residuals of usual windows, each judged without itself."""


@dataclass(frozen=True)
class TrainingFacts:
    """What a manifest says of the windows that trained a judge."""

    devices: int
    windows: int
    excluded: int
    digest: str


@dataclass(frozen=True)
class Learned:
    """A baseline, the residuals of its own reference (SIZES), and how many windows were left out of it."""

    baseline: Baseline
    sizes: pd.DataFrame
    excluded: int


def fit_detector(reference: pd.DataFrame, rules: Rules) -> Detector:
    """Baselines, forest and thresholds from reference windows alone; same rows and rules, same detector."""
    learned = learn_baseline(reference, rules)
    return Detector(learned.baseline, fit_judge(learned.sizes, rules))


def learn_baseline(reference: pd.DataFrame, rules: Rules) -> Learned:
    """What is usual, learned twice: the second time without the windows that deviate lastingly from the first.

    Args:
        reference: Windows with STATISTICS and ROLLING of every device that has a reference; any order.
        rules: The settings.
    """
    ordered = reference.sort_values(KEY, kind="stable", ignore_index=True)
    baseline, sizes = _fitted(ordered, rules)
    bad = _deviating(sizes, fit_judge_thresholds(sizes, rules), rules)
    if not bad.any():
        return Learned(baseline, sizes, 0)
    baseline, sizes = _fitted(ordered[~bad].reset_index(drop=True), rules)
    return Learned(baseline, sizes, int(bad.sum()))


def _fitted(ordered: pd.DataFrame, rules: Rules) -> tuple[Baseline, pd.DataFrame]:
    baseline, scores = fit_baseline(ordered, rules.window_minutes)
    return baseline, pd.concat([ordered[KEY], scores, ordered[list(RATES)]], axis=1)


def _deviating(sizes: pd.DataFrame, thresholds: dict[str, float], rules: Rules) -> npt.NDArray[np.bool_]:
    """Reference windows in a lasting deviation, of devices that deviate less than MOST_EXCLUDED of their time."""
    codes = pd.factorize(sizes["device_id"])[0]
    bad = np.zeros(len(sizes), dtype=bool)
    for name in WATCHED:
        if name in STUCK:  # its limit is the longest standstill of the reference itself
            continue
        size = np.abs(np.nan_to_num(sizes[name].to_numpy()))
        lasting = persistent(size, codes, rules) >= thresholds[name]
        for ahead in range(rules.persistence_windows):
            same = codes[ahead:] == codes[: len(codes) - ahead]
            bad[: len(codes) - ahead] |= (
                lasting[ahead:] & same & (size[: len(codes) - ahead] >= thresholds[name])
            )
    share = pd.Series(bad).groupby(codes).transform("mean").to_numpy()
    return np.asarray(bad & (share <= MOST_EXCLUDED))


def fit_judge(sizes: pd.DataFrame, rules: Rules) -> Judge:
    """Forest and thresholds.

    Args:
        sizes: SIZES of usual windows, by device and time.
        rules: The settings; the budget among them makes the thresholds.
    """
    matrix = forest_matrix(sizes)
    chosen = np.random.default_rng(rules.seed).permutation(len(matrix))[:TRAINING_ROWS]
    forest = fit_forest(matrix[np.sort(chosen)], rules.seed)
    thresholds = fit_judge_thresholds(sizes, rules)
    score_threshold = min(1.0, _threshold(forest.scores(matrix), sizes, rules))
    return judge_of(forest, thresholds, score_threshold, rules)


def fit_judge_thresholds(sizes: pd.DataFrame, rules: Rules) -> dict[str, float]:
    """Watched feature to the lasting size that a healthy device passes as rarely as the budget says."""
    return {
        name: 1.0
        if name in STUCK
        else max(Z_FLOOR, _threshold(np.abs(np.nan_to_num(sizes[name].to_numpy())), sizes, rules))
        for name in WATCHED
    }


def _threshold(values: Floats, sizes: pd.DataFrame, rules: Rules) -> float:
    days = sizes["device_id"].astype(str) + sizes["window_start"].dt.strftime(" %Y-%m-%d")
    codes = pd.factorize(sizes["device_id"])[0]
    largest = pd.Series(persistent(values, codes, rules)).groupby(days.to_numpy()).max().to_numpy()
    # The budget is shared by all that can raise an alarm.
    return budget_threshold(largest, rules.false_alarms_per_1000_device_days / 1000.0 / (len(WATCHED) + 1))


def facts_of(sizes: pd.DataFrame, excluded: int) -> TrainingFacts:
    """What a manifest says of SIZES."""
    times = sizes["window_start"].to_numpy().astype("datetime64[s]").astype("int64")
    state = blake2b("|".join(sizes["device_id"].astype(str)).encode(), digest_size=16)
    state.update(times.tobytes())
    state.update(forest_matrix(sizes).tobytes())
    return TrainingFacts(int(sizes["device_id"].nunique()), len(sizes), excluded, state.hexdigest())
