"""Structural findings: what was observed against what is declared. Pure; independent of validity.

The given schema closes only its top level, so a new nested field *validates*: it is found here, by path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from iot_common.engine.contract import Contract
from iot_common.engine.events import DOWNGRADE_EXPECTED
from iot_common.engine.registry import ContractRegistry
from iot_drift import declared
from iot_drift.findings import Finding, raised

KIND_OF_CODE = {"CLOCK_FUTURE": "CLOCK_SKEW"}
"""Codes of one record that are told under another name when a device shows them."""

DOWNGRADE = "VERSION_DOWNGRADE"
"""Kind of the event that silver raises, as VERSION_MINOR or VERSION_MAJOR, for a device that goes back."""

_INFO = (
    "FIELD_ADDED",
    "FIELD_ADDED_NESTED",
    "TYPE_WIDENED",
    "VERSION_MINOR",
    "UNIT_CHANGED",
    "KEY_CASE",
    "LATE",
)
_ERROR = (
    "FIELD_REMOVED_REQUIRED", "VERSION_MAJOR", "VERSION_UNKNOWN", "MALFORMED_JSON", "OVERSIZE", "ENCODING", "PATTERN",
)  # fmt: skip

CONTRACT_WIDE = 0.5
"""Share of the devices from which a change is not some devices' but the fleet's: one severity up."""

SPORADIC = 0.02
"""Share of the records of the devices concerned, since the onset, below which something happens now and then (a
damaged line, a spike) and is INFO whatever its kind."""

_TYPE_KINDS = ("TYPE_CHANGED", "NULL_VALUE", "ARRAY_SCALAR", "NONFINITE")


@dataclass(frozen=True)
class Observed:
    """All observations of one key, over all cohorts and batches so far.

    `record_count`, `device_count` and times as in `silver.schema_observation`; `devices`: the first 50 in order;
    `named`: all that are named anywhere; `cohorts`: device cohorts that showed it.
    """

    contract_version: str | None
    path: str
    json_type: str | None = None
    enum_value: str | None = None
    code: str | None = None
    expected: str | None = None
    record_count: int = 0
    device_count: int = 0
    devices: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    first_event_time: datetime | None = None
    last_event_time: datetime | None = None
    named: tuple[str, ...] = ()
    cohorts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fleet:
    """Everything that was seen so far, for shares."""

    record_count: int
    device_count: int
    first_event_time: datetime | None
    last_event_time: datetime | None

    def records_since(self, onset: datetime | None) -> float:
        """Records of all devices from a time on, taking the stream as even."""
        if not (onset and self.first_event_time and self.last_event_time):
            return float(self.record_count)
        whole = (self.last_event_time - self.first_event_time).total_seconds()
        rest = (self.last_event_time - onset).total_seconds()
        return self.record_count * min(max(rest / whole, 0.0), 1.0) if whole > 0 else float(self.record_count)


def structural_findings(
    observed: Iterable[Observed], fleet: Fleet, registry: ContractRegistry, min_share: float = 0.0
) -> list[Finding]:
    """One finding per kind, path and contract version.

    Paths and events that say the same become one finding with the larger counts: silver raises an event for most
    differences, and the path diff sees them again.

    Args:
        observed: Aggregated observations.
        fleet: For shares.
        registry: The contracts' declared paths.
        min_share: Smallest share of devices for a finding about devices.
    """
    merged: dict[tuple[str, str, str | None], Observed] = {}
    for kind, each in _differences(list(observed), registry):
        key = (kind, each.path, each.contract_version)
        merged[key] = _together(merged[key], each) if key in merged else each
    findings = [_finding(kind, each, fleet, registry, min_share) for (kind, _, _), each in merged.items()]
    kept = [each for each in findings if each.device_share is None or each.device_share >= min_share]
    return sorted(kept, key=lambda each: (each.kind, each.field, each.contract_version or ""))


def _differences(observed: list[Observed], registry: ContractRegistry) -> Iterator[tuple[str, Observed]]:
    explained = {(each.contract_version, each.path) for each in observed if each.code in _TYPE_KINDS}
    for each in observed:
        if each.code is not None:
            yield _kind_of(each), each
            continue
        contract = contract_of(each.contract_version, registry)
        kind = declared.added_code(each.path, contract) or declared.type_code(
            each.path, each.json_type, contract
        )
        if kind is not None:
            if kind in _TYPE_KINDS and (each.contract_version, each.path) in explained:
                continue  # The record's own event says it more precisely: NaN as text is no mere string.
            yield str(kind), _worded(each, each.json_type, contract)
        if declared.is_new_value(each.path, each.enum_value, contract):
            yield "ENUM_ADDED", _worded(each, each.enum_value, contract)


def _kind_of(each: Observed) -> str:
    """A device that goes back to a lower version is another story than a version that nobody registered."""
    code = each.code or ""
    return DOWNGRADE if each.expected == DOWNGRADE_EXPECTED else KIND_OF_CODE.get(code, code)


def contract_of(version: str | None, registry: ContractRegistry) -> Contract:
    """The contract of a version; the newest where the version is unknown."""
    return registry.resolve(version).contract or registry.latest


def _worded(each: Observed, found: str | None, contract: Contract) -> Observed:
    return replace(
        each, expected=declared.expected_text(each.path, contract), found=(found,) if found else ()
    )


def _together(one: Observed, other: Observed) -> Observed:
    """Two views of the same difference: their counts overlap, so the larger one stands."""
    first = [moment for moment in (one.first_event_time, other.first_event_time) if moment]
    last = [moment for moment in (one.last_event_time, other.last_event_time) if moment]
    return replace(
        one,
        json_type=one.json_type or other.json_type,
        enum_value=one.enum_value or other.enum_value,
        code=one.code or other.code,
        expected=one.expected or other.expected,
        record_count=max(one.record_count, other.record_count),
        device_count=max(one.device_count, other.device_count),
        devices=tuple(sorted({*one.devices, *other.devices}))[:50],
        named=tuple(sorted({*one.named, *other.named})),
        cohorts=tuple(sorted({*one.cohorts, *other.cohorts})),
        found=tuple(dict.fromkeys([*one.found, *other.found]))[:5],
        first_event_time=min(first, default=None),
        last_event_time=max(last, default=None),
    )


def _finding(
    kind: str, each: Observed, fleet: Fleet, registry: ContractRegistry, min_share: float
) -> Finding:
    count = len(each.devices) if len(each.devices) < 50 else max(each.device_count, 50)
    share = min(count / fleet.device_count, 1.0) if count and fleet.device_count else None
    rate = _rate(each, share, fleet)
    evidence: dict[str, Any] = {
        "expected": each.expected,
        "found": list(each.found),
        "records": each.record_count,
        "share_of_records": round(each.record_count / fleet.record_count, 6) if fleet.record_count else None,
        "share_of_their_records_since_onset": round(rate, 4),
        "sporadic": rate < SPORADIC,
        "cohorts": list(each.cohorts),
    }
    if each.json_type and not each.code:
        evidence["json_type"] = each.json_type
    evidence["features"] = [_feature(each, rate)]
    return Finding(
        channel="structural",
        kind=kind,
        field=each.path,
        # Each device goes back only once: that it is rare says nothing.
        severity="WARN" if kind == DOWNGRADE else severity(kind, share, rate),
        devices=each.devices,
        named=each.named,
        device_count=count,
        device_share=share,
        onset=each.first_event_time,
        last_seen=each.last_event_time,
        occurrence_count=each.record_count,
        threshold=min_share,
        evidence=evidence,
        contract_version=each.contract_version,
    )


def _feature(each: Observed, rate: float) -> dict[str, Any]:
    """What carries a structural finding: the path itself, by the share of records that show it."""
    # An event quotes texts as JSON, a path does not.
    observed = ", ".join(dict.fromkeys(found.strip('"') for found in each.found)) or each.json_type
    return {
        "feature": each.path, "usual": each.expected, "observed": observed,
        "unit": "share of their records since onset", "size": round(rate, 4), "limit": 0.0,
    }  # fmt: skip


def _rate(each: Observed, share: float | None, fleet: Fleet) -> float:
    """Share of the records that show it, among those of the devices concerned (of all, where none is known)."""
    records = fleet.records_since(each.first_event_time) * (share or 1.0)
    return min(each.record_count / records, 1.0) if records >= 1.0 else 1.0


def severity(kind: str, device_share: float | None, rate: float) -> str:
    """Severity by kind and share of devices; INFO for what happens only now and then."""
    if kind == "CIRCUIT_OPEN":  # a whole contract version is held back
        return "CRITICAL"
    if kind in _INFO or rate < SPORADIC:
        return "INFO"
    usual = "ERROR" if kind in _ERROR else "WARN"
    return raised(usual, 1) if (device_share or 0.0) >= CONTRACT_WIDE else usual


def touched_only(findings: Iterable[Finding], touched: Set[tuple[str | None, str]]) -> list[Finding]:
    """Findings about a (contract version, path) that the batch observed; every record claims a version."""
    return [
        each
        for each in findings
        if each.field == "schema_version"
        or (each.contract_version, each.field) in touched
        or (each.contract_version, each.evidence.get("new_field")) in touched
    ]
