"""Which devices a drift meets: explicit ones as named, drawn ones apart from every other drift's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iot_simulator.errors import ScenarioError
from iot_simulator.fleet import SITES, Fleet
from iot_simulator.scenario import Drift, Scenario, moment_ms

Mask = npt.NDArray[np.bool_]
_DRAWN = ("place", "share", "count")
# Later than any reading; an open end needs no special case.
_NEVER_MS = 1 << 62


@dataclass(frozen=True)
class InjectedDrift:
    """A drift with its devices and times settled.

    Attributes:
        drift: As in the scenario.
        bit: Its bit in `ReadingBatch.drift_bits`.
        devices: True for each device of the fleet that it meets.
        start_ms: First event time concerned.
        end_ms: First event time no longer concerned.
    """

    drift: Drift
    bit: int
    devices: Mask
    start_ms: int
    end_ms: int

    @property
    def is_open_ended(self) -> bool:
        """Whether it lasts to the end of the simulation."""
        return self.end_ms == _NEVER_MS


def inject(
    scenario: Scenario | None, fleet: Fleet, start_ms: int, range_ms: int, seed: int
) -> list[InjectedDrift]:
    """Settle the devices and times of every drift, in the scenario's order.

    Cohorts named by devices or ids are taken as written (kinds that need Celsius leave out the others) and
    may overlap. Cohorts drawn by place, share or count take only devices that no other drift has, so that
    each finding can be told apart.

    Raises:
        ScenarioError: A cohort is empty, unknown or larger than what is left, or an end precedes its start.
    """
    if scenario is None:
        return []
    masks: dict[int, Mask] = {}
    taken = np.zeros(len(fleet), dtype=bool)
    order = sorted(range(len(scenario.drifts)), key=lambda n: scenario.drifts[n].cohort_key in _DRAWN)
    for number in order:
        random = np.random.default_rng([seed, 1, number])
        masks[number] = _cohort(scenario.source, scenario.drifts[number], fleet, taken, random)
        taken |= masks[number]
    return [
        _injected(scenario.source, drift, number, masks[number], start_ms, range_ms)
        for number, drift in enumerate(scenario.drifts)
    ]


def _injected(
    source: str, drift: Drift, number: int, devices: Mask, start_ms: int, range_ms: int
) -> InjectedDrift:
    first_ms = moment_ms(drift.start, start_ms, range_ms)
    end_ms = _NEVER_MS if drift.end is None else moment_ms(drift.end, start_ms, range_ms)
    if end_ms <= first_ms:
        raise ScenarioError(source, f"drift '{drift.drift_id}'", "it ends before it starts", "Mend its end.")
    return InjectedDrift(drift, 1 << number, devices, first_ms, end_ms)


def _cohort(source: str, drift: Drift, fleet: Fleet, taken: Mask, random: np.random.Generator) -> Mask:
    place = f"drift '{drift.drift_id}'"
    usable = ~fleet.is_fahrenheit if drift.kind.celsius_only else np.ones(len(fleet), dtype=bool)
    if drift.cohort_key in _DRAWN:
        chosen = _drawn(source, place, drift, fleet, usable & ~taken, random)
    else:
        chosen = _named(source, place, drift, fleet) & usable
    if not chosen.any():
        raise ScenarioError(
            source,
            place,
            f"no device of this fleet of {len(fleet)} is left for {drift.cohort_key} = {drift.cohort!r}",
            "Simulate more devices, or give this drift and the others smaller cohorts.",
        )
    return chosen


def _named(source: str, place: str, drift: Drift, fleet: Fleet) -> Mask:
    numbers = np.arange(1, len(fleet) + 1)
    cohort = drift.cohort
    if drift.cohort_key == "devices":
        unknown = sorted(set(cohort) - set(fleet.ids))
        if unknown:
            raise ScenarioError(
                source,
                place,
                f"device '{unknown[0]}' is not in the fleet",
                f"Devices are {fleet.ids[0]} to {fleet.ids[-1]}.",
            )
        return np.isin(np.array(fleet.ids), cohort)
    if drift.cohort_key == "id_share":
        return np.asarray((numbers > cohort[0] * len(fleet)) & (numbers <= cohort[1] * len(fleet)))
    return np.asarray((numbers >= cohort[0]) & (numbers <= cohort[1]))


def _drawn(
    source: str, place: str, drift: Drift, fleet: Fleet, free: Mask, random: np.random.Generator
) -> Mask:
    if drift.cohort_key == "place":
        names = [site.name for site in SITES]
        if drift.cohort not in names:
            known = f"Known: {', '.join(names)}."
            raise ScenarioError(source, place, f"unknown place '{drift.cohort}'", known)
        return np.asarray(free & (fleet.site == names.index(drift.cohort)))
    wanted = drift.cohort if drift.cohort_key == "count" else int(np.ceil(drift.cohort * len(fleet)))
    candidates = np.flatnonzero(free)
    if drift.cohort_key == "share" and drift.cohort == 1.0:
        wanted = len(candidates)
    if not 0 < wanted <= len(candidates):
        raise ScenarioError(
            source,
            place,
            f"{drift.cohort_key} = {drift.cohort} asks for {wanted} devices and {len(candidates)} are free",
            "Simulate more devices, or ask for fewer.",
        )
    chosen = np.zeros(len(fleet), dtype=bool)
    chosen[random.permutation(candidates)[:wanted]] = True
    return chosen
