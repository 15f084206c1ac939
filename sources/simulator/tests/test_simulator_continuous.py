"""Continuous simulation: lines in real time, and a clean stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_simulator.config import SimulationConfig
from iot_simulator.simulation import simulate

Settings = Callable[..., SimulationConfig]
LinesOf = Callable[[Path], list[bytes]]

ENDLESS = """
import sys
from iot_simulator.config import SimulationConfig
from iot_simulator.simulation import simulate, stop_on_interrupt
with stop_on_interrupt() as should_stop:
    config = SimulationConfig(devices=12, events=None, rate=400.0, flush_seconds=0.1)
    result = simulate(config, sys.argv[1], should_stop=should_stop, on_progress=lambda *_: print(flush=True))
assert result.stopped
"""


def test_rate_is_kept_in_real_time(tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf) -> None:
    began = time.monotonic()
    result = simulate(a_small_fleet(events=300, rate=300.0, flush_seconds=0.2), tmp_path / "landing")
    assert 0.95 < time.monotonic() - began < 3.0
    assert result.totals.lines == len(lines_of(tmp_path / "landing")) == 300
    # One object per gateway and flush.
    assert 5 <= result.totals.objects <= 20


def test_paced_lines_are_those_of_the_unpaced_simulation(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    simulate(a_small_fleet(), tmp_path / "fast" / "landing")
    simulate(a_small_fleet(rate=20_000.0, flush_seconds=0.01), tmp_path / "paced" / "landing")
    assert sorted(lines_of(tmp_path / "paced" / "landing")) == sorted(lines_of(tmp_path / "fast" / "landing"))


def test_asked_to_stop_it_ends_with_whole_objects_and_true_counts(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    written: list[int] = []
    result = simulate(
        a_small_fleet(),
        tmp_path / "landing",
        on_progress=lambda done, total: written.append(done),
        should_stop=lambda: len(written) >= 3,
    )
    assert result.stopped
    assert result.ground_truth["totals"]["lines"] == len(lines_of(tmp_path / "landing")) == written[-1] < 720


@pytest.mark.parametrize("asked_by", [signal.SIGINT, signal.SIGTERM])
def test_signal_leaves_no_partial_object(tmp_path: Path, lines_of: LinesOf, asked_by: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ENDLESS, str(tmp_path / "landing")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as endless:
        assert endless.stdout is not None
        endless.stdout.readline()
        endless.send_signal(asked_by)
        assert endless.wait(timeout=20) == 0
    truth = json.loads((tmp_path / "ground_truth.json").read_text("utf-8"))
    assert truth["totals"]["lines"] == len(lines_of(tmp_path / "landing")) > 0
    assert not list(tmp_path.rglob(".*"))
