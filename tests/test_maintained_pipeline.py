"""The whole pipeline with a maintenance in the middle of it: killed once, repeated, between a crash and its repetition.

Beside it a warehouse that is never maintained. Both end in the same tables.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import contents, driftlake, run_and_signal, snapshots
from pyspark.sql import SparkSession

from driftlake.maintain_command import upkeep_rows
from driftlake.pipeline import STAGES, RunOutcome, RunRequest, run_pipeline
from iot_common.contracts.catalogue import TABLES
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import Lake, fresh_lake

AT_ONCE = {"snapshot_days": "0", "snapshots_kept": "1", "small_files": "2"}
"""Maintenance that removes whatever it may."""

DEVICES = 4


def activated(lake: Lake) -> SparkSession:
    lake.spark.createDataFrame([(0,)], "nothing int")
    return lake.spark


def land(landing: Path, number: int) -> None:
    """Two readings per device, one of which the next object sends again with another value; and a broken line."""
    lines = [
        as_payload(
            a_reading(
                device_id=f"sensor_{device}",
                timestamp=f"2026-01-01T12:{minute:02d}:00Z",
                temperature=20.0 + number / 10,
                humidity=40.0 + device,
            )
        )
        for device in range(DEVICES)
        for minute in (number, number + 1)
    ]
    (landing / f"{number}.ndjson").write_bytes(b"\n".join([*lines, b"{%d" % number]) + b"\n")


def run(lake: Lake, landing: Path) -> RunOutcome:
    overrides = {("bronze", "promote_minutes"): "0"}
    request = RunRequest(str(lake.folder), str(landing), overrides=overrides)
    outcome = run_pipeline(request, open_session=lambda _: activated(lake))
    assert not outcome.failures, str(outcome.failures[0])
    assert not outcome.unbalanced
    return outcome


def maintain(lake: Lake, **more: str) -> dict[str, dict[str, Any]]:
    overrides = {(stage, name): value for stage in STAGES for name, value in (AT_ONCE | more).items()}
    request = RunRequest(str(lake.folder), None, overrides=overrides, maintain=True)
    outcome = run_pipeline(request, open_session=lambda _: activated(lake))
    assert not outcome.failures, str(outcome.failures[0])
    return {row["table"]: row for row in upkeep_rows(outcome)}


def as_after_a_crash(checkpoint: Path) -> None:
    """The last batch has written its tables, and the process ended before the checkpoint said so."""
    last = max(int(path.name) for path in (checkpoint / "commits").iterdir() if path.name.isdigit())
    for name in (f"{last}", f".{last}.crc"):
        (checkpoint / "commits" / name).unlink(missing_ok=True)
    begins = checkpoint / "sources/0/offsets/0"
    if begins.exists():  # where the run before had moved it to
        begins.write_text((checkpoint / f"offsets/{last - 1}").read_text().splitlines()[-1])


def streams_over_tables(warehouse: Path) -> set[str]:
    return {
        "/".join(path.relative_to(warehouse / "checkpoints").parts[:2])
        for path in warehouse.glob("checkpoints/*/*/sources/0/offsets/0")
    }


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    return tmp_path / "landing"


def test_a_maintained_pipeline_ends_in_the_tables_of_one_that_never_was(
    lake: Lake, spark: SparkSession, tmp_path: Path, landing: Path
) -> None:
    never = fresh_lake(spark, tmp_path / "never maintained")
    for number in range(3):
        land(landing, number)
        run(lake, landing)
        run(never, landing)
    declared = {stream for table in TABLES.values() for stream in table.streamed_by}
    assert streams_over_tables(lake.folder) == declared, (
        "every stream over a table is in the table's contract"
    )
    stood = contents(lake.folder)
    for checkpoint in lake.folder.glob("checkpoints/*/*"):
        as_after_a_crash(checkpoint)

    arguments = ["maintain", "--warehouse", str(lake.folder)]
    for stage in STAGES:
        for name, value in AT_ONCE.items():
            arguments += ["--set", f"{stage}.{name}={value}"]
    killed = run_and_signal(arguments, lambda line: "maintaining silver.reading" in line, 0.5, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL, killed.lines
    assert contents(lake.folder) == stood

    done = maintain(lake)
    assert contents(lake.folder) == stood
    assert set(done) == {name for name in TABLES if lake.folder.joinpath(*name.split(".")).exists()}
    busy = [row for row in done.values() if row["data_files_before"] + row["delete_files_before"]]
    assert all(row["data_files_after"] <= 2 for row in busy if row["table"] != "ops.stage_metric"), busy
    again = maintain(lake)
    counts = ("files", "delete_files", "manifests")
    left = {table: [row[f"{name}_rewritten"] for name in counts] for table, row in again.items()}
    assert left == {table: [0, 0, 0] for table in done}
    assert {row["snapshots_removed"] + row["orphans_removed"] for row in again.values()} == {0}

    there = snapshots(lake.folder)
    run(lake, landing)
    assert snapshots(lake.folder) == there, "repeated batches find their commits behind the compaction"
    assert contents(lake.folder) == stood
    land(landing, 3)
    run(lake, landing)
    run(never, landing)
    assert contents(lake.folder) == contents(never.folder)

    shown = driftlake(*arguments, "--stage", "silver", "--dry-run", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    rows = {row["table"]: row for row in json.loads(shown.stdout)}
    assert all(row["is_dry_run"] and row["bytes_before"] == row["bytes_after"] for row in rows.values())
    assert rows["silver.touched_window"]["files_rewritten"] == 2
