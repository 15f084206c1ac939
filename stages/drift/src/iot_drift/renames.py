"""Rename suspects: a required field vanishes and a new one appears, on the same devices at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from iot_common.engine.registry import ContractRegistry
from iot_drift import declared
from iot_drift.findings import Finding
from iot_drift.structural import Fleet, Observed, contract_of, severity

ADDED = ("FIELD_ADDED", "FIELD_ADDED_NESTED")

MIN_SCORE = 0.7
"""Of 1: devices, times and counts agree, and the type is the same."""

WITHIN_HOURS = 2.0
"""Onsets further apart are two changes."""


def rename_suspects(
    findings: Iterable[Finding], observed: Iterable[Observed], fleet: Fleet, registry: ContractRegistry
) -> list[Finding]:
    """RENAME_SUSPECT for each pair that fits; proposed, never applied.

    Score: overlap of the devices × closeness of the counts × closeness of the onsets, 0 where the type differs. The
    likeness of the names only decides between equals: `temp` and `temperature` may be two sensors.
    """
    every = list(findings)
    types = {(each.contract_version, each.path): each.json_type for each in observed if each.json_type}
    gone = [each for each in every if each.kind == "FIELD_REMOVED_REQUIRED"]
    new = [each for each in every if each.kind in ADDED]
    pairs = [pair for old in gone for pair in _pairs(old, new, types, registry)]
    best: dict[str, tuple[float, Finding, Finding, dict[str, Any]]] = {}
    for score, old, added, evidence in sorted(pairs, key=lambda pair: -pair[3]["likeness_of_names"]):
        if score >= MIN_SCORE and score > best.get(old.event_id, (0.0,))[0]:
            best[old.event_id] = (score, old, added, evidence)
    return [_suspect(*pair, fleet) for pair in best.values()]


def _pairs(
    old: Finding,
    new: list[Finding],
    types: Mapping[tuple[str | None, str], str | None],
    registry: ContractRegistry,
) -> Iterator[tuple[float, Finding, Finding, dict[str, Any]]]:
    node = contract_of(old.contract_version, registry).nodes.get(old.field)
    for added in new:
        if added.contract_version != old.contract_version:
            continue
        if declared.parent_of(added.field) != declared.parent_of(old.field) or not (
            old.onset and added.onset
        ):
            continue
        found = types.get((added.contract_version, added.field))
        same_type = (
            node is None
            or not node.types
            or found in node.types
            or (found, *node.types)
            == (
                "integer",
                "number",
            )
        )
        hours = abs((old.onset - added.onset).total_seconds()) / 3600.0
        overlap = _overlap(old.devices, added.devices)
        counts = min(old.occurrence_count, added.occurrence_count) / max(
            old.occurrence_count, added.occurrence_count
        )
        score = overlap * counts * max(0.0, 1.0 - hours / WITHIN_HOURS) if same_type else 0.0
        yield round(score, 4), old, added, {
            "new_field": added.field,
            "devices_in_common": round(overlap, 4),
            "ratio_of_counts": round(counts, 4),
            "hours_between_onsets": round(hours, 3),
            "type": found,
            "likeness_of_names": round(SequenceMatcher(None, old.field, added.field).ratio(), 3),
            "records_without_old": old.occurrence_count,
            "records_with_new": added.occurrence_count,
        }  # fmt: skip


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """Jaccard index of the devices, as far as both lists reach: each ends after its first 50 in order."""
    if not one or not other:
        return 0.0
    reach = min(max(one), max(other)) if max(len(one), len(other)) >= 50 else max(*one, *other)
    first, second = ({device for device in devices if device <= reach} for devices in (one, other))
    return len(first & second) / len(first | second) if first | second else 0.0


def _feature(score: float, old: Finding, added: Finding) -> dict[str, Any]:
    return {
        "feature": old.field, "usual": old.field, "observed": added.field, "unit": "name of the field",
        "size": score, "limit": MIN_SCORE,
    }  # fmt: skip


def _suspect(score: float, old: Finding, added: Finding, evidence: dict[str, Any], fleet: Fleet) -> Finding:
    share = max(old.device_count, added.device_count) / fleet.device_count if fleet.device_count else None
    return Finding(
        channel="structural",
        kind="RENAME_SUSPECT",
        field=old.field,
        severity=severity("RENAME_SUSPECT", share, 1.0),
        devices=tuple(sorted({*old.devices} & {*added.devices})),
        named=tuple(sorted({*old.named} & {*added.named})),
        device_count=min(old.device_count, added.device_count),
        device_share=share,
        onset=min(moment for moment in (old.onset, added.onset) if moment),
        last_seen=max((moment for moment in (old.last_seen, added.last_seen) if moment), default=None),
        occurrence_count=min(old.occurrence_count, added.occurrence_count),
        threshold=MIN_SCORE,
        score=score,
        evidence={"old_field": old.field, **evidence, "features": [_feature(score, old, added)]},
        contract_version=old.contract_version,
    )
