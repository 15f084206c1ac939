"""`driftlake quarantine ls | show`, and the quarantine in `driftlake status`: what DuckDB reads."""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from driftlake.cli import main
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BYTES = b'{"name": "\xff\x1b[2J"'


def reason(code: str, path: str = "") -> dict[str, str]:
    return {"path": path, "code": code, "expected": "one JSON object", "found": "something else"}


def record(row_id: str, *reasons: dict[str, str], **columns: Any) -> dict[str, Any]:
    usual = {
        "row_id": row_id, "idempotency_key": row_id, "reason_code": reasons[0]["code"], "reasons": list(reasons),
        "ingest_time": NOON, "batch": "q/0", "payload": BYTES, "source_object": "a.ndjson", "source_line": 1,
    }  # fmt: skip
    return usual | columns


def action(row_id: str, what: str, hour: int = 0, **columns: Any) -> dict[str, Any]:
    time = NOON + timedelta(hours=hour)
    return {
        "row_id": row_id,
        "action": what,
        "purpose": "x",
        "batch": f"x/{hour}",
        "action_time": time,
    } | columns


@pytest.fixture
def quarantined(hand_made):
    """Four records: one open, one that failed again for another reason, one replayed, one discarded."""
    hand_made.append(
        QUARANTINE,
        [
            record("r1", reason("MALFORMED_JSON")),
            record("r2", reason("FORMAT", "timestamp"), device_id="d", schema_version="1.0.0"),
            record(
                "r3",
                reason("PATTERN", "device_id"),
                reason("RANGE", "x"),
                ingest_time=NOON + timedelta(days=1),
            ),
            record("r4", reason("MALFORMED_JSON")),
        ],
    )
    again = {"reason_code": "VERSION_MAJOR", "reasons": [reason("VERSION_MAJOR", "schema_version")]}
    hand_made.append(
        QUARANTINE_ACTION,
        [
            action("r2", "failed_again", 1, reason_code="FORMAT", reasons=[reason("FORMAT", "timestamp")]),
            action("r2", "failed_again", 2, **again),
            action("r3", "replayed", 1, outcome="kept"),
            action("r4", "discarded", 1, note="a test rig", requested_by="me"),
        ],
    )
    return str(hand_made.folder)


def listed(warehouse: str, capsys: Any, *options: str) -> list[tuple[Any, ...]]:
    assert main(["quarantine", "ls", "-w", warehouse, "--format", "json", *options]) == 0
    rows = json.loads(capsys.readouterr().out)
    return [tuple(row[n] for n in ("reason_code", "path", "open", "replayed", "discarded")) for row in rows]


def test_ls_counts_by_the_reason_of_the_last_time(quarantined, capsys):
    assert listed(quarantined, capsys) == [
        ("MALFORMED_JSON", "$", 1, 0, 1),
        ("VERSION_MAJOR", "schema_version", 1, 0, 0),
        ("PATTERN", "device_id", 0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        (["--code", "MALFORMED_JSON"], ["MALFORMED_JSON"]),
        (["--code", "RANGE"], ["PATTERN"]),
        (["--code", "RANGE", "--path", "device_id"], []),
        (["--path", "$"], ["MALFORMED_JSON"]),
        (["--device", "d"], ["VERSION_MAJOR"]),
        (["--device", "none", "--since", "2026-03-03"], ["PATTERN"]),
        (["--schema-version", "none", "--until", "2026-03-03"], ["MALFORMED_JSON"]),
        (["--row-id", "r2", "--row-id", "r3"], ["VERSION_MAJOR", "PATTERN"]),
        (["--object", "b.ndjson"], []),
    ],
)
def test_ls_filters(quarantined, capsys, options, codes):
    assert [row[0] for row in listed(quarantined, capsys, *options)] == codes


