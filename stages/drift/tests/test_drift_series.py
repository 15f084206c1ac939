"""The engine on any table: what it learns, finds and leaves alone, and that no row looks ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from iot_drift.series.engine import THRESHOLD, SeriesScores, score_table, with_novelty
from iot_drift.series.judge import SeriesRules
from iot_drift.series.problems import ColumnNotFoundError, NothingToScoreError, TimesUnreadableError
from iot_drift.series.table import Training, read_table
from iot_drift.series.times import length_of, read_times

ROWS = 900
TRAINING = Training(rows=400)


def two_columns(rows: int = ROWS, seed: int = 1) -> pd.DataFrame:
    """A pump: a steady flow and a pressure that follows it; one row a second."""
    random = np.random.default_rng(seed)
    flow = 30 + random.normal(0, 0.5, rows)
    return pd.DataFrame(
        {
            "time": pd.date_range("2026-03-01", periods=rows, freq="s").astype(str),
            "flow": flow.round(3),
            "pressure": (2 * flow + random.normal(0, 0.2, rows)).round(3),
        }
    )


def scored(frame: pd.DataFrame, training: Training = TRAINING, **rules: float) -> SeriesScores:
    entity = "entity" if "entity" in frame else None
    return score_table(read_table(frame, "time", entity, training=training), SeriesRules(**rules))  # type: ignore[arg-type]


def anomalous(scores: SeriesScores) -> list[int]:
    return np.flatnonzero(np.nan_to_num(scores.score) >= THRESHOLD).tolist()


def test_steady_rows_are_not_anomalous_and_training_rows_have_no_score() -> None:
    scores = scored(two_columns())
    assert np.isnan(scores.score[:400]).all() and scores.top[:400].tolist() == [""] * 400
    assert ((scores.score[400:] >= 0) & (scores.score[400:] <= 1)).all()
    assert anomalous(scores) == []


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        (lambda rows: rows.__setitem__("flow", rows["flow"] + 4), "flow"),
        (lambda rows: rows.__setitem__("flow", 30.0), "flow stuck"),
        (lambda rows: rows.__setitem__("flow", np.nan), "flow missing"),
        (lambda rows: rows.__setitem__("pressure", rows["pressure"].to_numpy()[::-1]), "pressure apart"),
        (lambda rows: rows.__setitem__("flow", 30 + 6 * (rows["flow"] - 30)), "flow noise"),
    ],
    ids=["shift", "stuck", "missing", "relation", "noise"],
)
def test_a_change_is_found_while_it_lasts_and_named(change, feature) -> None:  # type: ignore[no-untyped-def]
    frame = two_columns()
    part = frame.loc[600:799].copy()
    change(part)
    frame.loc[600:799] = part
    scores = scored(frame)
    found = anomalous(scores)
    assert found and min(found) >= 600
    assert len([row for row in found if row < 800]) >= 100
    assert len([row for row in found if row >= 860]) == 0
    assert any(feature in scores.top[row] for row in found)


def test_one_wild_row_is_found_alone() -> None:
    frame = two_columns()
    frame.loc[700, ["flow", "pressure"]] = [60.0, 120.0]
    found = anomalous(scored(frame))
    assert found[0] == 700 and found[-1] <= 721


def test_a_wandering_level_proves_nothing() -> None:
    """A random walk leaves every range it had; that is no finding, a jump in it is."""
    random = np.random.default_rng(5)
    walk = np.cumsum(random.normal(0, 1, ROWS))
    times = pd.date_range("2026-03-01", periods=ROWS, freq="s").astype(str)
    assert len(anomalous(scored(pd.DataFrame({"time": times, "level": walk})))) <= 5
    walk[700:] += 40
    assert 700 <= anomalous(scored(pd.DataFrame({"time": times, "level": walk})))[0] < 720


def test_a_daily_cycle_is_usual_and_its_absence_is_not() -> None:
    random = np.random.default_rng(2)
    times = pd.date_range("2026-03-01", periods=12 * 96, freq="15min")
    values = 15 + 5 * np.sin(2 * np.pi * np.arange(len(times)) / 96) + random.normal(0, 0.3, len(times))
    frame = pd.DataFrame({"time": times.astype(str), "celsius": values})
    assert anomalous(scored(frame, Training(rows=4 * 96))) == []
    frame.loc[9 * 96 : 9 * 96 + 60, "celsius"] = 15 + random.normal(0, 0.3, 61)
    found = anomalous(scored(frame, Training(rows=4 * 96)))
    assert 9 * 96 < min(found) < 9 * 96 + 30


@pytest.mark.parametrize("length", [401, 402, 555, 700, 899])
def test_scores_of_a_prefix_are_the_prefix_of_the_scores(length: int) -> None:
    frame = two_columns()
    frame.loc[600:700, "flow"] += 3
    frame.loc[650:655, "pressure"] = np.nan
    whole, part = scored(frame), scored(frame.iloc[:length])
    np.testing.assert_array_equal(part.score, whole.score[:length])
    assert part.top.tolist() == whole.top[:length].tolist()


def test_a_prefix_is_a_prefix_over_chunks_and_daily_cycles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iot_drift.series.evidence.CHUNK", 128)
    times = pd.date_range("2026-03-01", periods=1500, freq="15min").astype(str)
    values = np.sin(2 * np.pi * np.arange(1500) / 96) + np.random.default_rng(3).normal(0, 0.1, 1500)
    frame = pd.DataFrame({"time": times, "value": values})
    whole, part = scored(frame), scored(frame.iloc[:1111])
    np.testing.assert_array_equal(part.score, whole.score[:1111])
    monkeypatch.setattr("iot_drift.series.evidence.CHUNK", 65_536)
    np.testing.assert_allclose(scored(frame).score, whole.score, atol=2e-6)


def test_same_rows_and_seed_give_the_same_scores_and_order_of_rows_does_not_matter() -> None:
    frame = two_columns()
    once, again = scored(frame), scored(frame)
    np.testing.assert_array_equal(once.score, again.score)
    shuffled = frame.sample(frac=1.0, random_state=4)
    back = np.argsort(shuffled.index.to_numpy())
    np.testing.assert_array_equal(scored(shuffled).score[back], once.score)


def test_wild_values_in_the_training_rows_blind_nobody() -> None:
    frame = two_columns()
    frame.loc[range(7, 400, 25), "flow"] = 500.0
    assert len(anomalous(scored(frame))) <= 2
    frame.loc[700, "flow"] = 500.0
    found = anomalous(scored(frame))
    assert 700 in found and len(found) <= 3


def test_entities_are_judged_by_themselves() -> None:
    a, b = two_columns(seed=1).assign(entity="a"), two_columns(seed=2).assign(entity="b")
    b[["flow", "pressure"]] *= 100
    mixed = pd.concat([a, b]).sort_values("time", kind="stable", ignore_index=True)
    scores = scored(mixed)
    np.testing.assert_array_equal(scores.score[(mixed["entity"] == "a").to_numpy()], scored(a).score)
    assert anomalous(scores) == []


def test_an_entity_with_a_handful_of_rows_is_left_out_with_the_reason() -> None:
    few = two_columns(5).assign(entity="new")
    frame = pd.concat([two_columns().assign(entity="old"), few], ignore_index=True)
    scores = scored(frame, Training())
    assert scores.unscored == {"new": "it has 1 training rows, and 10 are the least"}
    assert np.isnan(scores.score[-5:]).all()


def test_default_training_is_the_first_fifth_and_until_is_exclusive() -> None:
    frame = two_columns()
    assert read_table(frame, "time").is_training.sum() == 180
    until = read_table(frame, "time", training=Training(until="2026-03-01T00:05:00Z"))
    assert until.is_training.sum() == 300


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (["2026-03-01T00:00:00Z", "2026-03-01 00:00:10"], 10),
        (["2026-03-01T01:00:00+01:00", "2026-03-01t00:00:01.5z"], 1.5),
        (["'2026-03-01T00:00:00'", "'2026-03-01T00:01:00'"], 60),
        (["1772323200", "1772323210"], 10),
        ([1772323200000, 1772323210000], 10),
        ([1772323200000000, 1772323210000000], 10),
        ([1772323200000000000, 1772323210000000000], 10),
    ],
)
def test_instants_are_read_in_every_notation(texts: list[object], seconds: float) -> None:
    times = read_times(pd.Series(texts, name="time"))
    assert times.is_calendar and np.diff(times.position)[0] == pytest.approx(seconds * 1e9)
    assert times.written(times.position)[0] == "2026-03-01T00:00:00.000Z"


def test_small_numbers_are_times_of_their_own_unit() -> None:
    times = read_times(pd.Series([1, 2, 4.5], name="reading"))
    assert not times.is_calendar and times.position.tolist() == [1, 2, 4.5]
    assert length_of("3", times) == 3
    with pytest.raises(NothingToScoreError, match="--window '3s'"):
        length_of("3s", times)


def test_a_deviation_that_lasts_stays_anomalous_and_scores_less_than_its_beginning() -> None:
    scores = with_novelty(np.array([0.5, 4.0, 4.0, 4.0, 9.0, 0.2]), training=0)
    assert scores[0] == 0.25 and scores[5] == 0.1
    assert (scores[1:5] >= THRESHOLD).all()
    assert scores[1] > scores[2] and scores[4] > scores[3]


def test_constant_columns_are_quiet_until_they_move() -> None:
    frame = two_columns().assign(flow=7.0, pressure=0.0)
    assert anomalous(scored(frame)) == []
    frame.loc[800:, "pressure"] = 1.0
    assert anomalous(scored(frame))[0] == 800


def test_duplicate_times_nulls_and_infinities_are_rows_like_others() -> None:
    frame = two_columns()
    frame["time"] = frame["time"].iloc[np.repeat(np.arange(ROWS // 2), 2)].to_numpy()
    frame.loc[500, "flow"] = np.inf
    frame.loc[501, ["flow", "pressure"]] = np.nan
    assert np.isfinite(scored(frame).score[400:]).all()


@pytest.mark.filterwarnings("error")
def test_numbers_near_the_end_of_float64_are_strange_and_break_nothing() -> None:
    frame = two_columns()
    frame.loc[[600, 601], "flow"] = [1e308, -1e308]
    scores = scored(frame).score
    assert np.isfinite(scores[400:]).all() and (scores[[600, 601]] >= THRESHOLD).all()
    assert (scores[630:] < THRESHOLD).all()


def test_a_clock_years_ahead_and_an_unreadable_time_spoil_no_other_row() -> None:
    frame = two_columns()
    expected = scored(frame).score
    frame.loc[899, "time"] = "2039-01-01 00:00:00"
    frame.loc[898, "time"] = "soon"
    table = read_table(frame, "time", training=TRAINING)
    assert table.far_ahead.tolist() == [899]
    scores = score_table(table, SeriesRules())
    np.testing.assert_array_equal(scores.score[:898], expected[:898])
    assert np.isnan(scores.score[898])


@pytest.mark.parametrize(
    ("frame", "problem", "said"),
    [
        (two_columns().rename(columns={"time": "t"}), ColumnNotFoundError, "no column 'time'.*'t', 'flow'"),
        (two_columns()[["time"]], NothingToScoreError, "there is no other column"),
        (two_columns().assign(flow="a", pressure="b"), NothingToScoreError, "flow: no numbers"),
        (
            two_columns().assign(flow=None, pressure=None),
            NothingToScoreError,
            "no value in the training rows",
        ),
        (two_columns().iloc[:0], NothingToScoreError, "header and no row"),
        (two_columns().iloc[:1], NothingToScoreError, "1 training rows, and 10 are the least"),
        (two_columns().iloc[:300], NothingToScoreError, "all of its 300 rows are training rows"),
        (two_columns().assign(time="now"), TimesUnreadableError, "e.g. 'now'"),
        (two_columns().assign(time="2026-03-01"), NothingToScoreError, "at a single time"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_reason(
    frame: pd.DataFrame, problem: type[Exception], said: str
) -> None:
    with pytest.raises(problem, match=said):
        scored(frame)


def test_a_larger_budget_finds_no_less() -> None:
    frame = two_columns()
    frame.loc[700:, "flow"] += 0.6
    strict = scored(frame, false_alarms_per_1000_windows=0.01).score[400:]
    loose = scored(frame, false_alarms_per_1000_windows=100.0).score[400:]
    assert (loose >= THRESHOLD).sum() >= (strict >= THRESHOLD).sum()


def test_windows_hold_every_scored_row_once() -> None:
    scores = scored(two_columns())
    windows = scores.windows
    assert windows["row_count"].sum() == 500
    assert (windows["window_end"] - windows["window_start"] == 20e9).all()
    assert {"flow level", "pressure relation", "all columns", "rows"} <= set(windows.columns)
