"""Evolution of silver.reading on real Spark and Iceberg: rescued at once, a column after enough evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_reading import READING
from iot_common.engine.registry import packaged_registry
from iot_common.io import iceberg
from iot_common.metrics import balance
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload, put
from iot_common.testing.spark import Lake
from iot_silver import batches, evolution, evolving, job
from iot_silver.evolving import Evidence, ObservedPath, plan_columns, undeclared, with_evidence
from iot_silver.policy import Evolution, packaged_policy
from iot_silver.settings import SilverSettings

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
DEVICES = 5


def a_batch(lake: Lake, number: int, extras: dict[str, Any], devices: int = DEVICES, *more: bytes) -> None:
    """Land and classify one reading per device at its own minute, with values at dotted paths beside the contract's."""
    readings = []
    for device in range(devices):
        reading = a_reading(device_id=f"sensor_{device}", timestamp=f"2026-01-01T12:{number:02d}:00Z")
        for path, value in extras.items():
            put(reading, path, value)
        readings.append(as_payload(reading))
    land_payloads(lake, [*readings, *more], arrived=ARRIVED + timedelta(minutes=number))
    run(lake)


def run(lake: Lake) -> None:
    for report in job.run(lake.context("silver", SilverSettings)):
        assert balance(report.gates) == 0


def columns_of(lake: Lake) -> list[str]:
    return lake.table(READING).columns[len(READING.columns) :]


def values(lake: Lake, column: str) -> dict[str, set[Any]]:
    """Values of a column by minute."""
    found: dict[str, set[Any]] = {}
    for row in lake.table(READING).select("event_time_raw", column).collect():
        found.setdefault(f"{row.event_time_raw:%M}", set()).add(row[column])
    return found


def test_evidence_of_a_release_that_named_no_devices_is_gathered_anew(lake: Lake) -> None:
    for table in (READING, EVOLVING_PATH):
        iceberg.ensure_table(lake.spark, table)
    path = {
        "path": "readings.co2",
        "column_name": "readings__co2",
        "batch_count": 9,
        "processing_time": ARRIVED,
    }
    known = {**path, "folded_path": "readings.co2", "devices": ["sensor_1"]}
    lake.append(EVOLVING_PATH, [known, {**path, "folded_path": "readings.no2"}])
    found = evolution.evolve(lake.context("silver", SilverSettings), lake.spark, BatchIdentity("q", 0))
    assert list(found.watched) == ["readings.co2"]


def test_a_field_is_rescued_at_once_and_gets_a_string_column_after_enough_devices_and_batches(
    lake: Lake,
) -> None:
    pressure = {"readings.pressure": 1013.25}
    for number in range(3):
        a_batch(lake, number, {**pressure, "rare": 1} if number < 2 else pressure)
        assert columns_of(lake) == [], "evidence counts from the next batch on"
    (evidence,) = lake.table(EVOLVING_PATH).where("folded_path = 'readings.pressure'").collect()
    assert (evidence.devices, evidence.batch_count) == ([f"sensor_{device}" for device in range(5)], 3)

    a_batch(lake, 3, {"readings.Pressure": "high"})
    assert columns_of(lake) == ["readings__pressure"], (
        "two batches are too few for `rare`; case makes no second column"
    )
    assert values(lake, "readings__pressure") == {"00": {None}, "01": {None}, "02": {None}, "03": {"high"}}
    rescued = lake.table(READING).where("minute(event_time_raw) = 3").select("_rescued").distinct().collect()
    assert [row._rescued for row in rescued] == ['{"readings.Pressure":"high"}'], "the exact value stays"
    field = lake.table(READING).schema["readings__pressure"]
    assert (field.dataType.simpleString(), field.nullable) == ("string", True)
    assert 'driftlake.path="readings.pressure"' in field.metadata["comment"]

    a_batch(lake, 4, {"readings.pressure": {"value": 1, "unit": "hPa"}, "readings.Pressure": 2})
    a_batch(lake, 5, {})
    found = values(lake, "readings__pressure")
    assert (found["04"], found["05"]) == ({'{"value":1,"unit":"hPa"}'}, {None}), (
        "a conflict of types loses nothing"
    )
    assert columns_of(lake) == ["readings__pressure"]
    commit = iceberg.current_commit(lake.spark, READING.name)
    assert commit is not None
    assert commit.summary["driftlake.schema-id"] == str(iceberg.schema_id(lake.spark, READING.name))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Evolution:
    """Two devices in one batch are enough, and one column is all there may be."""
    eager = Evolution(devices=2, batches=1, column_budget=1)
    policy = replace(packaged_policy(), evolution=eager)
    monkeypatch.setattr(evolution, "packaged_policy", lambda: policy)
    return eager


@pytest.mark.usefixtures("quick")
def test_a_replaced_reading_carries_its_evolved_columns_through_the_merge(lake: Lake) -> None:
    a_batch(lake, 2, {"firmware": "1.2"})
    a_batch(lake, 3, {"firmware": "1.3"})
    corrected = [
        as_payload(
            a_reading(
                device_id=f"sensor_{d}", timestamp="2026-01-01T12:03:00Z", temperature=30.0, firmware=f"2.{d}"
            )
        )
        for d in range(2)
    ]
    a_batch(lake, 4, {"firmware": "1.4"}, DEVICES, *corrected)
    newest = iceberg.current_commit(lake.spark, READING.name)
    assert newest is not None
    assert newest.count("added-position-deletes") == 2
    assert "driftlake.schema-id" in newest.summary
    assert values(lake, "firmware")["03"] == {"2.0", "2.1", "1.3"}
    assert values(lake, "firmware")["04"] == {"1.4"}
    assert values(lake, "firmware")["02"] == {None}


