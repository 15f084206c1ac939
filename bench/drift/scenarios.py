"""Runs every class on every share of every seed's fleet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd
from bench.drift import peers, speed
from bench.drift.classes import DECOYS, STATISTICAL
from bench.drift.fleets import DAYS, DEVICES, NEWCOMERS, START, Classifier, clean_fleet, inject
from bench.drift.measures import clean_row, statistical_row, structural_row
from bench.drift.statistical import RULES, naive, watch
from bench.drift.structural import Observing, observe
from bench.drift.structural_classes import STRUCTURAL, WITH_PRIOR, contract_1_1_0

SHARES = (0.01, 0.05, 0.25, 1.0)
PEER_SEEDS = (100, 101)
"""Fleets on which the peers run: they are slow."""

PLACE = 0.0
"""The share that stands for all devices of one place."""

SEEDS = tuple(range(100, 110))
"""The published ones. The engine was developed on 0 to 4."""


def run(seeds: Iterable[int], shares: Iterable[float] = SHARES) -> dict[str, Any]:
    """All scenarios; one row each."""
    packaged, registered = Classifier(), Classifier((contract_1_1_0(),))
    results: dict[str, Any] = {
        "fleet": {"devices": DEVICES, "newcomers": NEWCOMERS, "rules": asdict(RULES)},
        "clean": [], "structural": [], "statistical": [], "decoys": [],
    }  # fmt: skip
    for order, seed in enumerate(seeds):
        began = time.monotonic()
        clean = clean_fleet(seed, packaged)
        observing, watched = Observing(clean), watch(clean)
        results["clean"].append({"seed": seed, **clean_row(watched, observing.clean_findings)})
        every = [*((drift, None) for drift in STRUCTURAL), *WITH_PRIOR]
        for number, (drift, prior) in enumerate(every):
            for share in shares:
                outcome = observe(
                    observing, drift, prior, share, number, registered if prior is not None else packaged
                )
                results["structural"].append(
                    {"seed": seed, **structural_row(drift, outcome, clean.fleet.ids)}
                )
        for number, drift in enumerate(STATISTICAL):
            for share in shares:
                injection = inject(clean, drift, share, 100 + number, packaged)
                results["statistical"].append({"seed": seed, **statistical_row(watched, drift, injection)})
        for number, drift in enumerate(DECOYS):
            injection = inject(clean, drift, PLACE, 200 + number, packaged)
            results["decoys"].append(
                _decoy({"seed": seed, **statistical_row(watched, drift, injection)}, injection.start_ms)
            )
        if order == 0:
            results["speed"] = speed.measure(naive(clean.readings), watched.detector)
        print(f"seed {seed}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return results


def run_peers() -> list[dict[str, Any]]:
    """The peers beside the engine, on the fleets of PEER_SEEDS."""
    packaged = Classifier()
    return [
        row
        for seed in PEER_SEEDS
        for row in peers.compare(watch(clean_fleet(seed, packaged)), packaged, seed)
    ]


def _decoy(row: dict[str, Any], start_ms: int) -> dict[str, Any]:
    """Of a decoy only the false alarms about its devices count, and their days."""
    end = pd.Timestamp(START) + pd.Timedelta(days=DAYS)
    days = (end.tz_localize(None) - pd.Timestamp(start_ms, unit="ms")) / pd.Timedelta(days=1) * row["devices"]
    return {
        "seed": row["seed"], "class": row["class"], "devices": row["devices"], "device_days": round(days, 2),
        "false_alarms": row["own_findings"],
    }  # fmt: skip
