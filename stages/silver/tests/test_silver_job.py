"""The silver job on real Spark and Iceberg: where each record ends, and that a repeated batch changes nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.io import iceberg
from iot_common.metrics import Gate, balance
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import batches, job
from iot_silver.contract import WRITES
from iot_silver.settings import SilverSettings

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def run(lake: Lake, now: datetime = TEST_NOW) -> list[Gate]:
    (report,) = job.run(lake.context("silver", SilverSettings, now))
    assert balance(report.gates) == 0
    return report.gates


def counts(gates: list[Gate]) -> dict[str, int]:
    found: dict[str, int] = {}
    for gate in gates:
        found[gate.disposition] = found.get(gate.disposition, 0) + gate.rows
    return {
        name: found[name] for name in ("in", "kept", "quarantined", "duplicate", "superseded", "replaced")
    }


def land(lake: Lake, *payloads: bytes, minutes: int = 0) -> None:
    land_payloads(lake, payloads, arrived=ARRIVED + timedelta(minutes=minutes))


def test_each_record_ends_in_exactly_one_place(lake: Lake) -> None:
    first, corrected = a_reading(temperature=20.0), a_reading(temperature=21.0)
    land(
        lake,
        as_payload(first),
        as_payload(corrected),
        as_payload(first),
        as_payload(a_reading(device_id="sensor_2", firmware="7")),
        as_payload(a_reading(without=["device_id"])),
        b'{"broken":',
        b"",
        b'{"broken":',
    )
    assert counts(run(lake)) == {
        "in": 8,
        "kept": 2,
        "quarantined": 3,
        "duplicate": 2,
        "superseded": 1,
        "replaced": 0,
    }
    readings = lake.rows(
        READING, "device_id", "temperature_celsius", "conforms", "is_valid", "_rescued", "source_line"
    )
    assert [tuple(row) for row in readings] == [
        ("sensor_1", 21.0, True, True, None, 2),
        ("sensor_2", 21.5, False, True, '{"firmware":"7"}', 4),
    ]
    quarantined = lake.rows(QUARANTINE, "source_line", "reason_code", "payload")
    assert [(r.source_line, r.reason_code, bytes(r.payload)) for r in quarantined] == [
        (5, "FIELD_REMOVED_REQUIRED", as_payload(a_reading(without=["device_id"]))),
        (6, "MALFORMED_JSON", b'{"broken":'),
        (7, "MALFORMED_JSON", b""),
    ]
    assert [tuple(r) for r in lake.rows(SUPERSEDED, "row_id", "superseded_by_row_id", "was_stored")] == [
        ("object-1.ndjson#1", "object-1.ndjson#2", False)
    ]


def test_later_batches_meet_what_is_stored(lake: Lake) -> None:
    old, new = as_payload(a_reading(temperature=20.0)), as_payload(a_reading(temperature=21.0))
    land(lake, old, b"junk")
    assert counts(run(lake))["kept"] == 1
    land(lake, new, old, b"junk", minutes=5)
    assert counts(run(lake)) == {
        "in": 3,
        "kept": 1,
        "quarantined": 0,
        "duplicate": 2,
        "superseded": 0,
        "replaced": 1,
    }
    land(lake, old, minutes=10)
    assert counts(run(lake))["duplicate"] == 1, "a reading that lost before does not come back"
    land(lake, as_payload(a_reading(temperature=19.0)), minutes=-10)
    assert counts(run(lake))["superseded"] == 1, "an older ingestion loses against the stored one"
    (row,) = lake.rows(READING, "temperature_celsius")
    assert row.temperature_celsius == 21.0
    assert lake.table(SUPERSEDED).count() == 2


def test_late_readings_are_merged_marked_and_touch_their_window(lake: Lake) -> None:
    land(lake, as_payload(a_reading(timestamp="2026-01-01T12:00:00Z")))
    run(lake)
    land(
        lake,
        as_payload(a_reading(timestamp="2026-01-01T11:51:00Z")),
        as_payload(a_reading(timestamp="2026-01-01T10:01:00Z")),
        as_payload(a_reading(timestamp="2025-11-01T12:00:00Z")),
        minutes=1,
    )
    assert counts(run(lake))["quarantined"] == 1, "more than 30 days behind the stream"
    assert [r.late for r in lake.rows(READING, "event_time", "late")] == [True, False, False]
    assert [r.reason_code for r in lake.rows(QUARANTINE, "reason_code")] == ["LATE"]
    windows = [f"{r.window_start:%H:%M}" for r in lake.rows(TOUCHED_WINDOW, "window_start")]
    assert windows == ["10:00", "11:50", "12:00"]


def test_a_future_time_is_suspect_and_does_not_advance_the_stream(lake: Lake) -> None:
    ahead = as_payload(a_reading(device_id="sensor_9", timestamp="2026-01-02T12:00:00Z"))
    land(lake, as_payload(a_reading()), ahead)
    run(lake)
    land(lake, as_payload(a_reading(timestamp="2026-01-01T12:20:00Z")), minutes=1)
    run(lake)
    rows = lake.rows(READING, "device_id", "event_time", "clock_suspect", "late")
    assert [(r.device_id, r.clock_suspect, r.late) for r in rows] == [
        ("sensor_1", False, False),
        ("sensor_1", False, False),
        ("sensor_9", True, False),
    ]


def test_a_learned_offset_corrects_the_event_time_and_keeps_the_raw_one(lake: Lake) -> None:
    def ahead(minute: int) -> bytes:
        return as_payload(a_reading(timestamp=f"2026-01-01T14:{minute:02d}:00Z"))

    land(lake, *[ahead(30) for _ in range(1)], *[ahead(minute) for minute in range(31, 36)])
    run(lake)
    land(lake, ahead(40), minutes=10)
    run(lake)
    newest = lake.rows(READING, "event_time_raw", "event_time")[-1]
    assert newest.event_time_raw - newest.event_time == timedelta(hours=2, minutes=2)


STREAM_WRITES = [table for table in WRITES if table not in (CIRCUIT_BREAKER, QUARANTINE_ACTION)]


@pytest.mark.parametrize("crash_before", [table.name for table in STREAM_WRITES])
def test_a_batch_repeated_after_a_crash_gives_the_same_tables(
    lake: Lake, crash_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, as_payload(a_reading(temperature=20.0)), b"junk")
    run(lake)
    land(
        lake,
        as_payload(a_reading(temperature=21.0, firmware="7")),
        as_payload(a_reading(temperature=20.0)),
        b"x",
        b"junk",
        minutes=5,
    )

    def failing(original):  # type: ignore[no-untyped-def]
        def commit(first, *arguments, **named):  # type: ignore[no-untyped-def]
            if any(getattr(each, "name", None) == crash_before for each in arguments):
                raise OSError("killed")
            return original(first, *arguments, **named)

        return commit

    with monkeypatch.context() as patched:
        for write in ("append_once", "overwrite_once", "merge_once"):
            patched.setattr(iceberg, write, failing(getattr(iceberg, write)))
        with pytest.raises(Exception, match="killed"):
            run(lake)
    assert counts(run(lake, TEST_NOW + timedelta(hours=1))) == {
        "in": 4,
        "kept": 1,
        "quarantined": 1,
        "duplicate": 2,
        "superseded": 0,
        "replaced": 1,
    }
    assert [r.temperature_celsius for r in lake.rows(READING, "temperature_celsius")] == [21.0]
    assert lake.table(QUARANTINE).count() == 2
    assert lake.table(SUPERSEDED).count() == 1
    assert lake.table(TOUCHED_WINDOW).select("batch").distinct().count() == 2
    observed = lake.table(SCHEMA_OBSERVATION).agg({"processing_time": "max"}).collect()
    read = lake.table(READING).agg({"processing_time": "max"}).collect()
    assert observed == read, "all rows of a batch carry one time, whichever attempt wrote them"


def test_a_whole_batch_repeated_counts_the_same(lake: Lake) -> None:
    land(lake, as_payload(a_reading(temperature=20.0)), as_payload(a_reading(temperature=21.0)), b"junk")
    context = lake.context("silver", SilverSettings)
    (report,) = job.run(context)
    ((identity, gates),) = report.batches
    before = [lake.rows(table) for table in WRITES if table is not SCHEMA_OBSERVATION]
    assert batches.classify_and_store(context)(lake.table(BLOCK), identity) == gates
    assert [lake.rows(table) for table in WRITES if table is not SCHEMA_OBSERVATION] == before


def test_observations_count_paths_types_and_events(lake: Lake) -> None:
    land(
        lake,
        as_payload(a_reading()),
        as_payload(a_reading(device_id="sensor_2", humidity="40.5")),
        as_payload(
            a_reading(device_id="sensor_3", readings={**a_reading()["readings"], "pressure": {"value": 1}})
        ),
        b"junk",
    )
    run(lake)
    seen = lake.table(SCHEMA_OBSERVATION).groupBy("path", "json_type", "code").sum("record_count").collect()
    found = {(r.path, r.json_type, r.code): r[3] for r in seen}
    assert found["$", "object", None] == 3
    assert found["readings.humidity.value", "number", None] == 2
    assert found["readings.humidity.value", "string", None] == 1
    assert found["readings.humidity.value", None, "TYPE_CHANGED"] == 1
    assert found["$", None, "MALFORMED_JSON"] == 1
    assert any(path == "readings.pressure.value" for path, _, _ in found)
    (fleet,) = lake.table(SCHEMA_OBSERVATION).where("path = '$' and observation = 'path'").selectExpr(
        "hll_sketch_estimate(hll_union_agg(device_sketch)) devices"
    ).collect()  # fmt: skip
    assert fleet.devices == 3


def test_before_bronze_ever_ran_there_is_nothing_to_do(lake: Lake) -> None:
    assert job.run(lake.context("silver", SilverSettings)) == []


def test_every_kept_reading_touches_its_window(lake: Lake) -> None:
    for batch in range(2):
        land(
            lake,
            *[as_payload(a_reading(timestamp=f"2026-01-0{batch + 1}T12:{n:02d}:00Z")) for n in range(20)],
        )
        run(lake)
    changed = {
        r.batch: r.changes
        for r in lake.table(TOUCHED_WINDOW)
        .groupBy("batch")
        .agg({"change_count": "sum"})
        .withColumnRenamed("sum(change_count)", "changes")
        .collect()
    }
    assert sorted(changed.values()) == [20, 20]
    assert lake.table(TOUCHED_WINDOW).count() == 8