def test_ls_as_table_and_csv(quarantined, capsys):
    assert main(["quarantine", "ls", "-w", quarantined]) == 0
    assert "VERSION_MAJOR" in capsys.readouterr().out
    assert main(["quarantine", "ls", "-w", quarantined, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["open"] for row in rows] == ["1", "1", "0"]


def test_ls_tells_of_records_that_a_breaker_holds(hand_made, capsys):
    hand_made.append(
        QUARANTINE, [record("r1", reason("CIRCUIT_OPEN", "schema_version"), schema_version="2.0.0")]
    )
    assert main(["quarantine", "ls", "-w", str(hand_made.folder)]) == 0
    assert "1 record held by an open circuit breaker" in capsys.readouterr().out


def test_show_gives_exact_bytes_all_reasons_and_the_history(quarantined, capsys, tmp_path):
    assert main(["quarantine", "show", "r4", "-w", quarantined]) == 0
    shown = capsys.readouterr().out
    assert "\\xff\\x1b[2J" in shown, "bytes must not steer the terminal"
    assert "discarded; x/1; me; a test rig" in shown
    assert (
        main(["quarantine", "show", "r2", "-w", quarantined, "--json", "--payload-to", f"{tmp_path}/p"]) == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert base64.b64decode(said["payload"]) == BYTES == (tmp_path / "p").read_bytes()
    assert (said["state"], said["reason_code"]) == ("open", "FORMAT"), (
        "as it was quarantined; the rest is history"
    )
    assert [each["reason_code"] for each in said["history"]] == ["FORMAT", "VERSION_MAJOR"]


def test_show_says_where_the_bytes_of_an_oversize_line_are(hand_made, capsys):
    hand_made.append(
        QUARANTINE, [record("r1", reason("OVERSIZE"), payload=None, payload_pointer="file:///big")]
    )
    assert main(["quarantine", "show", "r1", "-w", str(hand_made.folder)]) == 0
    assert "kept at file:///big" in capsys.readouterr().out
    assert main(["quarantine", "show", "r1", "-w", str(hand_made.folder), "--payload-to", "x"]) == 2


def test_wrong_use_is_exit_code_2_and_touches_nothing(quarantined, capsys):
    assert main(["quarantine", "show", "nobody", "-w", quarantined]) == 2
    assert "no quarantined record has the row id nobody" in capsys.readouterr().err
    assert main(["quarantine", "ls", "-w", quarantined, "--since", "yesterday"]) == 2
    assert main(["quarantine", "discard", "-w", quarantined, "--yes"]) == 2
    assert "--reason" in capsys.readouterr().err
    assert main(["quarantine", "replay", "-w", f"{quarantined}/none"]) == 2


def test_discard_without_yes_shows_the_open_records_it_would_close(quarantined, capsys):
    assert main(["quarantine", "discard", "-w", quarantined, "--code", "MALFORMED_JSON"]) == 0
    shown = capsys.readouterr().out
    assert "Nothing was written" in shown
    assert "discarded" not in shown.splitlines()[1]


def test_status_balances_the_quarantine_as_a_whole(quarantined, hand_made, capsys):
    assert main(["status", "-w", quarantined]) == 0
    assert "Quarantine: 4 ever = 2 open + 1 replayed + 1 discarded" in capsys.readouterr().out
    hand_made.append(QUARANTINE_ACTION, [action("r4", "replayed", 3), action("nobody", "replayed", 3)])
    assert main(["status", "-w", quarantined, "--json"]) == 3
    said = json.loads(capsys.readouterr().out)["quarantine"]
    assert (said["balanced"], said["misplaced"]) == (False, 2)


def test_status_names_breakers_that_are_not_closed(hand_made, capsys):
    def change(sequence: int, version: str, state: str) -> dict[str, Any]:
        return {
            "sequence": sequence, "schema_version": version, "state": state, "checked_rows": 120, "failed_rows": 90,
            "batch": "q/0", "transition_time": NOON,
        }  # fmt: skip

    hand_made.append(
        CIRCUIT_BREAKER,
        [
            change(1, "2.0.0", "open"),
            change(2, "3.0.0", "open"),
            change(3, "3.0.0", "half_open"),
            change(4, "2.0.0", "closed"),
        ],
    )
    assert main(["status", "-w", str(hand_made.folder)]) == 0
    shown = capsys.readouterr().out
    assert (
        "Circuit breaker of version 3.0.0: half_open since 2026-03-02 12:00:00Z (90 of 120 records failed)"
        in shown
    )
    assert "2.0.0" not in shown
