"""Runs one Structured Streaming query of a stage, batch by batch, and reports every batch to the metric inbox."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic

from iot_common.batch import BatchIdentity
from iot_common.errors import DriftlakeError, StageFailedError
from iot_common.io.checkpoints import move_on
from iot_common.io.metric_inbox import write_metric_rows
from iot_common.metrics import Gate, StageRun, metric_rows
from iot_common.settings import SettingsType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Clock = Callable[[], datetime]
Step = Callable[[str], None]
BatchWork = Callable[[Any, BatchIdentity], Sequence[Gate]]
"""Handles one batch: its DataFrame and identity in, its gates out."""

MAX_ERROR_CHARACTERS = 2000
"""Longest error text kept in a metric row: a Java stack trace has tens of thousands."""

_RAISED_IN_PYTHON = re.compile(r"(\w+\.)*\w*(Error|Exception|Interrupt): ")
"""The last line of a Python traceback, which Spark hands on inside a longer text."""


_ONE_BATCH_AT_A_TIME = threading.RLock()
"""Two queries of one stage may write the same table; a batch may run another within it (a promotion)."""


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def no_step(_: str) -> None:
    """A progress callback that shows nothing."""


@dataclass(frozen=True)
class StageContext(Generic[SettingsType]):
    """What a job hands to its parts: who runs, with which settings, clock and progress callback."""

    spark: SparkSession
    settings: SettingsType
    run: StageRun
    clock: Clock = utc_now
    on_step: Step = no_step


StageWork = Callable[[StageContext[SettingsType]], "list[QueryReport]"]
"""The `run` function of a stage's `job.py`."""


@dataclass
class QueryReport:
    """What one query did in one run: the gates of each batch, in order."""

    query: str
    batches: list[tuple[BatchIdentity, list[Gate]]] = field(default_factory=list)

    @property
    def gates(self) -> list[Gate]:
        """The gates of all batches."""
        return [gate for _, gates in self.batches for gate in gates]


def run_query(context: StageContext[Any], query: str, source: DataFrame, work: BatchWork) -> QueryReport:
    """Run a query until what is there is done (`availableNow`), or for ever with a trigger interval.

    `work` handles one batch and returns its gates; it must be harmless when repeated for the same identity.
    Each batch writes its metric rows after its work; a failure writes one row and raises.

    Raises:
        StageFailedError: If a batch or the query failed.
    """
    return _StartedQuery(context, query, source, work).ended()


def run_queries(
    context: StageContext[Any], queries: Sequence[tuple[str, DataFrame, BatchWork]]
) -> list[QueryReport]:
    """Run the queries of a stage one after another, or with a trigger interval side by side.

    Side by side, their batches still take turns, and if one query ends, so do the others.

    Raises:
        StageFailedError: If a batch or a query failed.
    """
    if not context.settings.trigger_seconds:
        return [run_query(context, *each) for each in queries]
    started = [_StartedQuery(context, *each) for each in queries]
    while all(each.query.isActive for each in started):
        started[0].query.awaitTermination(1)
    for each in started:
        each.query.stop()
    return [each.ended() for each in started]


class _StartedQuery:
    """A query at work, and the runner of its batches."""

    def __init__(self, context: StageContext[Any], name: str, source: DataFrame, work: BatchWork) -> None:
        self.context = context
        self.report = QueryReport(name)
        self.runner = _BatchRunner(context, name, work, self.report)
        self.started = time.monotonic()
        seconds = context.settings.trigger_seconds
        writer = source.writeStream.queryName(f"{context.run.stage}.{name}").foreachBatch(self.runner)
        self.checkpoint = context.settings.checkpoint(context.run.stage, name)
        writer = writer.option("checkpointLocation", self.checkpoint)
        trigger: dict[str, Any] = (
            {"processingTime": f"{seconds} seconds"} if seconds else {"availableNow": True}
        )
        try:
            self.query = writer.trigger(**trigger).start()
        except Exception as error:
            raise self._told(error) from error

    def ended(self) -> QueryReport:
        """Wait for the end."""
        try:
            self.query.awaitTermination()
            move_on(self.checkpoint)
        except Exception as error:
            raise self._told(error) from error
        return self.report

    def _told(self, error: Exception) -> DriftlakeError:
        return _reported(self.context, self.runner, self.runner.error or error, self.started)


