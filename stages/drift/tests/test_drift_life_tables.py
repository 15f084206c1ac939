"""Findings that live on real tables: decided, quiet, back again; alerts told once, and again after a failure."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from iot_common.contracts.drift_alert import ALERT
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.table import TableContract
from iot_common.io.alert_channels import AlertDeliveryError
from iot_common.io.iceberg import ensure_table
from iot_common.testing.silver_tables import at
from iot_common.testing.spark import TEST_NOW, Lake
from iot_drift import job, life_batch
from iot_drift.alerts import Digest
from iot_drift.contract import WRITES
from iot_drift.life import ActionError
from iot_drift.settings import DriftSettings


def an_event(event_id: str, **columns: Any) -> dict[str, Any]:
    usual = {
        "event_id": event_id, "channel": "statistical", "kind": "VALUE_SHIFT", "severity": "WARN",
        "field": "temperature_celsius", "devices": ["sensor_1"], "device_count": 1, "device_share": 0.5,
        "onset": at("10:00:00"), "last_seen": at("11:00:00"), "occurrence_count": 4, "evidence": "{}", "status": "open",
        "batch": "q/0", "first_detected_time": TEST_NOW, "processing_time": TEST_NOW, "pipeline_version": "1.0.0",
    }  # fmt: skip
    return usual | columns


def windows(device: str, count: int, since: str = "11:15:00") -> list[dict[str, Any]]:
    start = at(since)
    return [
        {
            "device_id": device, "window_start": start + timedelta(minutes=15 * number), "window_minutes": 15,
            "reading_count": 3, "score": 0.4, "is_reference": False, "is_anomalous": False,
        }
        for number in range(count)
    ]  # fmt: skip


ADDED = {
    "channel": "structural",
    "kind": "FIELD_ADDED",
    "field": "firmware",
    "devices": ["sensor_2"],
    "severity": "INFO",
}


def statuses(lake: Lake) -> dict[str, str]:
    return {row.event_id: row.status for row in lake.rows(DRIFT_EVENT, "event_id", "status")}


def actions(lake: Lake) -> list[tuple[str, str, str | None]]:
    return [tuple(row) for row in lake.rows(EVENT_ACTION, "event_id", "action", "requested_by")]


class Recorder:
    """A channel that keeps what it is told, or fails."""

    name = "webhook"

    def __init__(self) -> None:
        self.digests: list[Digest] = []
        self.fails = False

    def send(self, digest: Digest) -> None:
        if self.fails:
            raise AlertDeliveryError("the server answered 503")
        self.digests.append(digest)


def settle(lake: Lake, channel: Recorder | None = None, **settings: Any) -> tuple[list[str], list[str]]:
    """One run's end: tables written, and what was said."""
    said: list[str] = []
    context = lake.context("drift", DriftSettings, quiet_windows=8, **settings)
    context = type(context)(context.spark, context.settings, context.run, context.clock, said.append)
    reports = life_batch.Settling(context, [channel] if channel else []).at_end()
    return [gate.target for report in reports for gate in report.gates], said


def decide(lake: Lake, event: str, action: str) -> list[Any]:
    asked = json.dumps({"event": event, "action": action, "note": "why", "requested_by": "ada"})
    return job.run(lake.context("drift", DriftSettings, action=asked))


def change(lake: Lake, table: TableContract, assignments: str, where: str) -> None:
    lake.spark.sql(f"UPDATE driftlake.{table.name} SET {assignments} WHERE {where}")


@pytest.fixture
def findings(lake: Lake) -> Lake:
    for table in WRITES:
        ensure_table(lake.spark, table)
    quiet = an_event("aa11", devices=["sensor_1", "sensor_9"])
    loud = an_event("ab22", devices=["sensor_2"])
    broken = an_event(
        "ac33", **ADDED | {"kind": "MALFORMED_JSON", "field": "$", "devices": [], "last_seen": None}
    )
    lake.append(DRIFT_EVENT, [quiet, loud, an_event("ad44", **ADDED), broken])
    lake.append(DRIFT_LOG, [{"path": "firmware", "kind": "FIELD_ADDED", "status": "PENDING"}])
    lake.append(WINDOW_SCORE, [*windows("sensor_1", 8), *windows("sensor_2", 7)])
    return lake


