"""A quarantined record by the command line alone: refused, planned, killed in mid-replay, replayed, closed."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import assert_balanced, driftlake, query, run_and_signal, run_pipeline, snapshots

from iot_common.testing.contract_versions import (
    second_major,
    second_major_migration,
    second_major_record,
    write_contracts,
)
from iot_common.testing.readings import a_reading, as_payload

LONG = as_payload(a_reading(device_id="sensor_5", note="x" * 500))
MAJOR = as_payload(second_major_record(deviceId="sensor_7"))
LATE = as_payload(a_reading(device_id="sensor_2", timestamp="2025-10-01T12:00:00Z"))
UNNAMED = as_payload(a_reading(without=["device_id"]))


def land(landing: Path, name: str, *payloads: bytes) -> None:
    landing.mkdir(exist_ok=True)
    (landing / name).write_bytes(b"\n".join(payloads) + b"\n")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: the second brings a line that bronze keeps apart, one too late, one of an unknown major, two broken."""
    folder = tmp_path_factory.mktemp("quarantine")
    landing, warehouse = folder / "landing", folder / "warehouse"
    limit = ["--set", "bronze.max_line_bytes=600"]
    land(landing, "one.ndjson", as_payload(a_reading()))
    run_pipeline(landing, warehouse, *limit)
    land(landing, "two.ndjson", LONG, LATE, MAJOR, UNNAMED, b'{"broken":')
    run_pipeline(landing, warehouse, *limit)
    return warehouse


def said(warehouse: Path, *arguments: str, code: int = 0) -> str:
    done = driftlake("quarantine", *arguments, "--warehouse", str(warehouse))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def listed(warehouse: Path) -> dict[str, tuple[int, int, int]]:
    groups: list[dict[str, Any]] = json.loads(said(warehouse, "ls", "--format", "json"))
    return {group["reason_code"]: (group["open"], group["replayed"], group["discarded"]) for group in groups}


def test_what_passes_after_the_fix_is_moved_once_and_all_stays_accounted_for(warehouse: Path) -> None:
    contracts = write_contracts(warehouse.parent / "contracts", second_major(), second_major_migration())
    fix = ["--contracts", contracts]
    assert listed(warehouse) == {
        "OVERSIZE": (1, 0, 0),
        "LATE": (1, 0, 0),
        "VERSION_MAJOR": (1, 0, 0),
        "FIELD_REMOVED_REQUIRED": (1, 0, 0),
        "MALFORMED_JSON": (1, 0, 0),
    }
    before = snapshots(warehouse)
    planned = json.loads(said(warehouse, "plan", *fix, "--format", "json"))
    assert {(group["was_code"], group["outcome"]) for group in planned} == {
        ("OVERSIZE", "kept"),
        ("LATE", "kept"),
        ("VERSION_MAJOR", "kept"),
        ("FIELD_REMOVED_REQUIRED", "fails"),
        ("MALFORMED_JSON", "fails"),
    }
    assert snapshots(warehouse) == before, "a plan writes nothing"

    arguments = ["quarantine", "replay", *fix, "--yes", "--note", "mended", "--warehouse", str(warehouse)]
    killed = run_and_signal(arguments, lambda line: "writing readings" in line, 1.0, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL, killed.lines
    said(warehouse, "replay", *fix, "--yes", "--note", "mended")
    after = snapshots(warehouse)
    assert "Nothing to replay" in said(warehouse, "replay", *fix, "--yes")
    assert snapshots(warehouse) == after, "the same again changes no table"
    readings = query(
        warehouse, "select device_id, count(*) as n from silver.reading group by all order by all"
    )
    devices = ["sensor_1", "sensor_2", "sensor_5", "sensor_7"]
    assert [(row["device_id"], row["n"]) for row in readings] == [(device, 1) for device in devices]

    assert "1 record discarded" in said(
        warehouse, "discard", "--code", "MALFORMED_JSON", "--yes", "--reason", "noise"
    )
    assert listed(warehouse) == {
        "FIELD_REMOVED_REQUIRED": (1, 0, 0),
        "LATE": (0, 1, 0),
        "MALFORMED_JSON": (0, 0, 1),
        "OVERSIZE": (0, 1, 0),
        "VERSION_MAJOR": (0, 1, 0),
    }
    run_pipeline(warehouse.parent / "landing", warehouse)
    windows = query(warehouse, "select distinct device_id from gold.device_window_5min order by all")
    assert [row["device_id"] for row in windows] == devices, "gold has recomputed them"
    assert_balanced(warehouse)
    status = json.loads(driftlake("status", "--warehouse", str(warehouse), "--json").stdout)
    whole = {"balanced": True, "ever": 5, "open": 1, "replayed": 3, "discarded": 1, "misplaced": 0}
    assert status["quarantine"] == whole
