"""What becomes of models: challenged once a day, promoted only if better; and accepted changes as a new normal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from iot_drift.assessment import Assessment, Memory, ReferencePeriod, assess, needs_reference
from iot_drift.baseline import Z_NAMES
from iot_drift.challenge import Figures, allowed_alarms, challenge, known_bad
from iot_drift.detector import RATES, STUCK, Judge, Rules, judge_of, judge_windows
from iot_drift.features import STATISTICS
from iot_drift.model_life import decided, is_due, stream_time
from iot_drift.model_rows import CHAMPION, REJECTED, RETIRED, Provenance, model_row
from iot_drift.new_normal import VALUES, new_normals
from iot_drift.training import facts_of, fit_judge

RULES = Rules()
PERIOD = ReferencePeriod(hours=48.0, min_windows=48)
UNTIL = pd.Timestamp("2025-06-11")
MADE = Provenance(datetime(2025, 6, 3, tzinfo=UTC), pd.Timestamp("2025-06-03"), {}, "q/3", "1.2.3")
NONE = pd.DataFrame(columns=["device_id", "window_start", "reading_count", "is_reference", *VALUES[1:]])


def sizes(devices: int, days: int, seed: int = 0, scale: float = 1.5) -> pd.DataFrame:
    """Residuals of a healthy fleet, without any relation between windows."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2025-06-01", periods=96 * days, freq="15min")
    names = np.repeat([f"sensor_{number}" for number in range(devices)], len(times))
    frame = pd.DataFrame({"device_id": names, "window_start": np.tile(times, devices)})
    frame[list(Z_NAMES)] = random.normal(scale=scale, size=(len(frame), len(Z_NAMES)))
    return frame.assign(**dict.fromkeys([*RATES, *STUCK], 0.0))


@pytest.fixture(scope="module")
def recent() -> pd.DataFrame:
    return sizes(10, 10, seed=4).assign(is_anomalous=False)


@pytest.fixture(scope="module")
def champion() -> Judge:
    return fit_judge(sizes(10, 2), RULES)


def with_limits(judge: Judge, factor: float) -> Judge:
    """The same forest with other limits."""
    limits = {name: size * factor for name, size in judge.thresholds.items()}
    return judge_of(judge.forest, limits, min(1.0, judge.score_threshold * factor), judge.rules)


def a_figure(**changed: int) -> Figures:
    usual = dict.fromkeys(Figures.__dataclass_fields__, 0) | {"device_days": 100, "allowed_alarms": 1}
    return Figures(**(usual | {"probes": 10, "champion_probes": 5, "challenger_probes": 5} | changed))


@pytest.mark.parametrize(
    ("figures", "better"),
    [({}, False), ({"challenger_probes": 6}, True), ({"challenger_probes": 4}, False),
     ({"challenger_probes": 9, "challenger_alarms": 2}, False),
     ({"challenger_probes": 6, "challenger_alarms": 1}, True),
     ({"champion_alarms": 3, "challenger_alarms": 2}, True),
     ({"known": 9, "champion_known": 9, "challenger_known": 8, "challenger_probes": 9}, False)],
)  # fmt: skip
def test_better_is_more_found_within_the_budget_and_nothing_lost(
    figures: dict[str, int], better: bool
) -> None:
    assert a_figure(**figures).is_better is better


def test_challenger_replaces_a_champion_that_finds_too_little(champion: Judge, recent: pd.DataFrame) -> None:
    found = challenge(with_limits(champion, 3.0), sizes(10, 2), recent, [], UNTIL)
    assert found.figures is not None
    assert found.figures.device_days == 10
    assert found.figures.challenger_probes > found.figures.champion_probes
    assert found.figures.is_better


def test_challenger_with_no_gain_is_rejected(champion: Judge, recent: pd.DataFrame) -> None:
    eager = with_limits(champion, 0.5)
    found = challenge(eager, sizes(10, 2), recent, [], UNTIL)
    assert found.figures is not None
    assert found.figures.champion_probes > found.figures.challenger_probes
    assert not found.figures.is_better


def test_known_bad_windows_do_not_train(champion: Judge, recent: pd.DataFrame) -> None:
    spoilt = recent.copy()
    bad = (spoilt["device_id"] == "sensor_3") & (spoilt["window_start"] < "2025-06-10")
    spoilt.loc[bad, "temperature_celsius_shift"] = 50.0
    finding = ("sensor_3", pd.Timestamp("2025-06-01"), pd.Timestamp("2025-06-09 23:45"))
    reference = sizes(10, 2)
    excluded = challenge(champion, reference, spoilt, [finding], UNTIL)
    assert excluded.facts.excluded == bad.sum()
    without = challenge(champion, reference, spoilt[~bad], [], UNTIL)
    assert excluded.judge.model_id == without.judge.model_id
    assert (
        challenge(champion, reference, spoilt.assign(is_anomalous=bad), [], UNTIL).facts.excluded == bad.sum()
    )


