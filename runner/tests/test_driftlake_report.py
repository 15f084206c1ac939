"""`driftlake report`: one file, self-contained, safe with hostile strings, and true to the tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from driftlake.cli import main
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>$x_{1$ \x1b[2J\" onload='x'"


class Page(HTMLParser):
    """Tags and attributes that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    handle_startendtag = handle_starttag


def finding(**changes):
    return {
        "event_id": "e", "channel": "statistical", "kind": "VALUE_SHIFT", "severity": "WARN",
        "field": "temperature_celsius", "devices": ["sensor_1"], "device_count": 1, "onset": NOON,
        "last_seen": NOON + timedelta(hours=1), "occurrence_count": 4, "score": 0.71, "threshold": 0.62,
        "evidence": '{"expected_median": 17.5, "found_median": 22.25}',
    } | changes  # fmt: skip


def readings(device, hours=6, **changes):
    return [
        {"device_id": device, "event_time": NOON + timedelta(minutes=30 * n), "temperature_celsius": 20.0 + n,
         "humidity_percent": 50.0, "is_valid": True, "is_anomaly": False} | changes
        for n in range(2 * hours)
    ]  # fmt: skip


def page_of(hand_made, tmp_path, *arguments):
    out = tmp_path / "reports" / "report.html"
    assert main(["report", "-w", str(hand_made.folder), "--out", str(out), *map(str, arguments)]) == 0
    return out.read_text("utf-8")


@pytest.fixture
def full(hand_made):
    """Every table the report reads, with hostile strings wherever a device could put one."""
    rescued = '{"readings.pressure.value": 1}'
    hand_made.append(READING, readings("sensor_1") + readings("sensor_2", _rescued=rescued))
    hand_made.append(DRIFT_EVENT, [
        finding(),
        finding(event_id="f", channel="structural", kind="FIELD_ADDED_NESTED", severity="INFO",
                field="readings.pressure", score=None),
        finding(event_id="g", channel="structural", kind="FIELD_ADDED", field=HOSTILE, devices=[HOSTILE],
                severity=HOSTILE, score=None,
                evidence='{"<img src=x onerror=alert(2)>": "</script><script>alert(3)</script>"}'),
        finding(event_id="h", kind="NOISE", field="humidity_percent", onset=None, evidence="no JSON <b>"),
    ])  # fmt: skip
    hand_made.append(WINDOW_SCORE, [{"device_id": "sensor_1", "score": s / 100, "is_reference": s < 60,
                                     "threshold": None if s < 60 else 0.62} for s in range(40, 80)])  # fmt: skip
    hand_made.append(
        QUARANTINE, [{"row_id": "r", "reason_code": HOSTILE, "payload": f"\xff{HOSTILE}".encode("latin-1")}]
    )
    gate = {"run_id": "r", "stage": "silver", "query": "blocks", "query_id": "q", "batch_id": 0, "outcome": "success",
            "recorded_time": NOON}  # fmt: skip
    hand_made.append(STAGE_METRIC, [
        gate | {"side": "ingress", "disposition": "in", "target": "bronze.block", "rows": 25},
        gate | {"side": "egress", "disposition": "kept", "target": "silver.reading", "rows": 24},
        gate | {"side": "egress", "disposition": "kept", "target": "silver.reading", "rows": 24,
                "recorded_time": NOON + timedelta(minutes=1)},
        gate | {"side": "egress", "disposition": "quarantined", "target": HOSTILE, "rows": 1},
        gate | {"side": "egress", "outcome": "failure", "error": HOSTILE, "stage": "gold"},
    ])  # fmt: skip
    hand_made.append(CONSERVATION, [{"stage": "silver", "query": "blocks", "query_id": "q", "batch_id": 0,
                                     "unit": "rows", "rows_in": 25, "rows_kept": 24, "rows_quarantined": 1,
                                     "difference": 0, "balanced": True}])  # fmt: skip
    return hand_made


