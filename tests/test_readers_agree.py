"""After a small run, Spark, DuckDB and pyiceberg see the same tables, with the same number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyspark.sql import SparkSession

from driftlake.pipeline import RunRequest, run_pipeline
from driftlake.query_engine import open_duckdb, run_query
from driftlake.status import warehouse_status
from iot_common.contracts.catalogue import TABLES
from iot_common.io.blocks import raw_reading_all
from iot_common.settings import CATALOG_NAME
from iot_common.testing.spark import Lake, fresh_lake
from iot_simulator.config import SimulationConfig
from iot_simulator.simulation import simulate


@dataclass
class Run:
    lake: Lake
    lines: int


def activated(lake: Lake) -> SparkSession:
    """The session of a lake, made the thread's active one: Iceberg asks that one for the catalog of a path."""
    lake.spark.createDataFrame([(0,)], "nothing int")
    return lake.spark


@pytest.fixture(scope="module")
def run(spark, tmp_path_factory) -> Run:
    """Two runs over a growing landing folder, the second with re-deliveries; half of the blocks stay unpromoted."""
    folder = tmp_path_factory.mktemp("readers agree")
    lake = fresh_lake(spark, folder / "warehouse")
    lines = 0
    for seed, minutes in ((1, "0"), (2, "100000000")):
        config = SimulationConfig(devices=6, events=600, seed=seed, late_share=0.05, duplicate_share=0.05)
        simulate(config, folder / "landing", folder / "truth.json", append=True)
        lines += 600
        overrides = {("bronze", "promote_minutes"): minutes}
        request = RunRequest(str(lake.folder), str(folder / "landing"), overrides=overrides)
        outcome = run_pipeline(request, open_session=lambda _: activated(lake))
        assert not outcome.failures, str(outcome.failures[0])
        assert not outcome.unbalanced
    return Run(lake, lines)


def counts_of_pyiceberg(warehouse: Path) -> dict[str, int]:
    catalog = SqlCatalog(
        CATALOG_NAME, uri=f"sqlite:///{warehouse}/catalog.db", warehouse=f"file://{warehouse}"
    )
    return {name: catalog.load_table(name).scan().to_arrow().num_rows for name in TABLES}


def counts_of_duckdb(warehouse: Path) -> dict[str, int]:
    with open_duckdb(str(warehouse)) as connection:
        return {name: connection.sql(f"select count(*) from {name}").fetchall()[0][0] for name in TABLES}


def test_three_readers_count_the_same_rows_in_every_table(run):
    by_spark = {name: run.lake.table(contract).count() for name, contract in TABLES.items()}
    assert counts_of_duckdb(run.lake.folder) == by_spark
    assert counts_of_pyiceberg(run.lake.folder) == by_spark
    assert by_spark["silver.reading"] > 0
    assert by_spark["gold.device_window_5min"] > 0


def test_raw_reading_all_is_every_line_once_for_spark_and_duckdb(run):
    counting = (
        "select count(*), count(distinct row_id), count(distinct block_sequence) from bronze.raw_reading_all"
    )
    [(rows, ids, blocks)] = run_query(counting, str(run.lake.folder)).rows
    assert rows == ids == run.lines
    assert 0 < warehouse_status(str(run.lake.folder)).unpromoted["rows"] < run.lines
    by_spark = raw_reading_all(run.lake.spark)
    assert by_spark.count() == run.lines
    assert by_spark.select("block_sequence").distinct().count() == blocks
    sums = "select sum(octet_length(payload)), sum(payload_bytes) from bronze.raw_reading_all"
    [(measured, said)] = run_query(sums, str(run.lake.folder)).rows
    assert measured == said


def test_the_conservation_check_balances(run):
    status = warehouse_status(str(run.lake.folder))
    assert status.conservation.balanced
    assert status.conservation.batches >= 10
    assert {row["outcome"] for row in status.runs} == {"success"}


def test_views_and_named_queries_hold_on_tables_the_stages_made(run):
    warehouse = str(run.lake.folder)

    def rows(sql: str) -> list[tuple]:
        return list(run_query(sql, warehouse).rows)

    answered = {
        path.stem: rows(path.read_text("utf-8"))
        for path in (Path(__file__).parents[1] / "stages").glob("*/src/*/sql/queries/*.sql")
    }
    assert len(answered) > 10
    balance = answered["conservation-by-stage"]
    assert sum(row[2] for row in balance) == warehouse_status(warehouse).conservation.batches
    assert [row for row in balance if row[3] or row[-1]] == []
    ((readings, instants),) = rows(
        "select count(*), count(distinct (device_id, event_time)) from silver.reading"
    )
    assert sum(row[2] for row in answered["validity-by-day"]) == readings
    assert rows("select count(*) from silver.scientist_view") == [(instants,)]
    assert answered["failed-runs"] == []
