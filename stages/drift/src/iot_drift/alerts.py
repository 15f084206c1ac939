"""Which findings to tell whom, and the digest that tells them. Pure: a run gives one digest per channel, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from iot_common.contracts.drift_alert import GRAVER, NEW, RETURNED
from iot_common.contracts.drift_event_action import OPEN
from iot_drift.findings import SEVERITIES, raised

GROUPS_TOLD = 20
"""Most groups of findings a digest spells out; it counts the others."""

IDS_TOLD = 5
DEVICES_TOLD = 5

SHARED_ERROR = 0.25
SHARED_CRITICAL = 0.5
"""Share of the fleet from which a group of WARN findings is an ERROR, and CRITICAL."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """A finding, as far as an alert asks; `reopened` is the number of the life batch that last opened it again."""

    event_id: str
    status: str
    severity: str
    channel: str
    kind: str
    field: str | None
    devices: tuple[str, ...]
    device_count: int
    device_share: float | None
    onset: datetime | None
    who: str | None = None
    hypothesis: str | None = None
    reopened: int = -1


@dataclass(frozen=True, slots=True)
class Told:
    """How a finding was last told over a channel: its severity then, and the number of the life batch."""

    severity: str
    number: int


@dataclass(frozen=True, slots=True)
class Due:
    """A finding that a channel has not heard of as it is now."""

    event: AlertEvent
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one kind and field: told in one line."""

    severity: str
    kind: str
    field: str | None
    findings: int
    reasons: tuple[str, ...]
    devices: tuple[str, ...]
    device_count: int
    device_share: float | None
    onset: str | None
    who: str | None
    hypothesis: str | None
    event_ids: tuple[str, ...]

    @property
    def line(self) -> str:
        """One line for people."""
        share = f" ({_percent(self.device_share)})" if self.device_share is not None else ""
        named = f": {self.devices[0]}" if self.device_count == 1 and self.devices else ""
        parts = [
            f"{self.severity} {self.kind} {self.field or ''}".rstrip(),
            f"{self.device_count:,} device{'' if self.device_count == 1 else 's'}{share}{named}",
            f"since {self.onset[:16].replace('T', ' ')}" if self.onset else "",
            self.who if self.who and self.device_count > 1 else "",
            f"looks like {self.hypothesis}" if self.hypothesis else "",
            f"event {self.event_ids[0][:8]}"
            + (f" and {self.findings - 1} more" if self.findings > 1 else ""),
        ]
        return "; ".join(part for part in parts if part)


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"


@dataclass(frozen=True, slots=True)
class Digest:
    """What one run tells one channel: the gravest groups first."""

    digest_id: str
    run_id: str
    raised_time: datetime
    highest_severity: str
    findings: int
    by_severity: Mapping[str, int]
    groups: tuple[Group, ...]
    further_groups: int

    @property
    def headline(self) -> str:
        """One line of ASCII, short enough for the subject of a mail."""
        said = ", ".join(f"{count} {name}" for name, count in self.by_severity.items())
        return f"Driftlake: {self.findings} finding{'' if self.findings == 1 else 's'} ({said})"

    @property
    def lines(self) -> list[str]:
        """For people: the headline, a line per group."""
        more = [f"and {self.further_groups} more: driftlake drift ls"] if self.further_groups else []
        return [self.headline, *(f"  {group.line}" for group in self.groups), *more]

    def as_json(self) -> dict[str, Any]:
        """For programs; `text` is what chat systems show."""
        return asdict(self) | {"raised_time": self.raised_time.isoformat(), "text": "\n".join(self.lines)}


def due(events: Iterable[AlertEvent], told: Mapping[str, Told], least: str) -> list[Due]:
    """The open findings that a channel must hear of: new ones, those that came back, those that became graver.

    Args:
        events: All findings.
        told: What this channel was told last, by event id.
        least: Severity below which nothing is told.
    """
    found = []
    for event in events:
        if event.status != OPEN or SEVERITIES.index(event.severity) < SEVERITIES.index(least):
            continue
        before = told.get(event.event_id)
        if before is None:
            found.append(Due(event, NEW))
        elif event.reopened > before.number:
            found.append(Due(event, RETURNED))
        elif SEVERITIES.index(event.severity) > SEVERITIES.index(before.severity):
            found.append(Due(event, GRAVER))
    return found


def digest_of(found: Sequence[Due], *, run_id: str, now: datetime) -> Digest:
    """One digest of all of them; the same findings for the same reasons have the same id."""
    groups = sorted(_groups(found), key=lambda g: (-SEVERITIES.index(g.severity), g.kind, g.field or ""))
    said = sorted((each.event.event_id, each.event.severity, each.reason) for each in found)
    counted = {name: sum(each.severity == name for each in groups) for name in reversed(SEVERITIES)}
    by_severity = {
        name: sum(group.findings for group in groups if group.severity == name)
        for name, count in counted.items()
        if count
    }
    return Digest(
        digest_id=blake2b(repr(said).encode(), digest_size=8).hexdigest(),
        run_id=run_id,
        raised_time=now,
        highest_severity=groups[0].severity,
        findings=len(found),
        by_severity=by_severity,
        groups=tuple(groups[:GROUPS_TOLD]),
        further_groups=max(len(groups) - GROUPS_TOLD, 0),
    )


def _groups(found: Iterable[Due]) -> list[Group]:
    alike: dict[tuple[str, str, str | None], list[Due]] = {}
    for each in found:
        alike.setdefault((each.event.channel, each.event.kind, each.event.field), []).append(each)
    return [_group(members) for members in alike.values()]


def _group(members: Sequence[Due]) -> Group:
    events = sorted((each.event for each in members), key=lambda event: event.event_id)
    gravest = max((event.severity for event in events), key=SEVERITIES.index)
    devices = sorted({device for event in events for device in event.devices})
    count = max(len(devices), *(event.device_count for event in events))
    shares = [
        event.device_share / event.device_count
        for event in events
        if event.device_share and event.device_count
    ]
    share = min(count * max(shares), 1.0) if shares else None
    onsets = [event.onset for event in events if event.onset is not None]
    first = events[0]
    return Group(
        severity=_by_share(gravest, share),
        kind=first.kind,
        field=first.field,
        findings=len(events),
        reasons=tuple(sorted({each.reason for each in members})),
        devices=tuple(devices[:DEVICES_TOLD]),
        device_count=count,
        device_share=share,
        onset=min(onsets).isoformat() if onsets else None,
        who=_common(event.who for event in events),
        hypothesis=_common(event.hypothesis for event in events),
        event_ids=tuple(event.event_id for event in events[:IDS_TOLD]),
    )


def _by_share(severity: str, share: float | None) -> str:
    """A group of WARN findings is as grave as its share of the fleet; graver ones say so themselves."""
    if severity != "WARN" or share is None:
        return severity
    return raised(severity, (share >= SHARED_ERROR) + (share >= SHARED_CRITICAL))


def _common(told: Iterable[str | None]) -> str | None:
    """What all of them say; None if they differ."""
    said = set(told)
    return said.pop() if len(said) == 1 else None
