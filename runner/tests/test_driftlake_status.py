"""`driftlake status`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from driftlake.cli import main
from driftlake.status import warehouse_status
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.contracts.silver_reading import READING
from iot_common.io.notices import emit_once
from iot_common.notices import Notice
from iot_common.settings import StageSettings


def checked(difference: int) -> dict[str, object]:
    return {
        "stage": "silver", "query": "blocks", "query_id": "q", "batch_id": 0, "difference": difference,
        "balanced": difference == 0,
    }  # fmt: skip


def test_shows_rows_bytes_and_last_commit_of_each_table(hand_made):
    hand_made.promoted(1, [b"{}"])
    hand_made.append(READING, [])
    raw, reading = warehouse_status(str(hand_made.folder)).tables
    assert (raw["table"], raw["rows"], raw["snapshots"]) == ("bronze.raw_reading", 1, 1)
    assert raw["bytes"] > 0
    assert raw["last_commit"] is not None
    assert (reading["rows"], reading["snapshots"], reading["last_commit"]) == (0, 0, None)


def test_counts_what_is_not_promoted_yet(hand_made):
    hand_made.bronze_block(1, [b"one"])
    hand_made.bronze_block(2, [b"two", b"three"])
    hand_made.promoted(1, [b"one"])
    assert warehouse_status(str(hand_made.folder)).unpromoted["rows"] == 2


def test_ends_with_3_and_names_the_batch_that_does_not_balance(hand_made, capsys):
    hand_made.append(CONSERVATION, [checked(0), checked(2) | {"batch_id": 7}])
    assert main(["status", "-w", str(hand_made.folder)]) == 3
    assert "silver.blocks batch 7: difference +2" in capsys.readouterr().out


def test_shows_the_last_run_and_why_it_failed(hand_made, capsys):
    told = {
        "stage": "gold",
        "side": "egress",
        "recorded_time": datetime(2026, 3, 2, tzinfo=UTC),
        "error": "disk full\x1b[2J",
    }
    hand_made.append(STAGE_METRIC, [told | {"run_id": "r2", "outcome": "failure"}])
    assert main(["status", "-w", str(hand_made.folder)]) == 0
    out = capsys.readouterr().out
    assert "r2  failure  gold" in out
    assert "disk full\\x1b[2J" in out


def test_json_says_the_same(hand_made, capsys):
    hand_made.append(RAW_READING, [])
    assert main(["status", "-w", str(hand_made.folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["conservation"] == {"balanced": True, "batches": 0, "unbalanced": []}
    assert said["tables"][0]["table"] == "bronze.raw_reading"


def test_what_waits_for_a_contract_change_and_notices_are_shown(hand_made, capsys):
    row = {"path": "readings.pressure", "kind": "FIELD_ADDED_NESTED", "severity": "INFO", "device_count": 9,
           "versions": ["1.0.0"], "proposed_column": "readings__pressure"}  # fmt: skip
    version = {"path": "schema_version", "kind": "VERSION_MAJOR", "severity": "ERROR", "device_count": 1}
    approved = row | {"path": "x", "status": "APPROVED"}
    version |= {"status": "PENDING", "versions": ["2.0.0\x1b[2J"]}
    hand_made.append(DRIFT_LOG, [row | {"status": "PENDING"}, approved, version])
    raised = datetime(2026, 3, 2, tzinfo=UTC)
    notices = StageSettings(warehouse=str(hand_made.folder)).notices
    assert emit_once(notices, Notice("NotifyMissingSchema", "2.0.0", "drift", "Register 2.0.0.", raised))
    assert not emit_once(notices, Notice("NotifyMissingSchema", "2.0.0", "drift", "Again.", raised))
    assert main(["status", "-w", str(hand_made.folder)]) == 0
    out = capsys.readouterr().out
    assert "Drift log: 1 APPROVED, 2 PENDING" in out
    assert "FIELD_ADDED_NESTED  readings.pressure  on 9 devices, column readings__pressure" in out
    assert "VERSION_MAJOR  2.0.0\\x1b[2J  on 1 device" in out
    assert "Notices: 1" in out
    assert "2026-03-02T00:00:00Z  NotifyMissingSchema  Register 2.0.0." in out
    waiting = warehouse_status(str(hand_made.folder)).as_json()["waiting"]
    assert (waiting["drift_log"], len(waiting["pending"])) == ({"APPROVED": 1, "PENDING": 2}, 2)


def test_a_folder_without_a_warehouse_is_exit_code_2(tmp_path, capsys):
    assert main(["status", "-w", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
