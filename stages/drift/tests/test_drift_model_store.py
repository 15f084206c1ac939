"""Models and baselines on real tables: stored once, used by later batches, refused, renewed."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from iot_common.contracts.drift_baseline import BASELINE
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION
from iot_common.contracts.drift_model import MODEL
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.errors import StageFailedError
from iot_common.settings import CATALOG_NAME
from iot_common.testing.silver_tables import a_reading, at, write_readings
from iot_common.testing.spark import TEST_NOW, Lake, fresh_lake
from iot_drift import job, statistical_batch
from iot_drift.settings import DriftSettings

DEVICES = ("sensor_1", "sensor_2", "sensor_3", "sensor_4")
WARMER_FROM = 36
"""Hour from which sensor_3 is eight degrees warmer."""


def readings(hours: range, cooler_from: int = 10_000) -> list[dict[str, Any]]:
    """Four readings an hour of each device, with a daily cycle."""
    rows = []
    for number, device in enumerate(DEVICES):
        for quarter in range(hours.start * 4, hours.stop * 4):
            usual = (
                15
                + number
                + 4 * math.sin(quarter / 96 * 2 * math.pi)
                + 0.1 * math.sin(quarter * (number + 1))
            )
            if device == "sensor_3":
                usual += 8.0 * (quarter >= WARMER_FROM * 4) - 8.0 * (quarter >= cooler_from * 4)
            time = at("00:00:00") + timedelta(minutes=15 * quarter)
            rows.append(
                a_reading(time, device, temperature_celsius=usual, battery_percent=95 - quarter / 100)
            )
    return rows


def run_drift(lake: Lake, steps: list[str] | None = None, **settings: Any) -> None:
    context = lake.context("drift", DriftSettings, reference_hours=24.0, **settings)
    told = steps if steps is not None else []
    job.run(type(context)(context.spark, context.settings, context.run, context.clock, told.append))


def state(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: sorted(
            tuple(map(str, row)) for row in lake.table(table).drop("batch", "processing_time").collect()
        )
        for table in (MODEL, BASELINE, WINDOW_SCORE)
    }


@pytest.fixture(scope="module")
def lake_of_a_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A fleet that drift has read twice: 30 hours with the reference, then 14 hours with a shift of sensor_3."""
    lake = fresh_lake(spark, tmp_path_factory.mktemp("models") / "warehouse")
    write_readings(lake, "s/0", readings(range(30)))
    run_drift(lake)
    write_readings(lake, "s/1", readings(range(30, 44)))
    run_drift(lake)
    return lake


def accept(lake: Lake) -> datetime:
    """The operator's word that sensor_3's shift is its new normal."""
    (event,) = lake.table(DRIFT_EVENT).where("kind = 'VALUE_SHIFT'").collect()
    row = {
        "event_id": event.event_id, "action": "accepted", "action_time": TEST_NOW, "channel": "statistical",
        "kind": event.kind, "field": event.field, "devices": event.devices, "onset": event.onset,
        "last_seen": event.last_seen, "batch": "people/0",
    }  # fmt: skip
    lake.append(EVENT_ACTION, [row])
    return event.onset


