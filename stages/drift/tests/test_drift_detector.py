"""The statistical detector on a small synthetic fleet: what it finds, what it leaves alone, and that it repeats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from iot_drift.assessment import ReferencePeriod, assess
from iot_drift.detector import (
    Judge,
    Rules,
    anomaly_scores,
    budget_threshold,
    judge_windows,
    persistent,
)
from iot_drift.features import PLACE, STATISTICS

DEVICES = 6
DAYS = 4
PERIOD = ReferencePeriod(hours=48.0, min_windows=48)
NOTHING_STORED = pd.DataFrame(columns=["device_id", "window_start", "reading_count", "is_reference"])

Change = Callable[[pd.DataFrame], None]


def fleet(change: Change | None = None, seed: int = 3) -> pd.DataFrame:
    """Window statistics of one place with a daily cycle and shared weather; `change` edits the last two days."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2025-06-01", periods=DAYS * 96, freq="15min")
    cycle = 4 * np.cos(2 * np.pi * (np.arange(len(times)) / 96 - 0.6))
    weather = 0.8 * np.sin(np.arange(len(times)) / 60.0)
    frames = []
    for number in range(DEVICES):
        frame = pd.DataFrame({"device_id": f"sensor_{number}", "window_start": times, "reading_count": 3})
        for name in STATISTICS:
            frame[name] = 0.0
        noise = random.normal(0, 0.15, len(times))
        frame["temperature_celsius_median"] = 15 + number + cycle + weather + noise
        frame["humidity_percent_median"] = 60 - 2 * (cycle + weather) + random.normal(0, 0.5, len(times))
        frame["battery_percent_median"] = (95 - np.arange(len(times)) * 3 / 96).round(1)
        for field, size in (("temperature_celsius", 0.15), ("humidity_percent", 0.5)):
            frame[f"{field}_jitter"] = np.abs(random.normal(size, size / 4, len(times)))
            frame[f"{field}_range"] = 2 * frame[f"{field}_jitter"]
        for axis in PLACE:
            frame[f"{axis}_median"] = 47.4
        frames.append(frame)
    whole = pd.concat(frames, ignore_index=True)
    if change:
        change(whole)
    return whole


def late(windows: pd.DataFrame, device: str | None = "sensor_1") -> pd.Series:
    """Rows of the last day, of one device or of all."""
    on_time = windows["window_start"] >= "2025-06-04"
    return on_time if device is None else on_time & (windows["device_id"] == device)


def judged(windows: pd.DataFrame, rules: Rules = Rules()) -> pd.DataFrame:  # noqa: B008
    found = assess(windows, NOTHING_STORED, NOTHING_STORED, PERIOD, rules)
    assert found.detector is not None
    return judge_windows(found.windows, found.detector.judge)


def deviating(windows: pd.DataFrame) -> set[tuple[str, str]]:
    rows = windows[windows["is_anomalous"]]
    return set(zip(rows["device_id"], rows["top_feature"], strict=True))


def add(column: str, amount: float, device: str | None = "sensor_1") -> Change:
    def change(windows: pd.DataFrame) -> None:
        windows.loc[late(windows, device), column] += amount

    return change


@pytest.fixture(scope="module")
def healthy() -> pd.DataFrame:
    return judged(fleet())


def test_healthy_fleet_deviates_nowhere(healthy: pd.DataFrame) -> None:
    assert deviating(healthy) == set()


def test_reference_windows_train_and_are_not_scored(healthy: pd.DataFrame) -> None:
    reference = healthy[healthy["is_reference"]]
    assert reference["window_start"].max() < pd.Timestamp("2025-06-03")
    assert reference["score"].isna().all()
    assert healthy[~healthy["is_reference"]]["score"].between(0, 1).all()


def test_offset_of_one_device_is_a_shift_from_its_first_window() -> None:
    rows = judged(fleet(add("temperature_celsius_median", 5.0)))
    assert deviating(rows) == {("sensor_1", "temperature_celsius_shift")}
    first = rows[rows["is_anomalous"]].iloc[0]
    onset = first["window_start"] - pd.Timedelta(minutes=first["temperature_celsius_shift_since_minutes"])
    assert onset == pd.Timestamp("2025-06-04")


