"""Statistical findings: from deviating windows to one finding per device, field and kind."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from iot_drift.carriers import FEATURES, UNITS, Usual, carrying_features, rounded
from iot_drift.detector import WATCHED
from iot_drift.features import PLACE
from iot_drift.findings import Finding, raised
from iot_drift.hypotheses import affine_hypothesis, affine_repair, place_hypothesis, unexplained_shares

KINDS = {"shift": "VALUE_SHIFT", "noise_z": "NOISE", "stuck": "STUCK"}
DEVIATION_NAMES = tuple(f"{name}_{part}" for name in WATCHED for part in ("excess", "limit", "since_minutes"))

SHARED_ERROR = 0.25
SHARED_CRITICAL = 0.5
"""Shares of the devices with the same kind and field from which a finding is an ERROR, and CRITICAL."""

SAME_TIME_HOURS = 6.0
"""Findings of one kind and field whose onsets lie so close are told as one change of several devices."""


def deviations(
    windows: pd.DataFrame, devices_seen: int, usual: Mapping[str, Usual] | None = None
) -> list[Finding]:
    """Findings from all deviating windows of some devices.

    Args:
        windows: Deviating rows of `drift.window_score`, with their features as columns.
        devices_seen: Devices of the fleet, for shares.
        usual: Per device, what its reference windows say of `transform.USUAL`.

    Returns:
        One finding per device, field and kind, in that order, whatever the order of the rows.
    """
    found = []
    for name in WATCHED:
        if f"{name}_excess" not in windows:
            continue
        concerned = windows[windows[f"{name}_excess"] >= 1.0].sort_values(["device_id", "window_start"])
        found += [
            _finding(name, device, rows, devices_seen, (usual or {}).get(device, {}))
            for device, rows in concerned.groupby("device_id")
        ]
    found += [suspect for each in found if (suspect := unit_suspect(each)) is not None]
    return sorted(_grouped(found, devices_seen), key=lambda each: (each.kind, each.field, each.devices))


def _finding(name: str, device: str, rows: pd.DataFrame, devices_seen: int, usual: Usual) -> Finding:
    field, what = FEATURES[name]
    largest = rows.loc[rows[f"{name}_excess"].idxmax()]
    evidence: dict[str, Any] = {
        "feature": name,
        "windows": len(rows),
        "largest": rounded(largest[name]) if not np.isnan(largest[name]) else None,
        "limit": rounded(largest[f"{name}_limit"]),
        "unit_of_largest": "times the longest usual standstill"
        if what == "stuck"
        else "robust standard deviations",
        "model_id": largest["model_id"],
    }
    evidence |= dict(_observed(field, what, rows, usual))
    evidence["features"] = carrying_features(name, rows, usual)
    return Finding(
        channel="statistical",
        kind=KINDS[what],
        field=field,
        severity="WARN",
        devices=(device,),
        device_count=1,
        device_share=1.0 / devices_seen if devices_seen else None,
        onset=_utc(_onset(name, rows)),
        last_seen=_utc(rows["window_start"].max()),
        occurrence_count=len(rows),
        threshold=float(largest["threshold"]),
        score=float(rows["score"].max()),
        evidence=evidence,
        key_device=device,
    )


STUCK_SHARE = 0.5
"""A shift whose windows stand still for so large a part is the standstill's."""

NO_UNIT = ("offset", "stuck", "moved", "null_island")
"""Hypotheses that are no other unit, scale or order of the same value."""


def unit_suspect(shift: Finding) -> Finding | None:
    """UNIT_SUSPECT for a shift that another unit, scale or order explains, with its repair; None for all others.

    The repair turns observed values back: usual = factor × observed + offset. It is never applied.
    """
    guess = shift.evidence.get("hypothesis")
    if shift.kind != "VALUE_SHIFT" or guess is None or guess["name"] in NO_UNIT:
        return None
    evidence = {"proposed_repair": affine_repair(guess) if "factor" in guess else None, **shift.evidence}
    return replace(shift, kind="UNIT_SUSPECT", evidence=evidence)


