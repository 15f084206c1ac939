"""The gold job on real tables: what silver touched is recomputed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pyspark.sql import Row, SparkSession

from iot_common.batch import BatchIdentity
from iot_common.contracts.gold_daily_summary import DAILY_SUMMARY
from iot_common.contracts.gold_device_window_5min import DEVICE_WINDOW_5MIN
from iot_common.contracts.gold_place_hour import PLACE_HOUR
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.contracts.table import TableContract
from iot_common.io.iceberg import commits
from iot_common.metrics import Gate, balance
from iot_common.settings import CATALOG_NAME
from iot_common.testing.silver_tables import a_reading, at, touch_windows, write_readings
from iot_common.testing.spark import TEST_NOW, Lake, fresh_lake
from iot_gold import batches, job
from iot_gold.contract import WRITES
from iot_gold.settings import GoldSettings

LATER = datetime(2025, 6, 1, 13, 0, tzinfo=UTC)


def run_gold(lake: Lake, now: datetime = TEST_NOW) -> list[Gate]:
    """One run of the job; its gates."""
    return [gate for report in job.run(lake.context("gold", GoldSettings, now)) for gate in report.gates]


def temperatures(lake: Lake, table: TableContract) -> list[Row]:
    """The rows of the temperature; the other readings have as many."""
    return lake.table(table).where("reading = 'temperature_celsius'").collect()


def windows(lake: Lake) -> dict[tuple[str, str], tuple[int, float, bool]]:
    """(device, start) → (readings, mean, was revised)."""
    return {
        (row.device_id, row.window_start.astimezone(UTC).strftime("%H:%M")): (
            row.reading_count,
            row.avg_value,
            row.revised_at is not None,
        )
        for row in temperatures(lake, DEVICE_WINDOW_5MIN)
    }


def contents(lake: Lake) -> dict[str, list[Row]]:
    return {table.name: lake.rows(table) for table in WRITES}


def snapshot_counts(lake: Lake) -> list[int]:
    return [len(list(commits(lake.spark, table.name))) for table in WRITES]


@dataclass
class Story:
    """Two runs: readings of five devices; then one late, one gone, one in another place, one never seen."""

    lake: Lake
    first: dict[tuple[str, str], tuple[int, float, bool]]
    gates: list[Gate]


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    lake = fresh_lake(spark, tmp_path_factory.mktemp("gold") / "warehouse")
    usual = [
        a_reading(at("10:00:00"), device, temperature_celsius=10.0) for device in ("sensor_1", "sensor_2")
    ]
    moving = a_reading(at("10:20:00"), "sensor_3")
    northern = a_reading(at("10:00:00"), "sensor_4", latitude=60.0)
    another_hour = a_reading(at("11:00:00"), "sensor_2", temperature_celsius=30.0)
    write_readings(lake, "s/0", [*usual, moving, northern, another_hour])
    run_gold(lake)
    first = windows(lake)
    lake.spark.sql(f"DELETE FROM {CATALOG_NAME}.{READING.name} WHERE device_id = 'sensor_4'")
    touch_windows(lake, "s/1", [("sensor_4", at("10:00:00")), ("sensor_5", at("10:00:00"))])
    late = a_reading(at("10:01:00"), temperature_celsius=20.0, late=True)
    write_readings(lake, "s/2", [late, a_reading(at("10:21:00"), "sensor_3", latitude=-10.0)])
    return Story(lake, first, run_gold(lake, LATER))


def test_late_reading_revises_its_window_and_leaves_the_others(story: Story) -> None:
    assert story.first["sensor_1", "10:00"] == (1, 10.0, False)
    assert windows(story.lake) == {
        ("sensor_1", "10:00"): (2, 15.0, True),
        ("sensor_2", "10:00"): (1, 10.0, False),
        ("sensor_2", "11:00"): (1, 30.0, False),
        ("sensor_3", "10:20"): (2, 20.0, True),
    }


def test_window_without_readings_vanishes_with_its_hour_and_day(story: Story) -> None:
    assert ("sensor_4", "10:00") in story.first
    days = {
        row.device_id: (row.reading_count, row.window_count)
        for row in temperatures(story.lake, DAILY_SUMMARY)
    }
    assert days == {"sensor_1": (2, 1), "sensor_2": (2, 2), "sensor_3": (2, 1)}


def test_hours_hold_all_places_and_a_window_that_moves_leaves_its_old_one(story: Story) -> None:
    hours = temperatures(story.lake, PLACE_HOUR)
    found = {
        (row.place, row.hour_start.astimezone(UTC).hour): (row.sensor_count, row.reading_count)
        for row in hours
    }
    assert found == {("47.3,8.5", 10): (2, 3), ("47.3,8.5", 11): (1, 1), ("-10.0,8.5", 10): (1, 2)}


def test_gates_count_windows_in_and_recomputed_and_rows_written(story: Story) -> None:
    assert [(gate.side, gate.disposition, gate.target, gate.rows) for gate in story.gates] == [
        ("ingress", "in", "silver.touched_window", 4),
        ("ingress", "read", "silver.reading", 4),
        ("egress", "kept", "gold.device_window_5min", 4),
        ("egress", "written", "gold.device_window_5min", 6),
        ("egress", "written", "gold.place_hour", 6),
        ("egress", "written", "gold.daily_summary", 6),
    ]
    assert all(gate.files and gate.bytes for gate in story.gates if gate.disposition == "written")


def test_nothing_touched_changes_nothing(story: Story) -> None:
    before = snapshot_counts(story.lake)
    assert run_gold(story.lake) == []
    assert snapshot_counts(story.lake) == before


def test_runs_before_silver_ever_did(lake: Lake) -> None:
    assert run_gold(lake) == []
    assert contents(lake) == {table.name: [] for table in WRITES}


def test_batch_killed_after_each_commit_and_repeated_gives_the_same_tables(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_readings(lake, "s/0", [a_reading(at("10:00:00")), a_reading(at("23:59:00"), "sensor_2")])
    run_gold(lake)
    write_readings(lake, "s/1", [a_reading(at("10:01:00"), temperature_celsius=30.0)])
    identity, touched = BatchIdentity("q", 7), lake.table(TOUCHED_WINDOW).where("batch = 's/1'")
    work = batches.recompute(lake.context("gold", GoldSettings, LATER))
    for commits_made in (1, 2, 3):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(batches, "replace_rows", killed_after_commit(batches.replace_rows))
            work(touched, identity)
        assert snapshot_counts(lake) == [2] * commits_made + [1] * (3 - commits_made)
    gates, once = work(touched, identity), contents(lake)
    assert (work(touched, identity), contents(lake)) == (gates, once)
    assert (balance(gates), gates[0].rows) == (0, 1)
    assert windows(lake)["sensor_1", "10:00"] == (2, 25.0, True)
    assert [
        row.reading_count for row in temperatures(lake, DAILY_SUMMARY) if row.device_id == "sensor_1"
    ] == [2]


def killed_after_commit(replace: Callable[..., object]) -> Callable[..., object]:
    """`replace_rows` that ends the process as soon as it has made a commit of its own."""

    def replace_and_die(rows: object, known: object, table: TableContract, *rest: object) -> object:
        spark, before = rows.sparkSession, len(list(commits(rows.sparkSession, table.name)))
        commit = replace(rows, known, table, *rest)
        if len(list(commits(spark, table.name))) > before:
            raise KeyboardInterrupt
        return commit

    return replace_and_die