def test_story_of_findings(findings: Lake) -> None:
    lake = findings
    # A day of windows without it: resolved. The other devices have one too few, or none at all.
    assert settle(lake)[0] == ["drift.event_action", "drift.event"]
    assert statuses(lake) == {"aa11": "resolved", "ab22": "open", "ac33": "open", "ad44": "open"}
    assert settle(lake)[0] == [], "settled once is settled"

    # People decide; a second time changes nothing.
    decide(lake, "ad", "accepted")
    assert decide(lake, "ad44", "accepted") == []
    assert lake.rows(DRIFT_LOG, "path", "status") == [("firmware", "DISMISSED")]
    decide(lake, "ab", "acknowledged")
    assert statuses(lake) == {"aa11": "resolved", "ab22": "acknowledged", "ac33": "open", "ad44": "accepted"}
    for event, action in (("a", "accepted"), ("ad44", "resolved"), ("zz", "accepted")):
        with pytest.raises(ActionError):
            decide(lake, event, action)

    # The table keeps what was decided about what, and when it had been seen.
    (row,) = lake.table(EVENT_ACTION).where("action = 'accepted'").collect()
    assert (row.channel, row.kind, row.field, row.devices, row.note) == (
        "structural", "FIELD_ADDED", "firmware", ["sensor_2"], "why",
    )  # fmt: skip

    # It comes back: open again. More records of an accepted field: no news.
    change(lake, DRIFT_EVENT, "last_seen = timestamp '2025-06-01 14:00:00'", "event_id IN ('aa11', 'ad44')")
    settle(lake)
    assert statuses(lake)["aa11"] == "open"
    assert statuses(lake)["ad44"] == "accepted"
    assert actions(lake) == [
        ("aa11", "reopened", None), ("aa11", "resolved", None), ("ab22", "acknowledged", "ada"),
        ("ad44", "accepted", "ada"),
    ]  # fmt: skip

    # A process that ended between the action and the status: the next run mends the status, and acts no second time.
    change(lake, DRIFT_EVENT, "status = 'open'", "event_id = 'ad44'")
    change(lake, DRIFT_LOG, "status = 'PENDING'", "path = 'firmware'")
    assert settle(lake)[0] == ["drift.event", "drift.drift_log"]
    assert (statuses(lake)["ad44"], lake.rows(DRIFT_LOG, "status")) == ("accepted", [("DISMISSED",)])
    assert len(actions(lake)) == 4


def test_alerts_are_told_once_and_again_after_a_failure_or_a_return(findings: Lake) -> None:
    lake, channel = findings, Recorder()
    channel.fails = True
    written, said = settle(lake, channel)
    assert "drift.alert" not in written
    assert said == ["alert channel webhook failed: the server answered 503; the next run tries again"]
    assert lake.table(ALERT).count() == 0

    channel.fails = False
    assert settle(lake, channel)[0] == ["drift.alert"]
    (digest,) = channel.digests
    # aa11 is resolved by now, the structural ones are INFO.
    assert [group.event_ids for group in digest.groups] == [("ab22",)]
    assert settle(lake, channel)[0] == []

    change(lake, DRIFT_EVENT, "last_seen = timestamp '2025-06-01 14:00:00'", "event_id = 'aa11'")
    change(lake, DRIFT_EVENT, "severity = 'ERROR'", "event_id = 'ab22'")
    assert settle(lake, channel)[0] == ["drift.event_action", "drift.event", "drift.alert"]
    assert lake.rows(ALERT, "event_id", "reason", "severity") == [
        ("aa11", "new", "WARN"), ("ab22", "graver", "ERROR"), ("ab22", "new", "WARN"),
    ]  # fmt: skip
    assert len(channel.digests) == 2
    assert settle(lake, channel)[0] == []
