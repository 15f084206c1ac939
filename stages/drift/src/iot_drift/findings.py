"""What a finding is, whatever found it, and the row it becomes in `drift.event`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from datetime import datetime
from hashlib import blake2b
from typing import Any

from iot_common.contracts.drift_event import DRIFT_EVENT

DEVICE_LIMIT = 50
"""Most device ids a finding lists."""

SEVERITIES = ("INFO", "WARN", "ERROR", "CRITICAL")


@dataclass(frozen=True)
class Finding:
    """One change. Times are device time; `key_device` is set where the finding is one device's own.

    `named`: all its devices that are known by name, where `devices` lists only the first; not stored.
    """

    channel: str
    kind: str
    field: str
    severity: str
    devices: tuple[str, ...]
    device_count: int
    device_share: float | None
    onset: datetime | None
    last_seen: datetime | None
    occurrence_count: int
    threshold: float | None
    evidence: Mapping[str, Any] = with_default(default_factory=dict)
    contract_version: str | None = None
    score: float | None = None
    key_device: str | None = None
    named: tuple[str, ...] = ()

    @property
    def event_id(self) -> str:
        """The same finding has the same id in every batch."""
        grain = [self.channel, self.kind, self.field, self.contract_version, self.key_device]
        return blake2b(json.dumps(grain).encode(), digest_size=16).hexdigest()


def event_row(finding: Finding, *, batch: str, now: datetime, version: str) -> tuple[Any, ...]:
    """The finding in the order of the contract's columns; `now` is both first and last report for a new one."""
    row = {
        "event_id": finding.event_id,
        "channel": finding.channel,
        "kind": finding.kind,
        "severity": finding.severity,
        "field": finding.field,
        "contract_version": finding.contract_version,
        "devices": list(finding.devices[:DEVICE_LIMIT]),
        "device_count": finding.device_count,
        "device_share": finding.device_share,
        "onset": finding.onset,
        "last_seen": finding.last_seen,
        "occurrence_count": finding.occurrence_count,
        "score": finding.score,
        "threshold": finding.threshold,
        "evidence": json.dumps(finding.evidence, ensure_ascii=False, sort_keys=True),
        "status": "open",
        "batch": batch,
        "first_detected_time": now,
        "processing_time": now,
        "pipeline_version": version,
    }
    return tuple(row[name] for name in DRIFT_EVENT.column_names)


def raised(severity: str, steps: int) -> str:
    """A severity some steps up (or down), within the scale."""
    place = SEVERITIES.index(severity) + steps
    return SEVERITIES[min(max(place, 0), len(SEVERITIES) - 1)]