def test_same_windows_make_the_same_challenger(champion: Judge, recent: pd.DataFrame) -> None:
    one, other = (challenge(champion, sizes(10, 2), recent, [], UNTIL) for _ in range(2))
    assert (one.judge.model_id, one.figures) == (other.judge.model_id, other.figures)


def test_nothing_held_back_decides_nothing(champion: Judge, recent: pd.DataFrame) -> None:
    found = challenge(champion, sizes(10, 2), recent.iloc[:0], [], UNTIL)
    assert found.figures is None


def test_known_bad_reaches_from_onset_to_last_deviation_of_its_device() -> None:
    rows = pd.DataFrame({"device_id": ["a", "a", "a", "b"], "window_start": pd.to_datetime(
        ["2025-06-01 10:00", "2025-06-01 11:00", "2025-06-01 12:00", "2025-06-01 11:00"])})  # fmt: skip
    finding = ("a", pd.Timestamp("2025-06-01 11:00"), pd.Timestamp("2025-06-01 11:30"))
    assert known_bad(rows, [finding]).tolist() == [False, True, False, False]


@pytest.mark.parametrize(("expected", "allowed"), [(0.0, 0), (0.05, 0), (0.2, 1), (1.0, 3), (10.0, 15)])
def test_allowed_alarms_are_those_of_a_poisson_process(expected: float, allowed: int) -> None:
    assert allowed_alarms(expected) == allowed


def stored(judge: Judge, **changed: Any) -> dict[str, Any]:
    return model_row(judge, facts_of(sizes(2, 2), 0), MADE, CHAMPION, "the first") | changed


def test_promotion_retires_the_champion_and_keeps_both(champion: Judge, recent: pd.DataFrame) -> None:
    weak = with_limits(champion, 3.0)
    found = challenge(weak, sizes(10, 2), recent, [], UNTIL)
    rows = decided(stored(weak), found, replace(MADE, trained_until=UNTIL))
    assert [row["role"] for row in rows] == [RETIRED, CHAMPION]
    assert rows[1]["holdout"] is not None
    assert "injected deviations" in rows[1]["role_reason"]
    assert rows[0]["node_left"] is not None


def test_rejection_leaves_the_champion_and_the_next_challenge_is_a_day_later(champion: Judge) -> None:
    found = challenge(
        champion, sizes(10, 2, scale=1.5, seed=2), sizes(1, 1).iloc[:0].assign(is_anomalous=[]), [], UNTIL
    )
    rows = decided(stored(champion), found, replace(MADE, trained_until=UNTIL))
    assert [row["role"] for row in rows] == [CHAMPION, REJECTED]
    assert rows[0]["challenged_until"] == datetime(2025, 6, 11, tzinfo=UTC)
    assert not is_due(rows[0], UNTIL + pd.Timedelta(hours=23), 24.0)
    assert is_due(rows[0], UNTIL + pd.Timedelta(hours=24), 24.0)
    assert not is_due(rows[0], UNTIL + pd.Timedelta(days=9), 0.0)


def test_the_same_model_again_is_no_second_row(champion: Judge) -> None:
    found = replace(challenge(champion, sizes(10, 2), sizes(1, 1).assign(is_anomalous=False), [], UNTIL),
                    judge=champion)  # fmt: skip
    (row,) = decided(stored(champion), found, MADE)
    assert (row["role"], row["role_reason"]) == (CHAMPION, "the challenger was the same model")


def test_one_clock_years_ahead_does_not_move_the_time_of_the_stream() -> None:
    rows = pd.DataFrame({"device_id": ["a", "b", "c"], "reading_count": 3, "window_start": pd.to_datetime(
        ["2025-06-01 10:00", "2025-06-01 10:15", "2041-01-01 00:00"])})  # fmt: skip
    assert stream_time(rows, 15) == pd.Timestamp("2025-06-01 10:30")
    assert stream_time(rows.assign(reading_count=0), 15) is None


# --- Accepted changes -------------------------------------------------------------------------------------------------

ONSET = pd.Timestamp("2025-06-03 12:00")


