"""Quarantined records with what was done to them, as one DuckDB view: `iot_silver.quarantine_state` in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftlake.query_engine import open_duckdb
from driftlake.status import has_table
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import CLOSING, FAILED_AGAIN, QUARANTINE_ACTION
from iot_common.contracts.table import REASONS_TYPE, TableContract

if TYPE_CHECKING:
    import duckdb

_TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "timestamp": "TIMESTAMPTZ",
    "binary": "BLOB",
    REASONS_TYPE: "STRUCT(path VARCHAR, code VARCHAR, expected VARCHAR, found VARCHAR)[]",
}
_CLOSING = ", ".join(f"'{action}'" for action in CLOSING)

_STATES = f"""
    CREATE TEMP VIEW quarantined AS
    WITH closed AS (
        SELECT row_id, min(action) AS state FROM {QUARANTINE_ACTION.name} WHERE action IN ({_CLOSING}) GROUP BY row_id
    ), failed AS (
        SELECT row_id, arg_max(struct_pack(code := reason_code, reasons := reasons, version := contract_version),
                               struct_pack(t := action_time, b := batch)) AS again
        FROM {QUARANTINE_ACTION.name} WHERE action = '{FAILED_AGAIN}' GROUP BY row_id
    )
    SELECT q.* REPLACE (
        if(again IS NULL, q.reason_code, again.code) AS reason_code,
        if(again IS NULL, q.reasons, again.reasons) AS reasons,
        if(again IS NULL, q.contract_version, again.version) AS contract_version
    ), coalesce(state, 'open') AS state
    FROM {QUARANTINE.name} q LEFT JOIN closed USING (row_id) LEFT JOIN failed USING (row_id)
"""
"""Records as `iot_silver.quarantine_state` sees them: reasons are those of the last time they failed."""


def open_quarantine(warehouse: str) -> duckdb.DuckDBPyConnection:
    """A connection with the view `quarantined`: every record with its state `open`, `replayed` or `discarded`.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    connection = open_duckdb(warehouse)
    create_states(connection)
    return connection


def create_states(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the view `quarantined`; tables that silver has not made yet are empty."""
    for contract in (QUARANTINE, QUARANTINE_ACTION):
        if not has_table(connection, contract.name):
            _create_empty(connection, contract)
    connection.execute(_STATES)


def _create_empty(connection: duckdb.DuckDBPyConnection, contract: TableContract) -> None:
    columns = ", ".join(f'"{column.name}" {_TYPES[column.type]}' for column in contract.columns)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {contract.name.split('.')[0]}")
    connection.execute(f"CREATE TABLE {contract.name} ({columns})")


def misplaced_actions(connection: duckdb.DuckDBPyConnection) -> int:
    """Closing actions of no quarantined record, and each but the first of one: there should be none."""
    found = connection.execute(
        f"""SELECT count(*) - count(DISTINCT row_id) FILTER (row_id IN (SELECT row_id FROM {QUARANTINE.name}))
            FROM {QUARANTINE_ACTION.name} WHERE action IN ({_CLOSING})"""
    ).fetchone()
    return int(found[0]) if found else 0
