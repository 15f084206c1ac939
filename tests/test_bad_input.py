"""What a hostile or broken world puts in the landing folder, through the whole pipeline and its command line."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_runs import assert_balanced, driftlake, query, run_and_signal, run_pipeline, snapshots

from iot_common.testing.readings import a_reading, as_payload

GOOD = as_payload(a_reading())


def put_bad_objects(landing: Path) -> None:
    """Objects of every bad kind."""
    landing.mkdir(parents=True)
    other = [as_payload(a_reading(timestamp=f"2026-01-01T12:{minute:02d}:30Z")) for minute in range(60)]
    objects = {
        "good.json": GOOD.replace(b"sensor_1", b"sensor_3") + b"\n",
        "malformed.json": b'{"a":\n{"a":1}x\n\'\n[1]\nnull\n\n',
        "duplicate_key.json": GOOD[:-1] + b', "status": "offline"}\n',
        "utf16.json": GOOD.decode().encode("utf-16"),
        "bom.json": b"\xef\xbb\xbf" + GOOD,
        "latin1.json": as_payload(a_reading(status="caf\u00e9")).decode().encode("latin-1"),
        "nul.json": b"\0" + GOOD,
        "nan.json": GOOD.replace(b"21.5", b"NaN"),
        "infinite.json": GOOD.replace(b"21.5", b"1e400"),
        "deep.json": b"[" * 100_000 + b"]" * 100_000,
        "long.json": b'{"a":"' + b"x" * 50_000_000 + b'"}',
        "empty.json": b"",
        "empty.ndjson.gz": gzip.compress(b""),
        "not_gzip.gz": GOOD.replace(b"sensor_1", b"sensor_2"),
        "truncated.ndjson.gz": gzip.compress(b"\n".join(other))[:-60],
    }
    for name, content in objects.items():
        (landing / name).write_bytes(content)


def test_every_bad_row_is_quarantined_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse"
    put_bad_objects(landing)
    run_pipeline(landing, warehouse)
    assert_balanced(warehouse)
    reasons = {
        row["source_object"]: set(row["codes"])
        for row in query(
            warehouse,
            "select source_object, list(distinct reason_code) as codes from silver.quarantine group by source_object",
        )
    }
    assert reasons["malformed.json"] == {"MALFORMED_JSON"}
    assert reasons["duplicate_key.json"] == {"KEY_DUPLICATE"}
    assert reasons["utf16.json"] <= {"ENCODING", "MALFORMED_JSON"}
    assert reasons["bom.json"] == {"ENCODING"}
    assert reasons["latin1.json"] == {"ENCODING"}
    assert reasons["deep.json"] == {"MALFORMED_JSON"}
    assert reasons["long.json"] == {"OVERSIZE"}
    assert reasons["truncated.ndjson.gz"] == {"MALFORMED_JSON"}
    kept = {
        row["source_object"] for row in query(warehouse, "select distinct source_object from silver.reading")
    }
    assert {"good.json", "not_gzip.gz", "truncated.ndjson.gz"} <= kept
    (oversize,) = query(
        warehouse, "select payload_pointer from silver.quarantine where reason_code = 'OVERSIZE'"
    )
    pointed = Path(oversize["payload_pointer"].removeprefix("file://"))
    assert pointed.read_bytes() == (landing / "long.json").read_bytes()
    before = snapshots(warehouse)
    run_pipeline(landing, warehouse)
    assert snapshots(warehouse) == before


def test_a_missing_landing_folder_is_a_wrong_setting(tmp_path: Path) -> None:
    done = driftlake(
        "run", "--landing", str(tmp_path / "nowhere"), "--warehouse", str(tmp_path / "warehouse")
    )
    assert done.returncode == 2
    assert "landing folder not found" in done.stderr
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unreadable_object_stops_the_run_and_the_next_one_continues(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse"
    landing.mkdir()
    (landing / "good.json").write_bytes(GOOD)
    # Java cannot spell a name that is no UTF-8, and Spark passes over what it cannot open: a silent loss if unchecked.
    unreadable = os.fsencode(landing) + b"/unreadable\xff.json"
    with open(unreadable, "wb") as object_file:
        object_file.write(GOOD)
    done = driftlake("run", "--landing", str(landing), "--warehouse", str(warehouse))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "unreadable" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    failed = query(warehouse, "select stage, error from ops.stage_metric where outcome = 'failure'")
    assert [row["stage"] for row in failed] == ["bronze"]
    os.rename(unreadable, landing / "readable.json")
    run_pipeline(landing, warehouse)
    (row,) = query(warehouse, "select count(*) as rows from bronze.raw_reading_all")
    assert row["rows"] == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("mounting a small file system needs root on Linux")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_the_run_and_the_next_one_continues(small_disk: Path, tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", small_disk / "warehouse"
    simulated = driftlake("simulate", "--landing", str(landing), "--events", "60000", "--devices", "20")
    assert simulated.returncode == 0, simulated.stderr
    done = driftlake("run", "--landing", str(landing), "--warehouse", str(warehouse))
    assert done.returncode == 1, done.stdout + done.stderr
    # Whichever file was being written when the space ran out: a table's, or the catalog's.
    assert "No space left" in done.stderr or "disk is full" in done.stderr, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    subprocess.run(["mount", "-o", "remount,size=300m", small_disk], check=True)
    run_pipeline(landing, warehouse)
    assert_balanced(warehouse)
    (row,) = query(
        warehouse, "select count(*) as rows, count(distinct row_id) as ids from bronze.raw_reading_all"
    )
    assert (row["rows"], row["ids"]) == (60_000, 60_000)


def test_ctrl_c_ends_the_run_at_once_and_the_next_one_continues(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse"
    landing.mkdir()
    (landing / "good.json").write_bytes(GOOD)
    arguments = ["run", "--landing", str(landing), "--warehouse", str(warehouse)]
    ended = run_and_signal(arguments, lambda line: "silver: running" in line, 1.0, signal.SIGINT)
    assert ended.returncode == 130, ended.lines
    assert any("the same command goes on" in line for line in ended.lines), ended.lines
    assert not any("Traceback" in line for line in ended.lines), ended.lines
    run_pipeline(landing, warehouse)
    assert_balanced(warehouse)
