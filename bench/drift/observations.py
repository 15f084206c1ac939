"""Schema observations without Spark: what `iot_silver.observation` counts and `iot_drift.transform` sums up.

A test holds them equal to what Spark makes of the same classified rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import pandas as pd

from iot_common.engine.events import DOWNGRADE_EXPECTED
from iot_common.engine.registry import ContractRegistry, parse_version
from iot_drift.findings import Finding
from iot_drift.renames import rename_suspects
from iot_drift.settings import DriftSettings
from iot_drift.silences import FieldPresence, silent_fields
from iot_drift.structural import Fleet, Observed, structural_findings, touched_only
from iot_drift.transform import NAMED_LIMIT
from iot_drift.units import unit_findings

SETTINGS = DriftSettings(warehouse="unused")
COHORTS, EXAMPLES = 16, 50
VERSIONS = ["contract_version", "schema_version"]
KEY = ["contract_version", "path", "json_type", "enum_value", "code"]
TIMES = {"count": ("count", "sum"), "first": ("first", "min"), "last": ("last", "max")}

Shapes = Mapping[int, Iterable[Mapping[str, str | None]]]


@dataclass(frozen=True)
class Counts:
    """Mergeable counts of classified records.

    Attributes:
        shapes: batch, VERSIONS, device_id, shape_id; count, first, last.
        events: batch, VERSIONS, device_id, path, code, expected, found; count, first, last.
        units: device_id, unit, contract_version, batch; count, first, last.
    """

    shapes: pd.DataFrame
    events: pd.DataFrame
    units: pd.DataFrame

    def only(self, batches: pd.Series | None = None, *, until: int) -> Counts:
        """What was counted up to a batch."""
        return Counts(*(part[part["batch"] <= until] for part in (self.shapes, self.events, self.units)))


def counted(classified: pd.DataFrame, batch: pd.Series) -> Counts:
    """Counts of classified records; `batch` numbers the batch of each."""
    rows = classified.assign(batch=batch.to_numpy())
    rows = rows.assign(first=rows["event_time_raw"], last=rows["event_time_raw"], count=1)
    rows["device_id"] = rows["device_id"].fillna("")
    shaped = rows[rows["shape_id"].notna()]
    shapes = _summed(shaped, ["batch", *VERSIONS, "device_id", "shape_id"])
    told = rows[rows["violations"].map(len) > 0]
    listed = told[["batch", *VERSIONS, "device_id", "first", "last", "count", "violations"]].explode(
        "violations"
    )
    if len(listed):
        parts = pd.DataFrame(listed["violations"].tolist(), index=listed.index)
        listed = pd.concat(
            [listed.drop(columns="violations"), parts[["path", "code", "expected", "found"]]], axis=1
        )
        listed["path"] = listed["path"].replace("", "$")
    else:
        listed = listed.drop(columns="violations").assign(path="", code="", expected="", found="")
    events = _summed(listed, ["batch", *VERSIONS, "device_id", "path", "code", "expected", "found"])
    readings = rows[(rows["decision"] == "reading") & rows["temperature_unit_raw"].notna()]
    units = _summed(readings, ["batch", "device_id", "temperature_unit_raw", "contract_version"])
    return Counts(shapes, events, units)


def _summed(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return rows.groupby(keys, dropna=False, sort=False, as_index=False).agg(**TIMES)


def merged(parts: Iterable[Counts]) -> Counts:
    """Counts of several sets of records."""
    every = list(parts)
    return Counts(
        *(
            pd.concat([getattr(each, name) for each in every], ignore_index=True)
            for name in ("shapes", "events", "units")
        )
    )


def with_downgrades(classified: pd.DataFrame) -> pd.DataFrame:
    """Adds silver's event of a device that goes back to a lower version (`iot_silver.downgrades`)."""
    accepted = classified[classified["decision"] == "reading"].sort_values(["device_id", "event_time_raw"])
    before = accepted.groupby("device_id")["schema_version"].shift()
    changed = accepted[(before != accepted["schema_version"]) & before.notna()]
    events = classified["violations"].copy()
    for at, version in changed["schema_version"].items():
        new, old = parse_version(version), parse_version(before[at])
        if new and old and new < old:
            code = "VERSION_MINOR" if new[0] == old[0] else "VERSION_MAJOR"
            found = f"{version} after {before[at]}"
            told = {"path": "schema_version", "code": code, "expected": DOWNGRADE_EXPECTED, "found": found}
            events.at[at] = [*events[at], told]
    return classified.assign(violations=events)


