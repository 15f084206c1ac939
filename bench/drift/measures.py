"""What one scenario came to, as plain rows for the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from bench.drift.classes import DriftClass
from bench.drift.fleets import Injection
from bench.drift.statistical import (
    SILENCE,
    WINDOW,
    Watched,
    drifted_windows,
    findings_since,
    largest_excess,
    silences,
)
from bench.drift.structural import BACKGROUND, StructuralOutcome
from sklearn.metrics import average_precision_score

from iot_drift.deviations import FEATURES, KINDS
from iot_drift.findings import Finding

EARLY = pd.Timedelta(hours=1)
Row = dict[str, Any]


def structural_row(drift: DriftClass, outcome: StructuralOutcome, ids: tuple[str, ...]) -> Row:
    """Whether the right finding came, when, about whom, and what else was said that is not true."""
    injection = outcome.injection
    names = {ids[number] for number in injection.devices}
    right = drift.right[0]
    at = next(
        (
            number
            for number, found in enumerate(outcome.batches, 1)
            if any((each.kind, each.field) == right for each in found)
        ),
        None,
    )
    new = [
        each
        for each in outcome.batches[-1]
        if each.event_id not in outcome.before and each.kind not in BACKGROUND
    ]
    true = {right[0], *drift.kind.expected_codes, *drift.accompanying}
    false = [each for each in new if each.kind not in true]
    told = {device for each in new if (each.kind, each.field) == right for device in each.devices}
    row: Row = {
        "class": drift.name, "share": injection.share, "devices": len(names), "found_in_batch": at,
        "limit": drift.batches,
        "findings": len(new), "false": sorted(f"{each.kind} {each.field}" for each in false),
        "devices_told": len(told), "devices_wrongly_told": len(told - names) if told & names else 0,
    }  # fmt: skip
    return row


def statistical_row(watched: Watched, drift: DriftClass, injection: Injection) -> Row:
    """What the statistical channel says of a scenario: devices found, named, falsely accused; ranking; delay."""
    clean = watched.clean
    names = set(injection.device_ids(clean.fleet))
    start = pd.Timestamp(injection.start_ms, unit="ms")
    onset = start.floor(WINDOW)
    windows = drifted_windows(watched, injection)
    findings = findings_since(windows, onset, len(clean.fleet))
    silent, ratios = silences(watched, windows, injection)
    findings += silent
    mine = [each for each in findings if each.devices[0] in names]
    found = {each.devices[0] for each in mine if (each.kind, each.field) in drift.right}
    true = {kind for kind, _ in drift.right} | {
        *drift.kind.expected_codes,
        *drift.accompanying,
        "VALUE_SHIFT",
    }
    hours = (windows["window_start"].max() - onset) / pd.Timedelta(hours=1)
    row: Row = {
        "class": drift.name, "share": injection.share, "devices": len(names), "found": len(found),
        "findings": len(findings), "own_findings": len(mine),
        "false_devices": len({each.devices[0] for each in findings} - names),
        "other_kinds": _counted(each for each in mine if each.kind not in true),
        "auprc": _auprc(watched, windows, names, onset, ratios),
        "batches": _batches(drift, windows, found, start, injection),
        "device_hours": round(hours * (len(clean.fleet) - len(names)), 1),
    }  # fmt: skip
    if drift.unit is not None:
        row["named"] = len(
            {
                each.devices[0]
                for each in mine
                if each.kind == "UNIT_SUSPECT" and each.evidence["hypothesis"]["name"] == drift.unit
            }
        )
    return row


def _counted(findings: Any) -> dict[str, int]:
    names = [f"{each.kind} {each.field}" for each in findings]
    return {name: names.count(name) for name in sorted(set(names))}


def _auprc(
    watched: Watched, windows: pd.DataFrame, names: set[str], onset: pd.Timestamp, silent: Mapping[str, float]
) -> float:
    """Area under precision and recall of devices ranked by their largest size over the limit.

    Negatives are the devices that did not drift, and the drifted ones as they would have been without it.
    """
    drifted = largest_excess(windows, onset)
    usual = largest_excess(watched.windows, onset)
    size = {device: max(drifted.get(device, 0.0), silent.get(device, 0.0)) for device in silent}
    negatives = [size[device] for device in size if device not in names] + [
        usual.get(name, 0.0) for name in names
    ]
    positives = [size[name] for name in names]
    truth = np.r_[np.ones(len(positives)), np.zeros(len(negatives))]
    return round(float(average_precision_score(truth, np.nan_to_num(np.r_[positives, negatives]))), 4)


def _batches(
    drift: DriftClass, windows: pd.DataFrame, found: set[str], start: pd.Timestamp, injection: Injection
) -> list[int]:
    """Hourly batches from the first drifted one to the one that found each device; 1 is the first."""
    names = [
        name
        for name, (field, what) in FEATURES.items()
        if (KINDS[what], field) in drift.right and f"{name}_excess" in windows
    ]
    over = windows[[f"{name}_excess" for name in names]].ge(1.0).any(axis=1) & windows["score"].notna()
    since = windows["window_start"] >= start.floor(WINDOW)
    first = (
        windows[over & since & windows["device_id"].isin(found)].groupby("device_id")["window_start"].min()
    )
    if "SILENT" in {kind for kind, _ in drift.right}:
        first = pd.Series(dict.fromkeys(sorted(found), start + SILENCE + WINDOW))
    hours = (first.dt.floor("h") - start.floor("h")) / pd.Timedelta(hours=1) + 1 if len(first) else first
    return sorted(int(hour) for hour in hours)


def clean_row(watched: Watched, structural: list[Finding]) -> Row:
    """False alarms in a healthy fleet, from the end of each device's reference to the end."""
    windows = watched.windows
    scored = windows[~windows["is_reference"]]
    found = findings_since(windows, windows["window_start"].min(), len(watched.clean.fleet))
    found += silences(watched, windows, None)[0]
    return {
        "device_days": round(len(scored) * WINDOW / pd.Timedelta(days=1), 1),
        "statistical": sorted(f"{each.kind} {each.field} {each.devices[0]}" for each in found),
        "structural": sorted(f"{each.kind} {each.field}" for each in structural),
        "records": len(watched.clean.lines),
    }
