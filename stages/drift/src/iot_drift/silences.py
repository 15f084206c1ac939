"""What stopped coming: optional fields while their devices talk on, and devices that fall silent. Pure.

Silence is measured in device time against the newest record of the same cohort, or of the fleet, never against the
wall clock: a replay of old data is not silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median_low

from iot_common.engine.added_path import added_code, parent_of
from iot_common.engine.contract import Contract
from iot_common.engine.registry import ContractRegistry
from iot_drift.findings import DEVICE_LIMIT, Finding
from iot_drift.structural import contract_of, severity

USUAL_GAPS = 10.0
"""A silence is told only if it is so many times longer than the usual time between two occurrences: a field that comes
once a day is not silent in the afternoon."""

MIN_OCCURRENCES = 20
"""Fewer say nothing of how often something usually comes."""


@dataclass(frozen=True)
class FieldPresence:
    """One path in one device cohort, over all batches so far, beside the cohort itself.

    `devices`: those that showed the path, at most 50; `talking`: devices of the cohort's newest batch, at most 50.
    """

    path: str
    device_cohort: str
    contract_version: str | None
    record_count: int
    first_event_time: datetime
    last_event_time: datetime
    devices: tuple[str, ...]
    cohort_last_event_time: datetime
    talking: tuple[str, ...]


@dataclass(frozen=True)
class DevicePresence:
    """One device's windows that hold a reading."""

    device_id: str
    windows: int
    first_window: datetime
    last_window: datetime


def silent_fields(
    presences: Iterable[FieldPresence], registry: ContractRegistry, silence: timedelta, devices_seen: int
) -> list[Finding]:
    """One finding per optional path that some cohort's devices stopped sending, though they still send records.

    Args:
        presences: Every path of every cohort.
        registry: The contracts: a required field that is missing is told record by record.
        silence: Shortest silence that counts.
        devices_seen: Devices of the fleet, for shares.
    """
    silent: dict[str, list[FieldPresence]] = {}
    for each in _within_fleet_time(presences):
        if _is_optional(each.path, contract_of(each.contract_version, registry)) and _fell_silent(
            each, silence
        ):
            silent.setdefault(each.path, []).append(each)
    return [_field_finding(path, found, silence, devices_seen) for path, found in sorted(silent.items())]


def _within_fleet_time(presences: Iterable[FieldPresence]) -> list[FieldPresence]:
    """Cohorts no further than the middle one: a device whose clock runs years ahead must not silence all others."""
    every = list(presences)
    newest = {each.device_cohort: each.cohort_last_event_time for each in every}
    middle = median_low(newest.values()) if newest else None
    return [
        replace(each, cohort_last_event_time=min(each.cohort_last_event_time, middle))
        for each in every
        if middle is not None
    ]


def _is_optional(path: str, contract: Contract) -> bool:
    """A declared path that its parent does not require, below parents that are there; or an undeclared one, topmost."""
    above = parent_of(path)
    parent = contract.root if not above else contract.nodes.get(above)
    if path not in contract.nodes:
        return added_code(path, contract) is not None
    return parent is not None and path.removeprefix(above).lstrip(".") not in parent.required


def _fell_silent(each: FieldPresence, silence: timedelta) -> bool:
    usual = (each.last_event_time - each.first_event_time) / max(each.record_count - 1, 1)
    since = each.cohort_last_event_time - each.last_event_time
    still_talk = not set(each.devices).isdisjoint(each.talking)
    enough = each.record_count >= MIN_OCCURRENCES
    return enough and still_talk and since > max(silence, USUAL_GAPS * usual)


def _field_finding(path: str, found: list[FieldPresence], silence: timedelta, devices_seen: int) -> Finding:
    devices = sorted({device for each in found for device in each.devices if device in each.talking})
    share = min(len(devices) / devices_seen, 1.0) if devices_seen else None
    onset = max(each.last_event_time for each in found)
    newest = max(each.cohort_last_event_time for each in found)
    return Finding(
        channel="structural",
        kind="FIELD_REMOVED_OPTIONAL",
        field=path,
        severity=severity("FIELD_REMOVED_OPTIONAL", share, 1.0),
        devices=tuple(devices[:DEVICE_LIMIT]),
        named=tuple(devices),
        device_count=len(devices),
        device_share=share,
        onset=onset,
        last_seen=newest,
        occurrence_count=sum(each.record_count for each in found),
        threshold=silence / timedelta(hours=1),
        evidence={
            "last_seen_in_a_record": onset.isoformat(),
            "newest_record_of_these_devices": newest.isoformat(),
            "silent_hours": round((newest - onset) / timedelta(hours=1), 2),
            "records_that_had_it": sum(each.record_count for each in found),
            "features": [_silence_feature(path, newest - onset, silence)],
        },
        contract_version=max((each.contract_version or "" for each in found), default="") or None,
    )


def _silence_feature(what: str, silent: timedelta, limit: timedelta) -> dict[str, object]:
    hours = timedelta(hours=1)
    return {
        "feature": what, "usual": "present", "observed": "absent", "unit": "h of silence",
        "size": round(silent / hours, 2), "limit": round(limit / hours, 2),
    }  # fmt: skip


def silent_devices(
    presences: Iterable[DevicePresence], silence: timedelta, window: timedelta
) -> list[Finding]:
    """One finding per device without a reading for so long, while others of the fleet talk on.

    Args:
        presences: Every device.
        silence: Shortest silence that counts.
        window: Length of a window.
    """
    fleet = list(presences)
    newest = max((each.last_window for each in fleet), default=None)
    if newest is None:
        return []
    quiet = [each for each in fleet if _is_quiet(each, newest, silence)]
    return [_device_finding(each, newest, silence, window, len(quiet), len(fleet)) for each in quiet]


def _is_quiet(each: DevicePresence, newest: datetime, silence: timedelta) -> bool:
    usual = (each.last_window - each.first_window) / max(each.windows - 1, 1)
    return each.windows >= MIN_OCCURRENCES and newest - each.last_window > max(silence, USUAL_GAPS * usual)


def _device_finding(
    each: DevicePresence, newest: datetime, silence: timedelta, window: timedelta, quiet: int, fleet: int
) -> Finding:
    onset = each.last_window + window
    evidence: Mapping[str, object] = {
        "silent_hours": round((newest + window - onset) / timedelta(hours=1), 2),
        "newest_window_of_the_fleet": newest.isoformat(),
        "windows_with_readings": each.windows,
        "devices_silent": quiet,
        "features": [_silence_feature("readings", newest + window - onset, silence)],
    }
    return Finding(
        channel="statistical",
        kind="SILENT",
        field="$",
        severity=severity("SILENT", quiet / fleet, 1.0),
        devices=(each.device_id,),
        device_count=1,
        device_share=1.0 / fleet,
        onset=onset,
        last_seen=newest,
        occurrence_count=1,
        threshold=silence / timedelta(hours=1),
        evidence=evidence,
        key_device=each.device_id,
    )