def test_story_of_a_model_and_an_accepted_change(
    lake_of_a_day: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of_a_day
    (model,) = lake.table(MODEL).collect()
    assert (model.role, model.role_reason, model.seed) == ("champion", "the first", 7)
    scored = lake.table(WINDOW_SCORE).where("score IS NOT NULL").select("model_id").distinct().collect()
    assert [row.model_id for row in scored] == [model.model_id]
    usual = lake.table(BASELINE).orderBy("device_id").collect()
    assert [(row.device_id, row.reference_windows, row.is_complete) for row in usual] == [
        (name, 96, True) for name in DEVICES
    ]
    shifted = lake.table(WINDOW_SCORE).where("is_anomalous")
    assert {row.device_id for row in shifted.collect()} == {"sensor_3"}

    onset = accept(lake)
    write_readings(lake, "s/2", readings(range(44, 62)))
    with monkeypatch.context() as patched:  # killed after the new baselines and before the scores
        patched.setattr(statistical_batch, "_write_scores", lambda *_: 1 / 0)
        with pytest.raises(StageFailedError, match="ZeroDivisionError"):
            run_drift(lake)
    half = state(lake)
    run_drift(lake)
    after = state(lake)
    assert after["drift.model"] == half["drift.model"]
    assert after["drift.baseline"] == half["drift.baseline"]
    (third,) = lake.table(BASELINE).where("device_id = 'sensor_3'").collect()
    assert (third.new_normals, third.learning) == ({"temperature_celsius": onset}, [])
    assert lake.table(WINDOW_SCORE).where("is_anomalous").count() == 0

    steps: list[str] = []
    write_readings(lake, "s/3", readings(range(62, 66), cooler_from=62))
    run_drift(lake, steps, retrain_hours=3.0)
    back = lake.table(WINDOW_SCORE).where("is_anomalous").collect()
    assert {(row.device_id, row.top_feature) for row in back} == {("sensor_3", "temperature_celsius_shift")}
    (told,) = [step for step in steps if step.startswith("challenger")]
    # One challenge came with the 62nd hour, a day after the first model, and one now.
    challengers = lake.table(MODEL).where(F.col("model_id") != model.model_id).collect()
    assert any(row.model_id in told for row in challengers)
    for row in challengers:
        assert row.role in ("champion", "rejected", "retired")
        assert json.loads(row.holdout)["device_days"] > 0
    assert lake.table(MODEL).where("role = 'champion'").count() == 1


def test_model_of_another_version_is_refused_told_and_replaced(lake: Lake) -> None:
    write_readings(lake, "s/0", readings(range(30)))
    run_drift(lake)
    lake.spark.sql(
        f"UPDATE {CATALOG_NAME}.{MODEL.name} SET format_version = 99, seed = 8, model_id = 'older'"
    )
    write_readings(lake, "s/1", readings(range(30, 34)))
    steps: list[str] = []
    run_drift(lake, steps)
    assert (
        "model older is refused: it is stored in format 99, this version reads 1; a new one is trained"
        in steps
    )
    roles = {row.role: row.model_id for row in lake.table(MODEL).collect()}
    assert roles["refused"] == "older"
    newest = (
        lake.table(WINDOW_SCORE)
        .where("window_start >= '2025-06-02 06:00'")
        .select("model_id")
        .distinct()
        .collect()
    )
    assert [row.model_id for row in newest] == [roles["champion"]]


def test_warehouse_without_these_tables_goes_on(lake: Lake) -> None:
    write_readings(lake, "s/0", readings(range(30)))
    run_drift(lake)
    for table in (MODEL, BASELINE):
        lake.spark.sql(f"DROP TABLE {CATALOG_NAME}.{table.name}")
    write_readings(lake, "s/1", readings(range(30, 44)))
    run_drift(lake)
    assert lake.table(MODEL).where("role = 'champion'").count() == 1
    assert lake.table(BASELINE).count() == len(DEVICES)
    assert {row.device_id for row in lake.table(WINDOW_SCORE).where("is_anomalous").collect()} == {"sensor_3"}


@pytest.mark.parametrize("minutes", [5, 60])
def test_windows_of_five_and_sixty_minutes_are_settings(lake: Lake, minutes: int) -> None:
    write_readings(lake, "s/0", readings(range(42)))
    context = lake.context(
        "drift", DriftSettings, reference_hours=24.0, reference_min_windows=20, window_minutes=minutes
    )
    job.run(context)
    (row,) = lake.table(MODEL).select("role", "window_minutes").collect()
    assert tuple(row) == ("champion", minutes)
    (event,) = lake.table(DRIFT_EVENT).where("kind = 'VALUE_SHIFT'").collect()
    assert (event.field, event.devices) == ("temperature_celsius", ["sensor_3"])
