"""Asks a warehouse everything the report shows; with DuckDB, one query per section."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from driftlake.matching import Found
from driftlake.query_engine import open_duckdb
from driftlake.status import Conservation, conservation, has_column, has_table, records
from driftlake.waiting import PENDING

if TYPE_CHECKING:
    import duckdb

DEVICES_PLOTTED = 12
"""Most devices with a plot; the findings table has them all."""

FEW_DEVICES = 6
"""A fleet so small is plotted whole, findings or not."""

POINTS_PER_PLOT = 360

READING_COLUMNS = ("temperature_celsius", "humidity_percent", "battery_percent")

_IN_ORDER = "list_position(['bronze', 'silver', 'gold', 'drift', 'metrics'], stage)"

# A batch that was repeated after a crash wrote its rows twice: the last attempt counts.
_GATES = f"""
    WITH last AS (
        SELECT * FROM ops.stage_metric WHERE outcome = 'success'
        QUALIFY row_number() OVER (
            PARTITION BY stage, query, query_id, batch_id, side, disposition, target ORDER BY recorded_time DESC) = 1
    )
    SELECT stage, query, side, disposition, target, sum(files)::BIGINT AS files, sum(bytes)::BIGINT AS bytes,
           sum("rows")::BIGINT AS rows, count(DISTINCT (query_id, batch_id)) AS batches
    FROM last WHERE disposition <> 'checked' GROUP BY stage, query, side, disposition, target
    ORDER BY {_IN_ORDER}, min(min(recorded_time)) OVER (PARTITION BY stage, query), query, side DESC,
             list_position(['in', 'kept', 'quarantined', 'duplicate', 'superseded'], disposition), target
"""
_BALANCE = f"""
    SELECT stage, query, unit, count(*) AS batches, sum(rows_in)::BIGINT AS rows_in, sum(rows_kept)::BIGINT AS kept,
           sum(rows_quarantined)::BIGINT AS quarantined, sum(rows_duplicate)::BIGINT AS duplicate,
           sum(rows_superseded)::BIGINT AS superseded, sum(difference)::BIGINT AS difference,
           bool_and(balanced) AS balanced
    FROM ops.conservation GROUP BY stage, query, unit ORDER BY {_IN_ORDER}, query
"""
# The newest result of each check: quality is a state, not a sum.
_QUALITY = """
    SELECT target AS check, "rows" AS failing_rows, detail, recorded_time
    FROM ops.stage_metric WHERE disposition = 'checked' AND outcome = 'success'
    QUALIFY row_number() OVER (PARTITION BY stage, target ORDER BY recorded_time DESC) = 1
    ORDER BY json_extract_string(detail, '$.success'), target
"""
_FINDINGS = """
    SELECT event_id, channel, kind, severity, field, contract_version, devices, device_count, device_share, onset,
           last_seen, occurrence_count, score, threshold, evidence
    FROM drift.event
    ORDER BY list_position(['CRITICAL', 'ERROR', 'WARN', 'INFO'], severity), onset, kind, field
"""
_QUARANTINE = """
    SELECT reason_code, count(*) AS rows, count(DISTINCT device_id) AS devices,
           count(DISTINCT source_object) AS objects, arg_min(payload, source_object || source_line) AS example
    FROM silver.quarantine GROUP BY ALL ORDER BY rows DESC, reason_code
"""
_SCORES = """
    SELECT least(floor(score * 100) / 100, 0.99) AS score_from, is_reference, count(*) AS windows
    FROM drift.window_score WHERE score IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
_THRESHOLDS = """
    SELECT DISTINCT threshold FROM drift.window_score WHERE threshold IS NOT NULL ORDER BY threshold
"""
_EXTENT = """
    SELECT count(*) AS readings, count(DISTINCT device_id) AS devices, min(event_time) AS first_time,
           max(event_time) AS last_time, count(*) FILTER (NOT is_valid) AS invalid,
           count(*) FILTER (is_anomaly) AS anomalies
    FROM silver.reading
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One column of one device over time, in buckets: median, least and greatest value."""

    device_id: str
    column: str
    times: list[datetime]
    medians: list[float]
    lows: list[float]
    highs: list[float]
    findings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Adoption:
    """Share of the devices heard in an hour that sent a field, by hour."""

    path: str
    hours: list[datetime]
    shares: list[float]


@dataclass
class ReportContent:
    """Everything the page shows. A part that no stage has written yet is empty."""

    extent: dict[str, Any] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    conservation: Conservation = field(default_factory=lambda: Conservation(0, []))
    balance: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    devices_left_out: int = 0
    adoptions: list[Adoption] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    quality: list[dict[str, Any]] = field(default_factory=list)