def warmer(later: float = 0.0, since: pd.Timestamp = ONSET) -> pd.DataFrame:
    """Six devices over six days; sensor_1 is 8 degrees warmer from `since` on, and `later` more on the last day."""
    random = np.random.default_rng(3)
    times = pd.date_range("2025-06-01", periods=6 * 96, freq="15min")
    cycle = 4 * np.cos(2 * np.pi * (np.arange(len(times)) / 96 - 0.6))
    frames = []
    for number in range(6):
        frame = pd.DataFrame({"device_id": f"sensor_{number}", "window_start": times, "reading_count": 3})
        frame[list(STATISTICS)] = 0.0
        usual_values = {"temperature_celsius": 15 + number + cycle, "humidity_percent": 60 - 2 * cycle}
        for (name, usual), noise in zip(usual_values.items(), (0.15, 0.5), strict=True):
            frame[f"{name}_median"] = usual + random.normal(0, noise, len(times))
            frame[f"{name}_jitter"] = np.abs(random.normal(noise, noise / 4, len(times)))
            frame[f"{name}_range"] = 2 * frame[f"{name}_jitter"]
        frame["battery_percent_median"] = (95 - np.arange(len(times)) * 3 / 96).round(1)
        frame["latitude_median"] = frame["longitude_median"] = 47.4
        frames.append(frame)
    windows = pd.concat(frames, ignore_index=True)
    mine = windows["device_id"] == "sensor_1"
    windows.loc[mine & (windows["window_start"] >= since), "temperature_celsius_median"] += 8.0
    windows.loc[mine & (windows["window_start"] >= "2025-06-06"), "temperature_celsius_median"] += later
    return windows


def first_batch(windows: pd.DataFrame) -> tuple[Assessment, pd.DataFrame]:
    """All windows in one batch, and the table they leave."""
    found = assess(windows, NONE, NONE, PERIOD, RULES)
    assert found.detector is not None
    return found, judge_windows(found.windows, found.detector.judge)


def second_batch(
    found: Assessment,
    table: pd.DataFrame,
    touched: pd.DataFrame,
    normals: dict[tuple[str, str], pd.Timestamp],
) -> tuple[Assessment, pd.DataFrame]:
    """A batch that reads what the one before has stored."""
    assert found.detector is not None
    memory = Memory(found.detector.judge, found.usual, normals)
    stored_windows = table[
        ["device_id", "window_start", "reading_count", "is_reference", *found.windows.columns[5:]]
    ]
    reference = table[table["is_reference"]] if needs_reference(touched, memory, PERIOD) else None
    again = assess(touched, stored_windows, reference, PERIOD, RULES, memory, table)
    assert again.detector is not None
    return again, judge_windows(again.windows, again.detector.judge)


def shifts(judged: pd.DataFrame) -> pd.DataFrame:
    return judged[judged["is_written"] & judged["is_anomalous"]]


def next_windows(windows: pd.DataFrame) -> pd.DataFrame:
    return windows[windows["window_start"] >= "2025-06-06"].reset_index(drop=True)


def earlier(windows: pd.DataFrame) -> pd.DataFrame:
    return windows[windows["window_start"] < "2025-06-06"].reset_index(drop=True)


def test_settled_devices_are_judged_by_stored_baselines_alone_and_alike() -> None:
    windows = warmer()
    found, table = first_batch(earlier(windows))
    assert found.detector is not None
    assert not needs_reference(next_windows(windows), Memory(found.detector.judge, found.usual), PERIOD)
    again, judged = second_batch(found, table, next_windows(windows), {})
    assert again.usual is None
    whole = first_batch(windows)[1]
    names = ["device_id", "window_start", "score", "temperature_celsius_shift", "is_anomalous"]
    written = judged.loc[judged["is_written"], names].reset_index(drop=True)
    expected = whole.loc[whole["window_start"] >= "2025-06-06", names].reset_index(drop=True)
    pd.testing.assert_frame_equal(written, expected)


def test_accepted_change_is_the_new_normal_and_is_judged_anew_since_its_onset() -> None:
    windows = warmer()
    found, table = first_batch(earlier(windows))
    assert set(shifts(table)["device_id"]) == {"sensor_1"}
    normals = {("sensor_1", "temperature_celsius"): ONSET}
    again, judged = second_batch(found, table, next_windows(windows), normals)
    assert again.usual is not None
    assert (dict(again.usual.normals), again.usual.learning) == (normals, frozenset())
    assert judged.loc[judged["is_written"], "window_start"].min() == ONSET
    assert shifts(judged).empty


def test_later_change_from_the_new_normal_is_found() -> None:
    windows = warmer(later=-8.0)
    found, table = first_batch(earlier(windows))
    normals = {("sensor_1", "temperature_celsius"): ONSET}
    rows = shifts(second_batch(found, table, next_windows(windows), normals)[1])
    assert set(zip(rows["device_id"], rows["top_feature"], strict=True)) == {
        ("sensor_1", "temperature_celsius_shift")
    }
    assert rows["window_start"].min() >= pd.Timestamp("2025-06-06")


