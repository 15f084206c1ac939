"""The story of a new field through all stages: rescued, a column in silver, pending in the log, nothing in gold."""

from __future__ import annotations

import json
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyspark.sql import SparkSession
from rich.console import Console

from driftlake.backfill_command import BackfillCommand, run_backfill
from driftlake.pipeline import RunRequest, run_pipeline
from driftlake.query_engine import run_query
from driftlake.status import warehouse_status
from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.silver_reading import READING
from iot_common.io.iceberg import current_commit
from iot_common.settings import CATALOG_NAME
from iot_common.testing.readings import a_reading, as_payload, put
from iot_common.testing.spark import Lake

DEVICES = 5
GOLD = ("gold.device_window_5min", "gold.place_hour", "gold.daily_summary")


def activated(lake: Lake) -> SparkSession:
    """The session of a lake, made the thread's active one: Iceberg asks that one for the catalog of a path."""
    lake.spark.createDataFrame([(0,)], "nothing int")
    return lake.spark


def land(landing: Path, number: int) -> None:
    """One object: each device sends pressure beside the contract's fields, one of them a version nobody registered."""
    lines = []
    for device in range(DEVICES):
        reading = a_reading(device_id=f"sensor_{device}", timestamp=f"2026-01-01T12:{number:02d}:00Z")
        put(reading, "readings.pressure", {"value": 1000 + number, "unit": "hPa"})
        reading["schema_version"] = "1.1.0" if device == 0 else "1.0.0"
        lines.append(as_payload(reading))
    (landing / f"{number}.ndjson").write_bytes(b"\n".join(lines) + b"\n")


def run(lake: Lake, landing: Path, *stages: str) -> None:
    request = RunRequest(
        str(lake.folder), str(landing), stages or ("bronze", "silver", "gold", "drift", "metrics")
    )
    outcome = run_pipeline(request, open_session=lambda _: activated(lake))
    assert not outcome.failures, str(outcome.failures[0])
    assert not outcome.unbalanced


def gold_of(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    return {name: [tuple(row) for row in lake.rows(TABLES[name])] for name in GOLD}


def test_a_new_field_evolves_silver_waits_in_the_log_and_does_not_reach_gold(
    lake: Lake, tmp_path: Path
) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    for number in range(3):
        land(landing, number)
        run(lake, landing, "bronze", "silver")
    land(landing, 3)
    run(lake, landing)

    assert lake.table(READING).columns == [*READING.column_names, "readings__pressure"]
    counted = "select minute(event_time) as minute, count(readings__pressure), any_value(readings__pressure)"
    evolved = f"{counted} from silver.reading group by all order by all"
    before = [(0, 0, None), (1, 0, None), (2, 0, None), (3, 5, '{"value":1003,"unit":"hPa"}')]
    assert [tuple(row) for row in run_query(evolved, str(lake.folder)).rows] == before
    catalog = SqlCatalog(
        CATALOG_NAME, uri=f"sqlite:///{lake.folder}/catalog.db", warehouse=f"file://{lake.folder}"
    )
    read = catalog.load_table(READING.name).scan().to_arrow()
    assert read.column("readings__pressure").null_count == 15
    for name in GOLD:
        assert lake.table(TABLES[name]).columns == list(TABLES[name].column_names), "gold is strict"
    assert {row.reading_count for row in lake.rows(TABLES[GOLD[0]], "reading_count")} == {4}

    waiting = warehouse_status(str(lake.folder)).waiting
    pending = {row["kind"]: row for row in waiting.pending}
    assert pending["FIELD_ADDED_NESTED"]["path"] == "readings.pressure"
    assert pending["FIELD_ADDED_NESTED"]["proposed_column"] == "readings__pressure"
    assert pending["FIELD_ADDED_NESTED"]["device_count"] == DEVICES
    assert pending["VERSION_MINOR"]["versions"] == ["1.1.0"]
    assert [(notice["kind"], notice["subject"]) for notice in waiting.notices] == [
        ("NotifyMissingSchema", "1.1.0")
    ]

    gold = gold_of(lake)
    commit = current_commit(lake.spark, GOLD[0])
    would = run_backfill(
        BackfillCommand(str(lake.folder)), Console(stderr=True), open_session=lambda _: activated(lake)
    )
    assert (would.rows, dict(would.by_column), would.written) == (15, {"readings__pressure": 15}, False)
    filled = run_backfill(
        BackfillCommand(str(lake.folder), write=True),
        Console(stderr=True),
        open_session=lambda _: activated(lake),
    )
    assert filled.written
    after = [(n, 5, json.dumps({"value": 1000 + n, "unit": "hPa"}, separators=(",", ":"))) for n in range(4)]
    assert [tuple(row) for row in run_query(evolved, str(lake.folder)).rows] == after
    run(lake, landing)
    assert gold_of(lake) == gold
    assert current_commit(lake.spark, GOLD[0]) == commit, "a backfill touches no window"
    assert warehouse_status(str(lake.folder)).conservation.balanced
