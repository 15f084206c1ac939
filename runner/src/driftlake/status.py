"""What a warehouse holds and how its last runs went; read with DuckDB, without Spark or a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from driftlake.blocks import UNPROMOTED_VIEW
from driftlake.catalog import catalog_tables, table_state
from driftlake.query_engine import open_duckdb
from driftlake.rendering import json_value
from driftlake.waiting import PENDING, PENDING_SHOWN, newest_notices, statuses
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER, CLOSED

if TYPE_CHECKING:
    import duckdb

RUNS_SHOWN = 5

_UNBALANCED = """
    SELECT stage, query, batch_id, difference FROM ops.conservation WHERE NOT balanced
    ORDER BY stage, query, batch_id
"""
_QUARANTINE = """
    SELECT count(*) AS ever, count(*) FILTER (state = 'open') AS open,
           count(*) FILTER (state = 'replayed') AS replayed, count(*) FILTER (state = 'discarded') AS discarded
    FROM quarantined
"""
_BREAKERS = f"""
    SELECT schema_version, max_by(state, sequence) AS last_state, max_by(transition_time, sequence) AS since,
           max_by(checked_rows, sequence) AS checked_rows, max_by(failed_rows, sequence) AS failed_rows
    FROM {CIRCUIT_BREAKER.name} GROUP BY schema_version HAVING last_state != '{CLOSED}' ORDER BY schema_version
"""
_RUNS = f"""
    SELECT run_id, min(recorded_time) AS first_recorded, max(recorded_time) AS last_recorded,
           list(DISTINCT stage ORDER BY
                list_position(['bronze', 'silver', 'gold', 'drift', 'metrics'], stage)) AS stages,
           CASE WHEN bool_or(outcome = 'failure') THEN 'failure' ELSE 'success' END AS outcome,
           max_by(error, recorded_time) FILTER (outcome = 'failure') AS error
    FROM ops.stage_metric GROUP BY run_id ORDER BY last_recorded DESC LIMIT {RUNS_SHOWN}
"""


@dataclass(frozen=True, slots=True)
class Conservation:
    """How many batches were checked, and those that do not balance."""

    batches: int
    unbalanced: list[dict[str, Any]]

    @property
    def balanced(self) -> bool:
        """True if nothing was lost or doubled; a warehouse without a checked batch balances."""
        return not self.unbalanced


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for people: `drift.drift_log` by status, its first pending entries, and the newest notices."""

    drift_log: dict[str, int]
    pending: list[dict[str, Any]]
    notice_count: int
    notices: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What drift found: how many by status, and the open ones by severity."""

    by_status: dict[str, int]
    open_by_severity: dict[str, int]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What became of all records that were ever quarantined.

    Attributes:
        ever: Records in `silver.quarantine`.
        open: Without a closing action.
        replayed: Passed later.
        discarded: Closed by someone.
        misplaced: Closing actions that speak of no quarantined record, or close one a second time.
    """

    ever: int
    open: int
    replayed: int
    discarded: int
    misplaced: int

    @property
    def balanced(self) -> bool:
        """True if each record is open, replayed or discarded, and only once."""
        return self.ever == self.open + self.replayed + self.discarded and not self.misplaced


@dataclass(frozen=True, slots=True)
class WarehouseStatus:
    """Everything `driftlake status` shows; `breakers` are those that are not closed."""

    tables: list[dict[str, Any]]
    unpromoted: dict[str, Any]
    conservation: Conservation
    waiting: Waiting
    findings: Findings
    quarantine: Quarantine
    breakers: list[dict[str, Any]]
    runs: list[dict[str, Any]]

    @property
    def balanced(self) -> bool:
        """True if no batch lost or doubled a row, and the quarantine none since."""
        return self.conservation.balanced and self.quarantine.balanced

    def as_json(self) -> dict[str, Any]:
        """As values that JSON can say."""
        said = asdict(self)
        for part in ("conservation", "quarantine"):
            said[part] = {"balanced": getattr(self, part).balanced} | said[part]
        return dict(json_value(said))


