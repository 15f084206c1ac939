"""From deviating windows to findings, with what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_drift.assessment import STORED
from iot_drift.deviations import DEVIATION_NAMES, deviations
from iot_drift.hypotheses import (
    NAMED,
    affine_hypothesis,
    affine_repair,
    place_hypothesis,
    unexplained_shares,
)


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
        ((USUAL + 273.15) - 546.3, "kelvin_to_celsius"),
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


def test_offset_of_a_noisy_thermometer_is_an_offset_and_a_ramp_is_none() -> None:
    weather = np.random.default_rng(1).normal(0, 0.8, len(USUAL))
    found = affine_hypothesis(USUAL, USUAL + 5.0 + weather)
    assert found is not None
    assert found["name"] == "offset"
    assert affine_hypothesis(USUAL, USUAL + np.linspace(0, 20, len(USUAL))) is None


@given(
    st.sampled_from(sorted(NAMED)),
    st.floats(5.0, 20.0),
    st.lists(st.floats(-6.0, 6.0), min_size=12, max_size=60),
)
def test_proposed_repair_undoes_what_was_named(name: str, centre: float, swings: list[float]) -> None:
    usual = np.array([centre + swing for swing in swings])
    factor, offset = NAMED[name]
    found = affine_hypothesis(usual, usual * factor + offset)
    if found is not None and found["name"] in NAMED:
        repair = affine_repair(found)
        back = (usual * factor + offset) * repair["factor"] + repair["offset"]
        np.testing.assert_allclose(
            back, usual, atol=max(0.02, 0.16 * np.median(np.abs(usual * factor + offset - usual)))
        )


def test_every_hypothesis_is_told_with_what_it_leaves_unexplained() -> None:
    told = unexplained_shares(USUAL, USUAL * 1.8 + 32)
    assert next(iter(told)) == "celsius_to_fahrenheit"
    assert told["celsius_to_fahrenheit"] == 0.0
    assert set(told) == {*NAMED, "offset"}
    assert unexplained_shares(USUAL[:5], USUAL[:5]) == {}


@pytest.mark.parametrize(
    ("observed", "name", "repair"),
    [
        ((8.54, 47.37), "latitude_longitude_swapped", {"swap": ["latitude", "longitude"]}),
        ((-47.37, 8.54), "sign_of_latitude", {"factor": -1.0, "offset": 0.0, "field": "latitude"}),
        ((47.37, -8.54), "sign_of_longitude", {"factor": -1.0, "offset": 0.0, "field": "longitude"}),
        ((0.0, 0.0), "null_island", None),
        ((48.86, 2.35), "moved", None),
    ],
)
def test_place_that_changed_says_how(
    observed: tuple[float, float], name: str, repair: dict[str, Any] | None
) -> None:
    told = place_hypothesis((47.37, 8.54), observed)
    assert (told["name"], told.get("proposed_repair")) == (name, repair)


def test_paris_is_490_kilometres_from_zurich() -> None:
    assert place_hypothesis((47.37, 8.54), (48.86, 2.35))["kilometres"] == pytest.approx(490, abs=5)


def test_swapped_coordinates_are_a_suspected_unit_with_the_swap_as_repair() -> None:
    rows = deviating("sensor_1").assign(
        temperature_celsius_shift_excess=np.nan, latitude_shift=1900.0, latitude_shift_excess=300.0,
        latitude_shift_limit=6.0, latitude_shift_since_minutes=30.0, latitude_median=8.54, longitude_median=47.37,
    )  # fmt: skip
    found = deviations(rows, 10, {"sensor_1": {"latitude_median": 47.37, "longitude_median": 8.54}})
    assert [each.kind for each in found] == ["UNIT_SUSPECT", "VALUE_SHIFT"]
    assert found[0].evidence["proposed_repair"] == {"swap": ["latitude", "longitude"]}
    assert found[0].evidence["features"] == [
        {
            "feature": "latitude_shift",
            "usual": 47.37,
            "observed": 8.54,
            "unit": "degree",
            "size": 1900.0,
            "limit": 6.0,
        }
    ]


def test_features_that_deviate_with_it_are_told_after_its_own() -> None:
    rows = deviating("sensor_1").assign(
        humidity_percent_shift=-30.0, humidity_percent_shift_excess=5.0, humidity_percent_shift_limit=6.0,
        humidity_percent_shift_since_minutes=30.0, humidity_percent_median=20.0, humidity_percent_expected=60.0,
    )  # fmt: skip
    warm = next(each for each in deviations(rows, 10) if each.field == "temperature_celsius")
    assert [each["feature"] for each in warm.evidence["features"]] == [
        "temperature_celsius_shift", "humidity_percent_shift",
    ]  # fmt: skip
    assert warm.evidence["features"][1] | {"limit": 6.0} == {
        "feature": "humidity_percent_shift", "usual": 60.0, "observed": 20.0, "unit": "%", "size": -30.0, "limit": 6.0,
    }  # fmt: skip


def test_shift_of_a_sensor_that_stands_still_is_told_as_its_standstill() -> None:
    rows = deviating("sensor_1").assign(
        temperature_celsius_median=31.0, temperature_celsius_stuck=2.0, temperature_celsius_stuck_excess=2.0,
        temperature_celsius_stuck_limit=1.0, temperature_celsius_unchanged_hours=6.0,
    )  # fmt: skip
    found = {each.kind: each.evidence for each in deviations(rows, 10)}
    assert found["VALUE_SHIFT"]["hypothesis"] == {"name": "stuck", "value": 31.0}
    assert "proposed_repair" not in found["STUCK"]
    assert "UNIT_SUSPECT" not in found
