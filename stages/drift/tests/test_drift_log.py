"""drift.drift_log: one row per path and kind, pending until a registered contract settles it; notices once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.engine.contract import compile_contract
from iot_common.engine.registry import ContractRegistry, packaged_registry
from iot_common.io.iceberg import ensure_table
from iot_common.io.notices import emit_once
from iot_common.notices import MISSING_SCHEMA, Notice
from iot_common.settings import CATALOG_NAME
from iot_common.testing.silver_tables import at
from iot_common.testing.spark import TEST_NOW, Lake
from iot_drift import job, structural_batch
from iot_drift.contract import WRITES
from iot_drift.findings import Finding
from iot_drift.log_entries import Entry, entries_of, settled
from iot_drift.noticed import noticed_entries
from iot_drift.settings import DriftSettings

ROOT = {"path": "$", "json_type": "object"}
PRESSURE = {
    "path": "readings.Pressure",
    "json_type": "object",
    "record_count": 40,
    "device_examples": ["sensor_2"],
}


def observe(lake: Lake, batch: int, *rows: dict[str, Any]) -> None:
    """Append observations as silver does, each with the sketch of its device_examples."""
    ensure_table(lake.spark, SCHEMA_OBSERVATION)
    usual = {
        "batch": f"s/{batch}", "contract_version": "1.0.0", "schema_version": "1.0.0", "device_cohort": "c00",
        "observation": "path", "record_count": 100, "device_examples": ["sensor_1", "sensor_2"],
        "first_event_time": at("10:00:00") + timedelta(hours=batch),
        "last_event_time": at("10:30:00") + timedelta(hours=batch),
        "processing_time": TEST_NOW + timedelta(hours=batch),
    }  # fmt: skip
    names = [name for name in SCHEMA_OBSERVATION.column_names if name != "device_sketch"]
    filled = [(number, *((usual | row).get(name) for name in names)) for number, row in enumerate(rows)]
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in SCHEMA_OBSERVATION.columns if c.name != "device_sketch")
    frame = lake.spark.createDataFrame(filled, f"row int, {ddl}")
    sketches = (
        frame.select("row", F.explode("device_examples").alias("device"))
        .groupBy("row")
        .agg(F.hll_sketch_agg("device").alias("device_sketch"))
    )
    complete = frame.join(sketches, on="row", how="left").select(*SCHEMA_OBSERVATION.column_names)
    complete.writeTo(f"{CATALOG_NAME}.{SCHEMA_OBSERVATION.name}").append()


def run(lake: Lake, batch: int) -> list[str]:
    """Run drift as it would be run after that batch of silver; the steps it tells."""
    steps: list[str] = []
    context = lake.context("drift", DriftSettings, TEST_NOW + timedelta(hours=batch))
    job.run(context.__class__(**{**vars(context), "on_step": steps.append}))
    return steps


def logged(lake: Lake) -> dict[tuple[str, str], Row]:
    return {(row.path, row.kind): row for row in lake.table(DRIFT_LOG).collect()}


def registered(*further: tuple[str, dict[str, Any]]) -> ContractRegistry:
    """The packaged contract, and further versions of it with more properties of `readings`."""
    first = packaged_registry().contracts[0]
    contracts = [first]
    for version, properties in further:
        schema = json.loads(json.dumps(first.schema))
        schema["properties"]["readings"]["properties"] |= properties
        contracts.append(compile_contract(version, schema))
    return ContractRegistry(contracts)


def notices(lake: Lake) -> list[dict[str, Any]]:
    folder = Path(lake.folder, "ops", "notices")
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_a_new_field_waits_and_is_approved_once_a_registered_contract_declares_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = ROOT | {"schema_version": "1.1.0"}
    unknown = ROOT | {"schema_version": "2.0.0", "contract_version": None, "record_count": 7}
    observe(lake, 0, ROOT, PRESSURE, claims, unknown)
    steps = run(lake, 0)
    observe(lake, 1, ROOT | {"device_examples": ["sensor_2", "sensor_3"]}, PRESSURE, claims)
    run(lake, 1)
    field = logged(lake)["readings.Pressure", "FIELD_ADDED_NESTED"]
    assert (field.status, field.occurrences, field.record_count) == ("PENDING", 2, 80), (
        "one per batch, never per record"
    )
    assert (field.severity, field.proposed_column, field.versions) == (
        "INFO",
        "readings__pressure",
        ["1.0.0"],
    )
    assert (field.device_count, field.contract_version, field.sample) == (1, "1.0.0", "object")
    assert field.device_share == pytest.approx(1 / 3)
    assert field.last_seen - field.first_seen == timedelta(hours=1, minutes=30)
    assert field.processing_time - field.first_detected_time == timedelta(hours=1)
    minor, major = (
        logged(lake)["schema_version", "VERSION_MINOR"],
        logged(lake)["schema_version", "VERSION_MAJOR"],
    )
    assert (minor.status, minor.versions, minor.occurrences) == ("PENDING", ["1.1.0"], 2)
    assert (major.status, major.versions, major.occurrences) == ("PENDING", ["2.0.0"], 1)

    told = {notice["subject"]: notice for notice in notices(lake)}
    assert [(told[v]["kind"], told[v]["facts"]["judged_by"]) for v in ("1.1.0", "2.0.0")] == [
        ("NotifyMissingSchema", "1.0.0"),
        ("NotifyMissingSchema", None),
    ]
    assert len(told) == len(notices(lake)) == 2, "once per version"
    assert told["1.1.0"]["raised_time"] == TEST_NOW.isoformat()
    assert len([step for step in steps if step.startswith("NotifyMissingSchema")]) == 2

    merged = registered(("1.1.0", {"Pressure": {"type": "object"}}))
    monkeypatch.setattr(structural_batch, "read_registry", lambda _files: merged)
    observe(lake, 2, ROOT)
    run(lake, 2)
    after = logged(lake)
    field = after["readings.Pressure", "FIELD_ADDED_NESTED"]
    assert (field.status, field.approved_by, field.occurrences) == ("APPROVED", "1.1.0", 2)
    assert after["schema_version", "VERSION_MINOR"].status == "APPROVED"
    assert after["schema_version", "VERSION_MAJOR"].status == "PENDING"


def test_a_repeated_batch_counts_once_and_a_dismissed_entry_stays_dismissed(lake: Lake) -> None:
    observe(lake, 0, ROOT, PRESSURE)
    for table in WRITES:
        ensure_table(lake.spark, table)
    work = structural_batch.work(lake.context("drift", DriftSettings))
    for _ in range(2):
        work(lake.table(SCHEMA_OBSERVATION), BatchIdentity("q", 0))
    (row,) = lake.table(DRIFT_LOG).collect()
    assert (row.occurrences, row.status) == (1, "PENDING")
    lake.spark.sql(f"UPDATE {CATALOG_NAME}.{DRIFT_LOG.name} SET status = 'DISMISSED'")
    work(lake.table(SCHEMA_OBSERVATION), BatchIdentity("q", 1))
    (row,) = lake.table(DRIFT_LOG).collect()
    assert (row.occurrences, row.status) == (2, "DISMISSED")


def test_notice_of_the_flow_becomes_an_entry_that_waits_once(lake: Lake) -> None:
    by_flow = Notice(MISSING_SCHEMA, "2.0.0", "flow", "Register it.", TEST_NOW)
    emit_once(f"file://{lake.folder}/ops/notices", by_flow)
    for batch in range(2):
        observe(lake, batch, ROOT)
        run(lake, batch)
    row = logged(lake)["schema_version", "VERSION_MAJOR"]
    assert (row.status, row.versions, row.sample, row.occurrences) == ("PENDING", ["2.0.0"], "2.0.0", 1)
    claims = ROOT | {"schema_version": "3.0.0", "contract_version": None, "record_count": 7}
    observe(lake, 2, ROOT, claims)
    run(lake, 2)
    row = logged(lake)["schema_version", "VERSION_MAJOR"]
    assert (row.versions, row.occurrences, row.record_count) == (["2.0.0", "3.0.0"], 2, 7)


def test_notice_of_what_is_registered_or_known_says_nothing_new() -> None:
    registry = registered(("1.1.0", {}))
    key = ("schema_version", "VERSION_MAJOR")
    known = Entry(*key, status="DISMISSED", occurrences=1, versions=("2.0.0",))
    assert noticed_entries(["1.1.0", "2.0.0"], {}, {key: known}, registry) == {}
    assert noticed_entries(["2.0.0"], {key: known}, {}, registry) == {}
    (entry,) = noticed_entries(["2.0.0", "3.0.0"], {}, {key: known}, registry).values()
    assert (entry.status, entry.versions) == ("PENDING", ("3.0.0",))


def a_finding(kind: str = "FIELD_ADDED_NESTED", field: str = "readings.pressure", **facts: Any) -> Finding:
    usual: dict[str, Any] = {
        "channel": "structural", "severity": "INFO", "devices": ("sensor_1",), "device_count": 1, "device_share": 0.5,
        "onset": None, "last_seen": None, "occurrence_count": 3, "threshold": 0.0, "contract_version": "1.0.0",
    }  # fmt: skip
    return Finding(kind=kind, field=field, **(usual | facts))


def status_of(
    finding: Finding,
    registry: ContractRegistry,
    stored: Iterable[Entry] = (),
    claimed: dict[str, list[str]] | None = None,
) -> tuple[str, str | None]:
    (entry,) = settled(entries_of([finding], claimed or {}, packaged_registry()), stored, registry)
    return entry.status, entry.approved_by


def test_found_again_under_the_contract_that_approved_it_an_entry_waits_again() -> None:
    registry = registered(("1.1.0", {"status_code": {"enum": ["ok", "bad"]}}), ("1.2.0", {"pressure": True}))
    assert status_of(a_finding(), registry) == ("APPROVED", "1.2.0")
    assert status_of(a_finding(contract_version="1.2.0"), registry) == ("PENDING", None), (
        "a newer contract dropped it"
    )
    added = {"kind": "ENUM_ADDED", "field": "readings.status_code"}
    assert status_of(a_finding(**added, evidence={"found": ["bad"]}), registry) == ("APPROVED", "1.1.0")


def test_versions_wait_until_all_of_them_are_registered() -> None:
    finding = a_finding("VERSION_MINOR", "schema_version")
    claimed = {"VERSION_MINOR": ["1.1.0", "1.2.0"]}
    assert status_of(finding, registered(("1.1.0", {})), claimed=claimed)[0] == "PENDING"
    both = registered(("1.1.0", {}), ("1.2.0", {}))
    assert status_of(finding, both, claimed=claimed) == ("APPROVED", "1.2.0")
    assert entries_of([finding], {}, both) == {}, "in the history alone it is no occurrence"


def test_what_no_contract_can_settle_is_noted_and_versions_come_together() -> None:
    late = a_finding("LATE", "timestamp")
    assert status_of(late, packaged_registry()) == ("NOTED", None)
    other = a_finding(contract_version="1.1.0", severity="WARN", device_share=0.7, device_count=9)
    (entry,) = entries_of([a_finding(), other], {}, packaged_registry()).values()
    assert (entry.versions, entry.occurrences, entry.severity) == (("1.0.0", "1.1.0"), 1, "WARN")
    assert (entry.record_count, entry.device_count, entry.device_share) == (6, 9, 0.7)
