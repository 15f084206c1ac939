"""The drift job on real tables: scores and findings, repeated batches, late readings, and nothing before its time."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.errors import SettingsError, StageFailedError
from iot_common.io.iceberg import ensure_table
from iot_common.metrics import Gate, balance
from iot_common.settings import CATALOG_NAME
from iot_common.testing.silver_tables import a_reading, at, write_readings
from iot_common.testing.spark import TEST_NOW, Lake, fresh_lake
from iot_drift import job, statistical_batch, structural_batch
from iot_drift.contract import WRITES
from iot_drift.settings import DriftSettings

LATER = TEST_NOW + timedelta(days=1)
CLOCKS = {"batch", "processing_time", "first_detected_time"}


def run_drift(lake: Lake, now: datetime = TEST_NOW) -> list[Gate]:
    context = lake.context("drift", DriftSettings, now, reference_hours=24.0)
    return [gate for report in job.run(context) for gate in report.gates]


def hourly(device: str, hours: range, offset: float = 0.0) -> list[dict[str, Any]]:
    """Four readings an hour with a daily cycle; `offset` from the 36th hour on."""
    number = int(device.rpartition("_")[2])
    rows = []
    for quarter in range(hours.start * 4, hours.stop * 4):
        usual = (
            15 + number + 4 * math.sin(quarter / 96 * 2 * math.pi) + 0.1 * math.sin(quarter * (number + 1))
        )
        time = at("00:00:00") + timedelta(minutes=15 * quarter)
        celsius = usual + (offset if quarter >= 144 else 0.0)
        rows.append(a_reading(time, device, temperature_celsius=celsius, battery_percent=95 - quarter / 100))
    return rows


def observe(lake: Lake, batch: str, now: datetime, *rows: dict[str, Any]) -> None:
    """Append observations as silver does, each with the sketch of its device_examples."""
    ensure_table(lake.spark, SCHEMA_OBSERVATION)
    usual = {
        "batch": batch, "contract_version": "1.0.0", "schema_version": "1.0.0", "device_cohort": "c00",
        "observation": "path", "record_count": 100, "device_examples": ["sensor_1", "sensor_2"],
        "first_event_time": at("10:00:00"), "last_event_time": at("14:00:00"), "processing_time": now,
    }  # fmt: skip
    filled = [
        (number, *((usual | row).get(name) for name in SCHEMA_OBSERVATION.column_names))
        for number, row in enumerate(rows)
    ]
    frame = lake.spark.createDataFrame(filled, f"row int, {SCHEMA_OBSERVATION.ddl}")
    devices = frame.select("row", F.explode("device_examples").alias("device"))
    sketches = devices.groupBy("row").agg(F.hll_sketch_agg("device").alias("device_sketch"))
    complete = frame.drop("device_sketch").join(sketches, on="row", how="left")
    complete.select(*SCHEMA_OBSERVATION.column_names).writeTo(
        f"{CATALOG_NAME}.{SCHEMA_OBSERVATION.name}"
    ).append()


def contents(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    """Both tables without what only a clock or a batch writes."""
    kept = {
        table.name: [name for name in table.column_names if name not in CLOCKS]
        for table in (WINDOW_SCORE, DRIFT_EVENT)
    }
    return {
        table.name: sorted(
            tuple(map(str, row)) for row in lake.table(table).select(*kept[table.name]).collect()
        )
        for table in (WINDOW_SCORE, DRIFT_EVENT)
    }


ROOT = {"path": "$", "json_type": "object"}
PRESSURE = {
    "path": "readings.pressure",
    "json_type": "object",
    "record_count": 40,
    "device_examples": ["sensor_2"],
}


def test_structural_finding_after_the_first_batch_that_shows_it_and_sums_after_the_next(lake: Lake) -> None:
    observe(
        lake,
        "s/0",
        TEST_NOW,
        ROOT,
        PRESSURE,
        {"path": "status", "json_type": "string", "enum_value": "offline"},
    )
    gates = run_drift(lake)
    assert [(gate.disposition, gate.target, gate.rows) for gate in gates] == [
        ("in", "silver.schema_observation", 3),
        ("kept", "drift.event", 3),
        ("written", "drift.event", 1),
        ("written", "drift.drift_log", 1),
    ]
    later = {"device_examples": ["sensor_2", "sensor_3"], "last_event_time": at("15:00:00")}
    observe(lake, "s/1", LATER, ROOT | later, PRESSURE | later)
    run_drift(lake, LATER)
    (event,) = lake.table(DRIFT_EVENT).collect()
    assert (event.kind, event.field, event.severity, event.contract_version) == (
        "FIELD_ADDED_NESTED", "readings.pressure", "INFO", "1.0.0",
    )  # fmt: skip
    assert (event.occurrence_count, event.devices, event.device_count) == (80, ["sensor_2", "sensor_3"], 2)
    assert event.device_share == pytest.approx(2 / 3)
    assert event.processing_time - event.first_detected_time == timedelta(days=1)


def test_repeated_structural_batch_ignores_observations_that_came_later(lake: Lake) -> None:
    observe(lake, "s/0", TEST_NOW, ROOT, PRESSURE)
    for table in WRITES:
        ensure_table(lake.spark, table)
    first = lake.table(SCHEMA_OBSERVATION).where("batch = 's/0'")
    work = structural_batch.work(lake.context("drift", DriftSettings))
    observe(lake, "s/1", LATER, ROOT, PRESSURE)
    work(first, BatchIdentity("q", 0))
    before = contents(lake)
    work(first, BatchIdentity("q", 0))
    assert contents(lake) == before
    assert lake.table(DRIFT_EVENT).first().occurrence_count == 40  # type: ignore[union-attr]


def test_claimed_minor_version_is_a_finding_though_every_record_is_valid(lake: Lake) -> None:
    observe(lake, "s/0", TEST_NOW, ROOT, ROOT | {"schema_version": "1.1.0", "device_examples": ["sensor_2"]})
    run_drift(lake)
    (event,) = lake.table(DRIFT_EVENT).collect()
    assert (event.kind, event.field, event.devices) == ("VERSION_MINOR", "schema_version", ["sensor_2"])
    assert json.loads(event.evidence)["found"] == ["1.1.0"]


def test_declared_unit_change_names_the_device_and_not_the_one_that_always_was_so(lake: Lake) -> None:
    unit = {"path": "readings.temperature.unit", "json_type": "string"}
    observe(
        lake, "s/0", TEST_NOW, ROOT, unit | {"enum_value": "Celsius"}, unit | {"enum_value": "Fahrenheit"}
    )  # fmt: skip
    declared = [
        ("sensor_1", "10", "Celsius"),
        ("sensor_1", "12", "Fahrenheit"),
        ("sensor_2", "10", "Fahrenheit"),
    ]
    rows = [
        a_reading(
            at(f"{hour}:00:00"),
            device,
            temperature_unit_raw=name,
            contract_version="1.0.0",
            processing_time=TEST_NOW,
        )
        for device, hour, name in declared
    ]
    lake.append(READING, rows)
    run_drift(lake)
    (event,) = lake.table(DRIFT_EVENT).collect()
    assert (event.kind, event.severity, event.devices) == ("UNIT_CHANGED", "INFO", ["sensor_1"])
    assert json.loads(event.evidence)["devices"]["sensor_1"]["since"] == "2025-06-01T12:00:00+00:00"


@dataclass(frozen=True)
class Story:
    """Four devices, one of which is eight degrees too warm from the 36th hour on; read in two batches."""

    lake: Lake
    first: list[Gate]
    second: list[Gate]


DEVICES = ("sensor_1", "sensor_2", "sensor_3", "sensor_4")


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    lake = fresh_lake(spark, tmp_path_factory.mktemp("drift") / "warehouse")
    write_readings(lake, "s/0", [row for device in DEVICES for row in hourly(device, range(30))])
    first = run_drift(lake)
    rest = [
        row
        for device in DEVICES
        for row in hourly(device, range(30, 42), 8.0 if device == "sensor_3" else 0.0)
    ]
    suspect = a_reading(
        at("00:00:00", "2025-06-09"), "sensor_1", temperature_celsius=90.0, clock_suspect=True
    )
    late = a_reading(at("00:01:00"), "sensor_1", temperature_celsius=16.0, late=True)
    write_readings(lake, "s/1", [*rest, suspect, late])
    return Story(lake, first, run_drift(lake, LATER))


def test_every_touched_window_is_recomputed(story: Story) -> None:
    # 30 hours of four devices; then 12 hours, one window of a suspect clock and one that a late reading reopened.
    assert [gate.rows for gate in story.first if gate.disposition in ("in", "kept")] == [480, 480]
    assert [gate.rows for gate in story.second if gate.disposition in ("in", "kept")] == [194, 194]
    assert balance(story.first) == balance(story.second) == 0
    assert story.lake.table(WINDOW_SCORE).count() == 4 * 42 * 4 + 1


def test_drifted_device_is_found_with_onset_and_evidence(story: Story) -> None:
    shifts = story.lake.table(DRIFT_EVENT).where("kind = 'VALUE_SHIFT'").collect()
    (event,) = shifts
    assert (event.field, event.devices, event.severity) == ("temperature_celsius", ["sensor_3"], "WARN")
    onset = story.lake.table(DRIFT_EVENT).selectExpr("cast(onset AS string) AS onset").first()
    assert onset is not None
    assert onset.onset == "2025-06-02 12:00:00"
    evidence = json.loads(event.evidence)
    assert evidence["observed_median"] - evidence["usual_median"] == pytest.approx(8.0, abs=1.0)
    assert event.score > 0.5


def test_scores_name_their_model_and_reference_windows_have_none(story: Story) -> None:
    scores = story.lake.table(WINDOW_SCORE)
    assert scores.where("is_reference AND (score IS NOT NULL OR model_id IS NOT NULL)").count() == 0
    assert scores.where("is_reference").count() == 4 * 24 * 4
    assert (
        scores.where("NOT is_reference AND score IS NULL").count() == 1
    )  # the window without a usable reading
    assert scores.where("score < 0 OR score > 1").count() == 0


def test_late_reading_changes_its_window(story: Story) -> None:
    (row,) = (
        story.lake.table(WINDOW_SCORE)
        .where("device_id = 'sensor_1' AND window_start = '2025-06-01 00:00:00'")
        .select("reading_count", "is_reference")
        .collect()
    )
    assert tuple(row) == (2, True)


def test_reading_with_a_suspect_clock_is_not_scored(story: Story) -> None:
    (row,) = story.lake.table(WINDOW_SCORE).where("window_start > '2025-06-08'").collect()
    assert (row.reading_count, row.score, row.is_anomalous) == (0, None, False)


def test_nothing_touched_changes_nothing(story: Story) -> None:
    before = contents(story.lake)
    assert run_drift(story.lake, LATER) == []
    assert contents(story.lake) == before


def test_batch_killed_between_scores_and_findings_and_repeated_gives_the_same_tables(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        row for device in DEVICES for row in hourly(device, range(40), 8.0 if device == "sensor_3" else 0.0)
    ]
    write_readings(lake, "s/0", rows)
    context = lake.context("drift", DriftSettings, reference_hours=24.0)
    with monkeypatch.context() as patched:
        patched.setattr(statistical_batch.events, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(StageFailedError, match="ZeroDivisionError"):
            job.run(context)
    half = contents(lake)
    assert half["drift.window_score"]
    assert half["drift.event"] == []
    gates = run_drift(lake, LATER)
    assert contents(lake)["drift.window_score"] == half["drift.window_score"]
    assert lake.table(DRIFT_EVENT).where("kind = 'VALUE_SHIFT'").count() == 1
    assert [gate.rows for gate in gates if gate.disposition in ("in", "kept")] == [640, 640]


def test_runs_before_silver_ever_did(lake: Lake) -> None:
    assert run_drift(lake) == []
    assert contents(lake) == {"drift.window_score": [], "drift.event": []}


@pytest.mark.parametrize(
    "wrong",
    [{"window_minutes": 7}, {"reference_hours": 0.0}, {"persistence_windows": 0},
     {"false_alarms_per_1000_device_days": 0.0}],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        DriftSettings(warehouse="w", **wrong)
