"""Writes what becomes of findings: `drift.event_action`, their status, dismissed entries of the log, and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.collected import row_in_utc
from iot_common.contracts.drift_alert import ALERT
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import ACCEPTED, EVENT_ACTION, REOPENED, RESOLVED
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.table import TableContract
from iot_common.io.alert_channels import AlertChannel, AlertDeliveryError
from iot_common.io.iceberg import BATCH_KEY, append_once, merge_once, read_table, written
from iot_common.io.stream import QueryReport, run_batch
from iot_common.metrics import Gate
from iot_drift import transform
from iot_drift.alerts import AlertEvent, Due, Told, digest_of, due
from iot_drift.life import Action, AskedAction, EventState, action_row, after, asked_action, own_actions
from iot_drift.log_entries import DISMISSED
from iot_drift.tables import DISMISSED_VIEW, STATUS_VIEW, merge_dismissed, merge_status

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from iot_common.io.stream import BatchWork, StageContext
    from iot_drift.settings import DriftSettings

QUERY = "life"
"""Name of these batches: no stream drives them."""

Row = dict[str, Any]


@dataclass
class Settling:
    """Settles findings and tells of them: once at the end of a run, or after each batch of one that never ends."""

    context: StageContext[DriftSettings]
    channels: Sequence[AlertChannel]
    report: QueryReport = field(default_factory=lambda: QueryReport(QUERY))

    def after(self, work: BatchWork) -> BatchWork:
        """The batch function, with what follows it where there is no end of the run."""
        if not self.context.settings.trigger_seconds:
            return work

        def settled(frame: Any, batch: BatchIdentity) -> Sequence[Gate]:
            gates = work(frame, batch)
            self._settle()
            return gates

        return settled

    def at_end(self) -> list[QueryReport]:
        """Settle, and tell what was written; nothing where there was nothing to do."""
        self._settle()
        return [self.report] if self.report.batches else []

    def _settle(self) -> None:
        states, rows = _states(self.context)
        if not rows:
            return
        quiet = _quiet_windows(self.context, states, rows)
        states = [replace(state, quiet_windows=quiet.get(state.event_id, 0)) for state in states]
        actions = own_actions(states, self.context.settings.quiet_windows)
        plan = _Plan(self.context, rows, states, actions)
        telling = plan.telling(self.channels)
        if plan.is_needed or telling:
            batch = BatchIdentity(QUERY, _next_number(self.context.spark))
            run_batch(self.context, self.report, batch, lambda identity: plan.write(identity, telling))


def act(context: StageContext[DriftSettings]) -> list[QueryReport]:
    """Do what the setting `action` asks; doing it again changes nothing.

    Raises:
        ActionError: If it cannot be done; nothing was written.
    """
    asked = AskedAction.from_text(context.settings.action)
    states, rows = _states(context, asked.event)
    action = asked_action(asked, states)
    plan = _Plan(context, rows, states, [action] if action else [])
    if not plan.is_needed:
        context.on_step(f"finding {states[0].event_id[:8]} is {states[0].due_status} already")
        return []
    report = QueryReport(QUERY)
    batch = BatchIdentity(QUERY, _next_number(context.spark))
    run_batch(context, report, batch, lambda identity: plan.write(identity, {}))
    return [report]


@dataclass(frozen=True)
class _Plan:
    """What one batch is to write about the findings in `rows`."""

    context: StageContext[DriftSettings]
    rows: Mapping[str, Row]
    states: Sequence[EventState]
    actions: Sequence[Action]

    @cached_property
    def statuses(self) -> dict[str, str]:
        return after(self.states, self.actions)

    @cached_property
    def dismissed(self) -> list[tuple[str, str]]:
        """Path and kind of accepted structural findings whose entry of the log is not dismissed yet."""
        status = {state.event_id: state.due_status for state in self.states} | self.statuses
        accepted = {
            (row["field"], row["kind"])
            for event_id, row in self.rows.items()
            if row["channel"] == "structural" and status[event_id] == ACCEPTED
        }
        if not accepted:
            return []
        log = read_table(self.context.spark, DRIFT_LOG.name).where(F.col("status") != DISMISSED)
        return sorted(accepted & {(row.path, row.kind) for row in log.select("path", "kind").collect()})

    @property
    def is_needed(self) -> bool:
        return bool(self.actions or self.statuses or self.dismissed)

    def telling(self, channels: Sequence[AlertChannel]) -> dict[AlertChannel, list[Due]]:
        """What each channel has not heard of, by the statuses that this batch sets."""
        if not channels:
            return {}
        told = _told(self.context.spark)
        statuses, reopening = self.statuses, {a.event_id for a in self.actions if a.action == REOPENED}
        events = [
            _alert_event(row, str(statuses.get(event_id, row["status"])), event_id in reopening)
            for event_id, row in self.rows.items()
        ]
        least = self.context.settings.alert_min_severity
        found = {channel: due(events, told.get(channel.name, {}), least) for channel in channels}
        return {channel: each for channel, each in found.items() if each}

    def write(self, batch: BatchIdentity, telling: Mapping[AlertChannel, Sequence[Due]]) -> list[Gate]:
        """Actions first: statuses follow from them, whatever happens in between. Alerts last."""
        gates = []
        now, version = self.context.clock(), self.context.run.stage_version
        if self.actions:
            rows = [
                action_row(each, self.rows[each.event_id], batch=batch.key, now=now, version=version)
                for each in self.actions
            ]
            gates.append(
                written("written", EVENT_ACTION.name, _append(self.context.spark, EVENT_ACTION, rows, batch))
            )
        if self.statuses:
            gates.append(self._write_statuses(batch))
        if self.dismissed:
            gates.append(self._write_dismissed(batch, now, version))
        told = [
            row for channel, found in telling.items() for row in _tell(self.context, channel, found, batch)
        ]
        if told:
            gates.append(written("written", ALERT.name, _append(self.context.spark, ALERT, told, batch)))
        return gates

    def _write_statuses(self, batch: BatchIdentity) -> Gate:
        spark = self.context.spark
        frame = spark.createDataFrame(sorted(self.statuses.items()), "event_id string, status string")
        frame.coalesce(1).createOrReplaceTempView(STATUS_VIEW)
        return written("written", DRIFT_EVENT.name, merge_once(spark, merge_status(), DRIFT_EVENT, batch))

    def _write_dismissed(self, batch: BatchIdentity, now: datetime, version: str) -> Gate:
        spark = self.context.spark
        rows = [(*pair, batch.key, now, version) for pair in self.dismissed]
        names = "path string, kind string, batch string, processing_time timestamp, pipeline_version string"
        spark.createDataFrame(rows, names).coalesce(1).createOrReplaceTempView(DISMISSED_VIEW)
        return written("written", DRIFT_LOG.name, merge_once(spark, merge_dismissed(), DRIFT_LOG, batch))


def _append(spark: SparkSession, table: TableContract, rows: Sequence[Row], batch: BatchIdentity) -> Any:
    filled = [tuple(row[name] for name in table.column_names) for row in rows]
    return append_once(spark.createDataFrame(filled, table.ddl).coalesce(1), table, batch)


def _tell(
    context: StageContext[DriftSettings], channel: AlertChannel, found: Sequence[Due], batch: BatchIdentity
) -> list[Row]:
    """Send one digest; its rows of `drift.alert`, or none if the channel failed: then the next run tells it again."""
    digest = digest_of(found, run_id=context.run.run_id, now=context.clock())
    try:
        channel.send(digest)
    except AlertDeliveryError as error:
        context.on_step(f"alert channel {channel.name} failed: {error}; the next run tries again")
        return []
    return [
        {
            "event_id": each.event.event_id, "channel": channel.name, "digest_id": digest.digest_id,
            "severity": each.event.severity, "reason": each.reason, "alert_time": context.clock(),
            "batch": batch.key, "pipeline_version": context.run.stage_version,
        }
        for each in found
    ]  # fmt: skip


def _states(
    context: StageContext[DriftSettings], beginning: str = ""
) -> tuple[list[EventState], dict[str, Row]]:
    """The findings whose id begins so, and their rows with the newest action of each."""
    spark = context.spark
    events = read_table(spark, DRIFT_EVENT.name).where(F.col("event_id").startswith(beginning))
    actions = transform.newest_actions(read_table(spark, EVENT_ACTION.name))
    joined = transform.living_events(events, actions)
    rows = {row["event_id"]: row_in_utc(row.asDict()) for row in joined.collect()}
    return [_state(row) for row in rows.values()], rows


def _state(row: Row) -> EventState:
    return EventState(
        event_id=row["event_id"],
        channel=row["channel"],
        status=row["status"],
        seen=row["last_seen"] or row["processing_time"],
        action=row["action"],
        seen_at_action=row["seen_at_action"],
    )


def _quiet_windows(
    context: StageContext[DriftSettings], states: Sequence[EventState], rows: Mapping[str, Row]
) -> dict[str, int]:
    """Windows without the finding, as `transform.quiet_windows`; by drift's own clock where no record told a time."""
    living = [
        (state.event_id, state.channel, device, rows[state.event_id]["last_seen"])
        for state in states
        if state.due_status not in (ACCEPTED, RESOLVED) and rows[state.event_id]["last_seen"]
        for device in rows[state.event_id]["devices"] or ["-"]
    ]
    minutes = context.settings.window_minutes
    found: dict[str, int] = {}
    if living:
        frame = context.spark.createDataFrame(
            living, "event_id string, channel string, device_id string, last_seen timestamp"
        )
        # From the window of the earliest of these deviations on: older ones say nothing of them.
        since = min(row[3] for row in living) - timedelta(hours=1)
        scores = read_table(context.spark, WINDOW_SCORE.name).where(F.col("window_start") >= F.lit(since))
        found = {row.event_id: row.quiet for row in transform.quiet_windows(scores, frame).collect()}
    # Not the wall clock: without new findings nothing changes, however long nobody ran anything.
    newest = max(row["processing_time"] for row in rows.values())
    by_clock = {
        state.event_id: int((newest - state.seen) / timedelta(minutes=minutes))
        for state in states
        if rows[state.event_id]["last_seen"] is None
    }
    return found | by_clock