def warehouse_status(warehouse: str) -> WarehouseStatus:
    """Ask a warehouse; tables that no stage has made yet count as empty.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    with open_duckdb(warehouse) as connection:
        return WarehouseStatus(
            tables=_tables(connection, warehouse),
            unpromoted=_unpromoted(connection),
            conservation=conservation(connection),
            waiting=_waiting(connection, warehouse),
            findings=findings(connection),
            quarantine=quarantine(connection),
            breakers=records(connection, _BREAKERS) if has_table(connection, CIRCUIT_BREAKER.name) else [],
            runs=records(connection, _RUNS) if has_table(connection, "ops.stage_metric") else [],
        )


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """True if the warehouse has this table."""
    found = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema || '.' || table_name = ?", [name]
    ).fetchone()
    return bool(found and found[0])


def has_column(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """True if the warehouse has this table with this column: older versions of a stage made fewer."""
    found = connection.execute(
        "SELECT count(*) FROM information_schema.columns "
        "WHERE table_schema || '.' || table_name = ? AND column_name = ?",
        [table, column],
    ).fetchone()
    return bool(found and found[0])


def conservation(connection: duckdb.DuckDBPyConnection) -> Conservation:
    """The state of `ops.conservation`; empty where metrics has not run."""
    if not has_table(connection, "ops.conservation"):
        return Conservation(0, [])
    found = connection.execute("SELECT count(*) FROM ops.conservation").fetchone()
    return Conservation(found[0] if found else 0, records(connection, _UNBALANCED))


def _waiting(connection: duckdb.DuckDBPyConnection, warehouse: str) -> Waiting:
    count, notices = newest_notices(warehouse)
    if not has_table(connection, "drift.drift_log"):
        return Waiting({}, [], count, notices)
    pending = records(connection, f"{PENDING} LIMIT {PENDING_SHOWN}")
    return Waiting(statuses(connection), pending, count, notices)


def findings(connection: duckdb.DuckDBPyConnection) -> Findings:
    """The findings of drift, the gravest first; none where drift has not run."""
    if not has_table(connection, DRIFT_EVENT.name):
        return Findings({}, {})
    counted = f"SELECT %s AS name, count(*) AS number FROM {DRIFT_EVENT.name} %s GROUP BY 1 ORDER BY %s"
    gravest = "list_position(['CRITICAL', 'ERROR', 'WARN', 'INFO'], name)"
    by_status = records(connection, counted % ("status", "", "name"))
    by_severity = records(connection, counted % ("severity", "WHERE status = 'open'", gravest))
    told = ({str(row["name"]): int(row["number"]) for row in rows} for rows in (by_status, by_severity))
    return Findings(*told)


def quarantine(connection: duckdb.DuckDBPyConnection) -> Quarantine:
    """The records that were ever quarantined, by what became of them."""
    from driftlake.quarantine_states import create_states, misplaced_actions

    create_states(connection)
    return Quarantine(**records(connection, _QUARANTINE)[0], misplaced=misplaced_actions(connection))


def _tables(connection: duckdb.DuckDBPyConnection, warehouse: str) -> list[dict[str, Any]]:
    rows = []
    for table in catalog_tables(warehouse):
        found = connection.execute(f'SELECT count(*) FROM "{table.namespace}"."{table.table}"').fetchone()
        rows.append({"table": table.name, "rows": found[0] if found else 0, **asdict(table_state(table))})
    return rows


def _unpromoted(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    if not has_table(connection, "bronze.raw_reading_all"):
        return {"blocks": 0, "rows": 0, "bytes": 0, "oldest_ingest_time": None}
    totals = f"""
        SELECT count(*)::BIGINT AS blocks, coalesce(sum(row_count), 0)::BIGINT AS rows,
               coalesce(sum(block_bytes), 0)::BIGINT AS bytes, min(oldest_ingest_time) AS oldest_ingest_time
        FROM {UNPROMOTED_VIEW}
    """
    return records(connection, totals)[0]


def records(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """The rows of a query, each as column name to value."""
    cursor = connection.execute(sql, parameters)
    names = [entry[0] for entry in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