def findings_of(history: Counts, batch: int, shapes: Shapes, registry: ContractRegistry) -> list[Finding]:
    """What the structural query says after a batch, given all counts up to it."""
    paths = _paths(history.shapes, shapes)
    observed = [*_observed_paths(paths), *_observed_events(history.events)]
    observed += _claims(history.shapes, registry)
    fleet = _fleet(history.shapes)
    findings = structural_findings(observed, fleet, registry, SETTINGS.min_device_share)
    findings += rename_suspects(findings, observed, fleet, registry)
    now = {(row[0], row[1]) for row in _touched(paths, history.events, batch)}
    units = unit_findings(_unit_changes(history.units, batch), {}, fleet.device_count)
    silent = silent_fields(
        _presences(history.shapes, paths, shapes), registry, SETTINGS.silence, fleet.device_count
    )
    return touched_only(findings, now) + units + silent


def _paths(counts: pd.DataFrame, shapes: Shapes) -> pd.DataFrame:
    """Counts per path of each device."""
    per_shape = counts.groupby(
        ["contract_version", "device_id", "shape_id"], dropna=False, sort=False, as_index=False
    ).agg(newest=("batch", "max"), **TIMES)
    used = per_shape["shape_id"].astype("int64").unique().tolist()
    entries = pd.DataFrame(
        [
            (shape_id, each["path"], each["json_type"], each["enum_value"])
            for shape_id in used
            for each in ({"path": "$", "json_type": "object", "enum_value": None}, *shapes[shape_id])
        ],
        columns=["shape_id", "path", "json_type", "enum_value"],
    )
    return per_shape.astype({"shape_id": "int64"}).merge(entries, on="shape_id")


def _observed_paths(paths: pd.DataFrame) -> list[Observed]:
    keys = ["contract_version", "path", "json_type", "enum_value"]
    return [
        _observed(dict(zip(keys, key, strict=True)), rows)
        for key, rows in paths.groupby(keys, dropna=False, sort=False)
    ]


def _observed_events(events: pd.DataFrame) -> list[Observed]:
    made = []
    for key, rows in events.groupby(["contract_version", "path", "code"], dropna=False, sort=False):
        named = dict(zip(("contract_version", "path", "code"), key, strict=True))
        for _, part in rows.groupby(rows["expected"] == DOWNGRADE_EXPECTED, sort=False):
            # One summary per key in Spark, with the least text; a downgrade there is a batch of its own.
            found = tuple(sorted(set(part["found"].dropna())))[:5]
            made.append(_observed({**named, "expected": min(part["expected"]), "found": found}, part))
    return made


def _observed(named: dict[str, Any], rows: pd.DataFrame) -> Observed:
    devices = sorted(set(rows["device_id"]) - {""})
    known = {name: None if _is_null(value) else value for name, value in named.items()}
    return Observed(
        **known,
        record_count=int(rows["count"].sum()),
        device_count=len(devices),
        devices=tuple(devices[:EXAMPLES]),
        named=tuple(devices[:NAMED_LIMIT]),
        cohorts=tuple(sorted({_cohort(device) for device in rows["device_id"].unique()})),
        first_event_time=_time(rows["first"].min()),
        last_event_time=_time(rows["last"].max()),
    )


def _cohort(device: str) -> str:
    """As `iot_silver.observation.with_cohort`."""
    return f"c{crc32(device.encode()) % COHORTS:02d}" if device else "none"


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _time(moment: pd.Timestamp) -> Any:
    return None if pd.isna(moment) else moment.to_pydatetime()