def test_hostile_strings_stay_text(full, tmp_path, truth_file):
    text = page_of(full, tmp_path, "--truth", truth_file)
    page = Page(text)
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;$x_{1$" in text
    assert "\x1b" not in text


def test_the_file_stands_alone(full, tmp_path):
    text = page_of(full, tmp_path)
    page = Page(text)
    links = [
        value for name, value in page.attributes if name in ("src", "href", "xlink:href", "data", "action")
    ]
    assert all(value is not None and value.startswith("#") for value in links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "link" not in page.tags


def test_plots_and_numbers_are_those_of_the_tables(full, tmp_path):
    text = page_of(full, tmp_path)
    for picture in ("Time line of the findings", "Share of records over time at readings.pressure", "Windows by score",
                    "Rows into and out of each stage"):  # fmt: skip
        assert f'aria-label="{picture}' in text
    for shown in (
        "VALUE_SHIFT",
        "found median",
        "22.25",
        "0.710",
        "readings.pressure",
        "all 1 batch balance",
    ):
        assert shown in text


def test_a_repeated_batch_counts_once(full, tmp_path):
    from driftlake.report.collect import collect

    kept = [gate for gate in collect(str(full.folder)).gates if gate["disposition"] == "kept"]
    assert [gate["rows"] for gate in kept] == [24]


def test_adoption_is_the_share_of_devices_of_an_hour(full):
    from driftlake.report.collect import collect

    found = collect(str(full.folder)).adoption
    curves = {curve.path: curve for curve in found.curves}
    assert (found.source, found.width) == ("hour", 3600)
    assert set(curves["readings.pressure"].device_shares) == {0.5}
    assert set(curves["readings.pressure"].record_shares) == {0.5}
    assert HOSTILE not in curves


def test_ground_truth_is_compared_and_unmatched_findings_are_listed(full, tmp_path, truth_file):
    text = page_of(full, tmp_path, "--truth", truth_file)
    assert "1 of 1 injected drifts were found. 3 findings matched no injected drift" in text
    assert "– decoy" in text


def test_a_warehouse_of_empty_tables_has_a_report(hand_made, tmp_path):
    for table in (READING, DRIFT_EVENT, WINDOW_SCORE, STAGE_METRIC, CONSERVATION, QUARANTINE):
        hand_made.append(table, [])
    text = page_of(hand_made, tmp_path)
    assert "No batch has been checked yet" in text
    assert "<svg" not in text


def test_a_warehouse_with_bronze_only_has_a_report(hand_made, tmp_path):
    hand_made.bronze_block(1, [b"{}"])
    text = page_of(hand_made, tmp_path)
    assert "No stage has reported yet" in text
    assert "the drift stage has not run" in text
    assert "No drift was found" not in text


def test_readings_without_drift_have_a_report(hand_made, tmp_path):
    hand_made.append(READING, readings("sensor_1"))
    text = page_of(hand_made, tmp_path)
    assert "the drift stage has not run" in text
    assert "temperature, °C of sensor_1 over time" in text, "a small fleet is drawn, findings or not"


def test_a_calm_warehouse_says_that_nothing_was_found(hand_made, tmp_path):
    hand_made.append(READING, readings("sensor_1"))
    hand_made.append(DRIFT_EVENT, [])
    hand_made.append(WINDOW_SCORE, [{"device_id": "sensor_1", "window_start": NOON, "reading_count": 3, "score": 0.4,
                                     "is_anomalous": False, "threshold": 0.7}])  # fmt: skip
    text = page_of(hand_made, tmp_path)
    assert "No drift was found." in text
    assert "No window of the 1 device deviates." in text
    assert '<section class="page"' not in text


def test_an_unbalanced_batch_is_named(hand_made, tmp_path):
    hand_made.append(CONSERVATION, [{"stage": "silver", "query": "blocks", "query_id": "q", "batch_id": 3,
                                     "difference": -2, "balanced": False}])  # fmt: skip
    text = page_of(hand_made, tmp_path)
    assert "do not balance" in text
    assert "batch 3: difference -2" in text


def test_a_wrong_ground_truth_is_exit_code_2_and_leaves_no_file(hand_made, tmp_path, capsys):
    hand_made.append(READING, [])
    out = tmp_path / "report.html"
    arguments = [
        "report",
        "-w",
        str(hand_made.folder),
        "-o",
        str(out),
        "--truth",
        str(tmp_path / "none.json"),
    ]
    assert main(arguments) == 2
    assert "none.json" in capsys.readouterr().err
    assert not out.exists()


def test_many_findings_are_cut_with_a_notice(hand_made, tmp_path):
    hand_made.append(READING, readings("sensor_1"))
    hand_made.append(
        DRIFT_EVENT, [finding(event_id=f"e{n}", channel="structural", field=f"extra_{n}") for n in range(301)]
    )
    text = page_of(hand_made, tmp_path)
    assert "The 300 most severe of 301 changes are listed" in text
    assert text.count('class="told"') == 300
    assert text.count('<section class="page"') == 120
    assert "The first 120 of 301 findings have a page" in text
