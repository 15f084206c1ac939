"""Found against injected."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from driftlake.errors import TruthError
from driftlake.matching import Found, Injected, Truth, match, read_truth, readable_delay

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
OFFSET = Injected(
    "warm", "value_offset", ("readings.temperature.value", "temperature_celsius"), ("VALUE_SHIFT",), ("RANGE",),
    frozenset({"sensor_1", "sensor_2"}), START, START + timedelta(hours=3),
)  # fmt: skip
SHIFT = Found(
    "e1",
    "statistical",
    "VALUE_SHIFT",
    "temperature_celsius",
    ("sensor_1",),
    START + timedelta(minutes=30),
    None,
)


def matched(*findings: Found, drift: Injected = OFFSET):
    return match(Truth((drift,), frozenset({"LATE"})), findings)


def test_a_finding_of_kind_field_device_and_time_finds_the_drift():
    result = matched(SHIFT)
    assert (result.found, result.drifts, result.unmatched) == (1, 1, ())
    [made] = result.matches
    assert made.delay == timedelta(minutes=30)
    assert made.devices_found == {"sensor_1"}


@pytest.mark.parametrize(
    "other",
    [
        replace(SHIFT, kind="STUCK"),
        replace(SHIFT, field="humidity_percent"),
        replace(SHIFT, field="temperature"),
        replace(SHIFT, field=None),
        replace(SHIFT, devices=("sensor_3",)),
        replace(SHIFT, devices=()),
        replace(SHIFT, onset=START + timedelta(hours=4)),
        replace(SHIFT, onset=START - timedelta(hours=2)),
        replace(SHIFT, onset=None),
    ],
)
def test_a_finding_that_differs_in_one_of_them_is_listed_as_unmatched(other):
    result = matched(other)
    assert result.found == 0
    assert result.unmatched == (other,)


def test_an_unmatched_finding_names_the_drifts_on_its_devices():
    humid = replace(SHIFT, field="humidity_percent")
    assert matched(humid).drifts_on_devices_of(humid) == ["warm"]
    assert matched(humid).drifts_on_devices_of(replace(humid, onset=START - timedelta(days=1))) == []
    assert matched(humid).drifts_on_devices_of(replace(humid, devices=("sensor_3",))) == []


def test_an_onset_at_the_window_before_the_start_counts():
    assert matched(replace(SHIFT, onset=START - timedelta(minutes=15))).matches[0].delay == timedelta(
        minutes=-15
    )


def test_an_accompanying_finding_is_explained_but_does_not_find_the_drift():
    range_finding = replace(SHIFT, kind="RANGE", field="readings.temperature.value")
    result = matched(range_finding)
    assert (result.found, result.unmatched) == (0, ())
    assert result.matches[0].accompanying == (range_finding,)


def test_silence_accompanies_in_any_field():
    silent = replace(SHIFT, kind="SILENT", field="device_id")
    assert matched(silent, drift=replace(OFFSET, accompanying=("SILENT",))).unmatched == ()


def test_a_nested_path_concerns_its_parent_and_a_similar_name_does_not():
    added = replace(OFFSET, fields=("readings.pressure",), expected=("FIELD_ADDED_NESTED",))
    nested = replace(SHIFT, kind="FIELD_ADDED_NESTED", field="readings.pressure.unit")
    assert matched(nested, drift=added).found == 1
    assert matched(replace(nested, field="readings"), drift=added).found == 1
    assert matched(replace(nested, field="readings.pressure_2"), drift=added).found == 0


def test_a_structural_finding_that_began_with_another_drift_counts_without_a_delay():
    earlier = replace(SHIFT, channel="structural", onset=START - timedelta(days=1), last_seen=START)
    [made] = matched(earlier).matches
    assert made.is_found
    assert made.delay is None
    over = replace(earlier, last_seen=START - timedelta(seconds=1))
    assert matched(over).found == 0


def test_background_kinds_stand_apart_from_unmatched_ones():
    late = replace(SHIFT, kind="LATE")
    result = matched(late)
    assert (result.background, result.unmatched) == ((late,), ())


def test_a_decoy_is_neither_counted_nor_found():
    result = matched(SHIFT, drift=replace(OFFSET, expected=(), accompanying=()))
    assert (result.found, result.drifts, result.unmatched) == (0, 0, (SHIFT,))


def test_reads_the_simulators_file(truth_file):
    truth = read_truth(truth_file)
    assert truth.drifts[0] == replace(OFFSET, meaning="a constant added")
    assert truth.drifts[1].is_decoy
    assert truth.background == {"LATE"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"drifts": [{}]}', '{"drifts": 5}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_file_that_is_no_ground_truth_is_told(tmp_path, text):
    path = tmp_path / "truth.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TruthError, match=r"truth\.json"):
        read_truth(path)


def test_delays_are_readable():
    delays = [None, timedelta(minutes=90), timedelta(hours=5), timedelta(minutes=-5)]
    assert [readable_delay(delay) for delay in delays] == ["–", "90 min", "5.0 h", "-5 min"]
