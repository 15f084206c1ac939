"""From signals to lines on their way: noise, spikes, gaps, delays, re-deliveries, corrections, damage."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iot_simulator.cohorts import InjectedDrift
from iot_simulator.config import SimulationConfig
from iot_simulator.fleet import HOUR_MS, Fleet, Floats, Ints
from iot_simulator.readings import (
    CELSIUS,
    FAHRENHEIT,
    MARK_ANOMALY,
    MARK_CONFLICT,
    MARK_CORRECTED,
    MARK_DUPLICATE,
    MARK_LATE,
    MARK_MALFORMED,
    STATUSES,
    ReadingBatch,
    record_texts,
)
from iot_simulator.structural_effects import compact_json
from iot_simulator.value_effects import EffectContext

# A device drops out for a quarter of an hour to two hours about once in four days.
_OUTAGES_PER_HOUR = 1.0 / 96.0
_OUTAGE_MS = (HOUR_MS // 4, 2 * HOUR_MS)
# Seconds to the gateway: the median is 20 s, one line in fifty takes two to nine minutes.
_MEDIAN_DELAY_S, _DELAY_SIGMA, _SLOW_SHARE, _SLOW_S = 20.0, 0.7, 0.02, (120.0, 540.0)
_LATE_S = (3_600.0, 21_600.0)
# What the pipeline takes for normal lateness; the share of lines beyond it is in the ground truth.
NORMAL_LATENESS_MS = 10 * 60_000
_STATUS_SHARES = (0.992, 0.006, 0.002)
# Limits of a sound reading in Celsius: inside the contract's range in the declared unit, with room for noise.
_LOWEST_CELSIUS, _HIGHEST_CELSIUS, _HIGHEST_FAHRENHEIT_IN_CELSIUS = -45.0, 95.0, 37.0


@dataclass
class LineBlock:
    """Lines in order of arrival.

    Attributes:
        batch: Their columns.
        texts: Their exact bytes, without the line feed (an array of `bytes`).
    """

    batch: ReadingBatch
    texts: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: npt.NDArray[np.generic]) -> LineBlock:
        """The selected lines, in that order."""
        return LineBlock(self.batch.take(rows), self.texts[rows])

    def followed_by(self, other: LineBlock) -> LineBlock:
        """The lines of both, `other` last."""
        return LineBlock(self.batch.followed_by(other.batch), np.concatenate([self.texts, other.texts]))


def lines_between(
    config: SimulationConfig,
    fleet: Fleet,
    drifts: list[InjectedDrift],
    from_ms: int,
    until_ms: int,
    number: int,
) -> LineBlock:
    """All lines of readings due in [from_ms, until_ms), sorted by arrival; some arrive later than that.

    Args:
        config: The settings.
        fleet: The devices.
        drifts: With devices and times settled.
        from_ms: Event time, milliseconds since 1970.
        until_ms: Likewise, exclusive.
        number: Of this stretch of time; seeds its randomness together with the config's seed.
    """
    random = np.random.default_rng([config.seed, 2, number])
    readings = _measured(config, fleet, *_schedule(config, fleet, from_ms, until_ms), random)
    readings = _without_outages(config, fleet, readings, (from_ms, until_ms), random)
    for drift in drifts:
        # Randomness of its own: a drift changes no line but its own.
        _apply_to_columns(
            config, fleet, readings, drift, np.random.default_rng([config.seed, 3, number, drift.bit])
        )
    readings = _with_corrections(config, readings.take(~readings.silent), random)
    texts = _drifted_texts(readings, record_texts(fleet, readings), drifts)
    block = LineBlock(readings, _as_lines(config, readings, texts, random))
    block = _with_redeliveries(config, block, random)
    _mark_late(block.batch)
    return block.take(np.argsort(block.batch.arrival_ms, kind="stable"))


def _schedule(config: SimulationConfig, fleet: Fleet, from_ms: int, until_ms: int) -> tuple[Ints, Ints]:
    """(device, scheduled time) of every reading due, device by device; each device has its own phase."""
    interval_ms = config.interval_seconds * 1000.0
    phase_ms = config.start_ms + fleet.phase_share * interval_ms
    first = np.ceil((from_ms - phase_ms) / interval_ms)
    steps = np.arange(int(np.ceil((until_ms - from_ms) / interval_ms)) + 1)
    due = phase_ms[:, None] + (first[:, None] + steps) * interval_ms
    device, step = np.nonzero((due >= from_ms) & (due < until_ms))
    return device.astype(np.int64), due[device, step].astype(np.int64)


def _measured(
    config: SimulationConfig, fleet: Fleet, device: Ints, due_ms: Ints, random: np.random.Generator
) -> ReadingBatch:
    count = len(device)
    jitter_ms = min(2_000.0, config.interval_seconds * 50.0)
    event_ms = due_ms + random.uniform(0.0, jitter_ms, count).astype(np.int64)
    clean = fleet.temperature_celsius(device, event_ms)
    humidity = fleet.humidity_percent(device, event_ms, clean) + random.normal(0.0, 0.6, count)
    spiked = random.random(count) < config.anomaly_share
    temperature = clean + random.normal(0.0, 1.0, count) * fleet.noise_celsius[device]
    temperature[spiked] += _spikes(int(spiked.sum()), random)
    battery = fleet.battery_percent(device, event_ms, config.start_ms)
    highest = np.where(fleet.is_fahrenheit[device], _HIGHEST_FAHRENHEIT_IN_CELSIUS, _HIGHEST_CELSIUS)
    return ReadingBatch(
        device=device,
        event_ms=event_ms,
        reported_ms=event_ms.copy(),
        arrival_ms=event_ms + _delays_ms(config, count, random),
        temperature=np.clip(temperature, _LOWEST_CELSIUS, highest),
        humidity=np.clip(humidity, 1.0, 99.0),
        battery_level=np.clip(battery + random.normal(0.0, 0.05, count), 0.0, 100.0),
        unit=np.where(fleet.is_fahrenheit[device], FAHRENHEIT, CELSIUS),
        status=random.choice(len(STATUSES), count, p=_STATUS_SHARES),
        marks=np.where(spiked, MARK_ANOMALY, 0),
        drift_bits=np.zeros(count, dtype=np.int64),
        variation=random.uniform(-1.0, 1.0, count),
        silent=random.random(count) < config.missing_share,
    )


def _spikes(count: int, random: np.random.Generator) -> Floats:
    return np.asarray(random.uniform(12.0, 35.0, count) * random.choice([-1.0, 1.0], count))


def _delays_ms(config: SimulationConfig, count: int, random: np.random.Generator) -> Ints:
    delay_s = _MEDIAN_DELAY_S * random.lognormal(0.0, _DELAY_SIGMA, count)
    slow = random.random(count) < _SLOW_SHARE
    delay_s[slow] = random.uniform(*_SLOW_S, int(slow.sum()))
    late = random.random(count) < config.late_share
    delay_s[late] = random.uniform(*_LATE_S, int(late.sum()))
    return (delay_s * 1000.0).astype(np.int64)


def _without_outages(
    config: SimulationConfig,
    fleet: Fleet,
    readings: ReadingBatch,
    stretch: tuple[int, int],
    random: np.random.Generator,
) -> ReadingBatch:
    hours = (stretch[1] - stretch[0]) / HOUR_MS
    has_outage = random.random(len(fleet)) < min(1.0, hours * _OUTAGES_PER_HOUR)
    begin = random.integers(stretch[0], stretch[1], len(fleet))
    end = begin + random.integers(*_OUTAGE_MS, len(fleet))
    device = readings.device
    # A fleet said to miss nothing has no outages either.
    out = has_outage[device] & (readings.event_ms >= begin[device]) & (readings.event_ms < end[device])
    return readings.take(~out) if config.missing_share > 0 else readings


def _with_corrections(
    config: SimulationConfig, readings: ReadingBatch, random: np.random.Generator
) -> ReadingBatch:
    """Append corrections: both temperature and humidity differ, since a drift may have hidden one of them."""
    chosen = random.random(len(readings)) < config.conflict_share
    corrected = readings.take(chosen)
    readings.marks[chosen] |= MARK_CORRECTED
    count = len(corrected)
    # More than rounding would hide, and towards the middle of the range.
    corrected.temperature -= random.uniform(0.5, 1.0, count) * np.sign(corrected.temperature - 0.1)
    corrected.humidity -= random.uniform(0.5, 1.0, count) * np.sign(corrected.humidity - 49.9)
    corrected.arrival_ms += random.integers(5 * 60_000, 90 * 60_000, count)
    corrected.marks = corrected.marks | MARK_CONFLICT
    return readings.followed_by(corrected)


def _apply_to_columns(
    config: SimulationConfig,
    fleet: Fleet,
    readings: ReadingBatch,
    drift: InjectedDrift,
    random: np.random.Generator,
) -> None:
    concerned = (
        drift.devices[readings.device]
        & (readings.event_ms >= drift.start_ms)
        & (readings.event_ms < drift.end_ms)
    )
    if drift.drift.record_share < 1.0:
        concerned &= random.random(len(readings)) < drift.drift.record_share
    rows = np.flatnonzero(concerned)
    readings.drift_bits[rows] |= drift.bit
    if drift.drift.kind.column_effect is not None and len(rows):
        context = EffectContext(drift.drift.parameters, drift.start_ms, fleet, config.start_ms, random)
        drift.drift.kind.column_effect(readings, rows, context)


def _drifted_texts(readings: ReadingBatch, texts: list[str], drifts: list[InjectedDrift]) -> list[str]:
    """Apply the effects on records, drift by drift, then those on text."""
    in_record = [drift for drift in drifts if drift.drift.kind.record_effect]
    in_text = [drift for drift in drifts if drift.drift.kind.text_effect]
    bits = sum(drift.bit for drift in (*in_record, *in_text))
    for row in np.flatnonzero(readings.drift_bits & bits).tolist():
        row_bits, variation = int(readings.drift_bits[row]), float(readings.variation[row])
        record = json.loads(texts[row])
        for drift in in_record:
            if row_bits & drift.bit and drift.drift.kind.record_effect is not None:
                drift.drift.kind.record_effect(record, drift.drift.parameters, variation)
        texts[row] = compact_json(record)
        for drift in in_text:
            if row_bits & drift.bit and drift.drift.kind.text_effect is not None:
                texts[row] = drift.drift.kind.text_effect(texts[row], drift.drift.parameters)
    return texts


def _as_lines(
    config: SimulationConfig, readings: ReadingBatch, texts: list[str], random: np.random.Generator
) -> npt.NDArray[np.object_]:
    """The bytes of each line; a few are damaged, never corrections nor what they correct."""
    lines = np.empty(len(texts), dtype=object)
    lines[:] = [text.encode() for text in texts]
    correction = readings.marks & (MARK_CONFLICT | MARK_CORRECTED) != 0
    damaged = (random.random(len(texts)) < config.malformed_share) & ~correction
    for row in np.flatnonzero(damaged).tolist():
        lines[row] = _damaged(lines[row], random)
    readings.marks[damaged] |= MARK_MALFORMED
    return lines


def _damaged(line: bytes, random: np.random.Generator) -> bytes:
    """Cut off, single quotes, a byte that is no UTF-8, or a gateway's own message: never valid JSON."""
    middle = int(random.integers(len(line) // 4, len(line) - 1))
    forms = (
        line[:middle],
        line.replace(b'"', b"'"),
        line[:middle] + b"\xff\xfe" + line[middle:],
        b"ERR uart timeout after " + str(middle).encode() + b" bytes",
    )
    return forms[int(random.integers(len(forms)))]


def _with_redeliveries(config: SimulationConfig, block: LineBlock, random: np.random.Generator) -> LineBlock:
    sound = block.batch.marks & (MARK_MALFORMED | MARK_CONFLICT) == 0
    again = block.take((random.random(len(block)) < config.duplicate_share) & sound)
    again.batch.arrival_ms = again.batch.arrival_ms + random.integers(30_000, 45 * 60_000, len(again))
    again.batch.marks = again.batch.marks | MARK_DUPLICATE
    return block.followed_by(again)


def _mark_late(readings: ReadingBatch) -> None:
    """Mark lines that can be read and came later than is normal."""
    late = readings.arrival_ms - readings.event_ms > NORMAL_LATENESS_MS
    readings.marks[late & (readings.marks & MARK_MALFORMED == 0)] |= MARK_LATE
