"""The metrics job on real tables: every report kept, every batch's balance shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from iot_common.batch import BatchIdentity
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.errors import StageFailedError
from iot_common.io.iceberg import commits
from iot_common.io.metric_inbox import write_metric_rows
from iot_common.metrics import Gate, StageRun, balance, metric_rows
from iot_common.testing.spark import Lake, fresh_lake
from iot_metrics import batches, job
from iot_metrics.settings import MetricsSettings

EARLIER = datetime(2025, 6, 1, 11, 0, tzinfo=UTC)


def inbox_of(lake: Lake) -> Path:
    return lake.folder / "metric_inbox"


def report(lake: Lake, stage: str, query: str, gates: list[Gate], minute: int = 0, **kwargs: Any) -> None:
    """What a stage writes to the inbox after a batch."""
    rows = metric_rows(
        StageRun("run-1", stage, "1.0.0"),
        query,
        kwargs.pop("batch", BatchIdentity(f"{stage}-{query}", 0)),
        gates,
        duration_ms=5,
        recorded_time=EARLIER + timedelta(minutes=minute),
        **kwargs,
    )
    write_metric_rows(inbox_of(lake).as_uri(), rows)


def gates_of(came: int, kept: int, *others: Gate) -> list[Gate]:
    return [
        Gate("ingress", "in", "source", came, 2, 100),
        Gate("egress", "kept", "target", kept, 1, 50),
        *others,
    ]


def run_metrics(lake: Lake) -> list[Gate]:
    return [gate for done in job.run(lake.context("metrics", MetricsSettings)) for gate in done.gates]


@pytest.fixture(scope="module")
def reported(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[Gate]]:
    """One run over reports of every kind."""
    lake = fresh_lake(spark, tmp_path_factory.mktemp("metrics") / "warehouse")
    dropped = [
        Gate("egress", "quarantined", "silver.quarantine", 2),
        Gate("egress", "duplicate", "silver.reading", 1),
        Gate("egress", "superseded", "silver.superseded", 1),
        Gate("egress", "written", "silver.touched_window", 99),
    ]
    report(lake, "silver", "blocks", gates_of(10, 6, *dropped))
    report(lake, "gold", "windows", gates_of(5, 5))
    report(lake, "drift", "structural", gates_of(4, 4))
    report(lake, "drift", "statistical", gates_of(3, 3))
    report(lake, "bronze", "landing", gates_of(7, 6), minute=1)
    report(lake, "bronze", "landing", gates_of(7, 7), minute=0)
    report(lake, "bronze", "landing", [], minute=2, error="OSError: disk full")
    report(lake, "bronze", "promotion", [Gate("egress", "promoted", "bronze.raw_reading", 7)])
    report(lake, "silver", "blocks", [], batch=None, error="no such table")
    broken = json.dumps(
        {"run_id": "run-1", "stage": "silver", "side": "ingress", "outcome": "success", "rows": "x"}
    )
    (inbox_of(lake) / "broken.json").write_text(f'{{"run_id": "ru\n\n{broken}\n{{"stage": "silver"}}\n')
    return lake, run_metrics(lake)


def checks(lake: Lake) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (row.stage, row.query): (row.unit, row.rows_in, row.rows_kept, row.difference, row.balanced)
        for row in lake.rows(CONSERVATION)
    }


def test_balances_each_batch_by_its_last_successful_attempt(reported: tuple[Lake, list[Gate]]) -> None:
    lake, _ = reported
    assert checks(lake) == {
        ("bronze", "landing"): ("rows", 7, 6, 1, False),
        ("silver", "blocks"): ("rows", 10, 6, 0, True),
        ("gold", "windows"): ("windows", 5, 5, 0, True),
        ("drift", "structural"): ("observations", 4, 4, 0, True),
        ("drift", "statistical"): ("windows", 3, 3, 0, True),
    }
    (silver,) = lake.table(CONSERVATION).where("stage = 'silver'").collect()
    assert (silver.rows_quarantined, silver.rows_duplicate, silver.rows_superseded) == (2, 1, 1)


def test_failures_of_stages_are_rows(reported: tuple[Lake, list[Gate]]) -> None:
    lake, _ = reported
    failures = lake.table(STAGE_METRIC).where("outcome = 'failure' AND stage <> 'metrics'")
    assert {(row.stage, row.query_id, row.error) for row in failures.collect()} == {
        ("bronze", "bronze-landing", "OSError: disk full"),
        ("silver", None, "no such table"),
    }


def test_unreadable_lines_are_rows_with_the_line_as_their_error(reported: tuple[Lake, list[Gate]]) -> None:
    lake, gates = reported
    rows = lake.table(STAGE_METRIC).where("stage = 'metrics'").orderBy("error").collect()
    assert [row.error[:40] for row in rows] == [
        'unreadable metric line: {"run_id": "ru',
        'unreadable metric line: {"run_id": "run-',
        'unreadable metric line: {"stage":"silver',
    ]
    assert {(row.outcome, row.run_id, row.target.rpartition("/")[2]) for row in rows} == {
        ("failure", "test-run", "broken.json")
    }
    by_disposition = {gate.disposition: gate.rows for gate in gates if gate.disposition != "written"}
    assert by_disposition == {"in": 22, "kept": 19, "quarantined": 3}
    assert (balance(gates), gates[0].files) == (0, 10)


def test_a_newer_attempt_corrects_the_balance_and_own_reports_end_the_loop(
    reported: tuple[Lake, list[Gate]],
) -> None:
    lake, _ = reported
    report(lake, "bronze", "landing", gates_of(7, 7), minute=3)
    assert {gate.disposition for gate in run_metrics(lake)} == {"in", "kept", "quarantined", "written"}
    assert checks(lake)["bronze", "landing"] == ("rows", 7, 7, 0, True)
    assert run_metrics(lake) == []
    assert checks(lake)["metrics", "inbox"][-1] is True
    before = len(list(commits(lake.spark, STAGE_METRIC.name)))
    assert run_metrics(lake) == []
    assert len(list(commits(lake.spark, STAGE_METRIC.name))) == before


def test_batch_repeated_after_a_crash_is_one_row_per_line(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(lake, "gold", "windows", gates_of(5, 5))

    def killed(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched, pytest.raises(StageFailedError, match="disk full"):
        patched.setattr(batches, "_check", killed)
        run_metrics(lake)
    assert [lake.table(table).count() for table in (STAGE_METRIC, CONSERVATION)] == [2, 0]
    run_metrics(lake)
    assert checks(lake)["gold", "windows"] == ("windows", 5, 5, 0, True)
    failure = lake.table(STAGE_METRIC).where("stage = 'metrics' AND outcome = 'failure'")
    assert ["disk full" in row.error for row in failure.collect()] == [True]
    assert lake.table(STAGE_METRIC).where("stage = 'gold'").count() == 2
