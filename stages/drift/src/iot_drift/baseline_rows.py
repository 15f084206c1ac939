"""Rows of `drift.baseline`: what is usual for each device, and how far its reference reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from iot_drift.baseline import CENTRES, SCALES, Baseline
from iot_drift.detector import FORMAT_VERSION
from iot_drift.features import DAILY
from iot_drift.new_normal import NewNormals

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Usual:
    """What is known of all devices.

    Attributes:
        baseline: What is usual.
        references: By device_id: reference_from, reference_until, reference_windows, is_complete.
        normals: Accepted changes it already follows.
        learning: (device, field) whose new reference is not long enough yet.
    """

    baseline: Baseline
    references: pd.DataFrame
    normals: NewNormals
    learning: frozenset[tuple[str, str]]


def baseline_rows(usual: Usual, window_minutes: int) -> list[dict[str, Any]]:
    """One row per device, without batch, time and version."""
    rows = []
    for number, device in enumerate(usual.baseline.devices):
        reference = usual.references.loc[device]
        rows.append(
            {
                "device_id": device,
                "format_version": FORMAT_VERSION,
                "window_minutes": window_minutes,
                "place": usual.baseline.place[number],
                **{f"{field}_by_hour": usual.baseline.daily[field][number].tolist() for field in DAILY},
                "centre": _known(usual.baseline.centre, number),
                "scale": _known(usual.baseline.scale, number),
                "reference_from": _utc(reference["reference_from"]),
                "reference_until": _utc(reference["reference_until"]),
                "reference_windows": int(reference["reference_windows"]),
                "is_complete": bool(reference["is_complete"]),
                "new_normals": {
                    field: _utc(since) for (of, field), since in sorted(usual.normals.items()) if of == device
                },
                "learning": sorted(field for of, field in usual.learning if of == device),
            }
        )
    return rows


def usual_from(rows: Rows, window_minutes: int) -> Usual | None:
    """What the rows say; None where there are none, or where another version or window length wrote one."""
    ordered = sorted(rows, key=lambda row: str(row["device_id"]))
    made = {(row["format_version"], row["window_minutes"]) for row in ordered}
    if made != {(FORMAT_VERSION, window_minutes)}:
        return None
    devices = tuple(str(row["device_id"]) for row in ordered)
    baseline = Baseline(
        devices,
        tuple(str(row["place"]) for row in ordered),
        {field: np.array([row[f"{field}_by_hour"] for row in ordered], dtype="float64") for field in DAILY},
        _columns([dict(row["centre"]) for row in ordered], CENTRES),
        _columns([dict(row["scale"]) for row in ordered], SCALES),
    )
    names = ("reference_from", "reference_until", "reference_windows", "is_complete")
    references = pd.DataFrame([{name: row[name] for name in names} for row in ordered], index=list(devices))
    for name in names[:2]:
        references[name] = references[name].map(naive)
    normals = {
        (str(row["device_id"]), field): naive(since)
        for row in ordered
        for field, since in dict(row["new_normals"] or {}).items()
    }
    learning = {(str(row["device_id"]), field) for row in ordered for field in row["learning"] or ()}
    return Usual(baseline, references, normals, frozenset(learning))


def naive(moment: Any) -> pd.Timestamp:
    """UTC without saying so, as in the frames of windows."""
    stamp = pd.Timestamp(moment)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp


def _utc(moment: pd.Timestamp) -> Any:
    return moment.tz_localize("UTC").to_pydatetime()


def _known(columns: Mapping[str, Any], number: int) -> dict[str, float]:
    return {name: float(column[number]) for name, column in columns.items() if not np.isnan(column[number])}


def _columns(maps: list[dict[str, float]], names: Sequence[str]) -> dict[str, Any]:
    return {name: np.array([each.get(name, np.nan) for each in maps], dtype="float64") for name in names}
