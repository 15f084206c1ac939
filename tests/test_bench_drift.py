"""The drift benchmark's in-process channel is the stage's own: observations as Spark counts them, and sane measures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench.drift import summaries
from bench.drift.classes import DECOYS, STATISTICAL
from bench.drift.fleets import Classifier, CleanFleet, clean_fleet, inject
from bench.drift.observations import (
    _claims,
    _fleet,
    _observed_events,
    _observed_paths,
    _paths,
    _presences,
    counted,
)
from bench.drift.structural_classes import STRUCTURAL, WITH_PRIOR
from pyspark.sql import SparkSession

from iot_common.collected import row_in_utc
from iot_drift import transform
from iot_drift.structural import Fleet, Observed
from iot_drift.structural_batch import _observed
from iot_silver.observation import observation_rows
from iot_simulator.fleet import HOUR_MS

NAMED = ("required field removed, nested", "number → string", "enumeration value added", "major version up")


@pytest.fixture(scope="module")
def clean() -> CleanFleet:
    return clean_fleet(3, Classifier(), days=4.6)


@pytest.fixture(scope="module")
def classified(clean: CleanFleet) -> pd.DataFrame:
    """Two hours of some devices, each of which does another thing that is new."""
    rows = np.flatnonzero(
        (clean.lines.batch.device < 12) & (clean.lines.batch.arrival_ms % HOUR_MS < 600_000)
    )
    parts = [clean.classified.iloc[rows]]
    for number, drift in enumerate(each for each in STRUCTURAL if each.name in NAMED):
        parts.append(inject(clean, drift, 0.05, number, clean.classifier, until_ms=HOUR_MS).classified)
    return pd.concat(parts, ignore_index=True)


def in_spark(spark: SparkSession, clean: CleanFleet, classified: pd.DataFrame) -> Any:
    """The same rows as silver's observation function is given them."""
    shapes = clean.classifier.shapes
    rows = [
        (
            f"r{number}", row.contract_version, row.schema_version, row.device_id,
            None if pd.isna(row.event_time_raw) else row.event_time_raw.to_pydatetime(),
            None if row.shape_id is pd.NA else int(row.shape_id),
            None if row.shape_id is pd.NA else [tuple(entry.values()) for entry in shapes[int(row.shape_id)]],
            [tuple(event.values()) for event in row.violations],
        )
        for number, row in enumerate(classified.itertuples())
    ]  # fmt: skip
    event = "struct<path:string,code:string,expected:string,found:string>"
    entry = "struct<path:string,json_type:string,enum_value:string>"
    schema = (
        "row_id string, contract_version string, schema_version string, device_id string, event_time_raw timestamp,"
        f" shape_id bigint, shape array<{entry}>, violations array<{event}>"
    )
    frame = spark.createDataFrame(rows, schema)
    return observation_rows(frame, batch="b", now=datetime(2026, 3, 8, tzinfo=UTC)).persist()


def comparable(observed: list[Observed]) -> set[Observed]:
    """Examples and words of an event are chosen otherwise: they decide nothing."""
    return {replace(each, found=(), expected=None) for each in observed}


def test_counts_are_those_that_spark_makes_of_the_same_records(
    spark: SparkSession, clean: CleanFleet, classified: pd.DataFrame
) -> None:
    seen = in_spark(spark, clean, classified)
    wanted = [_observed(row.asDict()) for row in transform.observed_summary(seen).collect()]
    counts = counted(classified, pd.Series(0, index=classified.index))
    paths = _paths(counts.shapes, clean.classifier.shapes)
    made = [*_observed_paths(paths), *_observed_events(counts.events)]
    assert comparable(made) == comparable(wanted)
    assert {each.code for each in wanted} >= {"FIELD_REMOVED_REQUIRED", "TYPE_CHANGED", "ENUM_ADDED"}
    assert _fleet(counts.shapes) == Fleet(**row_in_utc(transform.fleet_summary(seen).collect()[0].asDict()))


def test_presences_are_those_that_spark_makes(
    spark: SparkSession, clean: CleanFleet, classified: pd.DataFrame
) -> None:
    seen = in_spark(spark, clean, classified)
    rows = [row_in_utc(row.asDict()) for row in transform.field_presences(seen).collect()]
    counts = counted(classified, pd.Series(0, index=classified.index))
    made = _presences(counts.shapes, _paths(counts.shapes, clean.classifier.shapes), clean.classifier.shapes)
    wanted = {(row["path"], row["device_cohort"]): row for row in rows}
    assert {(each.path, each.device_cohort) for each in made} == set(wanted)
    for each in made:
        row = wanted[each.path, each.device_cohort]
        assert each.record_count == row["record_count"]
        assert each.devices == tuple(row["devices"])
        assert each.cohort_last_event_time == row["cohort_last_event_time"]


def test_claims_name_the_version_that_nobody_registered(clean: CleanFleet, classified: pd.DataFrame) -> None:
    counts = counted(classified, pd.Series(0, index=classified.index))
    (claim,) = _claims(counts.shapes, clean.classifier.registry)
    assert (claim.code, claim.path, claim.found) == ("VERSION_MAJOR", "schema_version", ("2.0.0",))


def test_a_drift_changes_only_its_devices_and_only_from_its_onset_on(clean: CleanFleet) -> None:
    found = inject(clean, STATISTICAL[0], 0.05, 1, clean.classifier)
    assert len(found.devices) == 5
    assert set(clean.lines.batch.device[found.rows]) == set(found.devices)
    assert clean.lines.batch.event_ms[found.rows].min() >= found.start_ms
    before = clean.classified["temperature_celsius"].to_numpy()[found.rows]
    after = found.classified["temperature_celsius"].to_numpy()
    assert np.nanmedian(after - before) == pytest.approx(5.0, abs=0.02)


def test_the_classes_are_many_and_told_apart() -> None:
    names = [each.name for each in (*STATISTICAL, *STRUCTURAL, *(drift for drift, _ in WITH_PRIOR), *DECOYS)]
    assert len(set(names)) == len(names)
    assert len(STATISTICAL) >= 18 and len(STRUCTURAL) >= 20


def test_recall_and_precision_count_devices_over_all_scenarios() -> None:
    row = {
        "class": "c", "share": 0.05, "devices": 5, "found": 4, "false_devices": 1, "auprc": 0.8,
        "batches": [1, 2, 2, 9],

        "device_hours": 240.0, "other_kinds": {"NOISE": 1}, "named": 3,
    }  # fmt: skip
    other = {
        **row,
        "found": 5,
        "false_devices": 0,
        "auprc": 1.0,
        "batches": [1] * 5,
        "other_kinds": {},
        "named": 5,
    }
    found = summaries.statistical([row, other])
    assert found["recall"] == 0.9 and found["precision"] == 0.9 and found["named"] == 0.8
    assert found["auprc"] == pytest.approx(0.9) and found["auprc_least"] == 0.8
    assert found["batches"] == 1.0 and found["other_kinds"] == {"NOISE": 1}
    assert found["false_per_1000_days"] == pytest.approx(50.0)


def test_the_upper_limit_of_no_alarm_in_three_thousand_days_is_above_one_in_a_thousand() -> None:
    assert summaries.upper_rate(0, 3000.0) == pytest.approx(1.23, abs=0.01)
