"""Simulate: lines of a fleet in order of arrival, cut into landing objects, with their ground truth."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from iot_simulator.cohorts import InjectedDrift, inject
from iot_simulator.config import SimulationConfig
from iot_simulator.errors import SettingError
from iot_simulator.fleet import Fleet, build_fleet
from iot_simulator.ground_truth import Tally, ground_truth_document, write_ground_truth
from iot_simulator.landing_writer import LandingTotals, LandingWriter
from iot_simulator.transmission import LineBlock, lines_between

# Readings made at a time, at most: enough for numpy to pay, little enough to stop quickly.
_READINGS_PER_STRETCH = 20_000
# An object with more lines than this is closed and the next one begun, whatever its time.
_MAX_OBJECT_LINES = 50_000
# So many stretches in a row without one line mean that none will ever come.
_MAX_IDLE_STRETCHES = 20

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class SimulationResult:
    """What a simulation wrote.

    Attributes:
        landing: Folder of the objects.
        ground_truth_path: File of the ground truth.
        ground_truth: Its content.
        totals: Objects, lines and bytes written.
        duration_seconds: Real time it took.
        stopped: True if it was asked to stop before its number of events.
    """

    landing: Path
    ground_truth_path: Path
    ground_truth: dict[str, Any]
    totals: LandingTotals
    duration_seconds: float
    stopped: bool


def simulate(
    config: SimulationConfig,
    landing: Path | str,
    ground_truth: Path | str | None = None,
    *,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    append: bool = False,
) -> SimulationResult:
    """Write the landing objects and the ground truth of a simulation.

    Without `config.rate` objects span `config.object_minutes` of simulated arrival per gateway and are
    written as fast as possible; with it, lines flow in real time and each gateway writes an object every
    `config.flush_seconds`. The bytes of the lines are the same either way.

    Args:
        config: Settings, scenario included.
        landing: Folder for the objects; must be empty unless `append`.
        ground_truth: File for the ground truth; by default `ground_truth.json` beside the landing folder.
        on_progress: Called with (lines written, lines in all or None) after each object.
        should_stop: Asked between objects; true ends the simulation with complete objects and ground truth.
        append: Allow objects in the folder already; theirs are never replaced.

    Raises:
        SettingError: The ground truth would lie inside the landing folder.
        ScenarioError: The scenario does not fit the fleet.
        LandingError: Something could not be written.
    """
    began = time.monotonic()
    landing = Path(landing)
    truth_path = Path(ground_truth) if ground_truth else landing.parent / "ground_truth.json"
    if truth_path.resolve().is_relative_to(landing.resolve()):
        remedy = "put it outside the landing folder, where everything is input"
        raise SettingError("ground_truth", str(truth_path), remedy)
    fleet = build_fleet(config.devices, config.gateways, config.fahrenheit_share, config.seed)
    drifts = inject(config.scenario, fleet, config.start_ms, config.range_ms, config.seed)
    tally = Tally(drifts)
    writer = LandingWriter(landing, config.compression, append=append)
    for piece in _pieces(config, fleet, drifts, should_stop):
        writer.write(piece.gateway, piece.opened_ms, piece.arrived_ms, piece.lines.texts.tolist())
        tally.add(piece.lines.batch)
        if on_progress:
            on_progress(tally.counts.lines, config.events)
        if should_stop():
            break
    stopped = config.events is None or tally.counts.lines < config.events
    document = ground_truth_document(config, fleet, tally, writer.totals)
    write_ground_truth(document, truth_path)
    return SimulationResult(landing, truth_path, document, writer.totals, time.monotonic() - began, stopped)


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Turn the first SIGINT or SIGTERM into a polite stop: yields what `simulate` takes as `should_stop`.

    Works in the main thread only, as signal handlers do; earlier handlers are put back.
    """
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    earlier = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def lines_in_arrival_order(
    config: SimulationConfig, fleet: Fleet, drifts: list[InjectedDrift]
) -> Iterator[LineBlock]:
    """Blocks of lines, each block and all blocks in order of arrival; ends after `config.events` lines."""
    # A short simulation makes little more than it needs.
    readings = min(_READINGS_PER_STRETCH, max(1_000, config.events or _READINGS_PER_STRETCH))
    stretch_ms = max(1, round(readings * config.interval_seconds * 1000 / config.devices))
    left = config.events
    waiting: LineBlock | None = None
    number = idle = 0
    while left is None or left > 0:
        from_ms = config.start_ms + number * stretch_ms
        block = lines_between(config, fleet, drifts, from_ms, from_ms + stretch_ms, number)
        if waiting is not None:
            block = waiting.followed_by(block)
            block = block.take(np.argsort(block.batch.arrival_ms, kind="stable"))
        # Whatever comes later was taken later, so nothing that arrives before this stretch's end is missing.
        ready = int(np.searchsorted(block.batch.arrival_ms, from_ms + stretch_ms))
        waiting = block.take(np.arange(ready, len(block)))
        ready = ready if left is None else min(ready, left)
        left = left if left is None else left - ready
        number += 1
        idle = 0 if len(block) else idle + 1
        if left is not None and idle > _MAX_IDLE_STRETCHES:
            raise SettingError(
                "events", config.events, "so many cannot be reached, as every device is silent"
            )
        yield block.take(np.arange(ready))


