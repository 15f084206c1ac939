"""The ground truth: what was injected where and when, and how many lines of each sort were written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from iot_simulator.cohorts import InjectedDrift
from iot_simulator.config import SimulationConfig
from iot_simulator.errors import LandingError
from iot_simulator.fleet import SITES, Fleet, Ints
from iot_simulator.landing_writer import LandingTotals
from iot_simulator.readings import (
    MARK_ANOMALY,
    MARK_CONFLICT,
    MARK_DUPLICATE,
    MARK_LATE,
    MARK_MALFORMED,
    ReadingBatch,
)

GROUND_TRUTH_VERSION = "1.0.0"
# Statistical findings name the column of `silver.reading` where structural ones name the path.
_SILVER_COLUMNS = {
    "readings.temperature.value": "temperature_celsius",
    "readings.humidity.value": "humidity_percent",
    "readings.battery_level.value": "battery_percent",
    "location.latitude": "latitude",
    "location.longitude": "longitude",
}
# Findings that the ordinary troubles of transmission explain: right, and no drift.
BACKGROUND_CODES = ("MALFORMED_JSON", "ENCODING", "LATE")


@dataclass
class LineCounts:
    """Lines written, by sort; a line may be of several (a late duplicate), and `lines` counts it once."""

    lines: int = 0
    malformed: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    anomalies: int = 0
    drifted: int = 0


@dataclass
class DriftTally:
    """Lines that one drift changed, damaged ones left out: how many, when taken, when arrived."""

    lines: int = 0
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    first_arrival_ms: int | None = None


@dataclass
class Tally:
    """Counts while lines are written.

    Attributes:
        drifts: The injected drifts.
        counts: Of all lines.
        per_drift: In the order of `drifts`.
    """

    drifts: list[InjectedDrift]
    counts: LineCounts = field(default_factory=LineCounts)
    per_drift: list[DriftTally] = field(init=False)

    def __post_init__(self) -> None:
        self.per_drift = [DriftTally() for _ in self.drifts]

    def add(self, written: ReadingBatch) -> None:
        """Count lines that have been written."""
        marks = written.marks
        self.counts.lines += len(written)
        self.counts.malformed += _having(marks, MARK_MALFORMED)
        self.counts.duplicates += _having(marks, MARK_DUPLICATE)
        self.counts.conflicts += _having(marks, MARK_CONFLICT)
        self.counts.late += _having(marks, MARK_LATE)
        self.counts.anomalies += _having(marks, MARK_ANOMALY)
        self.counts.drifted += int((written.drift_bits != 0).sum())
        for drift, tally in zip(self.drifts, self.per_drift, strict=True):
            changed = (written.drift_bits & drift.bit != 0) & (marks & MARK_MALFORMED == 0)
            if changed.any():
                _extend(tally, written.event_ms[changed], written.arrival_ms[changed])


def _having(marks: Ints, mark: int) -> int:
    return int((marks & mark != 0).sum())


def _extend(tally: DriftTally, event_ms: Ints, arrival_ms: Ints) -> None:
    first, last, arrival = int(event_ms.min()), int(event_ms.max()), int(arrival_ms.min())
    tally.lines += len(event_ms)
    tally.first_event_ms = min(first, first if tally.first_event_ms is None else tally.first_event_ms)
    tally.last_event_ms = max(last, last if tally.last_event_ms is None else tally.last_event_ms)
    tally.first_arrival_ms = min(
        arrival, arrival if tally.first_arrival_ms is None else tally.first_arrival_ms
    )


def ground_truth_document(
    config: SimulationConfig, fleet: Fleet, tally: Tally, totals: LandingTotals
) -> dict[str, Any]:
    """The ground truth as JSON; README.md describes each key."""
    scenario = config.scenario
    return {
        "ground_truth_version": GROUND_TRUTH_VERSION,
        "scenario": scenario.name if scenario else None,
        "seed": config.seed,
        "devices": config.devices,
        "start_time": instant(config.start_ms),
        "interval_seconds": config.interval_seconds,
        "totals": {**asdict(tally.counts), **{k: v for k, v in asdict(totals).items() if k != "lines"}},
        "background_codes": list(BACKGROUND_CODES),
        "drifts": [
            _drift_document(fleet, drift, counted)
            for drift, counted in zip(tally.drifts, tally.per_drift, strict=True)
        ],
    }


def _drift_document(fleet: Fleet, injected: InjectedDrift, tally: DriftTally) -> dict[str, Any]:
    drift = injected.drift
    paths = list(drift.kind.paths(drift.parameters))
    devices = np.flatnonzero(injected.devices).tolist()
    return {
        "drift_id": drift.drift_id,
        "kind": drift.kind.name,
        "meaning": drift.kind.meaning,
        "note": drift.note,
        "field_paths": paths,
        "silver_columns": [_SILVER_COLUMNS[path] for path in paths if path in _SILVER_COLUMNS],
        "expected_codes": list(drift.kind.expected_codes),
        "accompanying_codes": list(drift.kind.accompanying_codes),
        "parameters": dict(drift.parameters),
        "devices": [fleet.ids[number] for number in devices],
        "device_count": len(devices),
        "places": sorted({SITES[fleet.site[number]].name for number in devices}),
        "start_time": instant(injected.start_ms),
        "end_time": None if injected.is_open_ended else instant(injected.end_ms),
        "lines": tally.lines,
        "first_event_time": instant(tally.first_event_ms),
        "last_event_time": instant(tally.last_event_ms),
        "first_arrival_time": instant(tally.first_arrival_ms),
    }


def instant(epoch_ms: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds; None stays None."""
    if epoch_ms is None:
        return None
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_ground_truth(document: dict[str, Any], path: Path) -> None:
    """Write it whole or not at all.

    Raises:
        LandingError: The disk refused it.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        unfinished.rename(path)
    except OSError as error:
        remedy = "Name a place for the ground truth that can be written to."
        raise LandingError(str(path), str(error), remedy) from error
    finally:
        unfinished.unlink(missing_ok=True)
