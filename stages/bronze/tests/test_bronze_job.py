"""The bronze job on real Spark and Iceberg: nothing lost, nothing doubled, whatever happens in between."""

import gzip
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from iot_bronze import batches, job
from iot_bronze.contract import WRITES
from iot_bronze.settings import BronzeSettings
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import BLOCK_ROW_SCHEMA, RAW_READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.errors import LandingNotFoundError, LandingObjectUnreadableError, StageFailedError
from iot_common.io import blocks, iceberg
from iot_common.io.stream import StageContext
from iot_common.metrics import balance
from iot_common.settings import CATALOG_NAME
from iot_common.testing.blocks import land_payloads
from iot_common.testing.spark import Lake

ARRIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing with space"
    folder.mkdir()
    return folder


def put(landing: Path, name: str, content: bytes) -> None:
    path = landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (ARRIVED.timestamp(), ARRIVED.timestamp()))


def context(
    lake: Lake, landing: Path, after: timedelta = timedelta(0), **settings: int
) -> StageContext[BronzeSettings]:
    return lake.context("bronze", BronzeSettings, ARRIVED + after, landing=str(landing), **settings)


def raw(lake: Lake) -> list[tuple[str, int, bytes]]:
    rows = blocks.raw_reading_all(lake.spark).select("source_object", "source_line", "payload").collect()
    return sorted((r.source_object, r.source_line, bytes(r.payload)) for r in rows)


def test_every_line_of_every_format_becomes_one_row(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"1\n2")
    put(landing, "deep/er/b%20c d.ndjson.gz", gzip.compress(b"3\n\n"))
    put(landing, "c.zst", zstandard.compress(b"not json\n"))
    put(landing, "empty.json", b"")
    put(landing, ".upload-in-progress.json", b"half a li")
    (ingested, _) = job.run(context(lake, landing))
    assert raw(lake) == [
        ("a.json", 1, b"1"),
        ("a.json", 2, b"2"),
        ("c.zst", 1, b"not json"),
        ("deep/er/b%20c d.ndjson.gz", 1, b"3"),
        ("deep/er/b%20c d.ndjson.gz", 2, b""),
    ]
    assert balance(ingested.gates) == 0
    assert ingested.gates[0].rows == 5
    (row,) = lake.table(RAW_READING).where("false").collect() or [None]
    assert row is None, "nothing is due for promotion yet"


def test_running_again_without_new_objects_changes_nothing(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"1\n")
    job.run(context(lake, landing))
    before = [iceberg.current_commit(lake.spark, table.name) for table in WRITES]
    reports = job.run(context(lake, landing))
    assert [iceberg.current_commit(lake.spark, table.name) for table in WRITES] == before
    assert all(not report.batches for report in reports)


def test_small_batches_see_each_object_once(lake: Lake, landing: Path) -> None:
    for number in range(5):
        put(landing, f"{number}.json", b"%d\n" % number)
    (ingested, _) = job.run(context(lake, landing, max_files_per_batch=2))
    assert len(ingested.batches) == 3
    assert [row[0] for row in raw(lake)] == [f"{number}.json" for number in range(5)]
    assert [r.block_sequence for r in lake.rows(BLOCK, "block_sequence")] == [1, 2, 3, 4, 5][
        : lake.table(BLOCK).count()
    ]


def test_a_repeated_batch_is_skipped_and_counts_the_same(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"1\n2\n")
    ctx = context(lake, landing)
    (ingested, _) = job.run(ctx)
    ((identity, gates),) = ingested.batches
    landed = lake.spark.createDataFrame(
        [], "path string, modificationTime timestamp, length bigint, content binary"
    )
    assert batches.ingest(ctx)(landed, identity) == gates
    assert lake.table(BLOCK).count() == 1


def test_blocks_are_promoted_by_age_and_the_view_shows_each_row_once(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"1\n2\n")
    job.run(context(lake, landing))
    assert lake.table(RAW_READING).count() == 0
    put(landing, "b.json", b"3\n")
    (_, promoted) = job.run(context(lake, landing, timedelta(minutes=60)))
    assert balance(promoted.gates) == 0
    assert lake.table(RAW_READING).count() == 3
    assert len(raw(lake)) == 3
    put(landing, "c.json", b"4\n")
    job.run(context(lake, landing, timedelta(minutes=30), promote_minutes=600))
    assert lake.table(RAW_READING).count() == 3
    assert len(raw(lake)) == 4


