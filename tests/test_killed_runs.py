"""SIGKILL at any step of any stage, again and again: running once more gives the tables of an undisturbed run."""

from __future__ import annotations

import random
import re
import signal
from pathlib import Path

import pytest
from pipeline_runs import assert_balanced, contents, driftlake, run_and_signal, run_pipeline, snapshots

from iot_simulator.config import SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

SEED = 7
"""Of the delays after which each kill falls: fixed, so that a failure can be repeated."""

MINIMUM_KILLS = 10


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "landing"
    config = SimulationConfig(events=6000, devices=120, scenario=load_scenario("demo"), malformed_share=0.01)
    simulate(config, folder)
    return folder


def test_killed_runs_end_in_the_same_tables_as_an_undisturbed_one(landing: Path, tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    batches = ["--set", f"bronze.max_files_per_batch={len(list(landing.rglob('*.gz'))) // 2 + 1}"]
    run_pipeline(landing, undisturbed, *batches)

    delays = random.Random(SEED)
    arguments = ["run", "--landing", str(landing), "--warehouse", str(killed), *batches]
    seen = {""}
    kills = 0
    for _ in range(60):
        # Each run is killed at the first step that no earlier one was killed at: the kills walk through the pipeline.
        lines = run_and_signal(
            arguments, lambda line: step_of(line) not in seen, delays.uniform(0, 1.2), signal.SIGKILL
        ).lines
        moment = step_of(lines[-1])
        if moment in seen:
            break  # it ran to its end without a step that is new
        seen.add(moment)
        kills += 1
    assert kills >= MINIMUM_KILLS, sorted(seen)
    run_pipeline(landing, killed, *batches)

    expected, found = contents(undisturbed), contents(killed)
    differing = [name for name in expected if expected[name] != found[name]]
    assert differing == [], f"after {kills} kills at {sorted(seen)}"
    assert sum(len(rows) for rows in expected.values()) > 6000
    assert_balanced(killed)

    before = snapshots(killed)
    run_pipeline(landing, killed, *batches)
    assert snapshots(killed) == before, "running the same landing folder again changes no table but ops.*"
    assert driftlake("status", "--warehouse", str(killed)).returncode == 0


def step_of(line: str) -> str:
    """The step a progress line (`  12.3 s  silver: batch 0: …`) names, without its numbers; empty for other lines."""
    progress = re.match(r"\s*[0-9.]+ s  (.+)", line)
    return re.sub(r"[0-9,]+", "", progress.group(1)).strip() if progress else ""
