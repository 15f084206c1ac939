"""Runs the command line as a user would, and reads back what stands in the tables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from driftlake.query_engine import open_duckdb
from iot_common.contracts.catalogue import TABLES

CLOCK_COLUMNS = frozenset(
    {"processing_time", "failed_time", "written_time", "revised_at", "checked_time", "recorded_time",
     "first_detected_time", "duration_ms", "transition_time", "action_time", "alert_time", "created_time"}
)  # fmt: skip
"""Columns that say when we did something: two runs differ in them by nature."""

IDENTITY_COLUMNS = frozenset(
    {"batch", "query_id", "run_id", "block_path", "payload_pointer", "stage_version", "training_snapshots"}
)
"""Columns that hold the random query id of a checkpoint or of a snapshot, or a path with it or with the warehouse."""

CODING_COLUMNS = frozenset({"block_bytes", "device_sketch"})
"""Equal content, other bytes: a block's compressed size varies with the query id and the random sync marker in it, and
a sketch keeps its devices in the order in which they came (`device_count` and `device_examples` say which they are)."""

SUMMATION_NOISE = 1e-9
"""Below it a float is 0: the deviation of equal values comes out as 0 or as 1e-15."""

OFF_THE_EDGE = 1 + 3.14159e-10
"""Means of 64 values end in a 5 just where 9 digits are cut off: moved a little, both neighbours round alike."""


def driftlake(*arguments: str, timeout: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "driftlake", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | environment,
    )


def run_pipeline(landing: Path, warehouse: Path, *arguments: str) -> None:
    """`driftlake run`; fails the test with its output if it does not end with 0."""
    done = driftlake("run", "--landing", str(landing), "--warehouse", str(warehouse), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class EndedRun:
    """How a run ended that was sent a signal, and what it printed until then."""

    returncode: int
    lines: list[str]


def run_and_signal(
    arguments: Sequence[str], is_moment: Callable[[str], bool], delay_seconds: float, number: signal.Signals
) -> EndedRun:
    """Start a command and send it a signal `delay_seconds` after the first line for which `is_moment` is true.

    Its Java process is not touched: after a SIGKILL it must end, or be fenced off, by itself, as after a real crash.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "driftlake", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    lines: list[str] = []
    signalled = False
    for line in process.stdout:
        lines.append(line.rstrip())
        if not signalled and is_moment(line):
            signalled = True
            time.sleep(delay_seconds)
            process.send_signal(number)
            if number is signal.SIGKILL:  # its Java process may hold the other end open for a while
                break
    process.stdout.close()
    return EndedRun(process.wait(timeout=600), lines)


def query(warehouse: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a SQL query through `driftlake query`."""
    done = driftlake("query", sql, "--warehouse", str(warehouse), "--format", "json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def comparable(value: Any) -> Any:
    """The value with floats, at any depth, to 9 digits: Spark adds in the order in which tasks end, and the last of 17
    digits of a mean differs from run to run.
    """
    if isinstance(value, float):
        return f"{value * OFF_THE_EDGE:.8e}" if abs(value) >= SUMMATION_NOISE else "0"
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    return value


def contents(warehouse: Path, *, without_ops: bool = True) -> dict[str, list[str]]:
    """Every table's rows as sorted text, without what two equal runs differ in by nature."""
    with open_duckdb(str(warehouse)) as connection:
        return contents_of(connection, without_ops=without_ops)


def contents_of(connection: DuckDBPyConnection, *, without_ops: bool = True) -> dict[str, list[str]]:
    """As `contents`, of tables that a DuckDB has already."""
    found = {}
    left_out = CLOCK_COLUMNS | IDENTITY_COLUMNS | CODING_COLUMNS
    for name, table in TABLES.items():
        if without_ops and name.startswith("ops."):
            continue
        kept = [c for c in table.column_names if c not in left_out]
        columns = ", ".join(f'"{column}"' for column in kept)
        rows = connection.execute(f"select {columns} from {name}").fetchall()
        found[name] = sorted(repr(comparable(row)) for row in rows)
    return found


def snapshots(warehouse: Path) -> dict[str, str]:
    """Where each table's metadata is: the same before and after if nothing was committed."""
    import sqlite3

    with sqlite3.connect(f"file:{warehouse}/catalog.db?mode=ro", uri=True) as catalog:
        rows = catalog.execute(
            "select table_namespace || '.' || table_name, metadata_location from iceberg_tables"
        ).fetchall()
    return {name: location for name, location in rows if not name.startswith("ops.")}


def assert_balanced(warehouse: Path) -> None:
    """Every batch of every stage balances, and there are batches."""
    assert_stages_balanced(warehouse, {"bronze", "silver", "gold", "drift"})


def assert_stages_balanced(warehouse: Path, stages: set[str]) -> None:
    """Every batch balances, and these stages had batches."""
    rows = query(
        warehouse, "select stage, query, balanced, count(*) as batches from ops.conservation group by all"
    )
    assert {row["stage"] for row in rows} >= stages, rows
    assert all(row["balanced"] for row in rows), rows
