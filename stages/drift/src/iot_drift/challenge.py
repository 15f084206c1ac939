"""A challenger against the champion, on windows that trained neither: promoted only if better. Pure.

Better is said in two ways that cannot be bought with one another. On held-back windows that nobody found fault with it
must raise no more alarms than the budget allows; and of known deviations, real ones and injected ones, it must find at
least as many, and more of one of them, or raise fewer alarms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import exp
from typing import Any

import numpy as np
import pandas as pd

from iot_drift.baseline import Z_NAMES
from iot_drift.detector import RATES, STUCK, WATCHED, Judge, Rules, judge_windows
from iot_drift.training import KEY, TrainingFacts, facts_of, fit_judge

HELD_BACK_HOURS = 24.0
"""The newest day judges: a whole one, so that every hour of the day has its say."""

PROBE_SIZES = (6.0, 7.0, 8.0, 10.0, 14.0, 20.0)
"""Sizes of injected deviations, in robust standard deviations: from the floor of the limits upwards."""

PROBE_DAYS = 12
PROBE_WINDOWS = 8
"""Device-days that get injections, and windows of each: two hours at 15 minutes, long enough to last."""

CERTAINTY = 0.95
"""A healthy model stays within the allowed number of alarms so often, by chance alone."""


@dataclass(frozen=True)
class Figures:
    """What was measured on the held-back windows; `known` are windows of real findings, `probes` are injected."""

    device_days: int
    allowed_alarms: int
    champion_alarms: int
    challenger_alarms: int
    known: int
    champion_known: int
    challenger_known: int
    probes: int
    champion_probes: int
    challenger_probes: int

    @property
    def is_better(self) -> bool:
        """The criterion, as told above."""
        no_worse = (
            self.challenger_alarms <= max(self.allowed_alarms, self.champion_alarms)
            and self.challenger_known >= self.champion_known
            and self.challenger_probes >= self.champion_probes
        )
        gains = (
            self.challenger_known - self.champion_known,
            self.challenger_probes - self.champion_probes,
            self.champion_alarms - self.challenger_alarms,
        )
        return no_worse and max(gains) > 0

    @property
    def as_text(self) -> str:
        """The figures in one line."""
        return (
            f"{self.challenger_alarms} alarms on {self.device_days} held-back device-days (champion "
            f"{self.champion_alarms}, allowed {self.allowed_alarms}); found {self.challenger_probes} of "
            f"{self.probes} injected deviations (champion {self.champion_probes}) and {self.challenger_known} of "
            f"{self.known} known ones (champion {self.champion_known})"
        )

    @property
    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


@dataclass(frozen=True)
class Challenge:
    """A challenger, what trained it, and how it did; None where nothing was held back to judge it by."""

    judge: Judge
    facts: TrainingFacts
    figures: Figures | None


def challenge(
    champion: Judge,
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    findings: Iterable[tuple[str, pd.Timestamp, pd.Timestamp]],
    until: pd.Timestamp,
    excluded: int = 0,
) -> Challenge:
    """Train on the reference and on recent windows without known-bad ones, and compare on the newest day.

    Args:
        champion: The model in use.
        reference: SIZES of the reference windows.
        recent: SIZES and is_anomalous of scored windows, up to `until`; against baselines that never saw them.
        findings: (device, onset, last seen) of findings: their windows are known to be bad.
        until: End of the held-back windows.
        excluded: Reference windows already left out.
    """
    bad = recent["is_anomalous"].to_numpy(dtype=bool) | known_bad(recent, findings)
    is_held = (recent["window_start"] >= until - pd.Timedelta(hours=HELD_BACK_HOURS)).to_numpy()
    usual = [part for part in (reference, recent.loc[~bad & ~is_held, list(reference.columns)]) if len(part)]
    training = pd.concat(usual, ignore_index=True).sort_values(KEY, kind="stable", ignore_index=True)
    judge = fit_judge(training, champion.rules)
    facts = facts_of(training, excluded + int((bad & ~is_held).sum()))
    held = recent[is_held & ~bad]
    figures = (
        _figures(champion, judge, held, recent[recent["is_anomalous"].astype(bool)]) if len(held) else None
    )
    return Challenge(judge, facts, figures)


def known_bad(
    windows: pd.DataFrame, findings: Iterable[tuple[str, pd.Timestamp, pd.Timestamp]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Windows of a device between the onset and the last deviation of a finding about it."""
    bad = np.zeros(len(windows), dtype=bool)
    for device, onset, last_seen in findings:
        mine = (windows["device_id"] == device) & windows["window_start"].between(onset, last_seen)
        bad |= mine.to_numpy()
    return bad


def _figures(champion: Judge, challenger: Judge, held: pd.DataFrame, known: pd.DataFrame) -> Figures:
    days = len(held[["device_id"]].assign(day=held["window_start"].dt.floor("D")).drop_duplicates())
    probes = probes_of(held, champion.rules)
    return Figures(
        device_days=days,
        allowed_alarms=allowed_alarms(days * champion.rules.false_alarms_per_1000_device_days / 1000.0),
        champion_alarms=_alarms(champion, held),
        challenger_alarms=_alarms(challenger, held),
        known=len(known),
        champion_known=_found(champion, known),
        challenger_known=_found(challenger, known),
        probes=probes["device_id"].nunique(),
        champion_probes=_alarms(champion, probes),
        challenger_probes=_alarms(challenger, probes),
    )


def allowed_alarms(expected: float) -> int:
    """Most alarms that a Poisson process of so many expected ones stays within, CERTAINTY of the time."""
    term = exp(-expected)
    total, number = term, 0
    while total < CERTAINTY:
        number += 1
        term *= expected / number
        total += term
    return number


def probes_of(held: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Held-back windows with an injected deviation: one `device_id` per device-day, feature and size, within a day."""
    day = held["device_id"].astype(str) + held["window_start"].dt.strftime(" %Y-%m-%d")
    every = sorted(day.unique())
    chosen = sorted(np.random.default_rng(rules.seed).permutation(every)[:PROBE_DAYS])
    ordered = held.assign(day=day)[day.isin(chosen)].sort_values(["day", "window_start"], kind="stable")
    newest = ordered.groupby("day").tail(PROBE_WINDOWS)
    newest = newest.assign(window_start=newest.groupby("day")["window_start"].transform("max"))
    parts = []
    for name in (name for name in WATCHED if name not in STUCK):
        for size in PROBE_SIZES:
            signed = -size if name == "battery_percent_shift" else size
            probe = newest.assign(device_id=newest["day"] + f" {name} {size}")
            probe[name] = np.nan_to_num(probe[name].to_numpy(dtype="float64")) + signed
            parts.append(probe)
    return pd.concat(parts, ignore_index=True)[[*KEY, *Z_NAMES, *RATES]]


def _alarms(judge: Judge, windows: pd.DataFrame) -> int:
    """Device-days with a deviating window."""
    judged = judge_windows(windows.assign(is_reference=False), judge)
    rows = judged[judged["is_anomalous"]]
    return len(rows[["device_id"]].assign(day=rows["window_start"].dt.floor("D")).drop_duplicates())


def _found(judge: Judge, windows: pd.DataFrame) -> int:
    if windows.empty:
        return 0
    return int(judge_windows(windows.assign(is_reference=False), judge)["is_anomalous"].sum())
