"""Entries of `drift.drift_log`: what waits for a contract change, and what a registered contract has settled. Pure.

A merged contract is the approval: once a version above all those under which a field was found declares it, or every
claimed version is registered, the entry is APPROVED by itself. Found again under a newer contract, it waits again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from iot_common.contracts.silver_reading import READING
from iot_common.engine.contract import Contract
from iot_common.engine.evolved_column import column_name, may_have_column
from iot_common.engine.registry import ContractRegistry, parse_version
from iot_drift.findings import SEVERITIES, Finding

NEW_FIELD = ("FIELD_ADDED", "FIELD_ADDED_NESTED")
NEW_VERSION = ("VERSION_MINOR", "VERSION_MAJOR", "VERSION_UNKNOWN")
WAITING = (*NEW_FIELD, *NEW_VERSION, "ENUM_ADDED", "RENAME_SUSPECT")
"""Kinds that a contract change settles."""

VERSION_PATH = "schema_version"
"""Path of the entries of NEW_VERSION."""

VERSION_LIMIT = 50
"""Most versions an entry lists: a record may claim any."""

PENDING, APPROVED, DISMISSED, NOTED = "PENDING", "APPROVED", "DISMISSED", "NOTED"


@dataclass(frozen=True)
class Entry:
    """One row of the log, as far as a batch knows it. `occurrences` is what the batch adds."""

    path: str
    kind: str
    status: str
    occurrences: int
    versions: tuple[str, ...]
    sample: str | None = None
    severity: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    record_count: int | None = None
    device_count: int | None = None
    device_share: float | None = None
    proposed_column: str | None = None
    contract_version: str | None = None
    approved_by: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The grain."""
        return self.path, self.kind


def entries_of(
    findings: Iterable[Finding], claimed: Mapping[str, Iterable[str]], registry: ContractRegistry
) -> dict[tuple[str, str], Entry]:
    """One entry per path and kind of a batch's findings, whatever the contract version.

    Args:
        findings: Of one batch.
        claimed: Version kind -> versions that records of the batch claim and nobody registered.
        registry: For the highest version of now.
    """
    entries: dict[tuple[str, str], Entry] = {}
    for finding in findings:
        if finding.kind in NEW_VERSION and not claimed.get(finding.kind):
            continue  # found in the history alone: no record of this batch claims such a version
        made = _entry(finding, claimed, registry)
        known = entries.get(made.key)
        entries[made.key] = made if known is None else _together(known, made)
    return entries


def _entry(finding: Finding, claimed: Mapping[str, Iterable[str]], registry: ContractRegistry) -> Entry:
    found = finding.evidence.get("found") or []
    sample = finding.evidence.get("new_field") or (found[0] if found else None)
    under = claimed.get(finding.kind, ()) if finding.kind in NEW_VERSION else [finding.contract_version or ""]
    is_column = finding.kind in NEW_FIELD and may_have_column(finding.field)
    return Entry(
        path=finding.field,
        kind=finding.kind,
        status=PENDING if finding.kind in WAITING else NOTED,
        occurrences=1,
        versions=_listed(under),
        sample=str(sample) if sample is not None else None,
        severity=finding.severity,
        first_seen=finding.onset,
        last_seen=finding.last_seen,
        record_count=finding.occurrence_count,
        device_count=finding.device_count,
        device_share=finding.device_share,
        proposed_column=column_name(finding.field, READING.column_names) if is_column else None,
        contract_version=registry.latest.version,
    )


def _together(one: Entry, other: Entry) -> Entry:
    """The same path and kind under two contract versions: counts are added, devices may be the same."""
    first = [moment for moment in (one.first_seen, other.first_seen) if moment]
    last = [moment for moment in (one.last_seen, other.last_seen) if moment]
    return replace(
        one,
        versions=_listed((*one.versions, *other.versions)),
        severity=max(one.severity or "INFO", other.severity or "INFO", key=SEVERITIES.index),
        first_seen=min(first, default=None),
        last_seen=max(last, default=None),
        record_count=(one.record_count or 0) + (other.record_count or 0),
        device_count=max(one.device_count or 0, other.device_count or 0),
        device_share=max(one.device_share or 0.0, other.device_share or 0.0),
    )


def _listed(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(versions)))[:VERSION_LIMIT]


def settled(
    entries: Mapping[tuple[str, str], Entry], stored: Iterable[Entry], registry: ContractRegistry
) -> list[Entry]:
    """The rows a batch writes: its entries, and stored ones that a contract has approved since.

    Args:
        entries: Of the batch.
        stored: Rows of the log before the batch: those of the entries, and all that wait.
        registry: What is registered now.
    """
    before = {entry.key: entry for entry in stored}
    rows = []
    for key, entry in entries.items():
        known = before.get(key)
        seen = (
            entry if known is None else replace(entry, versions=_listed((*entry.versions, *known.versions)))
        )
        rows.append(
            _judged(
                replace(seen, status=DISMISSED) if known and known.status == DISMISSED else seen, registry
            )
        )
    waiting = (entry for key, entry in before.items() if key not in entries and entry.status == PENDING)
    judged = (_judged(replace(entry, occurrences=0), registry) for entry in waiting)
    return [*rows, *(entry for entry in judged if entry.status == APPROVED)]


def _judged(entry: Entry, registry: ContractRegistry) -> Entry:
    if entry.status != PENDING:
        return entry
    approval = approving_version(entry, registry)
    return entry if approval is None else replace(entry, status=APPROVED, approved_by=approval)


def approving_version(entry: Entry, registry: ContractRegistry) -> str | None:
    """The registered contract that settles an entry; None if none does."""
    if entry.kind in NEW_VERSION:
        registered = [version for version in entry.versions if version in registry.versions]
        return registered[-1] if registered and len(registered) == len(entry.versions) else None
    above = max((parsed for text in entry.versions if (parsed := parse_version(text))), default=(-1, -1, -1))
    later = (each for each in registry.contracts if (parse_version(each.version) or above) > above)
    return next((each.version for each in later if _settles(each, entry)), None)


def _settles(contract: Contract, entry: Entry) -> bool:
    if entry.kind in NEW_FIELD:
        return entry.path in contract.nodes
    if entry.kind == "RENAME_SUSPECT":
        return entry.sample in contract.nodes
    node = contract.nodes.get(entry.path)
    return node is not None and (node.enum is None or entry.sample in {str(value) for value in node.enum})
