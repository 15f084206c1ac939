"""The classes of drift that the benchmark injects, and the real events that are no drift.

Most are kinds of the simulator; the others are made here from the same parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from iot_simulator.drifts import KINDS, DriftKind
from iot_simulator.fleet import DAY_MS, Ints
from iot_simulator.readings import ReadingBatch
from iot_simulator.structural_effects import Record
from iot_simulator.value_effects import EffectContext

TEMPERATURE, HUMIDITY, BATTERY = "temperature_celsius", "humidity_percent", "battery_percent"


@dataclass(frozen=True)
class DriftClass:
    """One class.

    Attributes:
        name: In the document.
        kind: What it does to lines.
        parameters: Complete.
        right: (kind of finding, field) that names it; a statistical class is found by any of them, a structural one by
            the first.
        unit: The hypothesis that a flip of units or scale must be named with.
        accompanying: Kinds of findings that are true consequences on its devices.
        record_share: Share of its devices' readings that it changes.
        batches: Hours of arrival within which it must be found (structural).
        extra_contract: A contract version, registered beside the packaged one, that its records claim.
    """

    name: str
    kind: DriftKind
    parameters: Mapping[str, Any]
    right: tuple[tuple[str, str], ...]
    unit: str | None = None
    accompanying: tuple[str, ...] = ()
    record_share: float = 1.0
    batches: int = 1
    extra_contract: bool = False
    prior: tuple[str, Mapping[str, Any]] | None = field(default=None)


def _of(
    name: str,
    kind: str | DriftKind,
    *right: tuple[str, str],
    unit: str | None = None,
    record_share: float = 1.0,
    batches: int = 1,
    accompanying: tuple[str, ...] = (),
    **parameters: Any,
) -> DriftClass:
    made = KINDS[kind] if isinstance(kind, str) else kind
    return DriftClass(
        name,
        made,
        {**made.parameters, **parameters},
        right,
        unit,
        (*made.accompanying_codes, *accompanying),
        record_share,
        batches,
    )


def _to_kelvin(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    batch.temperature[rows] += 273.15


def _drain(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    days = (batch.event_ms[rows] - context.start_ms) / DAY_MS
    drained = batch.battery_level[rows] - context.parameters["percent_per_day"] * days
    batch.battery_level[rows] = np.maximum(drained, 0.0)


def _spike(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    size = context.random.uniform(12.0, 35.0, len(rows)) * context.random.choice([-1.0, 1.0], len(rows))
    batch.temperature[rows] += size


def _mirror_humidity(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Humidity that rises with the temperature instead of falling, about the same mean, within its usual range."""
    usual = context.fleet.humidity_base[batch.device[rows]]
    batch.humidity[rows] = np.clip(2.0 * usual - batch.humidity[rows], 1.0, 99.0)


