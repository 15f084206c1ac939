"""The benchmark's NAB scoring, held against figures worked out by hand from NAB's own definition."""

from __future__ import annotations

import importlib.util
import sys
from math import exp, inf
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[1] / "bench" / "drift" / "nab_scoring.py"
SPEC = importlib.util.spec_from_file_location("nab_scoring", PATH)
assert SPEC is not None and SPEC.loader is not None
nab = importlib.util.module_from_spec(SPEC)
sys.modules["nab_scoring"] = nab
SPEC.loader.exec_module(nab)


def one_file(*detections: int, windows=((50, 59),), rows: int = 100):  # type: ignore[no-untyped-def]
    score = np.zeros(rows)
    score[list(detections)] = 1.0
    return nab.ScoredFile("file", score, windows)


def sigmoid(position: float) -> float:
    return 2 / (1 + exp(5 * position)) - 1


def test_a_detection_in_the_first_row_of_the_window_is_perfect_and_none_at_all_is_nothing() -> None:
    assert nab.nab_score([one_file(50)], threshold=0.5).score == pytest.approx(100.0)
    nothing = nab.nab_score([one_file()], threshold=0.5)
    assert (nothing.score, nothing.found_windows, nothing.threshold) == (0.0, 0, inf)


def test_only_the_earliest_detection_of_a_window_counts_and_late_ones_count_less() -> None:
    late = nab.nab_score([one_file(59)], threshold=0.5).score
    assert late == pytest.approx(100 * (1 + sigmoid(-0.1) / sigmoid(-1.0)) / 2)
    assert nab.nab_score([one_file(50, 55, 59)], threshold=0.5).score == pytest.approx(100.0)


def test_a_false_detection_costs_a_tenth_and_less_just_behind_a_window() -> None:
    far = nab.nab_score([one_file(50, 30)], threshold=0.5)
    assert far.score == pytest.approx(100 * (2 - 0.11) / 2) and far.false_detections == 1
    near = nab.nab_score([one_file(50, 60)], threshold=0.5).score
    assert near == pytest.approx(100 * (2 + 0.11 * sigmoid(1 / 9)) / 2)


def test_rows_of_probation_do_not_count() -> None:
    assert nab.probation(100) == 15 and nab.probation(100_000) == 750
    assert nab.nab_score([one_file(50, *range(15))], threshold=0.5).score == pytest.approx(100.0)


def test_the_best_threshold_is_one_for_all_files() -> None:
    first, second = one_file(50), nab.ScoredFile("other", 0.4 * one_file(50, 20, 25).score, ((50, 59),))
    best = nab.nab_score([first, second])
    assert best.threshold == pytest.approx(0.4) and best.score == pytest.approx(100 * (4 - 0.22) / 4)