def test_block_files_go_only_after_promotion_and_after_silver_has_read_them(
    lake: Lake, landing: Path
) -> None:
    put(landing, "a.json", b"1\n")
    ctx = context(lake, landing, timedelta(minutes=90))
    job.run(ctx)
    assert lake.table(RAW_READING).count() == 1
    assert batches.drop_passed_blocks(ctx) == 0, "silver has not read it"
    iceberg.ensure_table(lake.spark, TOUCHED_WINDOW)
    empty = lake.spark.createDataFrame([], TOUCHED_WINDOW.ddl)
    iceberg.append_once(empty, TOUCHED_WINDOW, iceberg.BatchIdentity("s", 0), {blocks.SILVER_READ_KEY: "1"})
    assert batches.drop_passed_blocks(ctx) == 1
    ((sequence, path),) = lake.table(BLOCK).select("block_sequence", "block_path").collect()
    assert not Path(path.removeprefix("file://")).exists()
    assert [bytes(row.payload) for row in blocks.read_rows(lake.spark, [(sequence, path)]).collect()] == [
        b"1"
    ]


def test_an_oversize_line_is_kept_as_an_object(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"x" * 100 + b"\nok\n")
    job.run(context(lake, landing, max_line_bytes=64))
    (row,) = blocks.raw_reading_all(lake.spark).where("defect = 'OVERSIZE'").collect()
    assert Path(row.payload_pointer.removeprefix("file://")).read_bytes() == b"x" * 100


def test_a_missing_landing_folder_is_told_and_nothing_is_made(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(LandingNotFoundError, match="nowhere"):
        job.run(context(lake, tmp_path / "nowhere"))
    assert not iceberg.table_exists(lake.spark, BLOCK.name)


def test_a_failed_batch_leaves_its_metric_row_and_the_next_run_continues(
    lake: Lake, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(landing, "a.json", b"1\n")
    with monkeypatch.context() as patched:
        patched.setattr(
            iceberg, "append_once", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        with pytest.raises(StageFailedError, match="No space left"):
            job.run(context(lake, landing))
    metrics = [json.loads(line) for file in (lake.folder / "metric_inbox").iterdir() for line in file.open()]
    assert [(m["outcome"], m["batch_id"]) for m in metrics] == [("failure", 0)]
    assert "No space left" in metrics[0]["error"]
    job.run(context(lake, landing))
    assert raw(lake) == [("a.json", 1, b"1")]


def test_an_object_that_cannot_be_read_stops_the_stage_by_name(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"1\n")
    (landing / "leads-nowhere.json").symlink_to(landing / "gone.json")
    with pytest.raises(LandingObjectUnreadableError, match=r"leads-nowhere\.json"):
        job.run(context(lake, landing))


def test_blocks_of_a_later_release_are_read_and_promoted_with_all_they_hold(
    lake: Lake, landing: Path
) -> None:
    further = {"name": "gateway_hint", "type": ["null", "string"], "default": "later"}
    later = {**BLOCK_ROW_SCHEMA, "fields": [*BLOCK_ROW_SCHEMA["fields"], further]}
    put(landing, "a.json", b"1\n")
    job.run(context(lake, landing))
    land_payloads(lake, [b"2"], arrived=ARRIVED, schema=later)
    land_payloads(lake, [b"3"], arrived=ARRIVED)
    name = f"{CATALOG_NAME}.{RAW_READING.name}"
    lake.spark.sql(f"ALTER TABLE {name} ADD COLUMNS (gateway_hint string)")

    assert [row[2] for row in raw(lake)] == [b"1", b"2", b"3"]
    job.run(context(lake, landing, timedelta(minutes=90)))
    promoted = lake.table(RAW_READING).select("payload", "gateway_hint").collect()
    assert sorted((bytes(row.payload), row.gateway_hint) for row in promoted) == [
        (b"1", None),
        (b"2", "later"),
        (b"3", None),
    ]


def test_with_a_trigger_interval_the_same_job_goes_on_until_it_is_stopped(lake: Lake, landing: Path) -> None:
    put(landing, "a.json", b"1\n")
    ctx = context(lake, landing, timedelta(minutes=90), trigger_seconds=1)
    running = threading.Thread(target=job.run, args=(ctx,))
    running.start()
    try:
        wait_until(lambda: iceberg.table_exists(lake.spark, BLOCK.name) and lake.table(BLOCK).count() == 1)
        put(landing, "b.json", b"2\n")
        wait_until(lambda: lake.table(BLOCK).count() == 2)
        wait_until(lambda: lake.table(RAW_READING).count() == 2)
    finally:
        for query in lake.spark.streams.active:
            query.stop()
        running.join(timeout=60)
    assert not running.is_alive()
    assert [row[0] for row in raw(lake)] == ["a.json", "b.json"]


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.5)