def perform(context: StageContext[SettingsType], work: StageWork[SettingsType]) -> list[QueryReport]:
    """Run a stage; whatever stops it leaves a metric row and becomes a domain error.

    Raises:
        DriftlakeError: What the stage raised, or StageFailedError for anything else.
    """
    runner = _BatchRunner(context, "start", lambda *_: (), QueryReport("start"))
    started = time.monotonic()
    try:
        return work(context)
    except Exception as error:
        raise _reported(context, runner, error, started) from error


def _reported(
    context: StageContext[Any], runner: _BatchRunner, error: BaseException, started: float
) -> DriftlakeError:
    """The error as a domain error, after a metric row has told of it, once."""
    told = (
        error if isinstance(error, DriftlakeError) else StageFailedError(context.run.stage, reason_of(error))
    )
    if not told.reported:
        runner.report_failure(error, started)
        told.reported = True
    return told


def reason_of(error: BaseException) -> str:
    """The innermost cause of a Spark or Python error, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    raised = [line for line in lines if _RAISED_IN_PYTHON.match(line)]
    chosen = (raised or causes or lines[:1] or [""])[-1]
    return f"{type(error).__name__}: {chosen}"[:MAX_ERROR_CHARACTERS]


def run_batch(
    context: StageContext[Any],
    report: QueryReport,
    batch: BatchIdentity,
    work: Callable[[BatchIdentity], list[Gate]],
) -> None:
    """Run one batch that no stream drives (a promotion, say), with the same metric rows and errors.

    Raises:
        StageFailedError: If the work failed.
    """
    runner = _BatchRunner(context, report.query, lambda _, identity: work(identity), report)
    started = time.monotonic()
    try:
        runner.run(None, batch)
    except Exception as error:
        raise _reported(context, runner, error, started) from error


class _BatchRunner:
    """The `foreachBatch` function: identity, work, metric rows; keeps the Python error Spark would flatten."""

    def __init__(self, context: StageContext[Any], query: str, work: BatchWork, report: QueryReport) -> None:
        self.context = context
        self.query = query
        self.work = work
        self.report = report
        self.current: BatchIdentity | None = None
        self.error: BaseException | None = None

    def __call__(self, frame: DataFrame, batch_id: int) -> None:
        query_id = frame.sparkSession.sparkContext.getLocalProperty("sql.streaming.queryId")
        assert query_id, "Spark sets the query id as a local property of the stream's thread"
        self.run(frame, BatchIdentity(query_id, batch_id))

    def run(self, frame: Any, batch: BatchIdentity) -> None:
        """Do the work of one batch and write its metric rows."""
        with _ONE_BATCH_AT_A_TIME:
            started = time.monotonic()
            self.current = batch
            try:
                gates = list(self.work(frame, batch))
            except BaseException as error:
                self.error = error
                raise
            self.report.batches.append((batch, gates))
            self._write(gates, started)
            self.current = None

    def report_failure(self, error: BaseException, started: float) -> None:
        """Write the failure row; if even that fails (a full disk), the first error stays the one that is told."""
        try:
            self._write([], started, reason_of(error))
        except OSError:
            self.context.on_step("metrics of the failure could not be written")

    def _write(self, gates: list[Gate], started: float, error: str | None = None) -> None:
        rows = metric_rows(
            self.context.run,
            self.query,
            self.current,
            gates,
            duration_ms=round((time.monotonic() - started) * 1000),
            recorded_time=self.context.clock(),
            error=error,
        )
        if rows:
            write_metric_rows(self.context.settings.metric_inbox, rows)
