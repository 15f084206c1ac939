"""What one record costs to classify, beside its peers, in the same run and on the same records.

    make bench-classification

CPU time, best of several rounds: wall time on a shared machine says little. The records are the simulator's; the share
of drifted ones is printed. Peers: `orjson.loads` (parsing alone, the floor) and `jsonschema`'s Draft7Validator after
`orjson.loads` (a verdict alone: no events, no typed columns, no shape).
"""

from __future__ import annotations

import gzip
import json
import platform
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import orjson
import pyarrow as pa
from jsonschema import Draft7Validator

from iot_silver.rows import RowSettings, classify_rows
from iot_simulator.config import SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

RECORDS = 50_000
ROUNDS = 3
BATCH_ROWS = 5_000


def payloads() -> list[bytes]:
    """Lines of a simulated fleet with the demo's drifts."""
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        simulate(SimulationConfig(events=RECORDS, scenario=load_scenario("demo")), landing)
        objects = sorted(landing.rglob("*.gz"))
        return [line for path in objects for line in gzip.decompress(path.read_bytes()).splitlines()]


def bronze_batches(lines: list[bytes]) -> list[pa.RecordBatch]:
    """The lines as bronze hands them to silver."""
    count = len(lines)
    columns = {
        "row_id": pa.array([str(number) for number in range(count)]),
        "source_object": pa.array(["object"] * count),
        "source_line": pa.array(range(count), pa.int64()),
        "ingest_time": pa.array([2_000_000_000_000_000] * count, pa.timestamp("us", tz="UTC")),
        "block_sequence": pa.array([1] * count, pa.int64()),
        "payload": pa.array(lines, pa.binary()),
        "payload_pointer": pa.nulls(count, pa.string()),
        "defect": pa.nulls(count, pa.string()),
    }
    return pa.table(columns).to_batches(max_chunksize=BATCH_ROWS)


def best_cpu_seconds(work: Callable[[], object]) -> float:
    """Least CPU time of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def main() -> None:
    """Print one line per contender."""
    lines = payloads()
    batches = bronze_batches(lines)
    schema = json.loads(
        resources.files("iot_common.contracts").joinpath("raw-iot-data-1.0.0.schema.json").read_text()
    )
    validator = Draft7Validator(schema)

    def parse(line: bytes) -> object:
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            return None

    conforming = sum(
        batch.column("conforms").to_pylist().count(True)
        for batch in classify_rows(iter(batches), RowSettings())
    )
    contenders: dict[str, Callable[[], object]] = {
        "orjson.loads": lambda: [parse(line) for line in lines],
        "this engine: events, typed columns, shape": lambda: list(
            classify_rows(iter(batches), RowSettings())
        ),
        "orjson.loads + jsonschema: verdict alone": lambda: [
            validator.is_valid(parse(line)) for line in lines
        ],
    }
    print(
        f"{len(lines):,} records, {conforming / len(lines):.1%} conform; Python {platform.python_version()}"
    )
    print(f"{'CPU µs per record':>18}  {'CPU s per GB':>12}")
    size = sum(map(len, lines))
    for name, work in contenders.items():
        seconds = best_cpu_seconds(work)
        print(f"{seconds / len(lines) * 1e6:>18.1f}  {seconds / size * 1e9:>12.1f}  {name}")


if __name__ == "__main__":
    main()
