"""Plan, replay and discard of quarantined records, on real Spark and Iceberg."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iot_common.batch import BatchIdentity
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.contracts.silver_reading import READING
from iot_common.io import iceberg
from iot_common.io.stream import QueryReport
from iot_common.metrics import balance
from iot_common.testing.blocks import land_payloads
from iot_common.testing.contract_versions import minor_step, write_contracts
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import job, quarantine_state, replay, reprocess
from iot_silver.contract import WRITES
from iot_silver.replay import InterruptedReplayError
from iot_silver.selection import MAX_VALUES, Selection, SelectionError
from iot_silver.settings import SilverSettings

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
OLD = as_payload(a_reading(timestamp="2025-11-01T12:00:00Z"))
UNNAMED = as_payload(a_reading(without=["device_id"]))
LATE = Selection(codes=("LATE",))


def run(lake: Lake, *, minutes: int = 0, **settings: Any) -> dict[str, int]:
    return summed(
        job.run(lake.context("silver", SilverSettings, TEST_NOW + timedelta(minutes=minutes), **settings))
    )


def summed(reports: list[QueryReport]) -> dict[str, int]:
    found: dict[str, int] = {}
    for report in reports:
        for _, gates in report.batches:
            assert balance(gates) == 0
            for gate in gates:
                if gate.disposition not in ("written", "checked") and gate.rows:
                    found[gate.disposition] = found.get(gate.disposition, 0) + gate.rows
    return found


def land(lake: Lake, *payloads: bytes, minutes: int = 0) -> dict[str, int]:
    land_payloads(lake, payloads, arrived=ARRIVED + timedelta(minutes=minutes))
    return run(lake)


@pytest.fixture
def quarantined(lake: Lake) -> Lake:
    """One reading, and in quarantine one that came too late (it would pass today) and two that have no place."""
    land(lake, as_payload(a_reading()))
    land(lake, OLD, UNNAMED, b"junk", minutes=1)
    return lake


def states(lake: Lake) -> dict[str, int]:
    rows = lake.table(QUARANTINE_ACTION).groupBy("action").count().collect()
    still_open = quarantine_state.open_records(lake.table(QUARANTINE), lake.table(QUARANTINE_ACTION)).count()
    return {row["action"]: row["count"] for row in rows} | {
        "open": still_open,
        "ever": lake.table(QUARANTINE).count(),
    }


def commits(lake: Lake) -> list[Any]:
    return [iceberg.current_commit(lake.spark, table.name) for table in WRITES]


def test_a_plan_says_what_would_pass_and_why_the_rest_fails_and_writes_nothing(quarantined: Lake) -> None:
    before = commits(quarantined)
    groups = replay.plan(quarantined.context("silver", SilverSettings), Selection())
    assert {(g.outcome, g.was_code, g.was_path, g.now_code, g.now_path, g.rows) for g in groups} == {
        ("kept", "LATE", "timestamp", None, None, 1),
        ("fails", "FIELD_REMOVED_REQUIRED", "device_id", "FIELD_REMOVED_REQUIRED", "device_id", 1),
        ("fails", "MALFORMED_JSON", "$", "MALFORMED_JSON", "$", 1),
    }
    assert [g.rows for g in replay.plan(quarantined.context("silver", SilverSettings), LATE)] == [1]
    assert commits(quarantined) == before


def test_a_replay_moves_exactly_what_passes_and_once(quarantined: Lake) -> None:
    context = quarantined.context("silver", SilverSettings, TEST_NOW + timedelta(hours=1))
    assert summed(replay.replay(context, Selection(), requested_by="me")) == {
        "in": 3,
        "kept": 1,
        "duplicate": 2,
    }
    assert states(quarantined) == {"replayed": 1, "open": 2, "ever": 3}
    before = commits(quarantined)
    assert summed(replay.replay(context, Selection())) == {}
    assert commits(quarantined) == before, "the same again changes no table"
    assert quarantined.table(READING).count() == 2
    assert land(quarantined, OLD, b"junk", minutes=60) == {"in": 2, "duplicate": 2}, (
        "what was replayed is known, though it is too late today; what is quarantined too"
    )


def test_a_record_that_arrived_again_and_passed_meanwhile_is_closed_as_a_duplicate(quarantined: Lake) -> None:
    land_payloads(quarantined, [OLD], arrived=ARRIVED + timedelta(minutes=5))
    assert run(quarantined, late_quarantine_days=0) == {"in": 1, "kept": 1}
    reports = replay.replay(quarantined.context("silver", SilverSettings), LATE)
    assert summed(reports) == {"in": 1, "duplicate": 1}
    (action,) = quarantined.rows(QUARANTINE_ACTION, "action", "outcome")
    assert tuple(action) == ("replayed", "duplicate")
    assert quarantined.table(READING).count() == 2


def test_a_discarded_record_is_closed_for_good_but_its_content_may_come_again(quarantined: Lake) -> None:
    context = quarantined.context("silver", SilverSettings)
    with pytest.raises(SelectionError, match="needs a reason"):
        replay.discard(context, LATE, note=" ")
    assert summed(replay.discard(context, LATE, note="test rig", requested_by="me")) == {"in": 1, "kept": 1}
    assert summed(replay.discard(context, LATE, note="test rig")) == {}, "there is none left to close"
    assert states(quarantined) == {"discarded": 1, "open": 2, "ever": 3}
    assert summed(replay.replay(context, LATE)) == {}
    (action,) = quarantined.rows(QUARANTINE_ACTION, "row_id", "note", "requested_by", "batch")
    assert tuple(action) == ("object-2.ndjson#1", "test rig", "me", "discard/0")
    row = quarantined.table(QUARANTINE).where("row_id = 'object-2.ndjson#1'").first()
    assert row is not None and bytes(row.payload) == OLD, "its bytes stay"

    def bronze_rows(spark: Any, _: BatchIdentity) -> Any:
        return quarantine_state.as_raw_rows(quarantined.table(QUARANTINE))

    backfill = reprocess.run_reprocess(context, bronze_rows, BatchIdentity("backfill", 0), "backfill")
    assert summed([backfill]) == {}, "a backfill does not bring it back"
    assert land(quarantined, OLD, minutes=9) == {"in": 1, "duplicate": 1}
    land_payloads(quarantined, [OLD], arrived=ARRIVED + timedelta(minutes=10))
    assert run(quarantined, late_quarantine_days=0) == {"in": 1, "kept": 1}


def test_an_interrupted_replay_is_ended_as_asked_by_whatever_runs_next(
    quarantined: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = iceberg.append_once

    def killed(frame: Any, table: Any, *rest: Any, **named: Any) -> Any:
        if table is QUARANTINE_ACTION:
            raise OSError("killed")
        return original(frame, table, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(iceberg, "append_once", killed)
        with pytest.raises(Exception, match="killed"):
            replay.replay(quarantined.context("silver", SilverSettings), LATE, note="mended")
    assert states(quarantined) == {"open": 3, "ever": 3}
    other = write_contracts(quarantined.folder / "contracts", minor_step())
    assert run(quarantined, contracts=other) == {}, "by other contracts it is not ended"
    with pytest.raises(InterruptedReplayError):
        replay.replay(quarantined.context("silver", SilverSettings, contracts=other), LATE)
    assert run(quarantined, minutes=60) == {"in": 1, "kept": 1}
    assert states(quarantined) == {"replayed": 1, "open": 2, "ever": 3}
    (action,) = quarantined.rows(QUARANTINE_ACTION, "note", "batch")
    assert tuple(action) == ("mended", "replay/0")
    assert run(quarantined, minutes=120) == {}


def test_the_job_replays_a_selection_and_does_nothing_else(quarantined: Lake) -> None:
    land_payloads(quarantined, [as_payload(a_reading(device_id="sensor_7"))], arrived=ARRIVED)
    assert run(quarantined, replay=json.dumps(LATE.as_json())) == {"in": 1, "kept": 1}
    assert run(quarantined) == {"in": 1, "kept": 1}, "the stream goes on where it was"


def test_a_selection_by_each_kind(quarantined: Lake) -> None:
    def chosen(**kinds: Any) -> list[int]:
        selection = Selection.from_text(json.dumps(Selection(**kinds).as_json()))
        rows = quarantined.table(QUARANTINE).where(selection.condition()).collect()
        return sorted(row.source_line for row in rows)

    assert chosen() == [1, 2, 3]
    assert chosen(codes=("LATE", "MALFORMED_JSON")) == [1, 3]
    assert chosen(codes=("LATE",), paths=("device_id",)) == [], "one reason has both"
    assert chosen(paths=("$",)) == [3]
    assert chosen(devices=("sensor_1",)) == [1]
    assert chosen(devices=("none",)) == [2, 3]
    assert chosen(schema_versions=("1.0.0",)) == [1, 2]
    assert chosen(schema_versions=("none", "9.0.0")) == [3]
    assert chosen(row_ids=("object-2.ndjson#3", "another")) == [3]
    assert chosen(objects=("object-1.ndjson",)) == []
    assert chosen(since=ARRIVED + timedelta(minutes=1)) == [1, 2, 3]
    assert chosen(until=ARRIVED + timedelta(minutes=1)) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "no JSON"),
        ("[]", "must be a JSON object"),
        ('{"code": ["LATE"]}', "unknown code"),
        ('{"codes": "LATE"}', "must be a list of texts"),
        ('{"since": "yesterday"}', "no ISO 8601 time"),
        (json.dumps({"row_ids": ["x"] * (MAX_VALUES + 1)}), "more than 1000 row_ids"),
    ],
)
def test_a_wrong_selection_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SelectionError, match=reason):
        Selection.from_text(text)


def test_a_time_without_a_zone_is_utc() -> None:
    assert Selection.from_json({"since": "2026-01-01"}).since == datetime(2026, 1, 1, tzinfo=UTC)
