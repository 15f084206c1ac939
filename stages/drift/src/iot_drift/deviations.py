"""Statistical findings: from deviating windows to one finding per device, field and kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from iot_drift.detector import WATCHED
from iot_drift.features import FIELDS, PLACE
from iot_drift.findings import Finding, raised
from iot_drift.hypotheses import affine_hypothesis

FEATURES = {
    f"{field}_{what}": (field, what) for field in (*FIELDS, *PLACE) for what in ("shift", "noise_z", "stuck")
}
"""Watched feature to the field and what is watched of it."""

KINDS = {"shift": "VALUE_SHIFT", "noise_z": "NOISE", "stuck": "STUCK"}
UNITS = {
    "temperature_celsius": "°C", "humidity_percent": "%", "battery_percent": "%", "latitude": "degree",
    "longitude": "degree",
}  # fmt: skip

DEVIATION_NAMES = tuple(f"{name}_{part}" for name in WATCHED for part in ("excess", "limit", "since_minutes"))

SHARED_ERROR = 0.25
SHARED_CRITICAL = 0.5
"""Shares of the devices with the same kind and field from which a finding is an ERROR, and CRITICAL."""

SAME_TIME_HOURS = 6.0
"""Findings of one kind and field whose onsets lie so close are told as one change of several devices."""


def deviations(windows: pd.DataFrame, devices_seen: int) -> list[Finding]:
    """Findings from all deviating windows of some devices.

    Args:
        windows: Deviating rows of `drift.window_score`, with their features as columns.
        devices_seen: Devices of the fleet, for shares.

    Returns:
        One finding per device, field and kind, in that order, whatever the order of the rows.
    """
    found = []
    for name in WATCHED:
        if f"{name}_excess" not in windows:
            continue
        concerned = windows[windows[f"{name}_excess"] >= 1.0].sort_values(["device_id", "window_start"])
        found += [
            _finding(name, device, rows, devices_seen) for device, rows in concerned.groupby("device_id")
        ]
    found += [suspect for each in found if (suspect := unit_suspect(each)) is not None]
    return sorted(_grouped(found, devices_seen), key=lambda each: (each.kind, each.field, each.devices))


def _finding(name: str, device: str, rows: pd.DataFrame, devices_seen: int) -> Finding:
    field, what = FEATURES[name]
    largest = rows.loc[rows[f"{name}_excess"].idxmax()]
    evidence: dict[str, Any] = {
        "feature": name,
        "windows": len(rows),
        "largest": _rounded(largest[name]) if not np.isnan(largest[name]) else None,
        "limit": _rounded(largest[f"{name}_limit"]),
        "unit_of_largest": "times the longest usual standstill"
        if what == "stuck"
        else "robust standard deviations",
        "model_id": largest["model_id"],
    }
    evidence |= dict(_observed(field, what, rows))
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


def unit_suspect(shift: Finding) -> Finding | None:
    """UNIT_SUSPECT for a shift that another unit or scale explains, with the repair it proposes; None for all others.

    The repair turns observed values back: usual = factor × observed + offset. It is never applied.
    """
    guess = shift.evidence.get("hypothesis")
    if shift.kind != "VALUE_SHIFT" or guess is None or guess["name"] == "offset":
        return None
    repair = {"factor": round(1 / guess["factor"], 6), "offset": round(-guess["offset"] / guess["factor"], 3)}
    evidence = {**shift.evidence, "proposed_repair": repair}
    return replace(shift, kind="UNIT_SUSPECT", evidence=evidence)


def _onset(name: str, rows: pd.DataFrame) -> pd.Timestamp:
    """Start of the first window of the deviating run; for a standstill, of the first window that stood still."""
    field, what = FEATURES[name]
    if what == "stuck":
        back = rows[f"{field}_unchanged_hours"] * 60.0 - rows["window_minutes"]
    else:
        back = rows[f"{name}_since_minutes"].fillna(0.0)
    return (rows["window_start"] - pd.to_timedelta(back, unit="min")).min()


def _observed(field: str, what: str, rows: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Usual and observed values, in the field's unit."""
    yield "unit", UNITS[field]
    value = rows[f"{field}_median"]
    yield "observed_first", _rounded(value.iloc[0])
    yield "observed_median", _rounded(value.median())
    yield "observed_last", _rounded(value.iloc[-1])
    if what == "stuck":
        yield "unchanged_hours", _rounded(rows[f"{field}_unchanged_hours"].max())
    elif what == "noise_z":
        yield "usual_step_factor", _rounded(float(np.exp(rows[f"{field}_noise"].max())))
    elif f"{field}_expected" in rows:
        usual = rows[f"{field}_expected"]
        yield "usual_median", _rounded(usual.median())
        hypothesis = affine_hypothesis(usual.to_numpy(dtype="float64"), value.to_numpy(dtype="float64"))
        if hypothesis:
            yield "hypothesis", hypothesis
    elif field == "battery_percent":
        yield "observed_percent_per_day", _rounded(rows["battery_percent_slope"].min())


def _grouped(found: Iterable[Finding], devices_seen: int) -> Iterator[Finding]:
    """Adds to each finding which devices changed alike at about the same time, and raises shared ones."""
    every = list(found)
    for each in every:
        alike = [
            other
            for other in every
            if (other.kind, other.field) == (each.kind, each.field) and _close(other.onset, each.onset)
        ]
        share = len(alike) / devices_seen if devices_seen and len(alike) > 1 else 0.0
        steps = (share >= SHARED_ERROR) + (share >= SHARED_CRITICAL)
        together = {"devices_alike": len(alike)}
        yield replace(each, severity=raised(each.severity, steps), evidence={**each.evidence, **together})


def _close(one: datetime | None, other: datetime | None) -> bool:
    return bool(one and other and abs((one - other).total_seconds()) <= SAME_TIME_HOURS * 3600)


def _utc(moment: pd.Timestamp) -> datetime:
    return moment.tz_localize("UTC").to_pydatetime() if moment.tzinfo is None else moment.to_pydatetime()


def _rounded(number: float) -> float | None:
    return None if number is None or np.isnan(number) else round(float(number), 3)