def _claims(shapes: pd.DataFrame, registry: ContractRegistry) -> list[Observed]:
    """Versions that records claim and nobody registered."""
    made = []
    for (contract, claimed), rows in shapes.groupby(VERSIONS, dropna=False, sort=False):
        code = registry.resolve(claimed).code if isinstance(claimed, str) else None
        if code is not None:
            made.append(
                _observed(
                    {
                        "contract_version": contract,
                        "path": "schema_version",
                        "code": code.value,
                        "found": (claimed,),
                    },
                    rows,
                )
            )
    return made


def _fleet(shapes: pd.DataFrame) -> Fleet:
    devices = shapes["device_id"]
    return Fleet(
        int(shapes["count"].sum()),
        int(devices[devices != ""].nunique()),
        _time(shapes["first"].min()),
        _time(shapes["last"].max()),
    )


def _touched(paths: pd.DataFrame, events: pd.DataFrame, batch: int) -> set[tuple[str | None, str]]:
    seen = pd.concat([paths.loc[paths["newest"] == batch], events.loc[events["batch"] == batch]])
    pairs = seen[["contract_version", "path"]].drop_duplicates()
    return {(None if _is_null(version) else version, path) for version, path in pairs.itertuples(index=False)}


def _unit_changes(units: pd.DataFrame, batch: int) -> list[dict[str, Any]]:
    """Devices whose newest declared unit is not their first (`transform.unit_changes`)."""
    several = units.groupby("device_id")["temperature_unit_raw"].nunique()
    changed = []
    for device, rows in units[units["device_id"].isin(several[several > 1].index)].groupby("device_id"):
        since = rows["last"].max() - pd.Timedelta(hours=SETTINGS.unit_lookback_hours)
        near = rows[rows["last"] >= since].sort_values("first")
        before, after = near.iloc[0], near.sort_values("last").iloc[-1]
        if before["temperature_unit_raw"] != after["temperature_unit_raw"]:
            new = near[near["temperature_unit_raw"] == after["temperature_unit_raw"]]
            changed.append({
                "device_id": device, "unit_before": before["temperature_unit_raw"],
                "unit": after["temperature_unit_raw"], "contract_version": after["contract_version"],
                "onset": _time(new["first"].min()), "last_seen": _time(new["last"].max()),
                "reading_count": int(new["count"].sum()),
            })  # fmt: skip
    return changed


def _presences(counts: pd.DataFrame, paths: pd.DataFrame, shapes: Shapes) -> list[FieldPresence]:
    cohort = {device: _cohort(device) for device in counts["device_id"].unique() if device}
    known = counts[counts["device_id"] != ""].assign(cohort=lambda rows: rows["device_id"].map(cohort))
    newest = known.groupby(["cohort", "batch", *VERSIONS], dropna=False, as_index=False).agg(
        last=("last", "max"), devices=("device_id", lambda devices: tuple(sorted(set(devices))[:EXAMPLES]))
    )
    newest = newest.sort_values("last").groupby("cohort").last()
    here = paths[(paths["device_id"] != "") & (paths["path"] != "$")]
    here = here.assign(cohort=here["device_id"].map(cohort)).sort_values("last", kind="stable")
    grouped = here.groupby(["path", "cohort"], sort=False).agg(
        contract_version=("contract_version", "last"),
        devices=("device_id", lambda devices: tuple(sorted(set(devices))[:EXAMPLES])),
        **TIMES,
    )
    return [
        FieldPresence(
            path, name, _none(row.contract_version), int(row.count_), _time(row.first), _time(row.last), row.devices,
            _time(newest.at[name, "last"]), newest.at[name, "devices"],
        )
        for (path, name), row in zip(
            grouped.index, grouped.rename(columns={"count": "count_"}).itertuples(), strict=True
        )
    ]  # fmt: skip


def _none(value: Any) -> Any:
    return None if _is_null(value) else value
