"""The contract engine beside its peers, in one run on the same gzip NDJSON: CPU, memory, and a page of `docs/`.

    make bench-contract                          512 MB uncompressed
    DRIFTLAKE_BENCH_MB=64 make bench-contract    a quick look; the page is then only printed
    DRIFTLAKE_BENCH_ONLY=bronze,silver           these contenders alone, and no page

Each contender runs in a process of its own (`contenders.py`). CPU seconds are those of its whole process tree, the JVM
and Python workers included; peak memory is sampled over the tree.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from process_tree import PeakMemory

from iot_simulator.config import SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmark-contract.md"
DEFAULT_MB = 512

# 20,000 devices that report once a minute send 9 GB a day: the load that the pipeline is built for.
DEVICES = 20_000
INTERVAL_SECONDS = 60.0
LINE_BYTES = 315
"""A line of the simulator, its newline included; only to choose the number of events."""
_OBJECT_MINUTES = 10
_PRISTINE = "as bronze left it"

BASELINE, ENGINE = "from_json", "silver"
TITLES = {
    BASELINE: "plain Spark `from_json` → Iceberg",
    "from_json-quick": "the same, under the Java options of a stage for small batches",
    "bronze": "bronze: exact bytes → Avro blocks (for small batches)",
    ENGINE: "**silver**: typed columns, violations, observations, quarantine → Iceberg (`--java lasting`)",
    "silver-quick": "silver, for small batches (`--java quick`, the default)",
    "fastjsonschema": "orjson + `fastjsonschema` in `mapInArrow` → Iceberg",
    "jsonschema": "orjson + `jsonschema` in `mapInArrow` → Iceberg",
    "duckdb": "DuckDB, the same rules → Parquet",
}


@dataclass(frozen=True)
class Input:
    """Landing objects. `size_bytes` is uncompressed."""

    landing: Path
    objects: int
    lines: int
    size_bytes: int
    packed_bytes: int


@dataclass(frozen=True)
class Measured:
    """One contender on one input; a pass has `cpu_s`, `wall_s` and `rows`."""

    name: str
    source: Input
    passes: Sequence[dict[str, float]]
    peak_bytes: int
    peak_python_bytes: int

    def cpu_per_gb(self, attempt: int) -> float:
        """CPU seconds per uncompressed GB (10^9 bytes) of one pass."""
        return self.passes[attempt]["cpu_s"] / self.source.size_bytes * 1e9


def simulated(folder: Path, size_mb: float) -> Input:
    """At least so much input."""
    config = SimulationConfig(
        events=int(size_mb * 1e6 / LINE_BYTES * 1.02),
        devices=DEVICES,
        interval_seconds=INTERVAL_SECONDS,
        object_minutes=_OBJECT_MINUTES,
        scenario=load_scenario(str(HERE / "contract_scenario.toml")),
    )
    simulate(config, folder / "landing")
    return described(folder / "landing")


def described(landing: Path) -> Input:
    """What a landing folder holds."""
    objects = sorted(landing.rglob("*.gz"))
    lines = size = 0
    for each in objects:
        with gzip.open(each) as content:
            while piece := content.read(1 << 22):
                lines, size = lines + piece.count(b"\n"), size + len(piece)
    return Input(landing, len(objects), lines, size, sum(each.stat().st_size for each in objects))


def beginning(source: Input, folder: Path, share: float) -> Input:
    """The first objects of an input, by arrival."""
    objects = sorted(source.landing.rglob("*.gz"), key=lambda each: (each.stat().st_mtime, each))
    for each in objects[: max(1, round(len(objects) * share))]:
        target = folder / "landing" / each.relative_to(source.landing)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(each)
    return described(folder / "landing")


def measured(name: str, source: Input, folder: Path, passes: int) -> Measured:
    """Run one contender; what it writes is removed, but for the blocks that silver reads."""
    own, shared = folder / name, folder / "shared"
    if name.startswith(ENGINE):
        _as_bronze_left_it(shared)
    command = [sys.executable, str(HERE / "contenders.py"), name]
    command += [str(source.landing), str(own), str(shared), str(passes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with PeakMemory(process.pid) as memory:
        output, _ = process.communicate()
    shutil.rmtree(own, ignore_errors=True)
    if process.returncode:
        raise SystemExit(f"{name} failed with exit code {process.returncode}")
    made = Measured(
        name, source, json.loads(output.splitlines()[-1]), memory.peak_bytes, memory.peak_python_bytes
    )
    shown = " / ".join(f"{made.cpu_per_gb(attempt):.1f}" for attempt in range(passes))
    print(f"{name:>22}: {shown} CPU-s/GB, peak {made.peak_bytes / 1e6:,.0f} MB", flush=True)
    return made


def _as_bronze_left_it(shared: Path) -> None:
    """Silver begins anew, at the same paths: tables name their files by them."""
    kept = shared.with_name(_PRISTINE)
    if shared.is_dir() and not kept.is_dir():
        shutil.copytree(shared, kept)
    shutil.rmtree(shared)
    shutil.copytree(kept, shared)


def _forget_bronze(folder: Path) -> None:
    for name in ("shared", _PRISTINE):
        shutil.rmtree(folder / name, ignore_errors=True)


def speed_table(results: Sequence[Measured]) -> list[str]:
    """One line per contender."""
    base = next(each for each in results if each.name == BASELINE)
    rows = [
        "| contender | CPU-s/GB, first pass | warm | × `from_json` | peak memory, MB | of it Python, MB | rows |"
    ]
    rows.append("|---|--:|--:|--:|--:|--:|--:|")
    for each in results:
        ratio = each.cpu_per_gb(-1) / base.cpu_per_gb(-1)
        rows.append(
            f"| {TITLES[each.name]} | {each.cpu_per_gb(0):.1f} | {each.cpu_per_gb(-1):.1f} | {ratio:.2f} "
            f"| {each.peak_bytes / 1e6:,.0f} | {each.peak_python_bytes / 1e6:,.0f} | {each.passes[-1]['rows']:,} |"
        )
    return rows


def memory_table(results: Sequence[Measured]) -> list[str]:
    """Silver on inputs of several sizes, each taken as one batch."""
    rows = ["| input, MB | records | peak memory, MB | of it Python, MB |", "|--:|--:|--:|--:|"]
    for each in results:
        rows.append(
            f"| {each.source.size_bytes / 1e6:,.0f} | {each.source.lines:,} | {each.peak_bytes / 1e6:,.0f} "
            f"| {each.peak_python_bytes / 1e6:,.0f} |"
        )
    return rows


def page(source: Input, results: Sequence[Measured], sizes: Sequence[Measured]) -> str:
    """The page of `docs/`."""
    of = {each.name: each for each in results}
    engine, base, peer = of[ENGINE], of[BASELINE], of["jsonschema"]
    lines = [
        "# The contract engine beside its peers",
        "",
        f"Written by `make bench-contract` on {datetime.now(UTC):%Y-%m-%d}, commit `{commit()}`; {machine()}.",
        "",
        f"Input: {source.size_bytes / 1e6:,.0f} MB of NDJSON from the simulator ({source.lines:,} lines of "
        f"{source.size_bytes / source.lines:.0f} bytes; {DEVICES:,} devices, one reading a minute), "
        f"{source.objects} gzip objects of {source.size_bytes / source.objects / 1e6:.0f} MB uncompressed. "
        f"{1 - of['fastjsonschema'].passes[-1]['rows'] / source.lines:.1%} of the lines do not conform.",
        "",
        "CPU seconds per uncompressed GB (10^9 bytes) of the whole process tree; `local[2]`, 2 GB heap. The first pass",
        "is cold, the second runs in the same session; ratios are of the second. Peers run under Spark's own Java",
        "options; a stage has those for small batches, quick to start and slow to run, and those for long work.",
        "",
        *speed_table(results),
        "",
        f"Silver costs {engine.cpu_per_gb(-1) / base.cpu_per_gb(-1):.2f} × plain `from_json` → Iceberg (aim: 1.5) and "
        f"is {peer.cpu_per_gb(-1) / engine.cpu_per_gb(-1):.1f} × cheaper than `jsonschema` (aim: 6).",
        "",
        "`from_json` validates nothing, and the other peers say no more than valid or not; silver also de-duplicates,",
        "resolves conflicts, scores each reading against those before it, and observes every path. It reads the blocks",
        "that bronze has written; bronze is a line of its own.",
        "",
        "## Memory as the input grows",
        "",
        "Silver, one pass, the whole input as one batch; a JVM heap of 2 GB is filled as far as it may be.",
        "",
        *memory_table(sizes),
    ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Processor, memory and Python."""
    cpu = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    total = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    return f"{len(cpu)} × {cpu[0]}, {total:.0f} GB, Python {platform.python_version()}"


def commit() -> str:
    """The commit, marked where the tree has changes."""
    return subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=HERE, text=True).strip()


def main() -> None:
    """Measure, print, and write the page if the input has its full size."""
    size_mb = float(os.environ.get("DRIFTLAKE_BENCH_MB", DEFAULT_MB))
    only = os.environ.get("DRIFTLAKE_BENCH_ONLY", "")
    with tempfile.TemporaryDirectory(prefix="driftlake-bench-") as name:
        folder = Path(name)
        doubled = simulated(folder / "doubled", 2 * size_mb)
        source = beginning(doubled, folder / "whole", 0.5)
        results = [measured(each, source, folder, passes=2) for each in (only.split(",") if only else TITLES)]
        if only:
            return
        sizes = []
        for each in (beginning(doubled, folder / "half", 0.25), source, doubled):
            _forget_bronze(folder)
            measured("bronze", each, folder, passes=1)
            sizes.append(measured(ENGINE, each, folder, passes=1))
    text = page(source, results, sizes)
    print(text)
    if size_mb >= DEFAULT_MB:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