def _new_battery(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    days = (batch.event_ms[rows] - context.start_ms) / DAY_MS
    left = 100.0 - days * context.fleet.battery_per_day[batch.device[rows]]
    batch.battery_level[rows] = np.clip(left + context.random.normal(0.0, 0.05, len(rows)), 0.0, 100.0)


def _outage(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    silent = batch.event_ms[rows] < context.start_ms + context.parameters["hours"] * 3_600_000
    batch.silent[rows] = silent


def _heat_wave(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Warm air that comes over `hours` and stays; relative humidity falls with it, as it does every day."""
    elapsed = (batch.event_ms[rows] - context.start_ms) / 3_600_000
    rise = context.parameters["change"] * np.clip(elapsed / context.parameters["hours"], 0.0, 1.0)
    batch.temperature[rows] += rise
    batch.humidity[rows] = np.clip(batch.humidity[rows] - 2.0 * rise, 0.0, 100.0)


def _move(record: Record, parameters: Mapping[str, Any], variation: float) -> None:
    record["location"].update(latitude=parameters["latitude"], longitude=parameters["longitude"])


def _nothing(_: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


def _own(name: str, meaning: str, **given: Any) -> DriftKind:
    return DriftKind(name, meaning, (), _nothing, **given)


KELVIN = _own(
    "kelvin_undeclared",
    "values in Kelvin that still say Celsius",
    column_effect=_to_kelvin,
    celsius_only=True,
    accompanying_codes=("VALUE_SHIFT", "RANGE"),
)
DRAIN = _own(
    "battery_drain",
    "the battery empties many times faster",
    parameters={"percent_per_day": 30.0},
    column_effect=_drain,
    accompanying_codes=("STUCK",),
)
SPIKES = _own(
    "spikes_persist",
    "spikes that do not end",
    column_effect=_spike,
    accompanying_codes=("VALUE_SHIFT", "RANGE"),
)
MIRRORED = _own(
    "relation_broken", "humidity rises with warmth instead of falling", column_effect=_mirror_humidity
)
TELEPORT = _own(
    "teleport",
    "coordinates far from where the device stood",
    parameters={"latitude": 0.0, "longitude": 0.0},
    record_effect=_move,
)
NEW_BATTERY = _own("new_battery", "no drift: a fresh battery", column_effect=_new_battery)
OUTAGE = _own(
    "outage",
    "no drift: nothing sent for some hours, then as before",
    parameters={"hours": 4.0},
    column_effect=_outage,
)
HEAT_WAVE = _own(
    "heat_wave",
    "no drift: warm air at all devices of a place, that stays",
    parameters={"change": 6.0, "hours": 12.0},
    column_effect=_heat_wave,
)

_WARM, _UNIT = ("VALUE_SHIFT", TEMPERATURE), ("UNIT_SUSPECT", TEMPERATURE)

STATISTICAL = (
    _of("offset +5 °C", "value_offset", _WARM, offset=5.0),
    _of("offset +2 °C", "value_offset", _WARM, offset=2.0),
    _of("offset +15 % humidity", "value_offset", ("VALUE_SHIFT", HUMIDITY), reading="humidity", offset=15.0),
    _of("slow drift, 8 °C in 24 h", "slow_drift", _WARM),
    _of("slow drift, 3 °C in 24 h", "slow_drift", _WARM, change=3.0),
    _of("scale ×100", "value_scale", _UNIT, _WARM, unit="times_100", factor=100.0),
    _of("scale ÷100", "value_scale", _UNIT, _WARM, unit="divided_by_100", factor=0.01),
    _of("°C → °F, undeclared", "unit_flip_undeclared", _UNIT, _WARM, unit="celsius_to_fahrenheit"),
    _of("°C → K, undeclared", KELVIN, _UNIT, _WARM, unit="celsius_to_kelvin"),
    _of("sign flipped", "value_scale", _UNIT, _WARM, unit="sign", factor=-1.0),
    _of("noise, 3 °C", "noise_increase", ("NOISE", TEMPERATURE)),
    _of("noise, 1 °C", "noise_increase", ("NOISE", TEMPERATURE), deviation=1.0),
    _of("stuck temperature", "stuck", ("STUCK", TEMPERATURE)),
    _of("stuck humidity", "stuck", ("STUCK", HUMIDITY), reading="humidity"),
    _of("spikes that persist", SPIKES, ("NOISE", TEMPERATURE), _WARM, record_share=0.4),
    _of("battery drain, 30 % a day", DRAIN, ("VALUE_SHIFT", BATTERY)),
    _of("battery runaway", "battery_runaway", _WARM, ("VALUE_SHIFT", BATTERY), ("VALUE_SHIFT", HUMIDITY)),
    _of(
        "latitude/longitude swapped",
        "coordinates_swapped",
        ("VALUE_SHIFT", "latitude"),
        ("VALUE_SHIFT", "longitude"),
    ),
    _of("teleport to (0, 0)", TELEPORT, ("VALUE_SHIFT", "latitude"), ("VALUE_SHIFT", "longitude")),
    _of("relation broken", MIRRORED, ("RELATION", HUMIDITY), ("VALUE_SHIFT", HUMIDITY)),
    _of("silent device", "silent", ("SILENT", "$")),
)
"""Found in windows of readings."""

DECOYS = (
    _of("weather front at one place", "weather_front"),
    _of("heat wave at one place", HEAT_WAVE),
    _of("new batteries", NEW_BATTERY),
    _of("outage of 4 hours", OUTAGE),
)
"""Real events that nobody should be woken for."""
