"""A forest as arrays says what the fitted estimator says, bit by bit, and depends on nothing but rows and seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.ensemble import IsolationForest

from iot_drift.forest import TREES, Forest, average_path_length, fit_forest

SIZES = st.floats(-10, 10, width=32)


def by_scikit_learn(training: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    fitted = IsolationForest(
        n_estimators=TREES, max_samples=min(256, len(training)), random_state=seed, n_jobs=1
    )
    return np.asarray(-fitted.fit(training).score_samples(rows))


@given(
    training=arrays.arrays("float64", st.tuples(st.integers(1, 40), st.just(3)), elements=SIZES),
    rows=arrays.arrays("float64", st.tuples(st.integers(1, 20), st.just(3)), elements=SIZES),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=15, deadline=None)
def test_scores_are_those_of_the_estimator_bit_by_bit(
    training: np.ndarray,  # type: ignore[type-arg]
    rows: np.ndarray,  # type: ignore[type-arg]
    seed: int,
) -> None:
    np.testing.assert_array_equal(
        fit_forest(training, seed).scores(rows), by_scikit_learn(training, rows, seed)
    )


def test_scores_of_many_rows_are_those_of_the_estimator() -> None:
    random = np.random.default_rng(0)
    training, rows = random.normal(size=(4096, 14)), random.normal(scale=3, size=(20_000, 14))
    np.testing.assert_array_equal(fit_forest(training, 7).scores(rows), by_scikit_learn(training, rows, 7))


def test_no_rows_have_no_scores_and_constant_rows_one() -> None:
    forest = fit_forest(np.zeros((50, 2)), 1)
    assert forest.scores(np.zeros((0, 2))).tolist() == []
    assert len(set(forest.scores(np.zeros((5, 2))))) == 1


def test_same_trees_have_the_same_digest_and_another_seed_has_another() -> None:
    training = np.random.default_rng(0).normal(size=(300, 3))
    one, same, other = (fit_forest(training, seed) for seed in (1, 1, 2))
    assert one.digest == same.digest != other.digest


def test_a_changed_threshold_changes_the_digest() -> None:
    forest = fit_forest(np.random.default_rng(0).normal(size=(300, 3)), 1)
    changed = Forest(**(vars(forest) | {"threshold": forest.threshold + 1e-9}))
    assert changed.digest != forest.digest


@pytest.mark.parametrize(("samples", "length"), [(0, 0.0), (1, 0.0), (2, 1.0), (256, 10.2447)])
def test_average_path_length_is_that_of_the_paper(samples: int, length: float) -> None:
    assert average_path_length(np.array([samples]))[0] == pytest.approx(length, abs=1e-4)