def test_weather_that_all_neighbours_share_is_no_drift() -> None:
    assert deviating(judged(fleet(add("temperature_celsius_median", 5.0, None)))) == set()


def test_two_degrees_are_a_shift_while_the_neighbours_measure_what_is_usual() -> None:
    rows = judged(fleet(add("temperature_celsius_median", 2.0)))
    assert deviating(rows) == {("sensor_1", "temperature_celsius_shift")}


def at_three_places(windows: pd.DataFrame) -> None:
    for number in range(DEVICES):
        windows.loc[windows["device_id"] == f"sensor_{number}", "latitude_median"] += 10.0 * (number % 3)


def test_warmth_everywhere_that_does_not_dry_the_air_is_a_change_of_the_devices() -> None:
    def warmer(windows: pd.DataFrame) -> None:
        at_three_places(windows)
        add("temperature_celsius_median", 5.0, None)(windows)

    def heat_wave(windows: pd.DataFrame) -> None:
        warmer(windows)
        add("humidity_percent_median", -10.0, None)(windows)

    everyone = {(f"sensor_{number}", "temperature_celsius_shift") for number in range(DEVICES)}
    assert deviating(judged(fleet(warmer))) == everyone
    assert deviating(judged(fleet(heat_wave))) == set()


NEIGHBOURS = [f"sensor_{number}" for number in range(DEVICES - 2)]


def test_warmth_at_one_place_is_weather_if_it_dries_the_air_there_and_a_drift_if_not() -> None:
    def warmer(windows: pd.DataFrame) -> None:
        windows.loc[windows["device_id"].isin(NEIGHBOURS), "latitude_median"] += 10.0
        warm = late(windows, None) & windows["device_id"].isin(NEIGHBOURS)
        windows.loc[warm, "temperature_celsius_median"] += 8.0

    def heat_wave(windows: pd.DataFrame) -> None:
        warmer(windows)
        dry = late(windows, None) & windows["device_id"].isin(NEIGHBOURS)
        windows.loc[dry, "humidity_percent_median"] -= 16.0

    found = deviating(judged(fleet(warmer)))
    assert {device for device, field in found if field == "temperature_celsius_shift"} == set(NEIGHBOURS)
    assert deviating(judged(fleet(heat_wave))) == set()


def test_rain_at_one_place_breaks_the_relation_there_and_is_no_drift() -> None:
    def rain(windows: pd.DataFrame) -> None:
        at_three_places(windows)
        wet = late(windows, None) & windows["device_id"].isin(["sensor_0", "sensor_3"])
        windows.loc[wet, "humidity_percent_median"] += 7.0

    assert deviating(judged(fleet(rain))) == set()


def test_fleet_wide_unit_flip_is_seen_against_the_past() -> None:
    rows = judged(fleet(add("temperature_celsius_median", 45.0, None)))
    assert len(deviating(rows)) == DEVICES


def test_healthy_device_among_neighbours_that_run_away_is_left_alone() -> None:
    def run_away(windows: pd.DataFrame) -> None:
        rows = late(windows, None) & ~windows["device_id"].isin(["sensor_0", "sensor_1"])
        windows.loc[rows, "temperature_celsius_median"] += 100.0

    found = deviating(judged(fleet(run_away)))
    assert {device for device, _ in found} == {f"sensor_{number}" for number in range(2, DEVICES)}


def test_standstill_is_stuck() -> None:
    def freeze(windows: pd.DataFrame) -> None:
        rows = late(windows)
        windows.loc[rows, "temperature_celsius_median"] = 16.0
        windows.loc[rows, ["temperature_celsius_range", "temperature_celsius_jitter"]] = 0.0

    assert ("sensor_1", "temperature_celsius_stuck") in deviating(judged(fleet(freeze)))


