"""A model as rows of tables: it comes back as it was, and what does not fit is refused with its reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from iot_common.contracts.drift_baseline import BASELINE
from iot_common.contracts.drift_model import MODEL
from iot_drift.baseline import CENTRES, SCALES, Z_NAMES, residuals
from iot_drift.baseline_rows import Usual, baseline_rows, usual_from
from iot_drift.detector import FOREST_FEATURES, RATES, WATCHED, Judge, Rules, forest_matrix
from iot_drift.features import ROLLING, STATISTICS, with_history
from iot_drift.model_rows import CHAMPION, REJECTED, Provenance, judge_from, model_row, refusal
from iot_drift.training import Learned, facts_of, fit_judge, learn_baseline

NOW = datetime(2025, 6, 3, tzinfo=UTC)
RULES = Rules()
MADE = Provenance(NOW, pd.Timestamp("2025-06-03"), {"drift.window_score": 7}, "q/3", "1.2.3")
STAMP = {"batch": "q/3", "processing_time": NOW, "pipeline_version": "1.2.3"}


def sizes(devices: int = 40, days: int = 10, seed: int = 0, scale: float = 1.0) -> pd.DataFrame:
    """Residuals of a healthy fleet: independent, so that nothing but the budget decides what is too much."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2025-06-01", periods=96 * days, freq="15min")
    frame = pd.DataFrame(
        {
            "device_id": np.repeat([f"sensor_{number}" for number in range(devices)], len(times)),
            "window_start": np.tile(times, devices),
        }
    )
    values = pd.DataFrame(random.normal(scale=scale, size=(len(frame), len(Z_NAMES))), columns=list(Z_NAMES))
    return pd.concat([frame, values, pd.DataFrame(0.0, frame.index, list(RATES))], axis=1)


