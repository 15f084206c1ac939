"""Other ways to find a device that drifts, on the same fleets: what they are given, and how they rank devices.

Each gives a stream of sizes per device. As for the engine, a device's score is the largest size that three of four
windows in a row reached (for the forest over records: the middle of an hour), so that single spikes punish no peer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from bench.drift.classes import STATISTICAL
from bench.drift.fleets import Injection, inject
from bench.drift.statistical import WINDOW, Watched, drifted_windows, largest_excess, silences
from sklearn.metrics import average_precision_score

Floats = npt.NDArray[np.float64]
Stream = Callable[[Floats, Floats], Floats]
"""(windows before, windows to judge) of one device -> size per window to judge; a column per field."""

_COLUMNS = ["temperature_celsius", "humidity_percent", "battery_percent", "latitude", "longitude"]
FIELDS = [f"{name}_median" for name in _COLUMNS]
SHARE, HEALTHY, HOURS = 0.05, 15, 24
"""Five devices drift beside so many that do not; ranked by the first day after the onset."""
PAST = 192
"""Windows before the onset that a peer learns from: 48 hours, as the engine's reference."""


def random_cut_forest(past: Floats, now: Floats) -> Floats:
    """Collusive displacement in a Random Cut Forest (`rrcf`): 10 trees over the last 192 windows, shingles of 4."""
    import rrcf

    np.random.seed(7)  # rrcf draws its cuts from numpy's global generator
    everything = np.vstack([past, now])
    spread = past.std(axis=0) + 1e-6
    shingled = np.hstack([everything[back : len(everything) - 3 + back] / spread for back in range(4)])
    trees = [rrcf.RCTree() for _ in range(10)]
    sizes = np.zeros(len(shingled))
    for at, point in enumerate(shingled):
        for tree in trees:
            if len(tree.leaves) >= PAST:
                tree.forget_point(at - PAST)
            tree.insert_point(point, index=at)
            if at >= len(past) - 3:
                sizes[at] += tree.codisp(at) / len(trees)
    return sizes[len(shingled) - len(now) :]


def half_space_trees(past: Floats, now: Floats) -> Floats:
    """River's HalfSpaceTrees: 25 trees of height 8, window of a day; limits: the past's range, thrice."""
    from river import anomaly

    low, high = past.min(axis=0), past.max(axis=0)
    reach = high - low + 1e-6
    limits = {n: (float(low[n] - reach[n]), float(high[n] + reach[n])) for n in range(past.shape[1])}
    model = anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=96, limits=limits, seed=7)
    for row in past:
        model.learn_one(dict(enumerate(row.tolist())))
    sizes = np.zeros(len(now))
    for at, row in enumerate(now):
        point = dict(enumerate(row.tolist()))
        sizes[at] = model.score_one(point)
        model.learn_one(point)
    return sizes


def adwin(past: Floats, now: Floats) -> Floats:
    """River's ADWIN on each field, as it comes: changes found so far. A daily cycle is a change to it."""
    from river import drift

    sizes = np.zeros(len(now))
    for field in range(past.shape[1]):
        detector = drift.ADWIN()
        scale = past[:, field].std() + 1e-6
        found = 0
        for at, value in enumerate(np.r_[past[:, field], now[:, field]] / scale):
            detector.update(float(value))
            if at >= len(past):
                found += bool(detector.drift_detected)
                sizes[at - len(past)] += found
    return sizes


def kolmogorov_smirnov(past: Floats, now: Floats) -> Floats:
    """The two-sample KS statistic of the day against the two days before, mean over the fields.

    Not the largest: a battery falls every day, so for each healthy device that is 1.
    """
    from scipy.stats import ks_2samp

    sizes = [ks_2samp(past[:, n], now[:, n]).statistic for n in range(past.shape[1])]
    return np.full(len(now), np.mean(sizes))


def population_stability(past: Floats, now: Floats) -> Floats:
    """Population stability index, mean over the fields; ten bins of equal share of the two days before."""
    sizes = []
    for field in range(past.shape[1]):
        edges = np.unique(np.quantile(past[:, field], np.linspace(0, 1, 11)[1:-1]))
        before = (
            np.bincount(np.searchsorted(edges, past[:, field]), minlength=len(edges) + 1) / len(past) + 1e-4
        )
        after = np.bincount(np.searchsorted(edges, now[:, field]), minlength=len(edges) + 1) / len(now) + 1e-4
        sizes.append(float(((after - before) * np.log(after / before)).sum()))
    return np.full(len(now), np.mean(sizes))