def test_louder_jitter_is_noise() -> None:
    rows = judged(fleet(add("humidity_percent_jitter", 8.0)))
    assert deviating(rows) == {("sensor_1", "humidity_percent_noise_z")}


def test_one_odd_window_is_an_event_and_no_drift() -> None:
    def spike(windows: pd.DataFrame) -> None:
        rows = (windows["window_start"] == "2025-06-04 10:00") & (windows["device_id"] == "sensor_1")
        windows.loc[rows, "temperature_celsius_median"] += 40.0

    assert deviating(judged(fleet(spike))) == set()


def test_new_battery_is_no_drift_and_an_emptying_one_is() -> None:
    assert deviating(judged(fleet(add("battery_percent_median", 20.0)))) == set()
    drained = deviating(judged(fleet(add("battery_percent_median", -30.0))))
    assert drained == {("sensor_1", "battery_percent_shift")}


def test_all_nulls_and_no_neighbours_give_no_finding_and_no_error() -> None:
    def silence(windows: pd.DataFrame) -> None:
        windows.loc[late(windows), "temperature_celsius_median"] = np.nan

    assert deviating(judged(fleet(silence))) == set()
    alone = fleet().query("device_id == 'sensor_1'").reset_index(drop=True)
    assert deviating(judged(alone)) == set()


def test_no_reference_yet_gives_no_detector() -> None:
    short = fleet().groupby("device_id").head(40)
    found = assess(short, NOTHING_STORED, NOTHING_STORED, PERIOD, Rules())
    assert found.detector is None
    assert found.windows["is_reference"].all()


def test_same_rows_and_seed_give_the_same_scores_in_any_order(healthy: pd.DataFrame) -> None:
    shuffled = judged(fleet().sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(shuffled[healthy.columns], healthy)


def test_another_seed_is_another_model() -> None:
    ids = {
        assess(fleet(), NOTHING_STORED, NOTHING_STORED, PERIOD, Rules(seed=seed)).detector.judge.model_id  # type: ignore[union-attr]
        for seed in (1, 2)
    }
    assert len(ids) == 2


def test_score_never_uses_later_windows(healthy: pd.DataFrame) -> None:
    cut = pd.Timestamp("2025-06-03 18:00")
    early = judged(fleet()[lambda windows: windows["window_start"] < cut])
    whole = healthy[healthy["window_start"] < cut].reset_index(drop=True)
    pd.testing.assert_frame_equal(early[["score", "is_anomalous"]], whole[["score", "is_anomalous"]])


def test_score_saturates_outside_the_training_range() -> None:
    training = np.random.default_rng(0).normal(size=(500, 3))
    far, further = anomaly_scores(np.array([[9.0, 0, 0], [900.0, 0, 0]]), training, seed=1)
    assert far == further > anomaly_scores(np.zeros((1, 3)), training, seed=1)[0]


def test_persistent_needs_three_of_four_windows_of_one_device() -> None:
    sizes = np.array([9.0, 9.0, 0.0, 9.0, 9.0, 9.0, 9.0])
    codes = np.array([0, 0, 0, 0, 1, 1, 1])
    assert persistent(sizes, codes, Rules()).tolist() == [0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 9.0]


def test_smaller_budget_gives_a_higher_threshold() -> None:
    largest = np.random.default_rng(0).gumbel(2.0, 0.5, 400)
    strict, loose = budget_threshold(largest, 1e-4), budget_threshold(largest, 1e-2)
    assert strict > loose > np.quantile(largest, 0.97)
    assert strict == pytest.approx(2.0 + 0.5 * 9.21, rel=0.15)


def test_judge_travels_without_a_fitted_estimator() -> None:
    found = assess(fleet(), NOTHING_STORED, NOTHING_STORED, PERIOD, Rules())
    assert found.detector is not None
    judge: Judge = found.detector.judge
    assert {type(value).__name__ for value in vars(judge).values()} == {
        "Forest",
        "dict",
        "float",
        "Rules",
        "str",
    }
