"""Real failures: the temperature of three Intel Lab motes runs away as their batteries fall."""
# ruff: noqa: E501 (a page's prose is broken where it reads well)

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
from bench.drift.statistical import NOTHING_STORED, RULES, WINDOW

from iot_common.testing.evaluation_data import evaluation_data
from iot_drift.assessment import ReferencePeriod, assess
from iot_drift.detector import WATCHED, judge_windows
from iot_drift.features import window_statistics

MOTES = {"sensor_1": "Node01", "sensor_4": "Node04", "sensor_6": "Node06"}
HEALTHY_DAYS = 14


def measure() -> dict[str, Any] | None:
    """First lasting deviation of each mote against its onsets; None where the data is absent."""
    folder = evaluation_data("intel_lab")
    if folder is None:
        return None
    every = pd.concat([_readings(folder, device, node) for device, node in MOTES.items()])
    found = assess(
        window_statistics(every, RULES.window_minutes),
        NOTHING_STORED,
        NOTHING_STORED,
        ReferencePeriod(),
        RULES,
    )
    assert found.detector is not None
    judged = judge_windows(found.windows, found.detector.judge)
    onsets = json.loads((folder / "onsets.json").read_text("utf-8"))
    return {
        "motes": [
            _mote(judged[judged["device_id"] == device], node, onsets[node]) for device, node in MOTES.items()
        ]
    }


def _mote(judged: pd.DataFrame, node: str, known: dict[str, str]) -> dict[str, Any]:
    hot, out = pd.Timestamp(known["sustained_T_gt_50"]), pd.Timestamp(known["sustained_T_gt_100"])
    begin = judged["window_start"].min()
    over = {name: judged.loc[judged[f"{name}_excess"] >= 1.0, "window_start"] for name in WATCHED}
    early = begin + pd.Timedelta(days=HEALTHY_DAYS)
    # Told runs in the healthy weeks; a run goes on while deviating windows are less than a day apart.
    alarms = sum(_runs(times[times < early]) for times in over.values())
    scored = judged[~judged["is_reference"] & (judged["window_start"] < early)]
    # A deviation days before, that has ended, is another one: the run that leads into the runaway counts.
    shift = over["temperature_celsius_shift"]
    first = _start_of_run(shift[shift <= out])
    anything = min(
        (start for times in over.values() if (start := _start_of_run(times[times <= out])) is not None),
        default=None,
    )
    return {
        "mote": node,
        "over_50": str(hot), "over_100": str(out),
        "found": None if first is None else str(first + WINDOW),
        "hours_after_50": None if first is None else round((first + WINDOW - hot) / pd.Timedelta(hours=1), 1),
        "hours_before_range_rule": None if first is None else round((out - first - WINDOW) / pd.Timedelta(hours=1), 1),
        "first_of_any_field": None if anything is None else str(anything + WINDOW),
        "alarms_first_two_weeks": int(alarms),
        "healthy_device_days": round(len(scored) * WINDOW / pd.Timedelta(days=1), 1),
    }  # fmt: skip


def _runs(times: pd.Series) -> int:
    return int((times.diff() > pd.Timedelta(days=1)).sum() + 1) if len(times) else 0


def _start_of_run(times: pd.Series) -> pd.Timestamp | None:
    """Start of the last run of deviating windows less than a day apart."""
    if not len(times):
        return None
    breaks = times[times.diff() > pd.Timedelta(days=1)]
    return breaks.iloc[-1] if len(breaks) else times.iloc[0]


def _readings(folder: Path, device: str, node: str) -> pd.DataFrame:
    """A mote's rows as silver keeps them, by the mapping of the evaluation data's README."""
    with gzip.open(folder / f"{node}.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    table = pd.DataFrame([row for row in rows if len(row) == 8]).drop_duplicates([0, 1])
    celsius, humidity, volts = (pd.to_numeric(table[column]) for column in (4, 5, 7))
    times = pd.to_datetime(table[0] + " " + table[1], format="mixed")
    return pd.DataFrame({
        "device_id": device, "event_time": times, "event_time_raw": times, "ingest_time": times,
        "temperature_celsius": celsius, "humidity_percent": humidity,
        "battery_percent": ((volts - 2.0) * 100).clip(0, 100), "latitude": 37.37, "longitude": -122.05,
        "is_valid": celsius.between(-50, 100) & humidity.between(0, 100),
    })  # fmt: skip


def markdown(measured: dict[str, Any]) -> str:
    """The table of the motes."""
    from bench.drift.document import number, table

    body = [
        (
            mote["mote"], mote["over_50"][5:16], mote["found"][5:16] if mote["found"] else "–",
            number(mote["hours_after_50"], 1), number(mote["hours_before_range_rule"], 1),
            mote["alarms_first_two_weeks"], f"{mote['alarms_first_two_weeks'] / mote['healthy_device_days']:.3f}",
        )
        for mote in measured["motes"]
    ]  # fmt: skip
    head = [
        "mote", "T > 50 °C lastingly from", "temperature shift told", "hours after T > 50 °C", "lead over the range rule, hours",
        "alarms in the first two weeks", "per device-day",
    ]  # fmt: skip
    return f"""## Real failures: Intel Berkeley Lab motes 01, 04, 06

As the battery falls, the temperature runs away. "Lastingly": 45 of 50 consecutive readings. The range rule fires only at T > 100 °C. Negative
hours after T > 50 °C are a lead. An alarm is a run of deviating windows of any feature, apart by more than a day; the first 48 hours are the
reference. The same engine with the same settings, in process.

{table(head, body)}"""
