"""What one tick costs: each stage on one cold batch, a new process each, JVM start included.

    make bench-batch                                  104 MB: 15 minutes of 10 GB a day, from 2,200 devices
    DRIFTLAKE_BENCH_INTERVAL=60 make bench-batch      the same volume from 22,000 devices
    DRIFTLAKE_BENCH_MB=10 make bench-batch            a quick look; nothing is kept

The cost model takes the results.

Two cores, a heap of 2 GB, a local warehouse. First a history of four hours, so that gold, drift and the merges find
what they find in a running pipeline; then a quarter of an hour for bronze, silver and drift, each also with nothing
new, which is what a start costs; then the rest of the hour, for gold and metrics. Each on the same tables three
times, of which the fastest counts: what else its host does slows a machine by half. Fleets of two sizes, since windows,
baselines and findings are counted by device.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contract import LINE_BYTES, commit, described, machine
from process_tree import PeakMemory, cpu_seconds

from iot_simulator.config import DEFAULT_START, SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

HERE = Path(__file__).resolve().parent
RESULT = HERE.parent / "runner/src/driftlake/cost/stage_seconds.json"
STAGES = ("bronze", "silver", "gold", "drift", "metrics")
FULL_MB = 104
TICK_MINUTES = 15
HOUR_MINUTES = 60
HISTORY_HOURS = 4
INTERVAL_SECONDS = 6
"""Between two readings of a device: 10 GB a day from 2,200 devices. As often as the source document's 50 sensors, which
send 100 events a second, it would be 180 devices."""

ROUNDS = 3

EVERY_TICK, HOURLY = ("bronze", "silver", "drift"), ("gold", "metrics")
SESSION = (
    "import sys; from iot_common.io.session import build_session; from iot_common.settings import StageSettings; "
    "build_session(StageSettings(warehouse=sys.argv[1], driver_memory='2g'), 'start').stop()"
)
"""Interpreter, Java, session: on Glue a part of the overhead that every run is billed."""
SAMPLE_SECONDS = 0.2
OWN_SETTINGS = {"drift": ("--reference-hours", "3", "--reference-min-windows", "6")}
"""The history trains drift's model; the batch is scored."""