@dataclass(frozen=True)
class _Piece:
    """The lines of one object to be."""

    gateway: str
    opened_ms: int
    arrived_ms: int
    lines: LineBlock


def _pieces(
    config: SimulationConfig, fleet: Fleet, drifts: list[InjectedDrift], should_stop: Callable[[], bool]
) -> Iterator[_Piece]:
    blocks = lines_in_arrival_order(config, fleet, drifts)
    if config.rate is None:
        groups = _by_arrival_window(blocks, config.object_minutes * 60_000)
    else:
        groups = _in_real_time(blocks, config.rate, config.flush_seconds, should_stop)
    for opened_ms, group in groups:
        gateways = fleet.gateway[group.batch.device]
        for gateway in np.unique(gateways).tolist():
            lines = group.take(np.flatnonzero(gateways == gateway))
            yield _Piece(f"gateway-{gateway + 1:02d}", opened_ms, int(lines.batch.arrival_ms[-1]), lines)


def _by_arrival_window(blocks: Iterator[LineBlock], window_ms: int) -> Iterator[tuple[int, LineBlock]]:
    """(start of the window, lines that arrived in it); very full windows come in parts."""
    open_lines: LineBlock | None = None
    for block in blocks:
        open_lines = block if open_lines is None else open_lines.followed_by(block)
        if not len(open_lines):
            continue
        windows = open_lines.batch.arrival_ms // window_ms
        ends = [*(np.flatnonzero(np.diff(windows)) + 1).tolist(), len(open_lines)]
        begin = 0
        for end in ends:
            # The last window may go on in the next block, unless it is too full to wait for it.
            if end == len(open_lines) and end - begin < _MAX_OBJECT_LINES:
                break
            yield int(windows[begin]) * window_ms, open_lines.take(np.arange(begin, end))
            begin = end
        open_lines = open_lines.take(np.arange(begin, len(open_lines)))
    if open_lines is not None and len(open_lines):
        yield int(open_lines.batch.arrival_ms[0]) // window_ms * window_ms, open_lines


def _in_real_time(
    blocks: Iterator[LineBlock], rate: float, flush_seconds: float, should_stop: Callable[[], bool]
) -> Iterator[tuple[int, LineBlock]]:
    """(arrival of the first line, lines) every `flush_seconds` of real time, `rate` lines a second."""
    due = time.monotonic()
    for lines in _groups_of(blocks, max(1, round(rate * flush_seconds))):
        due += len(lines) / rate
        while (wait := due - time.monotonic()) > 0:
            if should_stop():
                return
            time.sleep(min(wait, 0.1))
        yield int(lines.batch.arrival_ms[0]), lines


def _groups_of(blocks: Iterator[LineBlock], size: int) -> Iterator[LineBlock]:
    rest: LineBlock | None = None
    for block in blocks:
        rest = block if rest is None else rest.followed_by(block)
        while len(rest) >= size:
            yield rest.take(np.arange(size))
            rest = rest.take(np.arange(size, len(rest)))
    if rest is not None and len(rest):
        yield rest