def _told(spark: SparkSession) -> dict[str, dict[str, Told]]:
    """Channel -> event id -> how it was last told."""
    number = transform.batch_number(F.col("batch"))
    last = F.max_by(F.struct("severity", number.alias("number")), number).alias("last")
    told: dict[str, dict[str, Told]] = {}
    for row in read_table(spark, ALERT.name).groupBy("channel", "event_id").agg(last).collect():
        told.setdefault(row.channel, {})[row.event_id] = Told(row.last.severity, row.last.number)
    return told


def _alert_event(row: Row, status: str, is_reopening: bool) -> AlertEvent:
    same = ("event_id", "severity", "channel", "kind", "field", "device_share", "onset", "who", "hypothesis")
    reopened = row["action_number"] if row["action"] == REOPENED else -1
    return AlertEvent(
        status=status,
        devices=tuple(row["devices"] or ()),
        device_count=row["device_count"] or 0,
        # This batch's number is above all that were told before.
        reopened=2**62 if is_reopening else reopened,
        **{name: row[name] for name in same},
    )


def _next_number(spark: SparkSession) -> int:
    """Above the number of every batch of ours in any table: a process may have ended between two of them."""
    tables = (EVENT_ACTION, DRIFT_EVENT, DRIFT_LOG, ALERT)
    tags = reduce(
        lambda one, other: one.union(other),
        (
            read_table(spark, f"{table.name}.snapshots").select(F.col("summary")[BATCH_KEY].alias("batch"))
            for table in tables
        ),
    )
    ours = tags.where(F.col("batch").startswith(f"{QUERY}/"))
    newest = ours.agg(F.max(transform.batch_number(F.col("batch"))).alias("newest")).collect()[0].newest
    return 0 if newest is None else int(newest) + 1
