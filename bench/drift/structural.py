"""The structural channel in process, hour by hour of arrival."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from bench.drift.classes import DriftClass
from bench.drift.fleets import Classifier, CleanFleet, Injection, inject
from bench.drift.observations import counted, findings_of, merged, with_downgrades

from iot_drift.findings import Finding
from iot_simulator.drifts import DriftKind
from iot_simulator.fleet import HOUR_MS

BACKGROUND = ("MALFORMED_JSON", "ENCODING", "LATE")
"""Damaged lines and late ones are in every fleet: told, and no drift."""


@dataclass(frozen=True)
class Observing:
    """A clean fleet with what silver observed of it, per hour of arrival."""

    clean: CleanFleet

    @cached_property
    def batch(self) -> pd.Series:
        """Hour of arrival of each line."""
        return pd.Series(self.clean.lines.batch.arrival_ms // HOUR_MS)

    @cached_property
    def clean_findings(self) -> list[Finding]:
        """What the channel says of the whole healthy fleet, hour by hour, each finding once."""
        counts = counted(self.clean.classified, self.batch)
        last = int(self.batch.max())
        found = findings_of(counts, last, self.clean.classifier.shapes, self.clean.classifier.registry)
        return [each for each in found if each.kind not in BACKGROUND]


@dataclass(frozen=True)
class StructuralOutcome:
    """One class on one share of one fleet, batch by batch from the first with a changed record."""

    injection: Injection
    batches: list[list[Finding]]
    before: frozenset[str]


def observe(
    observing: Observing,
    drift: DriftClass,
    prior: tuple[DriftKind, dict[str, Any]] | None,
    share: float,
    number: int,
    classifier: Classifier,
) -> StructuralOutcome:
    """Run the batches of a class, until its finding is there or its time is over."""
    clean = observing.clean
    injection = inject(clean, drift, share, number, classifier, until_ms=(drift.batches + 1) * HOUR_MS)
    lines = clean.lines.batch
    rows, parts = [injection.rows], [(injection.classified, injection.lines)]
    if prior is not None:
        kind, parameters = prior
        earlier = inject(
            clean, replace(drift, kind=kind, parameters=parameters), share, number, classifier,
            since_ms=-6 * HOUR_MS, until_ms=0,
        )  # fmt: skip
        rows.append(earlier.rows)
        parts.append((earlier.classified, earlier.lines))
    first = int(injection.lines.batch.arrival_ms.min() // HOUR_MS)
    last = first + drift.batches - 1
    untouched = np.ones(len(lines), dtype=bool)
    untouched[np.concatenate(rows)] = False
    untouched &= (lines.arrival_ms // HOUR_MS <= last) & (
        lines.arrival_ms >= injection.start_ms - 8 * HOUR_MS
    )
    kept = np.flatnonzero(untouched)
    changed = pd.concat([part for part, _ in parts], ignore_index=True)
    arrival = np.concatenate([block.batch.arrival_ms for _, block in parts])
    changed = with_downgrades(changed.assign(arrival=arrival)).drop(columns="arrival")
    history = merged([
        counted(clean.classified.iloc[kept], observing.batch.iloc[kept]),
        counted(changed, pd.Series(arrival // HOUR_MS)),
    ])  # fmt: skip
    shapes = {**clean.classifier.shapes, **classifier.shapes}
    before = findings_of(history.only(until=first - 1), first - 1, shapes, classifier.registry)
    found: list[list[Finding]] = []
    for batch in range(first, last + 1):
        found.append(findings_of(history.only(until=batch), batch, shapes, classifier.registry))
        if any((each.kind, each.field) == drift.right[0] for each in found[-1]):
            break
    return StructuralOutcome(injection, found, frozenset(each.event_id for each in before))
