"""Accepted changes: from their onset on, a device's field has a new reference.

Only that field learns anew; the device's other fields keep the reference they have, so that a second fault in the same
days is not learned with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iot_drift.features import FIELDS, PLACE, ROLLING, STATISTICS

NewNormals = Mapping[tuple[str, str], pd.Timestamp]
"""(device, field) to the onset of the newest change that was accepted."""

KEY = ["device_id", "window_start"]
VALUES = ["reading_count", *STATISTICS, *ROLLING]


@dataclass(frozen=True)
class ReferencePeriod:
    """Which of a device's windows are its reference: the first `hours`, and at least `min_windows`."""

    hours: float = 48.0
    min_windows: int = 48


@dataclass(frozen=True)
class Renewed:
    """Reference windows under the accepted changes, and the (device, field) that have not enough of them yet."""

    reference: pd.DataFrame
    learning: frozenset[tuple[str, str]]


def new_normals(accepted: Iterable[tuple[str, str, pd.Timestamp]]) -> NewNormals:
    """The newest accepted onset per device and field; fields that have no baseline are left out."""
    newest: dict[tuple[str, str], pd.Timestamp] = {}
    for device, field, onset in accepted:
        if field in (*FIELDS, *PLACE) and not pd.isna(onset):
            key = (device, field)
            newest[key] = max(onset, newest.get(key, onset))
    return newest


def columns_of(field: str) -> list[str]:
    """STATISTICS and ROLLING of a field."""
    return [name for name in (*STATISTICS, *ROLLING) if name.startswith(f"{field}_")]


def renewed_reference(
    reference: pd.DataFrame, later: pd.DataFrame, normals: NewNormals, period: ReferencePeriod
) -> Renewed:
    """Reference windows in which each accepted field counts from its onset only.

    Args:
        reference: KEY and VALUES of the ordinary reference.
        later: The same of the windows after the onsets, of the devices concerned; may hold reference windows too.
        normals: The accepted changes.
        period: How long a new reference is: as long as a first one.

    Returns:
        The reference and those of `later` in which a field learns anew; all other values are null there. A field whose
        new reference is not complete is null everywhere: it is not judged.
    """
    mine = {key: since for key, since in normals.items() if (reference["device_id"] == key[0]).any()}
    if not mine:
        return Renewed(reference, frozenset())
    both = pd.concat([reference.assign(_first=True), later.assign(_first=False)], ignore_index=True)
    both = both.drop_duplicates(KEY).sort_values(KEY, kind="stable", ignore_index=True)
    counts = both["_first"].to_numpy(copy=True)
    kept = both[[*KEY, *VALUES]].astype(dict.fromkeys(VALUES, "float64"))
    kept.loc[~counts, VALUES] = np.nan
    learning = set()
    for (device, field), since in mine.items():
        rows = (both["device_id"] == device) & (both["window_start"] >= since)
        rows &= both[f"{field}_median"].notna()
        chosen = _first_of(both, rows, since, period)
        is_complete = chosen.sum() >= period.min_windows and _reaches(both, device, since, period)
        if not is_complete:
            learning.add((device, field))
        names = columns_of(field)
        kept.loc[both["device_id"] == device, names] = np.nan
        if is_complete:
            kept.loc[chosen, names] = both.loc[chosen, names]
            counts |= chosen.to_numpy()
    return Renewed(kept[counts].reset_index(drop=True), frozenset(learning))


def _first_of(
    windows: pd.DataFrame, rows: pd.Series, since: pd.Timestamp, period: ReferencePeriod
) -> pd.Series:
    early = windows["window_start"] < since + pd.Timedelta(hours=period.hours)
    return rows & (early | (rows.cumsum() <= period.min_windows))


def _reaches(windows: pd.DataFrame, device: str, since: pd.Timestamp, period: ReferencePeriod) -> bool:
    newest = windows.loc[windows["device_id"] == device, "window_start"].max()
    return bool(newest >= since + pd.Timedelta(hours=period.hours))