STREAMS: Mapping[str, Stream] = {
    "Random Cut Forest (rrcf)": random_cut_forest,
    "HalfSpaceTrees (River)": half_space_trees,
    "ADWIN (River)": adwin,
    "KS": kolmogorov_smirnov,
    "PSI": population_stability,
}
RECORDS = "IsolationForest per record"
ENGINE = "this engine"


def compare(watched: Watched, classifier: Any, seed: int) -> list[dict[str, Any]]:
    """Device AUPRC of each peer, and of the engine on the same devices and hours, for every statistical class."""
    forest = _record_forest(watched)
    known: dict[tuple[str, str], float] = {}
    rows = []
    for drift in STATISTICAL:
        # One number, one onset for all classes: what a peer says of a healthy device then holds for each.
        injection = inject(watched.clean, drift, SHARE, 99, classifier)
        rows.append({"seed": seed, "class": drift.name, "auprc": _ranked(watched, injection, forest, known)})
    return rows


def _ranked(
    watched: Watched, injection: Injection, forest: Any, known: dict[tuple[str, str], float]
) -> dict[str, float]:
    onset = pd.Timestamp(injection.start_ms, unit="ms").floor(WINDOW)
    names = injection.device_ids(watched.clean.fleet)
    healthy = [name for name in watched.clean.fleet.ids[:100] if name not in names][:HEALTHY]
    windows = drifted_windows(watched, injection)
    windows = windows[windows["window_start"] < onset + pd.Timedelta(hours=HOURS)]
    chosen = [*names, *healthy]
    past = watched.windows[watched.windows["window_start"] < onset].groupby("device_id")
    now = windows[windows["window_start"] >= onset].groupby("device_id")
    truth = np.r_[np.ones(len(names)), np.zeros(len(healthy))]
    excess = largest_excess(windows, onset)
    silent = silences(watched, windows, injection)[1]
    ranked = {ENGINE: [max(excess.get(name, 0.0), silent.get(name, 0.0)) for name in chosen]}
    for label in (*STREAMS, RECORDS):
        for name in chosen:
            if name in names or (label, name) not in known:
                known[label, name] = (
                    _record_size(forest, watched, injection, name, onset)
                    if label == RECORDS
                    else _size(STREAMS[label], past.get_group(name), _group(now, name))
                )
        ranked[label] = [known[label, name] for name in chosen]
        for name in names:
            del known[label, name]
    return {
        label: round(float(average_precision_score(truth, np.nan_to_num(sizes))), 4)
        for label, sizes in ranked.items()
    }


def _group(grouped: Any, name: str) -> pd.DataFrame | None:
    return grouped.get_group(name) if name in grouped.groups else None


def _size(stream: Stream, past: pd.DataFrame, now: pd.DataFrame | None) -> float:
    """A device without a window says nothing to a detector of values."""
    if now is None:
        return 0.0
    before = past[FIELDS].ffill().bfill().to_numpy()[-PAST:]
    after = now[FIELDS].ffill().bfill().fillna(0.0).to_numpy()
    sizes = pd.Series(stream(before, after)) if len(after) else pd.Series([0.0])
    return (
        float(sizes.rolling(4, min_periods=1).quantile(0.25, interpolation="lower").iloc[3:].max())
        if len(sizes) > 3
        else 0.0
    )


def _record_forest(watched: Watched) -> Any:
    from sklearn.ensemble import IsolationForest

    readings = watched.clean.readings
    until = readings["event_time"].min() + pd.Timedelta(hours=48)
    values = readings.loc[readings["event_time"] < until, _COLUMNS].dropna().to_numpy()
    return IsolationForest(n_estimators=100, random_state=7, n_jobs=1).fit(values)


def _record_size(
    forest: Any, watched: Watched, injection: Injection, name: str, onset: pd.Timestamp
) -> float:
    from bench.drift.statistical import naive, readings_with

    if name in injection.device_ids(watched.clean.fleet):
        readings = naive(readings_with(watched.clean, injection, onset))
    else:
        readings = naive(watched.clean.readings)
    mine = readings[
        (readings["device_id"] == name)
        & readings["event_time"].between(onset, onset + pd.Timedelta(hours=HOURS))
    ].sort_values("event_time")
    values = mine[_COLUMNS].ffill().fillna(0.0).to_numpy(dtype="float64")
    if not len(values):
        return 0.0
    sizes = pd.Series(-forest.score_samples(values))
    return float(sizes.rolling(12, min_periods=1).median().iloc[min(11, len(sizes) - 1) :].max())
