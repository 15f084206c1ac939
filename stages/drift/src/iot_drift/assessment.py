"""From recomputed windows to windows ready to be judged: history, reference, residuals. Pandas in, pandas out."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from iot_drift.baseline import Z_NAMES, Baseline, residuals
from iot_drift.baseline_rows import Usual
from iot_drift.detector import Detector, Judge, Rules
from iot_drift.features import HISTORY_HOURS, ROLLING, STATISTICS, with_history
from iot_drift.new_normal import VALUES, NewNormals, ReferencePeriod, renewed_reference
from iot_drift.training import Learned, fit_judge, learn_baseline

__all__ = ["Assessment", "Memory", "ReferencePeriod", "assess", "needs_reference"]

KEY = ["device_id", "window_start"]
EXPECTED = ("temperature_celsius_expected", "humidity_percent_expected")
STORED = (*STATISTICS, *ROLLING, *Z_NAMES, *EXPECTED)
"""Names in `window_score.features` of every window (null ones are left out)."""


@dataclass(frozen=True)
class Memory:
    """What earlier batches have learned, and what people have decided.

    Attributes:
        champion: The stored model; None if there is none that fits.
        usual: The stored baselines; None if there are none that fit.
        normals: All accepted changes.
    """

    champion: Judge | None = None
    usual: Usual | None = None
    normals: NewNormals = field(default_factory=dict)

    @property
    def pending(self) -> NewNormals:
        """Accepted changes that the baselines do not follow yet."""
        if self.usual is None:
            return self.normals
        applied, known = self.usual.normals, set(self.usual.baseline.devices)
        return {
            key: since for key, since in self.normals.items() if key[0] in known and applied.get(key) != since
        }


NOTHING_LEARNED = Memory()


@dataclass(frozen=True)
class Assessment:
    """One batch, ready to be judged.

    Attributes:
        windows: Touched and dependent windows (`is_written`), and the windows just before them; STORED columns,
            reading_count, is_reference.
        detector: None while no device has a reference.
        usual: What is usual, where this batch learned it anew.
        learned: What it was learned from.
    """

    windows: pd.DataFrame
    detector: Detector | None
    usual: Usual | None = None
    learned: Learned | None = None


def needs_reference(touched: pd.DataFrame, memory: Memory, period: ReferencePeriod) -> bool:
    """True if a batch must learn: without a model, for devices that still have their reference, or a new one.

    A batch of settled devices reads one row per device and no reference window.
    """
    if memory.champion is None or memory.usual is None or memory.pending:
        return True
    devices = touched["device_id"]
    if devices.isin({device for device, _ in memory.usual.learning}).any():
        return True
    references = memory.usual.references[memory.usual.references["is_complete"]]
    ends = references["reference_from"] + pd.Timedelta(hours=period.hours)
    ends = pd.concat([ends, references["reference_until"]], axis=1).max(axis=1)
    return not bool((touched["window_start"] >= devices.map(ends)).all())


def assess(
    touched: pd.DataFrame,
    known: pd.DataFrame,
    reference: pd.DataFrame | None,
    period: ReferencePeriod,
    rules: Rules,
    memory: Memory = NOTHING_LEARNED,
    later: pd.DataFrame | None = None,
) -> Assessment:
    """Prepare the touched windows, and the later ones that look back on them, for judgement.

    Args:
        touched: Recomputed windows with STATISTICS; a window without readings has a reading_count of 0.
        known: Stored windows around them in time (HISTORY_HOURS either way) with STORED, of all devices; of a pending
            change, all since then.
        reference: All stored reference windows with STATISTICS and ROLLING; None if `needs_reference` said no.
        period: What a reference is.
        rules: Of the detector.
        memory: What earlier batches have learned.
        later: Stored windows since an accepted change, of the devices concerned.
    """
    concerned = {*touched["device_id"], *(device for device, _ in memory.pending)}
    timeline = _timeline(
        touched, known[known["device_id"].isin(concerned)], rules.window_minutes, memory.pending
    )
    timeline["is_reference"] = _is_reference(timeline, reference, period)
    usual, judge, learned = memory.usual, memory.champion, None
    if reference is not None:
        learned, usual = _learned(timeline, reference, period, rules, memory, later)
        if learned is not None and judge is None:
            judge = fit_judge(learned.sizes, rules)
    if usual is None or judge is None:
        return Assessment(timeline, None)
    made = usual if learned is not None else None
    scored = timeline[timeline["is_written"] & ~timeline["is_reference"]]
    if scored.empty:
        return Assessment(timeline, None, made, learned)
    _with_residuals(timeline, scored, known, usual.baseline, rules)
    return Assessment(timeline, Detector(usual.baseline, judge), made, learned)


def _with_residuals(
    timeline: pd.DataFrame, scored: pd.DataFrame, known: pd.DataFrame, baseline: Baseline, rules: Rules
) -> None:
    """Fill in the residuals of the windows that are scored, beside all others at the same times."""
    others = known[~known["device_id"].isin(scored["device_id"].unique())]
    rest = timeline[~timeline.index.isin(scored.index)]
    present = pd.concat([part for part in (others, rest) if len(part)] or [rest], ignore_index=True)
    peers = present[present["window_start"].isin(scored["window_start"].unique())]
    scores = residuals(scored, peers, baseline, rules.window_minutes)
    timeline.loc[scored.index, list(scores.columns)] = scores


def _learned(
    timeline: pd.DataFrame,
    reference: pd.DataFrame,
    period: ReferencePeriod,
    rules: Rules,
    memory: Memory,
    later: pd.DataFrame | None,
) -> tuple[Learned | None, Usual | None]:
    """What is usual as of this batch; what is known already where the batch has nothing to be judged by it."""
    written = timeline[timeline["is_written"]]
    training = _training(written, reference, period)
    usual = memory.usual
    complete = set() if usual is None else set(usual.references.index[usual.references["is_complete"]])
    is_news = ~written["is_reference"] | written["device_id"].isin(complete)
    if training.empty or not is_news.any():
        return None, usual
    fresh = timeline[[*KEY, *VALUES]]
    after = fresh if later is None else pd.concat([fresh, later[[*KEY, *VALUES]]], ignore_index=True)
    concerned = after[after["device_id"].isin({device for device, _ in memory.normals})]
    renewed = renewed_reference(training, concerned, memory.normals, period)
    learned = learn_baseline(renewed.reference, rules)
    devices = set(learned.baseline.devices)
    return learned, Usual(
        learned.baseline,
        _references(training, timeline, complete, rules.window_minutes).loc[list(learned.baseline.devices)],
        {key: since for key, since in memory.normals.items() if key[0] in devices},
        renewed.learning,
    )


def _references(
    training: pd.DataFrame, timeline: pd.DataFrame, complete: set[str], window_minutes: int
) -> pd.DataFrame:
    grouped = training.groupby("device_id")["window_start"]
    scored = ~timeline["is_reference"] & (timeline["reading_count"] > 0)
    left = complete | set(timeline.loc[scored, "device_id"])
    return pd.DataFrame(
        {
            "reference_from": grouped.min(),
            "reference_until": grouped.max() + pd.Timedelta(minutes=window_minutes),
            "reference_windows": grouped.size(),
        }
    ).assign(is_complete=lambda rows: rows.index.isin(left))


def _timeline(
    touched: pd.DataFrame, mine: pd.DataFrame, window_minutes: int, pending: NewNormals
) -> pd.DataFrame:
    """The devices' windows in order, ROLLING anew where a touched window is in reach.

    `is_written` marks those, and all since the onset of a pending change.
    """
    fresh = touched.assign(is_touched=True)
    stored = mine.merge(touched[KEY], on=KEY, how="left", indicator="_side")
    stored = stored[stored["_side"] == "left_only"].drop(columns="_side").assign(is_touched=False)
    everything = pd.concat([fresh, stored], ignore_index=True) if len(stored) else fresh
    everything = everything.reindex(columns=[*KEY, "reading_count", "is_reference", "is_touched", *STORED])
    ordered = with_history(everything, window_minutes)
    latest = ordered["window_start"].where(ordered["is_touched"]).groupby(ordered["device_id"]).ffill()
    in_reach = ordered["window_start"] - latest <= pd.Timedelta(hours=HISTORY_HOURS)
    ordered["is_written"] = ordered["is_touched"] | in_reach
    for (device, _), since in pending.items():
        ordered["is_written"] |= (ordered["device_id"] == device) & (ordered["window_start"] >= since)
    before = everything.sort_values(KEY, kind="stable", ignore_index=True)
    for name in ROLLING:
        # Windows before any touched one were computed with a longer history than was loaded: keep theirs.
        ordered[name] = ordered[name].where(ordered["is_written"], before[name])
    ordered.loc[ordered["is_written"], [*Z_NAMES, *EXPECTED]] = float("nan")
    return ordered


def _is_reference(
    timeline: pd.DataFrame, reference: pd.DataFrame | None, period: ReferencePeriod
) -> pd.Series:
    """True for the device's first hours and windows; a stored window stays what it was."""
    devices = timeline["device_id"]
    stored = timeline["is_reference"].astype("boolean")
    if reference is None:
        return stored.fillna(False).astype(bool)
    first = timeline["window_start"].where(stored.fillna(True).astype(bool)).groupby(devices).transform("min")
    if len(reference):
        kept = reference.groupby("device_id")["window_start"].min()
        first = pd.concat([first, devices.map(kept)], axis=1).min(axis=1)
        had = devices.map(reference.groupby("device_id").size()).fillna(0)
    else:
        had = 0
    new = stored.isna()
    rank = new.groupby(devices).cumsum() + had
    early = timeline["window_start"] < first + pd.Timedelta(hours=period.hours)
    return stored.fillna((early | (rank <= period.min_windows)) & (timeline["reading_count"] > 0)).astype(
        bool
    )


def _training(written: pd.DataFrame, reference: pd.DataFrame, period: ReferencePeriod) -> pd.DataFrame:
    """Reference windows as they stand after this batch, of devices that have enough of them."""
    columns = [*KEY, *VALUES]
    fresh = written.loc[written["is_reference"], columns]
    if len(reference):
        old = reference.merge(written[KEY], on=KEY, how="left", indicator="_side")
        kept = old.loc[old["_side"] == "left_only", columns]
        fresh = pd.concat([part for part in (fresh, kept) if len(part)] or [fresh], ignore_index=True)
    return fresh[fresh.groupby("device_id")["device_id"].transform("size") >= period.min_windows]
