"""`driftlake drift ls | show | schema`, and the findings in `driftlake status`: what DuckDB reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from driftlake.cli import main
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

EVIDENCE = {
    "who": {
        "rule": "devices of contract version 1.1.0", "attribute": "version", "op": "=", "value": "1.1.0",
        "precision": 0.95, "recall": 1.0,
    },
    "hypothesis": {"name": "celsius_to_fahrenheit", "factor": 1.8, "offset": 32.0, "unexplained": 0.02},
    "hypotheses_tested": {"sign": 1.5, "celsius_to_fahrenheit": 0.02},
    "proposed_repair": {"factor": 0.555556, "offset": -17.778},
    "features": [
        {"feature": "temperature_celsius_shift", "usual": 8.9, "observed": 47.6, "unit": "°C", "size": 75, "limit": 6}
    ],
    "windows": 9,
}  # fmt: skip


def event(event_id: str, **columns: Any) -> dict[str, Any]:
    usual = {
        "event_id": event_id, "channel": "statistical", "kind": "UNIT_SUSPECT", "severity": "WARN",
        "field": "temperature_celsius", "devices": ["sensor_1"], "device_count": 1, "device_share": 0.01, "onset": NOON,
        "last_seen": NOON + timedelta(hours=2), "occurrence_count": 9, "score": 0.7, "threshold": 0.6,
        "evidence": json.dumps(EVIDENCE, sort_keys=True), "status": "open", "first_detected_time": NOON,
        "processing_time": NOON,
    }  # fmt: skip
    return usual | columns


@pytest.fixture
def warehouse(hand_made: Any) -> str:
    structural = {
        "channel": "structural", "kind": "FIELD_ADDED", "field": "firm\x1b[2Jware", "severity": "INFO", "score": None,
        "devices": ["sensor_1", "sensor_2"], "device_count": 2, "contract_version": "1.0.0", "evidence": "{}",
        "status": "accepted",
    }  # fmt: skip
    events = [
        event("aa11"),
        event("ab22", severity="CRITICAL", devices=["sensor_3"]),
        event("bb33", **structural),
    ]
    hand_made.append(DRIFT_EVENT, events)
    done = {
        "event_id": "bb33",
        "action": "accepted",
        "action_time": NOON,
        "requested_by": "ada",
        "note": "planned",
    }
    hand_made.append(EVENT_ACTION, [done])
    return str(hand_made.folder)


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["drift", *arguments]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def listed(capsys: pytest.CaptureFixture[str], warehouse: str, *arguments: str) -> list[str]:
    rows = json.loads(told(capsys, "ls", "-w", warehouse, "--json", *arguments))
    return [row["event_id"] for row in rows]


def test_ls_has_the_gravest_first_and_narrows_by_each_option(capsys, warehouse) -> None:
    assert listed(capsys, warehouse) == ["ab22", "aa11", "bb33"]
    assert listed(capsys, warehouse, "--status", "open") == ["ab22", "aa11"]
    assert listed(capsys, warehouse, "--kind", "FIELD_ADDED", "--kind", "UNIT_SUSPECT", "--device", "sensor_1") == [
        "aa11", "bb33",
    ]  # fmt: skip
    assert listed(capsys, warehouse, "--field", "temperature_celsius", "--device", "sensor_3") == ["ab22"]
    assert listed(capsys, warehouse, "--device", "sensor_99") == []


def test_ls_as_a_table_steers_no_terminal(capsys, warehouse) -> None:
    shown = told(capsys, "ls", "-w", warehouse)
    assert "UNIT_SUSPECT" in shown
    assert "\x1b[2J" not in shown


def test_a_status_that_no_finding_can_have_is_refused(capsys, warehouse) -> None:
    assert "a finding is accepted, acknowledged, open, resolved" in told(
        capsys, "ls", "-w", warehouse, "--status", "closed", code=2
    )


def test_show_tells_who_what_and_what_would_undo_it(capsys, warehouse) -> None:
    shown = told(capsys, "show", "aa", "-w", warehouse)
    for line in (
        "devices of contract version 1.1.0 (precision 95%, recall 100%)",
        "Fahrenheit where Celsius was said; leaves 2% unexplained",
        "usual = 0.555556 × observed -17.778 (proposed, never applied)",
        "2 guesses; unexplained by the best: celsius_to_fahrenheit 2%, sign 150%",
        "2026-03-02 12:00; last seen 2026-03-02 14:00",
    ):
        assert line in shown
    assert "47.6" in shown


def test_show_tells_what_was_done_and_gives_json(capsys, warehouse) -> None:
    assert "accepted by ada: planned" in told(capsys, "show", "bb33", "-w", warehouse)
    found = json.loads(told(capsys, "show", "bb33", "-w", warehouse, "--json"))
    assert (found["status"], found["actions"][0]["note"], found["evidence"]) == ("accepted", "planned", {})


@pytest.mark.parametrize(
    ("beginning", "said"), [("a", "2 findings have"), ("zz", "no finding has"), ("", "no finding")]
)
def test_an_id_must_be_that_of_one_finding(capsys, warehouse, beginning, said) -> None:
    for command in (["show"], ["accept", "--dry-run"]):
        assert said in told(capsys, command[0], beginning, "-w", warehouse, *command[1:], code=2)


def test_a_dry_run_says_what_would_happen_and_writes_nothing(capsys, warehouse) -> None:
    said = told(capsys, "accept", "aa11", "-w", warehouse, "--dry-run")
    assert said.startswith(
        "aa11 UNIT_SUSPECT temperature_celsius, sensor_1: is open, would be accepted. The next run learns"
    )
    assert listed(capsys, warehouse, "--status", "accepted") == ["bb33"]


def test_status_counts_open_findings_by_severity(capsys, warehouse) -> None:
    assert main(["status", "-w", warehouse, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == {
        "by_status": {"accepted": 1, "open": 2}, "open_by_severity": {"CRITICAL": 1, "WARN": 1},
    }  # fmt: skip
    main(["status", "-w", warehouse])
    assert "Findings: open: 1 CRITICAL, 1 WARN; 1 accepted (driftlake drift ls)" in capsys.readouterr().out


def test_where_drift_has_not_run_there_is_nothing_to_list_and_no_schema(capsys, hand_made) -> None:
    hand_made.append(SCHEMA_OBSERVATION, [])
    assert listed(capsys, str(hand_made.folder)) == []
    said = told(capsys, "schema", "-w", str(hand_made.folder), "--device", "d", code=2)
    assert "silver.schema_observation is empty" in said


def test_schema_reads_observations_alone(capsys, hand_made) -> None:
    def seen(path: str, first: int, last: int, **columns: Any) -> dict[str, Any]:
        return {
            "batch": "s/0", "observation": "path", "device_cohort": "c00", "path": path, "json_type": "object",
            "schema_version": "1.0.0", "record_count": 10, "device_examples": ["sensor_1"],
            "first_event_time": NOON + timedelta(hours=first), "last_event_time": NOON + timedelta(hours=last),
        } | columns  # fmt: skip

    hand_made.append(SCHEMA_OBSERVATION, [seen("$", 0, 9), seen("readings.pressure", 5, 9)])
    asked = (
        "schema",
        "-w",
        str(hand_made.folder),
        "--at",
        "2026-03-02T13:00Z",
        "--versus",
        "2026-03-02T20:00:00+00:00",
    )
    answer = json.loads(told(capsys, *asked, "--json"))
    assert [(each["change"], each["path"], each["after"]) for each in answer["changes"]] == [
        ("FIELD_ADDED_NESTED", "readings.pressure", "object")
    ]
    assert "readings.pressure" in told(capsys, *asked)
    assert "No difference was observed." in told(capsys, *asked[:5], "--versus", "2026-03-02T14:00Z")
    assert "is a time like" in told(capsys, *asked[:3], "--at", "noon", "--versus", "2026-03-02", code=2)
    assert "observations reach from 2026-03-02T12:00:00Z to" in told(
        capsys, *asked[:3], "--at", "2020-01-01", "--versus", "2026-03-02", code=2
    )