def _onset(name: str, rows: pd.DataFrame) -> pd.Timestamp:
    """Start of the first window of the deviating run; for a standstill, of the first window that stood still."""
    field, what = FEATURES[name]
    if what == "stuck":
        back = rows[f"{field}_unchanged_hours"] * 60.0 - rows["window_minutes"]
    else:
        back = rows[f"{name}_since_minutes"].fillna(0.0)
    return (rows["window_start"] - pd.to_timedelta(back, unit="min")).min()


def _observed(field: str, what: str, rows: pd.DataFrame, usual: Usual) -> Iterator[tuple[str, Any]]:
    """Usual and observed values, in the field's unit."""
    yield "unit", UNITS[field]
    value = rows[f"{field}_median"]
    yield "observed_first", rounded(value.iloc[0])
    yield "observed_median", rounded(value.median())
    yield "observed_last", rounded(value.iloc[-1])
    if what == "stuck":
        yield "unchanged_hours", rounded(rows[f"{field}_unchanged_hours"].max())
        # No repair: what the sensor would have said is lost.
        yield "hypothesis", {"name": "stuck", "value": rounded(value.iloc[-1])}
    elif what == "noise_z":
        yield "usual_step_factor", rounded(float(np.exp(rows[f"{field}_noise"].max())))
    elif field in PLACE:
        yield from _place(rows, usual)
    elif f"{field}_expected" in rows:
        yield from _affine(field, rows, value)
    elif field == "battery_percent":
        yield "observed_percent_per_day", rounded(rows["battery_percent_slope"].min())


def _affine(field: str, rows: pd.DataFrame, value: pd.Series) -> Iterator[tuple[str, Any]]:
    usual = rows[f"{field}_expected"]
    yield "usual_median", rounded(usual.median())
    series = usual.to_numpy(dtype="float64"), value.to_numpy(dtype="float64")
    yield "hypotheses_tested", unexplained_shares(*series)
    hypothesis = affine_hypothesis(*series)
    if hypothesis:
        yield "hypothesis", hypothesis
        yield "proposed_repair", affine_repair(hypothesis)
    elif (rows[f"{field}_stuck_excess"] >= 1.0).mean() >= STUCK_SHARE:
        yield "hypothesis", {"name": "stuck", "value": rounded(value.iloc[-1])}


def _place(rows: pd.DataFrame, usual: Usual) -> Iterator[tuple[str, Any]]:
    before = [usual.get(f"{name}_median") for name in PLACE]
    now = [float(rows[f"{name}_median"].median()) for name in PLACE]
    if any(value is None or np.isnan(value) for value in (*before, *now)):
        return
    told = place_hypothesis((before[0] or 0.0, before[1] or 0.0), (now[0], now[1]))
    repair = told.pop("proposed_repair", None)
    yield "usual_place", [rounded(value) for value in before]
    yield "observed_place", [rounded(value) for value in now]
    yield "hypothesis", told
    if repair:
        yield "proposed_repair", repair


def _grouped(found: Iterable[Finding], devices_seen: int) -> Iterator[Finding]:
    """Adds to each finding which devices changed alike at about the same time, and raises shared ones."""
    every = list(found)
    onsets: dict[tuple[str, str], list[float]] = {}
    for each in every:
        insort(onsets.setdefault((each.kind, each.field), []), _seconds(each.onset))
    for each in every:
        known, onset = onsets[each.kind, each.field], _seconds(each.onset)
        reach = SAME_TIME_HOURS * 3600
        alike = bisect_right(known, onset + reach) - bisect_left(known, onset - reach)
        share = alike / devices_seen if devices_seen and alike > 1 else 0.0
        steps = (share >= SHARED_ERROR) + (share >= SHARED_CRITICAL)
        together = {"devices_alike": alike}
        yield replace(each, severity=raised(each.severity, steps), evidence={**each.evidence, **together})


def _seconds(onset: datetime | None) -> float:
    assert onset is not None, "a statistical finding began with a window"
    return onset.timestamp()


def _utc(moment: pd.Timestamp) -> datetime:
    return moment.tz_localize("UTC").to_pydatetime() if moment.tzinfo is None else moment.to_pydatetime()
