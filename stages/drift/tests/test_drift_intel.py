"""Real failures: the temperature runaway of three motes of the Intel Berkeley Lab, found before it is obvious."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from iot_common.testing.evaluation_data import evaluation_data
from iot_drift.assessment import ReferencePeriod, assess
from iot_drift.detector import Rules, judge_windows
from iot_drift.features import window_statistics

MOTES = {"sensor_1": "Node01", "sensor_4": "Node04", "sensor_6": "Node06"}
NOTHING_STORED = pd.DataFrame(columns=["device_id", "window_start", "reading_count", "is_reference"])
CLEAN_UNTIL = pd.Timestamp("2004-03-18")


def readings(folder: Path, device: str, node: str) -> pd.DataFrame:
    with gzip.open(folder / f"{node}.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    table = pd.DataFrame([row for row in rows if len(row) == 8]).drop_duplicates([0, 1])
    celsius, humidity, volts = (pd.to_numeric(table[column]) for column in (4, 5, 7))
    return pd.DataFrame(
        {
            "device_id": device,
            "event_time": pd.to_datetime(table[0] + " " + table[1], format="mixed"),
            "temperature_celsius": celsius,
            "humidity_percent": humidity,
            "battery_percent": ((volts - 2.0) * 100).clip(0, 100),
            "latitude": 37.37,
            "longitude": -122.05,
            "is_valid": celsius.between(-50, 100) & humidity.between(0, 100),
        }
    )


@pytest.fixture(scope="module")
def folder() -> Path:
    found = evaluation_data("intel_lab")
    if found is None:
        pytest.skip("the evaluation data `intel_lab` is absent")
    return found


@pytest.fixture(scope="module")
def deviating(folder: Path) -> pd.DataFrame:
    every = pd.concat([readings(folder, device, node) for device, node in MOTES.items()])
    found = assess(window_statistics(every, 15), NOTHING_STORED, NOTHING_STORED, ReferencePeriod(), Rules())
    assert found.detector is not None
    judged = judge_windows(found.windows, found.detector.judge)
    return judged[judged["is_anomalous"]]


@pytest.mark.parametrize("device", MOTES)
def test_runaway_is_found_before_it_passes_fifty_degrees_and_not_days_before(
    folder: Path, deviating: pd.DataFrame, device: str
) -> None:
    known = json.loads((folder / "onsets.json").read_text())[MOTES[device]]
    over_fifty = pd.Timestamp(known["sustained_T_gt_50"])
    shifted = deviating[
        (deviating["device_id"] == device) & (deviating["temperature_celsius_shift_excess"] >= 1)
    ]
    assert over_fifty - pd.Timedelta(days=2) < shifted["window_start"].min() < over_fifty


def test_nothing_is_found_in_the_healthy_weeks(deviating: pd.DataFrame) -> None:
    assert deviating[deviating["window_start"] < CLEAN_UNTIL].empty