@dataclass(frozen=True)
class StageRun:
    """One process of one stage."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    peak_python_mb: float
    objects_written: int


def deliver(landing: Path, start: datetime, interval_seconds: float, minutes: float, devices: int) -> None:
    """Readings of the whole fleet, in objects of one minute of one gateway (of an hour for the history)."""
    config = SimulationConfig(
        events=int(devices * minutes * 60 / interval_seconds),
        devices=devices,
        start=start,
        interval_seconds=interval_seconds,
        gateways=1,
        object_minutes=1 if minutes <= HOUR_MINUTES else 60,
        scenario=load_scenario(str(HERE / "contract_scenario.toml")),
    )
    simulate(config, landing / f"{start:%H%M}")


def run_stage(stage: str, landing: Path, warehouse: Path) -> StageRun:
    """Run a stage as the local command line does, and measure its process tree."""
    command = [
        sys.executable,
        "-m",
        f"iot_{stage}.job",
        "--warehouse",
        str(warehouse),
        "--driver-memory",
        "2g",
    ]
    command += ["--landing", str(landing)] if stage == "bronze" else OWN_SETTINGS.get(stage, ())
    before = objects_in(warehouse)
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with PeakMemory(process.pid) as memory, _CpuOfTree(process.pid) as cpu:
        _, said = process.communicate()
    wall = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{stage} failed with exit code {process.returncode}:\n{said}")
    written = len(objects_in(warehouse) - before)
    return StageRun(wall, cpu.seconds, memory.peak_bytes / 1e6, memory.peak_python_bytes / 1e6, written)


class _CpuOfTree:
    """CPU seconds of a tree, sampled: the JVM is not waited for, so the kernel adds it to no parent."""

    def __init__(self, root: int) -> None:
        self.seconds = 0.0
        self._root = root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _CpuOfTree:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.seconds = max(self.seconds, cpu_seconds(self._root))


def objects_in(warehouse: Path) -> set[Path]:
    """What S3 would hold: no checksum files, no catalog."""
    return {
        path for path in _files(warehouse) if path.suffix != ".crc" and not path.name.startswith("catalog.db")
    }


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Fleet:
    """What the stages took with the readings of one fleet."""

    devices: int
    session_seconds: float
    mb: dict[str, float]
    """Stage -> megabytes of its batch."""
    worked: dict[str, StageRun]
    idle: dict[str, StageRun]
    """With nothing new."""


def measure(folder: Path, size_mb: float, interval_seconds: float) -> Fleet:
    """All stages with one fleet."""
    landing, warehouse = folder / "landing", folder / "warehouse"
    devices = max(1, round(size_mb * 1e6 / LINE_BYTES / (TICK_MINUTES * 60 / interval_seconds)))
    begin = DEFAULT_START + timedelta(hours=HISTORY_HOURS)
    rest = begin + timedelta(minutes=TICK_MINUTES)

    def run(stages: Sequence[str]) -> dict[str, StageRun]:
        return {stage: run_stage(stage, landing, warehouse) for stage in stages}

    def fastest(stages: Sequence[str]) -> dict[str, StageRun]:
        found: dict[str, StageRun] = {}
        shutil.copytree(warehouse, kept := folder / "kept")
        for number in range(ROUNDS):
            if number:
                shutil.rmtree(warehouse)
                shutil.copytree(kept, warehouse)
            for stage, each in run(stages).items():
                print(
                    f"round {number + 1}: {stage} {each.wall_seconds:.1f} s, {each.cpu_seconds:.1f} CPU-s",
                    flush=True,
                )
                if stage not in found or each.wall_seconds < found[stage].wall_seconds:
                    found[stage] = each
        shutil.rmtree(kept)
        return found

    deliver(landing, DEFAULT_START, TICK_MINUTES * 60, HISTORY_HOURS * 60, devices)
    run(STAGES)
    deliver(landing, begin, interval_seconds, TICK_MINUTES, devices)
    worked, idle = fastest(EVERY_TICK), run(EVERY_TICK)
    deliver(landing, rest, interval_seconds, HOUR_MINUTES - TICK_MINUTES, devices)
    run(("bronze", "silver"))
    worked, idle = worked | fastest(HOURLY), idle | run(HOURLY)
    tick, later = (described(landing / f"{at:%H%M}").size_bytes / 1e6 for at in (begin, rest))
    mb = dict.fromkeys(EVERY_TICK, tick) | dict.fromkeys(HOURLY, tick + later)
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", SESSION, str(warehouse)], check=True, capture_output=True)
    return Fleet(devices, time.monotonic() - started, mb, worked, idle)


def table(fleet: Fleet) -> str:
    """One line per stage."""
    heads = (
        f"{'stage':>8} {'MB':>5} {'wall s':>7} {'CPU s':>6} {'peak MB':>8}",
        f"{'of it Python':>12} {'objects':>8}",
    )
    rows = [
        f"{fleet.devices:,} devices; a session starts in {fleet.session_seconds:.1f} s",
        f"{' '.join(heads)} {'nothing new, s':>15}",
    ]
    for stage, run in fleet.worked.items():
        rows.append(
            f"{stage:>8} {fleet.mb[stage]:5.0f} {run.wall_seconds:7.1f} {run.cpu_seconds:6.1f} {run.peak_mb:8.0f} "
            f"{run.peak_python_mb:12.0f} {run.objects_written:8d} {fleet.idle[stage].wall_seconds:15.1f}"
        )
    return "\n".join(rows)


def result(fleet: Fleet, load: float) -> str:
    """The data file of the cost model, with this fleet in the place of one of its size."""
    says = (
        f"`make bench-batch` on {datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {machine()}, fastest of {ROUNDS}, "
        f"local disk; load of the machine before it {load:.1f}"
    )
    known = json.loads(RESULT.read_text("utf-8"))["fleets"]
    measured = {
        "devices": fleet.devices,
        "says": says,
        "session_seconds": round(fleet.session_seconds, 1),
        "stages": _stages(fleet),
    }
    others = [each for each in known if each["devices"] != fleet.devices]
    found = {"basis": "measurement", "fleets": sorted([*others, measured], key=lambda each: each["devices"])}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _stages(fleet: Fleet) -> dict[str, dict[str, float]]:
    return {
        stage: {
            "start_seconds": round(min(fleet.idle[stage].wall_seconds, fleet.worked[stage].wall_seconds), 1),
            "batch_seconds": round(fleet.worked[stage].wall_seconds, 1),
            "batch_mb": round(fleet.mb[stage], 1),
            "cpu_seconds": round(fleet.worked[stage].cpu_seconds, 1),
            "peak_mb": round(fleet.worked[stage].peak_mb),
            "objects_written": fleet.worked[stage].objects_written,
        }
        for stage in STAGES
    }


def main() -> None:
    """Measure and print; keep the result if the batch has its full size."""
    size_mb = float(os.environ.get("DRIFTLAKE_BENCH_MB", FULL_MB))
    interval = float(os.environ.get("DRIFTLAKE_BENCH_INTERVAL", INTERVAL_SECONDS))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="driftlake-bench-") as name:
        fleet = measure(Path(name), size_mb, interval)
    print(table(fleet), flush=True)
    text = result(fleet, load)
    if size_mb >= FULL_MB:
        RESULT.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
