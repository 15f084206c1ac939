"""Rows that silver processes again, on real Spark and Iceberg: nothing is lost, doubled or taken away."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.io import blocks, iceberg
from iot_common.io.stream import QueryReport
from iot_common.metrics import balance
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import job, quarantine_state
from iot_silver.reprocess import Asked, next_batch, run_reprocess
from iot_silver.settings import SilverSettings

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
WITHOUT_DEVICE = as_payload(a_reading(without=["device_id"]))
TABLES = (QUARANTINE, READING, SUPERSEDED, QUARANTINE_ACTION, TOUCHED_WINDOW)


def land(lake: Lake, *payloads: bytes, minutes: int = 0, **settings: Any) -> None:
    land_payloads(lake, payloads, arrived=ARRIVED + timedelta(minutes=minutes))
    job.run(lake.context("silver", SilverSettings, **settings))


def again(
    lake: Lake, *row_ids: str, changed: dict[str, bytes] | None = None, minutes: int = 60
) -> QueryReport:
    """Reprocess rows of bronze, some with other bytes: what a new contract would make of them."""
    context = lake.context("silver", SilverSettings, TEST_NOW + timedelta(minutes=minutes))

    def rows(spark: Any, _: BatchIdentity) -> Any:
        chosen = blocks.raw_reading_all(spark).where(f"row_id in {(*row_ids, '')}").collect()
        told = [r.asDict() | {"payload": (changed or {}).get(r.row_id, r.payload)} for r in chosen]
        return spark.createDataFrame(
            [tuple(r[c] for c in RAW_READING.column_names) for r in told], RAW_READING.ddl
        )

    identity, _ = next_batch(lake.spark, "test")
    report = run_reprocess(
        context, rows, identity, "test", Asked("me", "because", {"row_ids": list(row_ids)})
    )
    assert balance(report.gates) == 0
    return report


def counts(report: QueryReport) -> dict[str, int]:
    found = Counter[str]()
    for gate in report.gates:
        found[gate.disposition] += gate.rows
    return {name: found[name] for name in found if name not in ("written", "checked") and found[name]}


def open_rows(lake: Lake) -> set[str]:
    rows = quarantine_state.open_records(lake.table(QUARANTINE), lake.table(QUARANTINE_ACTION)).collect()
    return {row.row_id for row in rows}


def test_a_quarantined_row_that_now_passes_becomes_a_reading_and_is_closed(lake: Lake) -> None:
    land(lake, as_payload(a_reading()))
    land(lake, as_payload(a_reading(timestamp="2025-11-01T12:00:00Z")), WITHOUT_DEVICE, b"junk", minutes=1)
    assert len(open_rows(lake)) == 3
    late, unnamed = "object-2.ndjson#1", "object-2.ndjson#2"
    observed = lake.table(SCHEMA_OBSERVATION).count()
    report = again(lake, late, unnamed)
    assert counts(report) == {"in": 2, "kept": 1, "duplicate": 1}, "what fails again is in quarantine already"
    assert [(r.row_id, r.late) for r in lake.rows(READING, "row_id", "late")] == [
        ("object-1.ndjson#1", False),
        (late, True),
    ]
    actions = lake.rows(QUARANTINE_ACTION, "row_id", "action", "outcome", "requested_by", "note", "batch")
    assert [tuple(r) for r in actions] == [(late, "replayed", "kept", "me", "because", "test/0")]
    assert open_rows(lake) == {unnamed, "object-2.ndjson#3"}
    assert lake.table(SCHEMA_OBSERVATION).count() == observed, "drift has counted these rows already"
    windows = lake.rows(TOUCHED_WINDOW, "batch", "window_start")
    assert [f"{r.window_start:%m-%d %H:%M}" for r in windows if r.batch == "test/0"] == ["11-01 12:00"]

    before = {table.name: iceberg.current_commit(lake.spark, table.name) for table in TABLES}
    assert counts(again(lake, unnamed)) == {}, "it fails as it did: no news, no commit"
    assert {table.name: iceberg.current_commit(lake.spark, table.name) for table in TABLES} == before


def test_a_row_that_fails_for_another_reason_keeps_its_history(lake: Lake) -> None:
    land(lake, WITHOUT_DEVICE)
    row = "object-1.ndjson#1"
    assert counts(again(lake, row, changed={row: b"junk"})) == {"in": 1, "duplicate": 1}
    assert lake.table(QUARANTINE).count() == 1, "quarantine itself is never changed"
    (action,) = lake.rows(QUARANTINE_ACTION, "action", "reason_code")
    assert tuple(action) == ("failed_again", "MALFORMED_JSON")
    (still_open,) = quarantine_state.open_records(
        lake.table(QUARANTINE), lake.table(QUARANTINE_ACTION)
    ).collect()
    assert still_open.reason_code == "MALFORMED_JSON", "the reasons are those of the last time"
    assert counts(again(lake, row, changed={row: b"junk"})) == {}


def test_a_standing_reading_is_renewed_in_place(lake: Lake) -> None:
    first = as_payload(a_reading(temperature=20.0))
    land(lake, first, as_payload(a_reading(device_id="sensor_2")), first)
    row = "object-1.ndjson#1"
    moved = as_payload(a_reading(device_id="sensor_3", timestamp="2026-01-01T11:00:00Z", temperature=21.0))
    report = again(lake, row, "object-1.ndjson#3", changed={row: moved})
    assert counts(report) == {"in": 2, "kept": 1, "duplicate": 1, "replaced": 1}
    readings = lake.rows(READING, "device_id", "event_time", "temperature_celsius", "row_id")
    assert [(r.device_id, r.temperature_celsius) for r in readings] == [
        ("sensor_1", 21.0),
        ("sensor_2", 21.5),
    ], "a reading keeps its device and time"
    assert lake.table(SUPERSEDED).count() == 0, "it has not lost against itself"
    assert sum(r.change_count for r in lake.rows(TOUCHED_WINDOW) if r.batch == "test/0") == 1


def test_a_standing_reading_that_would_now_be_refused_stays_and_is_marked(lake: Lake) -> None:
    land(lake, as_payload(a_reading(temperature=20.0, firmware="7")), b"other")
    row = "object-1.ndjson#1"
    refused = as_payload(a_reading(schema_version="9.0.0"))
    assert counts(again(lake, row, changed={row: refused})) == {"in": 1, "kept": 1, "replaced": 1}
    (reading,) = lake.rows(READING)
    assert (reading.temperature_celsius, reading._rescued) == (20.0, '{"firmware":"7"}')
    assert (reading.is_valid, reading.conforms, reading.schema_version) == (False, False, "1.0.0")
    assert [v.code for v in reading.violations] == ["VERSION_MAJOR"]
    assert lake.table(QUARANTINE).count() == 1, "only what was there before"


def test_rows_that_lost_or_were_known_do_not_come_back(lake: Lake) -> None:
    old, new = as_payload(a_reading(temperature=20.0)), as_payload(a_reading(temperature=21.0))
    land(lake, old, new)
    land(lake, new, minutes=5)
    report = again(lake, "object-1.ndjson#1", "object-2.ndjson#1")
    assert counts(report) == {"in": 2, "duplicate": 2}
    assert counts(again(lake, "object-1.ndjson#1", changed={"object-1.ndjson#1": as_payload(
        a_reading(temperature=20.0, schema_version="9.0.0"))})) == {"in": 1, "quarantined": 1}  # fmt: skip


def test_a_row_that_arrived_before_the_stored_one_is_superseded(lake: Lake) -> None:
    late = as_payload(a_reading(temperature=20.0))
    land(lake, late, as_payload(a_reading(timestamp="2026-03-01T12:00:00Z", device_id="sensor_2")))
    land(lake, as_payload(a_reading(temperature=20.0, without=["device_id"])), minutes=1)
    both = {"object-2.ndjson#1": as_payload(a_reading(temperature=30.0))}
    assert counts(again(lake, "object-2.ndjson#1", changed=both)) == {"in": 1, "kept": 1, "replaced": 1}
    assert [r.was_stored for r in lake.rows(SUPERSEDED)] == [True]
    assert [r.temperature_celsius for r in lake.rows(READING, "device_id", "temperature_celsius")] == [
        30.0,
        21.5,
    ]
    report = again(
        lake, "object-1.ndjson#1", changed={"object-1.ndjson#1": as_payload(a_reading(temperature=10.0))}
    )
    assert counts(report) == {"in": 1, "superseded": 1}, "a newer arrival stands"
    assert lake.table(READING).count() == 2


def test_a_standing_reading_and_its_newer_rival_in_one_batch_leave_one(lake: Lake) -> None:
    land(lake, as_payload(a_reading(temperature=20.0)), WITHOUT_DEVICE)
    stands, rival = "object-1.ndjson#1", "object-1.ndjson#2"
    report = again(lake, stands, rival, changed={rival: as_payload(a_reading(temperature=25.0))})
    assert counts(report) == {"in": 2, "kept": 1, "superseded": 1, "replaced": 1}
    assert [(r.row_id, r.temperature_celsius) for r in lake.rows(READING)] == [(rival, 25.0)]
    assert [(r.row_id, r.was_stored) for r in lake.rows(SUPERSEDED)] == [(stands, True)]
    assert [(r.row_id, r.outcome) for r in lake.rows(QUARANTINE_ACTION)] == [(rival, "kept")]


@pytest.mark.parametrize("crash_before", [table.name for table in (QUARANTINE, SUPERSEDED, TOUCHED_WINDOW)])
def test_killed_anywhere_and_repeated_it_ends_in_the_same_tables(
    lake: Lake, crash_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(
        lake,
        as_payload(a_reading(temperature=20.0)),
        WITHOUT_DEVICE,
        as_payload(a_reading(device_id="sensor_2")),
    )
    stands, passes = "object-1.ndjson#1", "object-1.ndjson#2"
    changed = {passes: as_payload(a_reading(temperature=25.0))}

    def failing(original: Any) -> Any:
        def commit(first: Any, *arguments: Any, **named: Any) -> Any:
            if any(getattr(each, "name", None) == crash_before for each in arguments):
                raise OSError("killed")
            return original(first, *arguments, **named)

        return commit

    with monkeypatch.context() as patched:
        patched.setattr(iceberg, "append_once", failing(iceberg.append_once))
        patched.setattr(iceberg, "merge_once", failing(iceberg.merge_once))
        with pytest.raises(Exception, match="killed"):
            again(lake, stands, passes, "object-1.ndjson#3", changed=changed)
    identity, asked = next_batch(lake.spark, "test")
    assert identity == BatchIdentity("test", 0)
    assert (asked is None) == (crash_before == QUARANTINE.name)
    report = again(lake, stands, passes, "object-1.ndjson#3", changed=changed, minutes=90)
    assert counts(report) == {"in": 3, "kept": 2, "superseded": 1, "replaced": 2}
    assert [r.temperature_celsius for r in lake.rows(READING, "device_id", "temperature_celsius")] == [
        25.0,
        21.5,
    ]
    assert lake.table(QUARANTINE_ACTION).count() == 1
    assert lake.table(SUPERSEDED).count() == 1
    assert next_batch(lake.spark, "test") == (BatchIdentity("test", 1), None)
