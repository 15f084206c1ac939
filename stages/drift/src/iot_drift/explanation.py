"""Adds to findings who drifted: the rule that separates their devices from the others, or why none is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from iot_drift.findings import Finding
from iot_drift.who import DeviceFacts, who_drifted

SAME_TIME = timedelta(hours=6)
"""Findings of one kind and field are one change of several devices as long as their onsets follow one another so."""

NAMED_SHARE = 0.98
"""Of the devices counted, so many must be known by name: a count is an estimate, a rule needs names."""

_SAYS_THE_SAME = {"VERSION": ("version",), "latitude": ("place", "latitude", "longitude")}
"""Beginning of a kind or field -> attributes that say the same in other words."""


def needs_facts(findings: Iterable[Finding]) -> bool:
    """False if every finding is one device's own and no two belong together: no rule could say more than its id."""
    clusters = together([each for each in findings if each.channel == "statistical"], by_cause=False)
    several = any(len(each) > 1 for each in clusters)
    return several or any(each.channel == "structural" and each.device_count > 1 for each in findings)


def explained(findings: Sequence[Finding], facts: Sequence[DeviceFacts]) -> list[Finding]:
    """The findings, in their order, with `who` in their evidence, or `who_not_told`.

    Args:
        findings: Of one batch: a statistical one has one device, and those that changed alike share a rule.
        facts: All devices of the batch.
    """
    statistical = [each for each in findings if each.channel == "statistical"]
    around = {each.event_id: group for group in together(statistical, by_cause=False) for each in group}
    told: dict[str, dict[str, Any]] = {}
    for group in together(statistical):
        # Alone with its cause among others of its kind, it may be one of them: "only this device" would be too much.
        said = _told(group if len(group) > 1 else around[group[0].event_id], facts)
        told |= {each.event_id: said for each in group}
    told |= {each.event_id: _told([each], facts) for each in findings if each.channel == "structural"}
    return [replace(each, evidence={**each.evidence, **told[each.event_id]}) for each in findings]


def together(findings: Iterable[Finding], *, by_cause: bool = True) -> list[list[Finding]]:
    """Findings of one kind, field and, by cause, hypothesis, whose onsets follow one another within SAME_TIME."""
    alike: dict[tuple[str, str, str | None], list[Finding]] = {}
    for each in findings:
        guess = each.evidence.get("hypothesis") or {}
        alike.setdefault((each.kind, each.field, guess.get("name") if by_cause else None), []).append(each)
    clusters: list[list[Finding]] = []
    for group in alike.values():
        ordered = sorted(group, key=_onset)
        for number, each in enumerate(ordered):
            if number and _onset(each) - _onset(ordered[number - 1]) <= SAME_TIME:
                clusters[-1].append(each)
            else:
                clusters.append([each])
    return clusters


def _onset(finding: Finding) -> datetime:
    assert finding.onset is not None, "a statistical finding began with a window"
    return finding.onset


def _told(group: Sequence[Finding], facts: Sequence[DeviceFacts]) -> dict[str, Any]:
    devices = {device for each in group for device in (each.named or each.devices)}
    count = len(devices) if len(group) > 1 else group[0].device_count
    if not devices:
        return {}
    if len(devices) < NAMED_SHARE * count:
        return {"who_not_told": f"only {len(devices)} of about {count} devices are known by name"}
    rule = who_drifted(devices, facts, _without(group[0]))
    if rule is None:
        healthy = len({each.device_id for each in facts} - devices)
        others = f"the {healthy} others" if healthy else "others: none was seen"
        return {"who_not_told": f"no rule separates {_counted(len(devices))} from {others}"}
    onsets = sorted(each.onset for each in group if each.onset)
    when = {"devices": len(devices), "first_onset": _iso(onsets[:1]), "last_onset": _iso(onsets[-1:])}
    return {"who": rule.as_evidence() | when}


def _counted(number: int) -> str:
    return "this device" if number == 1 else f"these {number} devices"


def _iso(moments: Sequence[datetime]) -> str | None:
    return moments[0].isoformat() if moments else None


def _without(finding: Finding) -> tuple[str, ...]:
    if finding.kind.startswith("VERSION"):
        return _SAYS_THE_SAME["VERSION"]
    is_place = any(name in finding.field for name in ("latitude", "longitude", "location"))
    return _SAYS_THE_SAME["latitude"] if is_place else ()
