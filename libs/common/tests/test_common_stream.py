"""Queries of a stage: side by side with a trigger interval, stopped together, failures told once."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from iot_common.batch import BatchIdentity
from iot_common.contracts.table import Column, TableContract
from iot_common.errors import StageFailedError
from iot_common.io import iceberg
from iot_common.io.stream import reason_of, run_queries
from iot_common.metrics import Gate
from iot_common.settings import StageSettings
from iot_common.testing.spark import Lake

SOURCE = TableContract(
    name="bronze.source", owner="bronze", version="1.0.0", grain="one number",
    columns=(Column("id", "bigint", "Key", required=True),),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExampleSettings(StageSettings):
    """An example."""


def counting(seen: list[int]) -> Any:
    def work(frame: Any, _: BatchIdentity) -> list[Gate]:
        seen.append(frame.count())
        return [Gate("ingress", "in", SOURCE.name, seen[-1])]

    return work


def failing(_frame: Any, _batch: BatchIdentity) -> list[Gate]:
    raise ValueError("told once")


def metric_rows(lake: Lake) -> list[dict[str, Any]]:
    return [
        json.loads(line) for path in sorted((lake.folder / "metric_inbox").iterdir()) for line in path.open()
    ]


def test_queries_with_a_trigger_interval_run_side_by_side_and_stop_together(lake: Lake) -> None:
    lake.append(SOURCE, [{"id": 1}])
    context = lake.context("bronze", ExampleSettings, trigger_seconds=1)
    first: list[int] = []
    second: list[int] = []
    queries = [
        (name, iceberg.stream_table(lake.spark, SOURCE.name), counting(seen))
        for name, seen in (("a", first), ("b", second))
    ]
    running = threading.Thread(target=run_queries, args=(context, queries))
    running.start()
    deadline = time.monotonic() + 120
    while not (sum(first) == sum(second) == 1):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    next(query for query in lake.spark.streams.active if query.name == "bronze.b").stop()
    running.join(timeout=60)
    assert not running.is_alive()
    assert lake.spark.streams.active == []


def test_a_failure_of_one_query_ends_the_others_and_leaves_one_row(lake: Lake) -> None:
    lake.append(SOURCE, [{"id": 1}])
    context = lake.context("bronze", ExampleSettings, trigger_seconds=1)
    stream = iceberg.stream_table(lake.spark, SOURCE.name)
    with pytest.raises(StageFailedError, match="ValueError: told once"):
        run_queries(context, [("good", stream, counting([])), ("bad", stream, failing)])
    assert lake.spark.streams.active == []
    assert [row["query"] for row in metric_rows(lake) if row["outcome"] == "failure"] == ["bad"]


def test_without_an_interval_queries_run_one_after_another_and_end(lake: Lake) -> None:
    lake.append(SOURCE, [{"id": 1}, {"id": 2}])
    context = lake.context("bronze", ExampleSettings)
    stream = iceberg.stream_table(lake.spark, SOURCE.name)
    reports = run_queries(context, [("a", stream, counting([])), ("b", stream, counting([]))])
    assert [(report.query, report.gates[0].rows) for report in reports] == [("a", 2), ("b", 2)]
    assert {row["outcome"] for row in metric_rows(lake)} == {"success"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("boom", "Exception: boom"),
        (
            "outer\n\tat a.b\nCaused by: x.Y: middle\nCaused by: java.io.IOException: No space left",
            "Exception: java.io.IOException: No space left",
        ),
        ("An exception was thrown\nTraceback\n  File x\nTypeError: bad\n", "Exception: TypeError: bad"),
        ("", "Exception: "),
    ],
)
def test_the_reason_is_the_innermost_cause(text: str, reason: str) -> None:
    assert reason_of(Exception(text)) == reason
