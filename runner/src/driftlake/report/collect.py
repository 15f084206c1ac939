"""Asks a warehouse everything the report shows; DuckDB aggregates, so that only what is drawn comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from driftlake.matching import Found
from driftlake.query_engine import open_duckdb
from driftlake.report import queries
from driftlake.report.adoption import Adoption, adoption
from driftlake.report.charts.window_chart import WindowSeries
from driftlake.report.finding_rows import finding_rows
from driftlake.report.heat_map import HeatMap, heat_map
from driftlake.report.page_content import PageContent, fleet_series, page_content
from driftlake.status import Conservation, conservation, has_column, has_table, records
from driftlake.waiting import PENDING, newest_notices
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER

if TYPE_CHECKING:
    import duckdb

Rows = list[dict[str, Any]]

MEMORY_LIMIT = "2GB"
"""Of the query engine; what needs more goes to disk meanwhile, so that a large warehouse takes longer, not more."""


@dataclass
class ReportContent:
    """Everything the page shows. A part that no stage has written yet is empty."""

    extent: dict[str, Any] = field(default_factory=dict)
    gates: Rows = field(default_factory=list)
    drift_has_run: bool = False
    conservation: Conservation = field(default_factory=lambda: Conservation(0, []))
    balance: Rows = field(default_factory=list)
    failures: Rows = field(default_factory=list)
    findings: Rows = field(default_factory=list)
    adoption: Adoption = field(default_factory=lambda: Adoption("", 0, ()))
    heat_map: HeatMap | None = None
    pages: dict[str, PageContent] = field(default_factory=dict)
    fleet: list[WindowSeries] = field(default_factory=list)
    pending: Rows = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    notice_count: int = 0
    breakers: Rows = field(default_factory=list)
    scores: Rows = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    sizes: Rows = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    models: Rows = field(default_factory=list)
    windows: dict[str, Any] = field(default_factory=dict)
    quarantine: Rows = field(default_factory=list)
    quality: Rows = field(default_factory=list)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """What the time axes show: the readings, or without them the findings; None where nothing is dated."""
        times = [self.extent.get("first_time"), self.extent.get("last_time")]
        if None in times:
            times = [row[name] for row in self.findings for name in ("onset", "last_seen")]
        known = [at for at in times if at is not None]
        if not known:
            return None
        return min(known), max(max(known), min(known) + timedelta(hours=1))


def collect(warehouse: str) -> ReportContent:
    """Ask the warehouse.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    content = ReportContent()
    with TemporaryDirectory(prefix="driftlake-report-") as spill, open_duckdb(warehouse) as connection:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("SET temp_directory = '{}'".format(spill.replace("'", "''")))
        present = _asker(connection)
        _add_operations(connection, content, present)
        content.extent = (present("silver.reading", queries.EXTENT) or [{}])[0]
        content.drift_has_run = has_table(connection, DRIFT_EVENT.name)
        content.findings = finding_rows(connection)
        content.pending = present("drift.drift_log", PENDING)
        content.notice_count, content.notices = newest_notices(warehouse)
        content.breakers = present(CIRCUIT_BREAKER.name, queries.BREAKERS)
        content.models = present("drift.model", queries.MODELS)
        content.adoption = adoption(connection, content.findings, content.extent)
        content.pages = page_content(connection, content.findings, content.span)
        if content.span:
            content.fleet = fleet_series(connection, content.span)
        if has_table(connection, "drift.window_score"):
            _add_scores(connection, content)
            content.heat_map = heat_map(connection)
    return content


def _add_operations(
    connection: duckdb.DuckDBPyConnection, content: ReportContent, present: Callable[[str, str], Rows]
) -> None:
    content.gates = present("ops.stage_metric", queries.GATES)
    content.failures = present("ops.stage_metric", queries.FAILURES)
    content.conservation = conservation(connection)
    content.balance = present("ops.conservation", queries.BALANCE)
    content.quarantine = present("silver.quarantine", queries.QUARANTINE)
    if has_column(connection, "ops.stage_metric", "detail"):
        content.quality = [_with_result(row) for row in present("ops.stage_metric", queries.QUALITY)]


def _add_scores(connection: duckdb.DuckDBPyConnection, content: ReportContent) -> None:
    content.scores = records(connection, queries.SCORES)
    content.thresholds = [row["threshold"] for row in records(connection, queries.THRESHOLDS)]
    content.sizes = records(connection, queries.SIZES)
    content.limits = [row["size_limit"] for row in records(connection, queries.LIMITS)]
    content.windows = records(connection, queries.WINDOWS)[0]


def _with_result(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"validation": json.loads(row["detail"])}


def _asker(connection: duckdb.DuckDBPyConnection) -> Callable[[str, str], Rows]:
    def present(table: str, sql: str) -> Rows:
        return records(connection, sql) if has_table(connection, table) else []

    return present


def collect_findings(warehouse: str) -> list[Found]:
    """The findings of a warehouse alone, in the form that matching takes.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    with open_duckdb(warehouse) as connection:
        return found_of(finding_rows(connection))


def found_of(rows: Rows) -> list[Found]:
    """Rows of `drift.event` in the form that matching takes."""
    names = ("event_id", "channel", "kind", "field", "onset", "last_seen")
    return [Found(**{n: row[n] for n in names}, devices=tuple(row["devices"] or ())) for row in rows]
