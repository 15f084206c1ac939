"""From deviating windows to findings, with what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from iot_drift.assessment import STORED
from iot_drift.deviations import DEVIATION_NAMES, deviations
from iot_drift.hypotheses import affine_hypothesis


def deviating(device: str, **columns: Any) -> pd.DataFrame:
    """Twelve hours of windows of one device, five degrees too warm."""
    usual = 15 + 5 * np.sin(np.arange(48) / 8)
    frame = pd.DataFrame(dict.fromkeys((*STORED, *DEVIATION_NAMES), np.nan), index=range(48))
    times = pd.date_range("2025-06-04", periods=48, freq="15min")
    frame = frame.assign(
        device_id=device, window_start=times, window_minutes=15, score=0.7, threshold=0.6, model_id="m",
        temperature_celsius_expected=usual, temperature_celsius_median=usual + 5.0, temperature_celsius_shift=9.0,
        temperature_celsius_shift_excess=1.5, temperature_celsius_shift_limit=6.0,
        temperature_celsius_shift_since_minutes=30.0,
    )  # fmt: skip
    return frame.assign(**columns)


def test_finding_says_field_device_onset_values_and_threshold() -> None:
    (one,) = deviations(deviating("sensor_1"), 100)
    assert (one.kind, one.field, one.devices, one.device_share) == (
        "VALUE_SHIFT", "temperature_celsius", ("sensor_1",), 0.01,
    )  # fmt: skip
    assert (str(one.onset), one.occurrence_count) == ("2025-06-03 23:30:00+00:00", 48)
    assert (one.evidence["limit"], one.evidence["unit"], one.evidence["largest"]) == (6.0, "°C", 9.0)
    assert one.evidence["hypothesis"]["name"] == "offset"


def test_standstill_began_when_it_last_moved() -> None:
    rows = deviating("sensor_1").head(1).assign(
        temperature_celsius_shift_excess=np.nan, temperature_celsius_stuck_excess=1.1,
        temperature_celsius_stuck_limit=1.0, temperature_celsius_stuck=1.1, temperature_celsius_unchanged_hours=3.25,
    )  # fmt: skip
    (one,) = deviations(rows, 100)
    assert (one.kind, str(one.onset)) == ("STUCK", "2025-06-03 21:00:00+00:00")


def test_change_that_many_devices_share_is_louder_and_says_so() -> None:
    every = pd.concat([deviating(f"sensor_{number}") for number in range(3)])
    found = deviations(every, 4)
    assert [each.severity for each in found] == ["CRITICAL"] * 3
    assert {each.evidence["devices_alike"] for each in found} == {3}
    assert deviations(every.sample(frac=1.0, random_state=1), 4) == found


def test_no_deviating_window_is_no_finding() -> None:
    assert deviations(deviating("sensor_1").head(0), 4) == []


USUAL = np.linspace(10.0, 25.0, 40)


@pytest.mark.parametrize(
    ("observed", "name"),
    [
        (USUAL * 1.8 + 32, "celsius_to_fahrenheit"),
        (USUAL + 273.15, "celsius_to_kelvin"),
        (USUAL * 100, "times_100"),
        (USUAL / 100, "divided_by_100"),
        (-USUAL, "sign"),
        (USUAL + 5.3, "offset"),
    ],
)
def test_affine_changes_are_named(observed: np.ndarray, name: str) -> None:
    jitter = np.random.default_rng(0).normal(0, 0.05, len(USUAL))
    found = affine_hypothesis(USUAL, observed + jitter)
    assert found is not None
    assert found["name"] == name


def test_sensor_that_stands_still_far_away_is_no_offset() -> None:
    assert affine_hypothesis(USUAL, np.full(40, 122.15)) is None


def test_too_few_windows_prove_nothing() -> None:
    assert affine_hypothesis(USUAL[:5], USUAL[:5] + 5) is None
