"""The maintenance of tables on real Spark and Iceberg: streams, repeated batches and readers see no difference."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from iot_common.batch import BatchIdentity
from iot_common.contracts.table import Column, TableContract
from iot_common.errors import SettingsError, StageFailedError
from iot_common.io import iceberg, maintenance
from iot_common.io.first_batch import with_all_rows
from iot_common.io.stream import StageContext, run_query
from iot_common.metrics import Gate
from iot_common.settings import CATALOG_NAME, StageSettings
from iot_common.testing.spark import Lake

COLUMNS = (Column("id", "bigint", "A number", required=True), Column("text", "string", "Its text"))
NUMBERS = TableContract(
    name="bronze.number", owner="bronze", version="1.0.0", grain="one number", columns=COLUMNS,
    streamed_by=("silver/numbers", "gold/numbers"),
    # By Iceberg's own rule every snapshot but the newest would go at once: ours must be the only one that counts.
    properties={"history.expire.max-snapshot-age-ms": "1"},
)  # fmt: skip
MERGED = TableContract(
    name="bronze.merged", owner="bronze", version="1.0.0", grain="one number", columns=COLUMNS,
    properties={"write.merge.mode": "merge-on-read", "write.update.mode": "merge-on-read"}, append_only=False,
)  # fmt: skip


def upkeep(lake: Lake, **settings: Any) -> StageContext[StageSettings]:
    chosen = {"maintain": True, "snapshot_days": 0.0, "snapshots_kept": 1, "small_files": 2} | settings
    return lake.context("bronze", StageSettings, datetime.now(UTC), **chosen)


def maintain(lake: Lake, *tables: TableContract, **settings: Any) -> list[dict[str, Any]]:
    """Details of what was done, table by table."""
    (report,) = maintenance.maintain(upkeep(lake, **settings), tables)
    return [dict(gate.detail or {}) for gate in report.gates]


def append(lake: Lake, number: int, **properties: str) -> iceberg.Commit:
    rows = lake.spark.createDataFrame([(number, str(number))], NUMBERS.ddl)
    return iceberg.append_once(rows, NUMBERS, BatchIdentity("q", number), properties)


def read_stream(lake: Lake, stage: str, *, stopped: bool = False) -> list[list[int]]:
    """What a stream of this stage gets in one run, batch by batch; it is stopped within a batch, or goes to its end."""
    got: list[list[int]] = []

    def work(frame: Any, _: BatchIdentity) -> list[Gate]:
        got.append(sorted(row.id for row in frame.collect()))
        if stopped:
            raise OSError("No space left on device")
        return []

    context = lake.context(stage, StageSettings)
    rows = iceberg.stream_table(lake.spark, NUMBERS.name)
    run_query(context, "numbers", rows, with_all_rows(context, "numbers", NUMBERS.name, work))
    return got


def files_of(lake: Lake, contract: TableContract) -> set[Path]:
    folder = lake.folder.joinpath(*contract.name.split("."))
    return {path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}


def test_streams_go_on_as_if_nothing_had_been_done_and_hold_back_what_they_have_not_read(lake: Lake) -> None:
    iceberg.ensure_table(lake.spark, NUMBERS)
    for number in range(4):
        append(lake, number)
    assert read_stream(lake, "silver") == [[0, 1, 2, 3]]
    (nobody_else,) = maintain(lake, NUMBERS)
    assert (nobody_else["files_rewritten"], nobody_else["snapshots_removed"]) == (4, 0)
    assert nobody_else["held_by"] == ("gold/numbers",), "a stream that has not begun needs every snapshot"
    assert read_stream(lake, "gold") == [[0, 1, 2, 3]], (
        "from appended files, not again from the rewritten one"
    )
    assert read_stream(lake, "silver") == [], "a compaction brings it nothing"

    for number in range(4, 7):
        append(lake, number)
    assert read_stream(lake, "gold") == [[4, 5, 6]]
    (behind,) = maintain(lake, NUMBERS)
    assert behind["held_by"] == ("silver/numbers",), "gold has read further"
    assert behind["snapshots_removed"] == 3, "0 to 2: at 3 silver stands"
    assert behind["after"]["data_files"] == 1
    assert read_stream(lake, "silver") == [[4, 5, 6]], "files that only snapshots hold are still there"

    append(lake, 7)
    assert read_stream(lake, "silver") == read_stream(lake, "gold") == [[7]]
    (passed,) = maintain(lake, NUMBERS)
    assert passed["held_by"] == ()
    assert read_stream(lake, "silver") == []
    shutil.rmtree(lake.folder / "checkpoints" / "gold")
    append(lake, 8)
    assert iceberg.first_snapshots_expired(lake.spark, NUMBERS.name)
    assert read_stream(lake, "gold") == [[0, 1, 2, 3, 4, 5, 6, 7, 8]], (
        "a new checkpoint begins with every row"
    )
    assert read_stream(lake, "silver") == [[8]]


def test_a_batch_planned_but_not_ended_is_repeated_after_maintenance(lake: Lake) -> None:
    iceberg.ensure_table(lake.spark, NUMBERS)
    append(lake, 0)
    with pytest.raises(StageFailedError, match="No space left"):
        read_stream(lake, "silver", stopped=True)
    append(lake, 1)
    assert read_stream(lake, "gold") == [[0, 1]]
    maintain(lake, NUMBERS)
    assert read_stream(lake, "silver") == [[0], [1]], (
        "the first batch as it was planned, then what came since"
    )

    append(lake, 2)
    append(lake, 3)
    assert read_stream(lake, "gold") == [[2, 3]]
    with pytest.raises(StageFailedError, match="No space left"):
        read_stream(lake, "silver", stopped=True)
    (second,) = maintain(lake, NUMBERS)
    assert second["held_by"] == ("silver/numbers",) and second["snapshots_removed"] > 0
    assert read_stream(lake, "silver") == [[2, 3]]


def test_what_a_repeated_batch_asks_for_is_found_behind_the_gaps(lake: Lake) -> None:
    free = TableContract(**{name: getattr(NUMBERS, name) for name in ("name", "owner", "version", "grain")},
                         columns=COLUMNS, properties=NUMBERS.properties)  # fmt: skip
    iceberg.ensure_table(lake.spark, free)
    other = BatchIdentity("another query", 5)
    iceberg.append_once(lake.spark.createDataFrame([(100, "x")], free.ddl), free, other)
    made = [append(lake, number, **{"driftlake.mark": str(number // 2)}) for number in range(6)]
    before = sorted(row.id for row in lake.table(free).collect())

    def asked() -> dict[str, Any]:
        spark, newest = lake.spark, BatchIdentity("q", 5)
        commit = iceberg.commit_of(spark, free.name, newest)
        return {
            "commit": commit and commit.snapshot_id,
            "before": sorted(row.id for row in iceberg.table_before(spark, free.name, newest).collect()),
            "mark before": iceberg.newest_property(spark, free.name, "driftlake.mark", before=newest),
            "mark": iceberg.newest_property(spark, free.name, "driftlake.mark"),
            "another query": iceberg.commit_of(spark, free.name, other) is not None,
            "next batch": iceberg.commit_of(spark, free.name, BatchIdentity("q", 6)),
        }

    told = asked()
    (done,) = maintain(lake, free)
    assert done["files_rewritten"] == 7 and done["snapshots_removed"] == 4
    assert asked() == told
    assert append(lake, 5) == made[5], "the newest batch is skipped"
    assert sorted(row.id for row in lake.table(free).collect()) == before
    newest = iceberg.newest_batch_commit(lake.spark, free.name)
    assert newest is not None and newest.snapshot_id == made[5].snapshot_id
    (again,) = maintain(lake, free)
    assert (again["before"], again["files_rewritten"], again["snapshots_removed"]) == (done["after"], 0, 0)
    append(lake, 6)
    assert asked()["next batch"] is not None


def test_rows_changed_on_read_and_files_of_a_killed_writer_are_tidied_and_no_row_changes(lake: Lake) -> None:
    iceberg.ensure_table(lake.spark, MERGED)
    rows = [(number, "new") for number in range(20)]
    for number in range(3):
        frame = lake.spark.createDataFrame(rows, MERGED.ddl).repartition(1)
        iceberg.append_once(frame, MERGED, BatchIdentity("load", number))
    for number in range(3):
        statement = f"UPDATE {CATALOG_NAME}.{MERGED.name} SET text = 'old' WHERE id = {number}"
        iceberg.merge_once(lake.spark, statement, MERGED, BatchIdentity("q", number))
    found = [tuple(row) for row in lake.rows(MERGED)]
    old, young = (lake.folder / "bronze/merged/data" / f"{name}.parquet" for name in ("old", "young"))
    for lost in (old, young):
        lost.write_bytes(b"half a fi")
    four_days_ago = datetime.now(UTC).timestamp() - 4 * 86_400
    os.utime(old, (four_days_ago, four_days_ago))

    there = files_of(lake, MERGED)
    (dry,) = maintain(lake, MERGED, dry_run=True)
    assert dry["is_dry_run"] and dry["before"] == dry["after"]
    assert (dry["orphans_removed"], files_of(lake, MERGED)) == (1, there)
    assert not (lake.folder / "metric_inbox").exists()
    (done,) = maintain(lake, MERGED)
    for key in ("files_rewritten", "bytes_rewritten", "orphans_removed"):
        assert done[key] == dry[key] > 0
    assert done["before"]["delete_files"] > 0 == done["after"]["delete_files"]
    assert done["after"]["data_files"] < done["before"]["data_files"]
    assert not old.exists() and young.exists(), "a file that is being written is no orphan"
    assert [tuple(row) for row in lake.rows(MERGED)] == found
    (metric,) = [
        json.loads(line) for file in (lake.folder / "metric_inbox").iterdir() for line in file.open()
    ]
    assert (metric["query"], metric["disposition"], metric["target"]) == (
        "maintenance",
        "maintained",
        MERGED.name,
    )
    assert json.loads(metric["detail"])["files_rewritten"] == done["files_rewritten"]


@pytest.mark.parametrize(
    "killed_at", ["_compact_deletes", "_expire", "_remove_orphans"], ids=["compacted", "manifests", "expired"]
)
def test_maintenance_that_was_interrupted_is_ended_by_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    iceberg.ensure_table(lake.spark, NUMBERS)
    for number in range(4):
        append(lake, number)
    for stage in ("silver", "gold"):
        read_stream(lake, stage)
    with monkeypatch.context() as patched:
        patched.setattr(maintenance, killed_at, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            maintain(lake, NUMBERS)
    append(lake, 4)
    assert read_stream(lake, "silver") == [[4]]
    (done,) = maintain(lake, NUMBERS)
    assert [row.id for row in lake.rows(NUMBERS)] == [0, 1, 2, 3, 4]
    assert done["after"]["data_files"] == 1
    assert read_stream(lake, "gold") == [[4]]


def test_settings_that_would_lose_something_are_refused(tmp_path: Path) -> None:
    def settings(**chosen: Any) -> StageSettings:
        return StageSettings(warehouse=str(tmp_path), **chosen)

    for wrong in ({"orphan_days": 0.5}, {"snapshots_kept": 0}, {"snapshot_days": -1}, {"dry_run": True}):
        with pytest.raises(SettingsError):
            settings(**wrong)
    assert settings(maintain=True, orphan_days=1).maintain