def test_field_is_not_judged_until_its_new_reference_is_long_enough_and_others_are() -> None:
    yesterday = pd.Timestamp("2025-06-05")
    windows = warmer(later=-8.0, since=yesterday)
    mine = (windows["device_id"] == "sensor_1") & (windows["window_start"] >= "2025-06-06")
    windows.loc[mine, "humidity_percent_median"] += 30.0
    found, table = first_batch(earlier(windows))
    normals = {("sensor_1", "temperature_celsius"): yesterday}
    again, judged = second_batch(
        found, table, next_windows(windows).query("window_start < '2025-06-06 06:00'"), normals
    )
    assert again.usual is not None
    assert again.usual.learning == {("sensor_1", "temperature_celsius")}
    assert set(shifts(judged)["top_feature"]) == {"humidity_percent_shift"}
    assert needs_reference(next_windows(windows), Memory(again.detector.judge, again.usual, normals), PERIOD)  # type: ignore[union-attr]


def test_accepting_one_device_leaves_the_others_as_they_were() -> None:
    windows = warmer()
    found, table = first_batch(earlier(windows))
    again, _ = second_batch(found, table, next_windows(windows), {("sensor_1", "temperature_celsius"): ONSET})
    assert again.usual is not None
    assert found.usual is not None
    before, after = found.usual.baseline, again.usual.baseline
    others = [number for number, device in enumerate(after.devices) if device != "sensor_1"]
    changed = np.abs(after.daily["temperature_celsius"] - before.daily["temperature_celsius"])
    assert changed[others].max() < 1.0
    assert changed[1].min() > 6.0


def test_newest_accepted_onset_counts_and_fields_without_a_baseline_do_not() -> None:
    accepted = [("a", "temperature_celsius", ONSET), ("a", "temperature_celsius", ONSET - pd.Timedelta(days=1)),
                ("a", "status", ONSET), ("b", "latitude", pd.NaT)]  # fmt: skip
    assert new_normals(accepted) == {("a", "temperature_celsius"): ONSET}


def test_unknown_model_and_unknown_devices_need_the_reference() -> None:
    windows = warmer()
    found, _ = first_batch(earlier(windows))
    assert found.detector is not None
    judge, usual = found.detector.judge, found.usual
    late = windows[
        (windows["device_id"] == "sensor_2") & (windows["window_start"] == pd.Timestamp("2025-06-02 10:00"))
    ]
    stranger = next_windows(windows).assign(device_id="sensor_99")
    assert needs_reference(next_windows(windows), Memory(None, usual), PERIOD)
    assert needs_reference(next_windows(windows), Memory(judge, None), PERIOD)
    assert needs_reference(stranger, Memory(judge, usual), PERIOD)
    assert needs_reference(late, Memory(judge, usual), PERIOD)


def test_new_device_is_learned_beside_the_champion_and_not_scored_before() -> None:
    windows = warmer()
    found, table = first_batch(earlier(windows))
    assert found.detector is not None
    stranger = next_windows(windows).query("device_id == 'sensor_2'").assign(device_id="sensor_99")
    memory = Memory(found.detector.judge, found.usual)
    young = assess(stranger, table, table[table["is_reference"]], PERIOD, RULES, memory)
    assert young.detector is None
    assert young.windows["is_reference"].all()
    old = pd.concat(
        [stranger.assign(window_start=stranger["window_start"] + pd.Timedelta(days=day)) for day in range(3)]
    )
    grown = assess(old.reset_index(drop=True), table, table[table["is_reference"]], PERIOD, RULES, memory)
    assert grown.detector is not None
    assert grown.usual is not None
    assert "sensor_99" in grown.usual.baseline.devices
    assert grown.detector.judge is found.detector.judge


def test_reference_without_the_newer_features_still_learns() -> None:
    windows = warmer()
    _, table = first_batch(earlier(windows))
    old = table.assign(lag_minutes=np.nan, temperature_celsius_spread=np.nan, humidity_percent_step=np.nan)
    upgraded = assess(next_windows(windows), old, old[old["is_reference"]], PERIOD, RULES)
    assert upgraded.detector is not None
    judged = judge_windows(upgraded.windows, upgraded.detector.judge)
    assert set(shifts(judged)["device_id"]) == {"sensor_1"}


def test_window_with_one_row_and_statistics_of_null_is_judged_without_error() -> None:
    windows = warmer()
    found, table = first_batch(earlier(windows))
    one = next_windows(windows).head(1).copy()
    one[list(STATISTICS)] = np.nan
    _, judged = second_batch(found, table, one, {})
    written = judged[judged["is_written"]]
    assert len(written) == 1
    assert not written["is_anomalous"].any()
