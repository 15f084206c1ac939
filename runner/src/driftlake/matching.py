"""Found against injected: which findings an injected drift explains, and which nothing explains. Pure.

A drift is *found* if a finding has one of its expected kinds, concerns one of its fields and devices, and began while
the drift was there. Findings of an accompanying kind on its devices are true consequences: they are explained, and do
not make it found. What is left over is listed as it is; whoever reads it decides whether it is a false alarm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from driftlake.errors import TruthError

EARLY = timedelta(hours=1)
"""A finding may begin so long before the drift: an onset is the start of a window, of an hour at most."""

LASTING = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Injected:
    """One injected drift; without expected kinds it is a decoy, and should not be found."""

    drift_id: str
    kind: str
    fields: tuple[str, ...]
    expected: tuple[str, ...]
    accompanying: tuple[str, ...]
    devices: frozenset[str]
    start: datetime
    end: datetime | None = None
    meaning: str = ""

    @property
    def is_decoy(self) -> bool:
        """True if it is no drift."""
        return not self.expected


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, as far as matching asks."""

    event_id: str
    channel: str
    kind: str
    field: str | None
    devices: tuple[str, ...]
    onset: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class DriftMatch:
    """What was found of one injected drift."""

    drift: Injected
    findings: tuple[Found, ...] = ()
    accompanying: tuple[Found, ...] = ()

    @property
    def is_found(self) -> bool:
        """True if a finding of an expected kind matches."""
        return bool(self.findings)

    @property
    def devices_found(self) -> frozenset[str]:
        """The drift's devices that a matching finding names (a finding lists 50 at most)."""
        return self.drift.devices & {device for finding in self.findings for device in finding.devices}

    @property
    def delay(self) -> timedelta | None:
        """From the true start to the earliest onset; None if not found, or if the finding began before the drift."""
        onsets = [
            f.onset for f in self.findings if f.onset is not None and f.onset >= self.drift.start - EARLY
        ]
        return min(onsets) - self.drift.start if onsets else None


@dataclass(frozen=True, slots=True)
class MatchResult:
    """All injected drifts, and the findings that none of them explains."""

    matches: tuple[DriftMatch, ...]
    background: tuple[Found, ...] = field(default=())
    unmatched: tuple[Found, ...] = field(default=())

    @property
    def drifts(self) -> int:
        """Injected drifts, decoys left out."""
        return sum(not match.drift.is_decoy for match in self.matches)

    @property
    def found(self) -> int:
        """Those of them that were found."""
        return sum(match.is_found for match in self.matches if not match.drift.is_decoy)

    def drifts_on_devices_of(self, finding: Found) -> list[str]:
        """Injected drifts on the same devices that had begun: a hint where an unmatched finding may come from."""
        return [
            match.drift.drift_id
            for match in self.matches
            if match.drift.devices.intersection(finding.devices)
            and finding.onset is not None
            and match.drift.start - EARLY <= finding.onset <= (match.drift.end or LASTING)
        ]


@dataclass(frozen=True, slots=True)
class Truth:
    """A ground truth file: the drifts, and the kinds that ordinary troubles of transmission explain."""

    drifts: tuple[Injected, ...]
    background: frozenset[str]


def match(truth: Truth, findings: Sequence[Found]) -> MatchResult:
    """Match findings to drifts; one finding may be evidence of several drifts."""
    matches = tuple(
        DriftMatch(
            drift,
            tuple(
                f
                for f in findings
                if f.kind in drift.expected and _concerns_field(f, drift) and _fits(f, drift)
            ),
            tuple(f for f in findings if _accompanies(f, drift)),
        )
        for drift in truth.drifts
    )
    explained = {f.event_id for m in matches for f in (*m.findings, *m.accompanying)}
    left = [finding for finding in findings if finding.event_id not in explained]
    return MatchResult(
        matches,
        tuple(finding for finding in left if finding.kind in truth.background),
        tuple(finding for finding in left if finding.kind not in truth.background),
    )


def _accompanies(finding: Found, drift: Injected) -> bool:
    # A device that is silent is so in all its fields.
    concerns = finding.kind == "SILENT" or _concerns_field(finding, drift)
    return finding.kind in drift.accompanying and concerns and _fits(finding, drift)


def _concerns_field(finding: Found, drift: Injected) -> bool:
    """True if the finding's field is one of the drift's, lies in one, or holds one."""
    own = finding.field or ""
    return any(
        own == path or own.startswith(f"{path}.") or path.startswith(f"{own}.")
        for path in drift.fields
        if own
    )


def _fits(finding: Found, drift: Injected) -> bool:
    """True if a device is shared and the finding began with the drift.

    A structural finding is one per field and contract version, for all devices: it may have begun earlier with
    another drift, and is this one's too if it goes on.
    """
    if not drift.devices.intersection(finding.devices) or finding.onset is None:
        return False
    if finding.onset > (drift.end or LASTING):
        return False
    if finding.onset >= drift.start - EARLY:
        return True
    return (
        finding.channel == "structural" and finding.last_seen is not None and finding.last_seen >= drift.start
    )


def read_truth(path: Path) -> Truth:
    """A ground truth file of the simulator.

    Raises:
        TruthError: If it is not there or is none.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        drifts = tuple(_injected(entry) for entry in document["drifts"])
        return Truth(drifts, frozenset(document.get("background_codes", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TruthError(str(path), f"{type(error).__name__}: {error}") from error


def _injected(entry: Mapping[str, Any]) -> Injected:
    end = entry.get("end_time")
    return Injected(
        drift_id=entry["drift_id"],
        kind=entry["kind"],
        fields=(*entry["field_paths"], *entry.get("silver_columns", ())),
        expected=tuple(entry["expected_codes"]),
        accompanying=tuple(entry.get("accompanying_codes", ())),
        devices=frozenset(entry["devices"]),
        start=datetime.fromisoformat(entry["start_time"]),
        end=datetime.fromisoformat(end) if end else None,
        meaning=entry.get("meaning", ""),
    )


def readable_delay(delay: timedelta | None) -> str:
    """`12 min`, `3.4 h`, `-5 min`; a dash where there is none."""
    if delay is None:
        return "–"
    minutes = delay.total_seconds() / 60
    return f"{minutes:.0f} min" if abs(minutes) < 120 else f"{minutes / 60:.1f} h"
