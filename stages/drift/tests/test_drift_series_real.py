"""The engine on published series, with one setting for all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iot_common.testing.evaluation_data import evaluation_data
from iot_drift.series.engine import THRESHOLD, score_table
from iot_drift.series.judge import SeriesRules
from iot_drift.series.table import Training, read_table


def folder(name: str) -> Path:
    found = evaluation_data(name)
    if found is None:
        pytest.skip(f"the evaluation data `{name}` is absent")
    return found


def test_closed_valves_of_skab_are_found_in_every_file_with_few_false_alarms() -> None:
    counts = np.zeros(3)
    healthy = 0
    for path in sorted((folder("skab") / "valve2").glob("*.csv")):
        frame = pd.read_csv(path, sep=";")
        table = read_table(frame, "datetime", ignored=["anomaly", "changepoint"], training=Training(rows=400))
        found = score_table(table, SeriesRules()).score[400:] >= THRESHOLD
        label = frame["anomaly"].to_numpy()[400:] > 0
        each = np.array([(found & label).sum(), (found & ~label).sum(), (~found & label).sum()])
        assert 2 * each[0] / (2 * each[0] + each[1] + each[2]) >= 0.85, path.name
        counts += each
        healthy += (~label).sum()
    true, false, missed = counts
    assert 2 * true / (2 * true + false + missed) >= 0.88
    assert false / healthy <= 0.10


def test_steam_at_two_motes_is_found_and_healthy_motes_are_left_alone() -> None:
    frame = pd.read_csv(folder("wsn_labelled") / "singlehop.csv")
    table = read_table(frame, "reading", entity="mote_id", ignored=["label", "indoor"])
    scores = score_table(table, SeriesRules()).score
    found, label = scores >= THRESHOLD, frame["label"].to_numpy() > 0
    assert (found & label)[frame["mote_id"] == 1].mean() > 0 and (found & label)[
        frame["mote_id"] == 4
    ].mean() > 0
    assert found[label].mean() >= 0.4
    assert found[~label].mean() <= 0.005