@pytest.mark.usefixtures("quick")
def test_a_crash_between_the_new_column_and_the_rows_is_harmless(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_batch(lake, 2, {"firmware": "1"})

    def killed(*_: Any, **__: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(iceberg, "append_once", killed)
        with pytest.raises(Exception, match="killed"):
            a_batch(lake, 3, {"firmware": "2"})
    assert columns_of(lake) == ["firmware"], "added, in a commit of its own"
    assert lake.table(READING).count() == DEVICES
    run(lake)
    assert values(lake, "firmware")["03"] == {"2"}
    assert columns_of(lake) == ["firmware"]


def test_above_the_budget_a_path_stays_rescued_and_one_notice_says_so(lake: Lake, quick: Evolution) -> None:
    a_batch(lake, 1, {"b": 1}, 3)
    a_batch(lake, 2, {"b": 2, "a": 2}, 2)
    a_batch(lake, 3, {"b": 3, "a": 3}, 2)
    assert columns_of(lake) == ["b"]
    row = lake.table(READING).where("minute(event_time_raw) = 3").first()
    assert json.loads(row._rescued) == {"b": 3, "a": 3}  # type: ignore[union-attr]
    (notice,) = Path(lake.folder, "ops", "notices").iterdir()
    told = json.loads(notice.read_text())
    assert told["kind"] == "ColumnBudgetReached"
    assert told["facts"] == {"column_budget": quick.column_budget, "path_count": 1, "paths": ["a"]}


@pytest.mark.usefixtures("quick")
def test_a_repeated_batch_decides_on_the_evidence_before_it(lake: Lake) -> None:
    land_payloads(lake, [as_payload(a_reading(device_id=f"sensor_{d}", firmware="1")) for d in range(5)])
    context = lake.context("silver", SilverSettings)
    (report,) = job.run(context)
    ((identity, gates),) = report.batches
    before = lake.rows(EVOLVING_PATH, "folded_path", "devices", "batch_count")
    assert batches.classify_and_store(context)(lake.table(BLOCK), identity) == gates
    assert lake.rows(EVOLVING_PATH, "folded_path", "devices", "batch_count") == before
    assert columns_of(lake) == [], "a batch is evidence for the next one only"


def evidence(path: str, devices: int = 5, batches: int = 3) -> Evidence:
    named = tuple(f"sensor_{device:02d}" for device in range(devices))
    return Evidence(path.lower(), path, path.lower(), named, batches, None, ARRIVED)


def seen(path: str, *devices: str, records: int = 1) -> ObservedPath:
    return ObservedPath("1.0.0", path, records, devices, None)


ASKED = Evolution(devices=5, batches=3, column_budget=2)


def test_what_most_devices_send_comes_first_and_a_taken_name_is_not_given_twice() -> None:
    many, few = evidence("many", devices=9), evidence("few")
    plan = plan_columns([few, many, evidence("Old"), evidence("rare", devices=4)], {"old": "old"}, ASKED)
    assert (dict(plan.added), plan.deferred) == ({"many": "many"}, ("few",))
    clash = plan_columns([many._replace(column_name="old")], {"old": "another.path"}, ASKED)
    assert (dict(clash.added), clash.deferred) == ({}, ("many",))


def test_spellings_are_one_path_named_by_what_most_records_of_its_first_batch_had() -> None:
    first = with_evidence({}, [seen("A.b", "s2"), seen("a.B", "s1", "s2", records=5)], ASKED, ARRIVED)
    assert first == {"a.b": Evidence("a.b", "a.B", "a__b", ("s1", "s2"), 1, None, ARRIVED)}
    second = with_evidence(first, [seen("a.b", "s3", records=99)], ASKED, ARRIVED + timedelta(hours=1))
    assert second["a.b"] == first["a.b"]._replace(
        devices=("s1", "s2", "s3"), batch_count=2, processing_time=ARRIVED + timedelta(hours=1)
    )


def test_what_is_enough_or_brings_nothing_new_costs_no_commit() -> None:
    later = ARRIVED + timedelta(hours=1)
    odd = {"odd": evidence("odd", devices=1, batches=3)}
    assert with_evidence(odd, [seen("odd", "sensor_00")], ASKED, later) == odd, "one device for ever"
    assert with_evidence(odd, [seen("odd", "sensor_07")], ASKED, later) != odd
    enough = {"many": evidence("many")}
    assert with_evidence(enough, [seen("many", "another")], ASKED, later) == enough, "waits for its place"


def test_invented_paths_push_out_no_path_of_more_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolving, "PATHS_KEPT", 3)
    watched = {"good": evidence("good", devices=3, batches=1)}
    invented = [seen(f"x{number}", "liar") for number in range(9)]
    assert sorted(with_evidence(watched, invented, ASKED, ARRIVED)) == ["good", "x0", "x1"]


def test_only_the_topmost_undeclared_path_outside_of_arrays_is_watched() -> None:
    paths = [
        "readings.pressure",
        "readings.pressure.value",
        "Status",
        "status",
        "list",
        "list[].a",
        "*overflow*",
        "had",
    ]
    found = undeclared([seen(path, "s") for path in paths], packaged_registry(), having=["HAD"])
    assert [each.path for each in found] == ["readings.pressure", "list"]