def windows(devices: int = 4, days: int = 3, seed: int = 0) -> pd.DataFrame:
    """Windows with STATISTICS and ROLLING."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2025-06-01", periods=96 * days, freq="15min")
    frame = pd.DataFrame(
        {
            "device_id": np.repeat([f"sensor_{number}" for number in range(devices)], len(times)),
            "window_start": np.tile(times, devices),
            "reading_count": 3,
        }
    )
    for name in STATISTICS:
        frame[name] = random.normal(50, 0.3, len(frame))
    frame["latitude_median"] = frame["longitude_median"] = 47.4
    return with_history(frame, 15)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return fit_judge(sizes(6, 3), RULES)


@pytest.fixture(scope="module")
def row(judge: Judge) -> dict[str, Any]:
    return model_row(judge, facts_of(sizes(6, 3), 5), MADE, CHAMPION, "the first")


def test_row_has_every_column_of_the_contract(row: dict[str, Any]) -> None:
    assert set(row) == set(MODEL.column_names)


def test_stored_model_scores_as_the_one_that_was_trained(judge: Judge, row: dict[str, Any]) -> None:
    again = judge_from(row)
    rows = forest_matrix(sizes(3, 2, seed=9, scale=3.0))
    np.testing.assert_array_equal(again.forest.scores(rows), judge.forest.scores(rows))
    assert (again.thresholds, again.score_threshold, again.rules, again.model_id) == (
        judge.thresholds, judge.score_threshold, judge.rules, judge.model_id,
    )  # fmt: skip
    assert refusal(row, RULES) is None


def test_manifest_says_what_trained_it(row: dict[str, Any]) -> None:
    assert row["feature_names"] == list(FOREST_FEATURES)
    assert set(row["library_versions"]) == {"python", "numpy", "pandas", "scikit-learn"}
    assert (row["reference_devices"], row["reference_windows"], row["excluded_windows"]) == (6, 6 * 288, 5)
    assert row["training_snapshots"] == {"drift.window_score": 7}
    assert row["trained_until"] == row["challenged_until"] == NOW


def test_reference_hash_names_the_windows(row: dict[str, Any]) -> None:
    assert facts_of(sizes(6, 3), 0).digest == row["reference_hash"]
    assert facts_of(sizes(6, 3, seed=1), 0).digest != row["reference_hash"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"format_version": 2}, "stored in format 2, this version reads 1"),
     ({"feature_names": [*FOREST_FEATURES[:-1], "pressure_shift"]}, "features differ: missing_share, pressure_shift"),
     ({"feature_names": list(reversed(FOREST_FEATURES))}, "their order"),
     ({"thresholds": {"latitude_shift": 6.0}}, "what is watched"),
     ({"window_minutes": 60}, "window_minutes was 60, is 15"),
     ({"seed": 8, "persistence_windows": 2}, "persistence_windows was 2, is 4, seed was 8, is 7"),
     ({"score_threshold": 0.1}, "not those it was named after"),
     ({"node_threshold": None}, "not those it was named after")],
)  # fmt: skip
def test_model_that_does_not_fit_is_refused(row: dict[str, Any], change: dict[str, Any], reason: str) -> None:
    said = refusal(row | change, RULES)
    assert said is not None
    assert reason in said


def test_library_versions_are_told_and_do_not_matter(row: dict[str, Any]) -> None:
    assert refusal(row | {"library_versions": {"scikit-learn": "9.9"}}, RULES) is None


def test_rejected_model_keeps_its_figures_and_not_its_trees(judge: Judge) -> None:
    kept = model_row(judge, facts_of(sizes(6, 3), 0), MADE, REJECTED, "no better", {"probes": 3})
    assert kept["holdout"] == '{"probes": 3}'
    assert kept["thresholds"]
    assert kept["node_left"] is None
    assert refusal(kept, RULES) is not None


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn_baseline(windows(), RULES)


def usual_of(learned: Learned) -> Usual:
    first = pd.Timestamp("2025-06-01")
    references = pd.DataFrame(
        {"reference_from": first, "reference_until": first + pd.Timedelta(days=3), "reference_windows": 288,
         "is_complete": True},
        index=list(learned.baseline.devices),
    )  # fmt: skip
    normals = {("sensor_1", "humidity_percent"): pd.Timestamp("2025-06-09 10:00")}
    return Usual(learned.baseline, references, normals, frozenset({("sensor_1", "humidity_percent")}))


def test_baseline_comes_back_from_its_rows_in_any_order(learned: Learned) -> None:
    usual = usual_of(learned)
    rows = [each | STAMP for each in baseline_rows(usual, 15)]
    assert all(set(each) == set(BASELINE.column_names) for each in rows)
    again = usual_from(list(reversed(rows)), 15)
    assert again is not None
    pd.testing.assert_frame_equal(
        residuals(windows(seed=5), windows().iloc[:0], again.baseline, 15),
        residuals(windows(seed=5), windows().iloc[:0], usual.baseline, 15),
    )
    pd.testing.assert_frame_equal(again.references, usual.references, check_dtype=False)
    assert (again.normals, again.learning) == (usual.normals, usual.learning)


def test_baseline_names_are_all_stored(learned: Learned) -> None:
    assert set(learned.baseline.centre) == set(CENTRES)
    assert set(learned.baseline.scale) == set(SCALES)


def test_baselines_of_another_version_or_window_length_are_not_used(learned: Learned) -> None:
    rows = baseline_rows(usual_of(learned), 15)
    assert usual_from([], 15) is None
    assert usual_from(rows, 60) is None
    assert usual_from([each | {"format_version": 2} for each in rows], 15) is None


def test_a_larger_budget_lowers_every_threshold_that_is_above_the_floor() -> None:
    usual = sizes(scale=3.0)
    budgets = (0.1, 1.0, 10.0, 100.0)
    judges = [fit_judge(usual, Rules(false_alarms_per_1000_device_days=budget)) for budget in budgets]
    for name in (name for name in WATCHED if not name.endswith("_stuck")):
        limits = [each.thresholds[name] for each in judges]
        assert limits == sorted(limits, reverse=True)
        assert limits[0] > limits[-1] or limits[-1] == 6.0
    scores = [each.score_threshold for each in judges]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]


def test_reference_windows_that_deviate_lastingly_do_not_train() -> None:
    usual = windows(days=4)
    broken = usual.copy()
    at_night = (broken["device_id"] == "sensor_2") & broken["window_start"].between(
        "2025-06-02 00:00", "2025-06-02 05:45"
    )
    broken.loc[at_night, "temperature_celsius_median"] += 40.0
    found = learn_baseline(broken, RULES)
    assert 18 <= found.excluded <= 30
    assert learn_baseline(usual, RULES).excluded == 0
    clean, mended = learn_baseline(usual, RULES).baseline, found.baseline
    assert abs(mended.daily["temperature_celsius"][2] - clean.daily["temperature_celsius"][2]).max() < 1.0


def test_device_that_is_odd_most_of_the_time_keeps_its_reference() -> None:
    usual = windows(days=4)
    usual.loc[usual["device_id"] == "sensor_2", "temperature_celsius_median"] += np.tile([0.0, 30.0], 192)
    assert learn_baseline(usual, RULES).excluded == 0


def test_one_device_and_constant_values_make_a_model_that_scores() -> None:
    alone = windows(devices=1)
    for name in (*STATISTICS, *ROLLING):
        alone[name] = 1.0
    made = fit_judge(learn_baseline(alone, RULES).sizes, RULES)
    assert np.isfinite(list(made.thresholds.values())).all()
    assert (made.forest.scores(forest_matrix(sizes(1, 1))) > 0).all()


def test_all_nulls_make_a_model_that_finds_nothing() -> None:
    empty = windows(devices=2)
    empty[[*STATISTICS, *ROLLING]] = np.nan
    found = learn_baseline(empty, RULES)
    assert fit_judge(found.sizes, RULES).thresholds["temperature_celsius_shift"] >= 6.0
    assert found.sizes["temperature_celsius_shift"].isna().all()
