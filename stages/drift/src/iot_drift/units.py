"""UNIT_CHANGED: devices that declare another unit than before; with values to match this does no harm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iot_drift.findings import DEVICE_LIMIT, Finding
from iot_drift.structural import severity

UNIT_PATH = "readings.temperature.unit"


def unit_findings(
    changed: Iterable[Mapping[str, Any]], stored: Mapping[str | None, Mapping[str, Any]], devices_seen: int
) -> list[Finding]:
    """One finding per contract version, added to what earlier batches found.

    Args:
        changed: Rows of `transform.unit_changes`.
        stored: UNIT_CHANGED findings before this batch by contract version, evidence parsed.
        devices_seen: Devices whose unit is known, for shares.
    """
    versions: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in changed:
        versions.setdefault(row["contract_version"], []).append(row)
    return [_finding(version, rows, stored.get(version), devices_seen) for version, rows in sorted(
        versions.items(), key=lambda item: item[0] or ""
    )]  # fmt: skip


def _feature(known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    before, after = ({each[side] for each in known.values()} for side in ("from", "to"))
    return {
        "feature": UNIT_PATH, "usual": ", ".join(sorted(before)), "observed": ", ".join(sorted(after)),
        "unit": "declared unit", "size": len(known), "limit": 0,
    }  # fmt: skip


def _finding(
    version: str | None, rows: list[Mapping[str, Any]], stored: Mapping[str, Any] | None, devices_seen: int
) -> Finding:
    known = dict(stored["evidence"].get("devices", {})) if stored else {}
    for row in sorted(rows, key=lambda each: str(each["device_id"])):
        if len(known) < DEVICE_LIMIT or row["device_id"] in known:
            known[row["device_id"]] = {
                "from": row["unit_before"], "to": row["unit"], "since": row["onset"].isoformat(),
                "readings": row["reading_count"],
            }  # fmt: skip
    onsets = [row["onset"] for row in rows] + ([stored["onset"]] if stored else [])
    seen = [row["last_seen"] for row in rows] + ([stored["last_seen"]] if stored else [])
    count = max(len(known), len({row["device_id"] for row in rows}))
    share = min(count / devices_seen, 1.0) if devices_seen else None
    return Finding(
        channel="structural",
        kind="UNIT_CHANGED",
        field=UNIT_PATH,
        severity=severity("UNIT_CHANGED", share, 1.0),
        devices=tuple(sorted(known)),
        named=tuple(sorted({*known, *(row["device_id"] for row in rows)})),
        device_count=count,
        device_share=share,
        onset=min(onsets),
        last_seen=max(seen),
        occurrence_count=sum(int(each["readings"]) for each in known.values()),
        threshold=0.0,
        evidence={"devices": dict(sorted(known.items())), "features": [_feature(known)]},
        contract_version=version,
    )