def collect(warehouse: str) -> ReportContent:
    """Ask the warehouse.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    content = ReportContent()
    with open_duckdb(warehouse) as connection:
        present = _asker(connection)
        content.extent = (present("silver.reading", _EXTENT) or [{}])[0]
        content.gates = present("ops.stage_metric", _GATES)
        content.failures = present("ops.stage_metric", _failures())
        content.conservation = conservation(connection)
        content.balance = present("ops.conservation", _BALANCE)
        content.findings = [_with_evidence(row) for row in present("drift.event", _FINDINGS)]
        content.pending = present("drift.drift_log", PENDING)
        content.scores = present("drift.window_score", _SCORES)
        content.thresholds = [row["threshold"] for row in present("drift.window_score", _THRESHOLDS)]
        content.quarantine = present("silver.quarantine", _QUARANTINE)
        if has_column(connection, "ops.stage_metric", "detail"):
            content.quality = [_with_result(row) for row in present("ops.stage_metric", _QUALITY)]
        if content.extent.get("readings"):
            _add_series(connection, content)
            content.adoptions = _adoptions(connection, content.findings)
    return content


def _with_result(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"validation": json.loads(row["detail"])}


def _asker(connection: duckdb.DuckDBPyConnection) -> Any:
    def present(table: str, sql: str) -> list[dict[str, Any]]:
        return records(connection, sql) if has_table(connection, table) else []

    return present


def _failures() -> str:
    return """SELECT run_id, stage, query, error, recorded_time FROM ops.stage_metric WHERE outcome = 'failure'
              ORDER BY recorded_time DESC LIMIT 20"""


def _with_evidence(row: dict[str, Any]) -> dict[str, Any]:
    try:
        evidence = json.loads(row["evidence"] or "{}")
    except ValueError:
        evidence = {"text": row["evidence"]}
    return row | {"evidence": evidence if isinstance(evidence, dict) else {"evidence": evidence}}


def collect_findings(warehouse: str) -> list[Found]:
    """The findings of a warehouse alone, in the form that matching takes.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    with open_duckdb(warehouse) as connection:
        return found_of(_asker(connection)("drift.event", _FINDINGS))


def found_of(rows: list[dict[str, Any]]) -> list[Found]:
    """Rows of `drift.event` in the form that matching takes."""
    names = ("event_id", "channel", "kind", "field", "onset", "last_seen")
    return [Found(**{n: row[n] for n in names}, devices=tuple(row["devices"] or ())) for row in rows]


def _add_series(connection: duckdb.DuckDBPyConnection, content: ReportContent) -> None:
    """The devices to plot: those with statistical findings, strongest first; all of them in a small fleet."""
    by_device: dict[str, list[dict[str, Any]]] = {}
    statistical = [row for row in content.findings if row["channel"] == "statistical"]
    for row in sorted(statistical, key=lambda row: -(row["score"] or 0.0)):
        for device in row["devices"] or ():
            by_device.setdefault(device, []).append(row)
    if content.extent["devices"] <= FEW_DEVICES:
        for row in records(connection, "SELECT DISTINCT device_id FROM silver.reading ORDER BY ALL"):
            by_device.setdefault(row["device_id"], [])
    content.devices_left_out = max(0, len(by_device) - DEVICES_PLOTTED)
    for device, findings in list(by_device.items())[:DEVICES_PLOTTED]:
        for column in _columns_to_plot(findings):
            content.series.append(_series(connection, device, column, findings))


def _columns_to_plot(findings: list[dict[str, Any]]) -> list[str]:
    """Temperature always: it is what runs away; and what else a finding is about."""
    concerned = {row["field"] for row in findings}
    return [column for column in READING_COLUMNS if column == READING_COLUMNS[0] or column in concerned]


def _series(
    connection: duckdb.DuckDBPyConnection, device: str, column: str, findings: list[dict[str, Any]]
) -> Series:
    sql = f"""
        WITH own AS (
            SELECT epoch(event_time) AS second, {column} AS value FROM silver.reading
            WHERE device_id = ? AND {column} IS NOT NULL
        ),
        span AS (SELECT greatest((max(second) - min(second)) / {POINTS_PER_PLOT}, 1) AS width FROM own),
        placed AS (SELECT (floor(second / width) + 0.5) * width AS middle, value FROM own, span)
        SELECT to_timestamp(middle), median(value), min(value), max(value) FROM placed GROUP BY middle ORDER BY middle
    """
    rows = connection.execute(sql, [device]).fetchall()
    times, medians, lows, highs = (
        (list(part) for part in zip(*rows, strict=True)) if rows else ([], [], [], [])
    )
    return Series(device, column, times, medians, lows, highs, findings)


def _adoptions(connection: duckdb.DuckDBPyConnection, findings: list[dict[str, Any]]) -> list[Adoption]:
    paths = sorted(
        {
            row["field"]
            for row in findings
            if row["kind"] in ("FIELD_ADDED", "FIELD_ADDED_NESTED") and row["field"]
        }
    )
    return [_adoption(connection, path) for path in paths]


def _adoption(connection: duckdb.DuckDBPyConnection, path: str) -> Adoption:
    """From the rescued values, whose keys are paths: the field itself, or what lies in it."""
    sql = """
        SELECT time_bucket(INTERVAL 1 HOUR, event_time) AS hour,
               count(DISTINCT device_id) FILTER (len(list_filter(
                   json_keys(coalesce(_rescued, '{}')), key -> key = $path OR starts_with(key, $path || '.'))) > 0)
               / count(DISTINCT device_id) AS share
        FROM silver.reading GROUP BY ALL ORDER BY hour
    """
    rows = connection.execute(sql, {"path": path}).fetchall()
    return Adoption(path, [row[0] for row in rows], [row[1] for row in rows])
