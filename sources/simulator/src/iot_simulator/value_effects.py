"""What drifts in values, clocks and presence do to columns of readings.

Each effect changes the given rows in place. Temperatures are Celsius here; the declared unit is applied
afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from iot_simulator.fleet import HOUR_MS, Fleet, Floats, Ints
from iot_simulator.readings import MARK_ANOMALY, UNITS, ReadingBatch


@dataclass(frozen=True)
class EffectContext:
    """What an effect may know besides the readings.

    Attributes:
        parameters: Of the drift, complete.
        start_ms: Event time at which the drift starts.
        fleet: The devices and their healthy signals.
        fleet_start_ms: Event time at which the simulation starts.
        random: Source of randomness, seeded for this drift and stretch of time.
    """

    parameters: Mapping[str, Any]
    start_ms: int
    fleet: Fleet
    fleet_start_ms: int
    random: np.random.Generator


ColumnEffect = Callable[[ReadingBatch, Ints, EffectContext], None]


def _progress(batch: ReadingBatch, rows: Ints, context: EffectContext) -> Floats:
    """0 at the drift's start, 1 from `hours` later on."""
    elapsed = batch.event_ms[rows] - context.start_ms
    return np.asarray(np.clip(elapsed / (context.parameters["hours"] * HOUR_MS), 0.0, 1.0))


def declare_unit(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Declare another unit; values follow when they are encoded."""
    batch.unit[rows] = UNITS.index(context.parameters["to"])


def flip_to_fahrenheit(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Write the Fahrenheit number, leave the declared unit alone."""
    batch.temperature[rows] = batch.temperature[rows] * 1.8 + 32.0


def add_offset(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Add `offset` to a reading."""
    getattr(batch, context.parameters["reading"])[rows] += context.parameters["offset"]


def scale(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Multiply a reading by `factor`."""
    getattr(batch, context.parameters["reading"])[rows] *= context.parameters["factor"]


def freeze(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Hold a reading at the value the device showed when the drift started."""
    device = batch.device[rows]
    start = np.full(len(rows), context.start_ms, dtype=np.int64)
    temperature = context.fleet.temperature_celsius(device, start)
    reading = context.parameters["reading"]
    if reading == "humidity":
        frozen = context.fleet.humidity_percent(device, start, temperature)
    elif reading == "battery_level":
        frozen = context.fleet.battery_percent(device, start, context.fleet_start_ms)
    else:
        frozen = temperature
    getattr(batch, reading)[rows] = frozen
    if reading == "temperature":
        # A spike that nobody sees is none.
        batch.marks[rows] &= ~MARK_ANOMALY


def add_noise(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Add normal noise of standard deviation `deviation`."""
    noise = context.random.normal(0.0, context.parameters["deviation"], len(rows))
    getattr(batch, context.parameters["reading"])[rows] += noise


def ramp(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Add a line that reaches `change` after `hours` and stays there."""
    rise = context.parameters["change"] * _progress(batch, rows, context)
    getattr(batch, context.parameters["reading"])[rows] += rise


def run_away(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """As the Intel Lab motes failed: battery down to nothing, temperature up ever faster, humidity down."""
    progress = _progress(batch, rows, context)
    batch.battery_level[rows] *= 1.0 - progress
    batch.temperature[rows] += context.parameters["change"] * progress**2
    batch.humidity[rows] = np.maximum(batch.humidity[rows] - 60.0 * progress**2, 0.0)


def shift_clock(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Report a time `seconds` ahead of the true one."""
    batch.reported_ms[rows] += round(context.parameters["seconds"] * 1000)


def fall_silent(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Send nothing."""
    batch.silent[rows] = True


def pass_front(batch: ReadingBatch, rows: Ints, context: EffectContext) -> None:
    """Add weather: a half wave of `change` Celsius over `hours`, humidity moving against it."""
    bump = context.parameters["change"] * np.sin(np.pi * _progress(batch, rows, context))
    batch.temperature[rows] += bump
    batch.humidity[rows] = np.clip(batch.humidity[rows] - 2.0 * bump, 0.0, 100.0)
