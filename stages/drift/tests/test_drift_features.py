"""Features of windows: medians, standstill, noise; and never a later row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from iot_drift.features import ROLLING, window_statistics, with_history


def readings(values: list[float | None], every: str = "5min", **columns: object) -> pd.DataFrame:
    times = pd.date_range("2025-06-01", periods=len(values), freq=every)
    usual = {
        "device_id": "sensor_1", "event_time": times, "temperature_celsius": values, "humidity_percent": 50.0,
        "battery_percent": 90.0, "latitude": 47.4, "longitude": 8.5, "is_valid": True,
    }  # fmt: skip
    return pd.DataFrame(usual | columns)


def a_day(seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return readings(list(20 + random.normal(0, 0.2, 288)), battery_percent=np.linspace(90, 86, 288).round(1))


def test_one_spike_moves_no_median() -> None:
    (window,) = window_statistics(readings([20.0, 95.0, 20.2]), 15).to_dict("records")
    assert (window["reading_count"], window["temperature_celsius_median"]) == (3, 20.2)


def test_window_starts_inclusive_and_ends_exclusive() -> None:
    windows = window_statistics(readings([1.0, 2.0, 3.0, 4.0]), 15)
    assert windows["window_start"].dt.strftime("%H:%M").tolist() == ["00:00", "00:15"]
    assert windows["reading_count"].tolist() == [3, 1]


def test_range_of_a_single_reading_is_unknown_and_nulls_are_counted_missing() -> None:
    (window,) = window_statistics(readings([None]), 15).to_dict("records")
    assert np.isnan(window["temperature_celsius_median"])
    assert np.isnan(window["humidity_percent_range"])
    assert window["missing_share"] == pytest.approx(1 / 3)


def test_invalid_readings_are_seen_and_their_share_counted() -> None:
    (window,) = window_statistics(readings([122.0, 122.0], is_valid=[False, None]), 15).to_dict("records")
    assert (window["temperature_celsius_median"], window["invalid_share"]) == (122.0, 1.0)


def test_standstill_grows_and_ends_when_the_value_moves() -> None:
    windows = with_history(window_statistics(readings([20.0] * 9 + [21.0] * 3), 15), 15)
    assert windows["temperature_celsius_unchanged_hours"].tolist() == [0.25, 0.5, 0.75, 0.25]


def test_nobody_saw_it_stand_still_over_a_gap() -> None:
    both = readings([20.0] * 6)
    both.loc[3:, "event_time"] += pd.Timedelta(hours=4)
    windows = with_history(window_statistics(both, 15), 15)
    assert windows["temperature_celsius_unchanged_hours"].tolist() == [0.25, 0.25]


def test_battery_slope_is_percent_a_day_and_unknown_at_first() -> None:
    windows = with_history(window_statistics(a_day(), 15), 15)
    assert windows["battery_percent_slope"].head(24).isna().all()
    assert windows["battery_percent_slope"].iloc[-1] == pytest.approx(-4.0, abs=0.3)


@pytest.mark.parametrize("kept", [1, 30, 60, 95])
def test_a_window_never_uses_later_ones(kept: int) -> None:
    windows = window_statistics(a_day(), 15)
    whole = with_history(windows, 15)[list(ROLLING)].head(kept)
    early = with_history(windows.head(kept), 15)[list(ROLLING)]
    pd.testing.assert_frame_equal(whole, early)


def test_devices_do_not_mix() -> None:
    two = pd.concat([a_day(1), a_day(2).assign(device_id="sensor_2")])
    alone = with_history(window_statistics(a_day(2), 15), 15)
    together = with_history(window_statistics(two, 15), 15).query("device_id == 'sensor_2'")
    pd.testing.assert_frame_equal(
        together[list(ROLLING)].reset_index(drop=True), alone[list(ROLLING)], check_exact=False
    )


def test_lag_is_the_usual_time_from_a_reading_to_its_arrival_and_unknown_without() -> None:
    three = readings([20.0, 20.0, 20.0])
    arrived = three.assign(ingest_time=three["event_time"] + pd.to_timedelta([1, 2, 600], unit="min"))
    assert window_statistics(arrived, 15)["lag_minutes"].tolist() == [2.0]
    assert window_statistics(three, 15)["lag_minutes"].isna().all()


def test_step_is_the_change_since_the_window_before_and_unknown_after_a_gap() -> None:
    values = [10.0] * 3 + [13.0] * 3 + [None] * 30 + [20.0] * 3
    kept = readings(values)
    windows = with_history(window_statistics(kept[kept["temperature_celsius"].notna()], 15), 15)
    assert windows["temperature_celsius_step"].fillna(-1).tolist() == [-1.0, 3.0, -1.0]


def test_spread_follows_the_variance_of_the_last_windows_and_never_later_ones() -> None:
    values = list(np.tile([20.0, 20.0, 20.0], 12)) + list(np.repeat([10.0, 30.0] * 6, 3))
    windows = with_history(window_statistics(readings(values), 15), 15)
    spread = windows["temperature_celsius_spread"].to_numpy()
    assert np.nanmax(spread[:12]) < np.log(0.1) < np.log(5.0) < spread[-1]
    assert np.isnan(spread[:2]).all()


def test_window_of_one_reading_has_a_median_and_no_spread() -> None:
    (window,) = with_history(window_statistics(readings([20.0]), 15), 15).to_dict("records")
    assert window["temperature_celsius_median"] == 20.0
    assert np.isnan([window["temperature_celsius_step"], window["temperature_celsius_spread"]]).all()
