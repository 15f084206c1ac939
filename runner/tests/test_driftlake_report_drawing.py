"""What the report draws: scales, marks in payloads, curves per batch, and a device map that stays bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftlake.query_engine import open_duckdb
from driftlake.report.adoption import adoption
from driftlake.report.charts.heat_map_chart import heat_map_chart, level_of
from driftlake.report.finding_groups import grouped
from driftlake.report.heat_map import heat_map
from driftlake.report.payload_marks import marked, span_of
from driftlake.report.scales import LinearScale, LogScale, TimeScale, round_step, round_width
from driftlake.report.svg import drawing, element, polyline, text
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_time_ticks_stand_at_round_times_and_name_days():
    scale = TimeScale(NOON, NOON + timedelta(days=2), 0.0, 480.0)
    labels = ["12:00", "Mar 3", "12:00", "Mar 4", "12:00"]
    assert list(scale.ticks(4)) == list(zip([0.0, 120.0, 240.0, 360.0, 480.0], labels, strict=True))


def test_a_time_outside_stands_at_the_border_and_an_empty_span_is_no_error():
    scale = TimeScale(NOON, NOON, 10.0, 20.0)
    assert scale.x(NOON) == 10.0
    assert scale.x(NOON + timedelta(days=9999)) == 20.0
    assert scale.x(NOON - timedelta(days=9999)) == 10.0


@given(st.floats(1, 1e10), st.integers(1, 200), st.floats(0, 1e5))
def test_a_round_width_never_gives_more_parts_than_asked_for(span, most, least):
    width = round_width(span, most, least)
    assert span / width <= most + 1e-9
    assert width >= least or width >= 364 * 86400


@given(st.floats(1e-6, 1e9))
def test_a_round_step_is_not_below_and_not_far_above(least):
    assert least * 0.999 <= round_step(least) <= 2.6 * least


def test_number_scales_hold_their_ends():
    share = LinearScale(0.0, 0.04, 100.0, 0.0)
    assert [value for _, value in share.ticks(4)] == pytest.approx([0.0, 0.01, 0.02, 0.03, 0.04])
    assert (share.at(-1.0), share.at(1.0)) == (100.0, 0.0)
    counts = LogScale(1000, 100.0, 0.0)
    assert [value for _, value in counts.ticks()] == [1, 10, 100, 1000]
    assert counts.at(0) == 100.0 > counts.at(1) > counts.at(1000) == pytest.approx(0.0)


def test_words_and_attributes_are_escaped():
    drawn = drawing(
        10, 10, 'a "label" <b>', text(1, 2, "</text><script>\x1b"), element("g", class_='x" onload="y')
    )
    assert "<script>" not in drawn
    assert 'onload="' not in drawn
    assert "&lt;script&gt;\\x1b" in drawn
    assert 'aria-label="a &#34;label&#34; &lt;b&gt;"' in drawn


def test_a_line_is_broken_where_there_is_no_value():
    assert 'd="M0 0L1 1 M3 3L3 3"' in polyline([(0, 0), (1, 1), None, (3, 3)], "c")
    assert polyline([None], "c") == ""


PATHS = st.lists(st.sampled_from(["a", "b", "value", "x.y", 'q"', "é"]), min_size=1, max_size=4)


@given(PATHS, st.sampled_from([1, "text", None, [1, {"a": 2}], {"a": 1}]), st.sampled_from([None, 2]))
def test_a_path_is_found_where_it_stands(path, value, indent):
    record = value
    for name in reversed(path):
        record = {"first": [1, {"a": 0}], name: record, "last": "}"}
    written = json.dumps(record, ensure_ascii=False, indent=indent)
    start, end = span_of(written, ".".join(path))
    key, _, found = written[start:end].partition(":")
    assert json.loads(found) == value
    assert ".".join(path).endswith(json.loads(key))


@pytest.mark.parametrize(
    "bad", ["", "[1]", "7", '{"a"', '{"a":', '{"b":1}', "{" * 3000, '{"a":1}}', '{"a" 1}']
)
def test_a_record_without_the_path_has_no_mark(bad):
    assert span_of(bad, "a.b") is None


def test_spans_within_each_other_are_marked_once():
    shown, is_cut = marked(b'{"a":{"b":"<"}}', ("a", "a.b"), 100)
    assert shown == "{<mark>&#34;a&#34;:{&#34;b&#34;:&#34;&lt;&#34;}</mark>}"
    assert not is_cut


def window(device, hours, excess=None, **changes):
    features = [("temperature_celsius_shift_excess", excess)] if excess else [("relation", 1.0)]
    return {
        "device_id": device, "window_start": NOON + timedelta(hours=hours), "window_minutes": 15, "reading_count": 3,
        "features": features, "is_anomalous": bool(excess), "score": 0.5, "top_feature": "temperature_celsius_shift",
    } | changes  # fmt: skip


def test_the_map_holds_the_worst_devices_and_sums_up_the_others(hand_made):
    rows = [window(f"sensor_{n:03}", hour, 3.0 if hour >= 60 - n % 50 else None)
            for n in range(60) for hour in range(60)]  # fmt: skip
    hand_made.append(WINDOW_SCORE, [*rows, window("calm", 3), window("silent", 4, reading_count=0)])
    with open_duckdb(str(hand_made.folder)) as connection:
        found = heat_map(connection)
    assert (found.devices, found.deviating_devices, len(found.rows)) == (61, 58, 40)
    assert found.width == 3600
    shown, most = {row.device_id for row in found.rows}, {f"sensor_{n:03}" for n in range(15, 50)}
    assert most < shown, "those with the most deviating windows"
    assert sum(windows for _, windows, _ in found.rest) == 21 * 60 - 59
    drawn = heat_map_chart(found)
    assert "21 other devices" in drawn
    assert drawn.count("<title>") == 40
    assert len(drawn) < 150_000


def test_levels_of_excess_are_closed_below():
    assert [level_of(excess) for excess in (0.0, 0.99, 1.0, 1.99, 2.0, 5.0, 20.0, 1e9)] == [
        -1,
        -1,
        0,
        0,
        1,
        2,
        3,
        3,
    ]


def test_without_windows_there_is_no_map_and_a_calm_fleet_has_no_rows(hand_made):
    hand_made.append(WINDOW_SCORE, [])
    with open_duckdb(str(hand_made.folder)) as connection:
        assert heat_map(connection) is None
    hand_made.append(WINDOW_SCORE, [window("calm", 1)])
    with open_duckdb(str(hand_made.folder)) as connection:
        assert heat_map(connection).rows == ()


def observed(batch, path, records, devices=10, **changes):
    at = NOON + timedelta(hours=batch)
    return {
        "batch": f"q/{batch}", "observation": "path", "contract_version": "1.0.0", "schema_version": "1.0.0",
        "device_cohort": "c00", "path": path, "json_type": "object", "record_count": records, "device_count": devices,
        "first_event_time": at, "last_event_time": at,
    } | changes  # fmt: skip


def test_with_many_batches_the_curves_come_from_the_observations(hand_made):
    rows = []
    for batch in range(13):
        rows += [
            observed(batch, "$", 100), observed(batch, "readings.pressure", 4 * batch, batch, json_type="number"),
            observed(batch, "status", 100 - batch),
            observed(batch, "readings.temperature.unit", 90, json_type="string", enum_value="Celsius"),
            observed(batch, "readings.temperature.unit", 10, 1, json_type="string", enum_value="Fahrenheit"),
            observed(batch, "status", 5, 2, observation="event", code="ENUM_ADDED", json_type=None,
                     found_examples=['"degraded"']),
        ]  # fmt: skip
    hand_made.append(SCHEMA_OBSERVATION, rows)
    findings = [{"kind": kind, "field": field, "channel": "structural"} for kind, field in
                (("FIELD_ADDED_NESTED", "readings.pressure"), ("FIELD_REMOVED_OPTIONAL", "status"))]  # fmt: skip
    with open_duckdb(str(hand_made.folder)) as connection:
        found = adoption(connection, findings, {})
    curves = {(curve.path, curve.label): curve for curve in found.curves}
    assert found.source == "batch"
    assert curves["readings.pressure", "present"].record_shares == pytest.approx(
        [0.04 * n for n in range(13)]
    )
    assert curves["readings.pressure", "present"].device_shares[5] == 0.5
    assert curves["status", "absent"].record_shares == pytest.approx([0.01 * n for n in range(13)])
    assert curves["status", "degraded"].record_shares == (0.05,) * 13
    assert set(curves["readings.temperature.unit", "Fahrenheit"].record_shares) == {0.1}
    assert len(curves) == 4, "Celsius is what is usual"


def found_on(device, hours, **changes):
    return {
        "event_id": device, "channel": "statistical", "kind": "VALUE_SHIFT", "field": "temperature_celsius",
        "severity": "WARN", "status": "open", "devices": [device], "device_count": 1, "device_share": 0.1,
        "onset": NOON + timedelta(hours=hours), "last_seen": NOON + timedelta(hours=hours + 9), "occurrence_count": 3,
        "score": 0.7, "threshold": 0.6,
        "evidence": {"observed_median": 25.0 + hours, "usual_median": 20.0, "unit": "°C"},
    } | changes  # fmt: skip


def test_devices_that_changed_alike_and_together_are_one_line():
    together = [found_on("late", 40), found_on("c", 11), found_on("a", 0), found_on("b", 5)]
    apart = [
        found_on("f", 5, kind="NOISE"),
        found_on("s", 5, channel="structural"),
        found_on("n", 0, onset=None),
    ]
    groups = grouped([*together, *apart])
    names = [[row["event_id"] for row in group.rows] for group in groups]
    assert names == [["late"], ["a", "b", "c"], ["f"], ["s"], ["n"]]
    assert groups[1].headline == "The temperature of 3 devices is off by +5 to +16 °C"
    assert groups[1].onsets == (NOON, NOON + timedelta(hours=11))
    assert groups[1].occurrences == 9
