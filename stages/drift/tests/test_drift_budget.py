"""False alarms on healthy fleets against the budget that was asked for, in process and over several seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from iot_drift.assessment import ReferencePeriod, assess
from iot_drift.baseline import Z_NAMES
from iot_drift.detector import RATES, STUCK, Rules, judge_windows
from iot_drift.features import STATISTICS
from iot_drift.training import fit_judge

NOTHING_STORED = pd.DataFrame(columns=["device_id", "window_start", "reading_count", "is_reference"])
DEVICES, DAYS, REFERENCE_DAYS = 30, 9, 4


def healthy_fleet(seed: int) -> pd.DataFrame:
    """Windows of three places with daily cycles, weather that places share, gaps, and noise that lasts for hours."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2025-06-01", periods=DAYS * 96, freq="15min")
    quarter = np.arange(len(times))
    frames = []
    for place in range(3):
        weather = np.cumsum(random.normal(0, 0.08, len(times)))
        weather -= np.linspace(weather[0], weather[-1], len(times))
        for number in range(DEVICES // 3):
            cycle = random.uniform(2, 6) * np.cos(2 * np.pi * (quarter / 96 - 0.6))
            drafts = pd.Series(random.normal(0, 0.5, len(times))).ewm(span=8).mean().to_numpy()
            warmth = cycle + weather + drafts
            frame = pd.DataFrame({"device_id": f"sensor_{place}{number}", "window_start": times})
            frame["reading_count"] = random.integers(1, 4, len(times))
            frame[list(STATISTICS)] = 0.0
            frame["temperature_celsius_median"] = 15 + number + warmth + random.normal(0, 0.2, len(times))
            frame["humidity_percent_median"] = 60 - 2 * warmth + random.normal(0, 0.8, len(times))
            frame["battery_percent_median"] = (95 - quarter * random.uniform(1, 5) / 96).round(1)
            for field, size in (
                ("temperature_celsius", 0.2),
                ("humidity_percent", 0.8),
                ("battery_percent", 0.05),
            ):
                frame[f"{field}_jitter"] = np.abs(random.normal(0, size, len(times)))
                frame[f"{field}_range"] = 2 * frame[f"{field}_jitter"]
            frame["lag_minutes"] = random.exponential(1.0, len(times))
            frame["latitude_median"] = 47.4 + place
            frame["longitude_median"] = 8.5 + random.normal(0, 0.001, len(times))
            frames.append(frame[random.random(len(times)) > 0.02])
    return pd.concat(frames, ignore_index=True)


def alarms_and_days(seed: int, budget: float) -> tuple[int, int]:
    """Device-days with a deviating window, and device-days that were scored."""
    period = ReferencePeriod(hours=24.0 * REFERENCE_DAYS, min_windows=48)
    rules = Rules(false_alarms_per_1000_device_days=budget)
    found = assess(healthy_fleet(seed), NOTHING_STORED, NOTHING_STORED, period, rules)
    assert found.detector is not None
    judged = judge_windows(found.windows, found.detector.judge)
    scored = judged[~judged["is_reference"]].assign(day=lambda rows: rows["window_start"].dt.floor("D"))
    alarms = scored[scored["is_anomalous"]].drop_duplicates(["device_id", "day"])
    return len(alarms), len(scored.drop_duplicates(["device_id", "day"]))


def test_healthy_fleets_raise_no_alarm_at_the_usual_budget() -> None:
    counted = [alarms_and_days(seed, 1.0) for seed in range(2)]
    assert counted == [(0, DEVICES * (DAYS - REFERENCE_DAYS))] * 2


def loud_sizes(seed: int, days: int, devices: int = 20) -> pd.DataFrame:
    """Residuals that go on for windows and reach beyond the floor of the limits: the budget alone holds them."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2025-06-01", periods=96 * days, freq="15min")
    values = random.normal(size=(devices, len(times), len(Z_NAMES)))
    for row in range(1, len(times)):
        values[:, row] = 0.5 * values[:, row - 1] + 0.75**0.5 * values[:, row]
    names = np.repeat([f"sensor_{number}" for number in range(devices)], len(times))
    frame = pd.DataFrame({"device_id": names, "window_start": np.tile(times, devices)})
    frame[list(Z_NAMES)] = 4.0 * values.reshape(-1, len(Z_NAMES))
    return frame.assign(**dict.fromkeys([*RATES, *STUCK], 0.0), is_reference=False)


@pytest.mark.parametrize("budget", [100.0, 300.0])
def test_realised_false_alarms_are_of_the_order_of_the_budget(budget: float) -> None:
    alarms, days = 0, 0
    for seed in range(3):
        judge = fit_judge(loud_sizes(seed, 7), Rules(false_alarms_per_1000_device_days=budget))
        judged = judge_windows(loud_sizes(100 + seed, 15), judge)
        dated = judged.assign(day=judged["window_start"].dt.floor("D"))
        alarms += len(dated[dated["is_anomalous"]].drop_duplicates(["device_id", "day"]))
        days += len(dated.drop_duplicates(["device_id", "day"]))
    assert 0.1 * budget * days / 1000.0 <= alarms <= budget * days / 1000.0
