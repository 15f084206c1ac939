"""What stands in quarantine, read with DuckDB: no Spark, no lock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from driftlake import rendering
from driftlake.errors import RecordNotFoundError
from driftlake.options import OutputFormat
from driftlake.quarantine_states import open_quarantine
from driftlake.status import records
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import CLOSING, QUARANTINE_ACTION
from iot_silver.selection import NONE, ROOT, Selection

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

SHOWN_PAYLOAD_BYTES = 4000
"""Most of a payload that a person is shown; --json and --payload-to give all of it."""

GROUPS_SHOWN = 50

_GROUPS = """
    SELECT reason_code,
           list_filter(reasons, lambda r: r.code = reason_code)[1].path AS raw_path,
           if(raw_path = '', '$', raw_path) AS path,
           schema_version,
           count(*) FILTER (state = 'open') AS open,
           count(*) FILTER (state = 'replayed') AS replayed,
           count(*) FILTER (state = 'discarded') AS discarded,
           count(DISTINCT device_id) AS devices,
           min(ingest_time) AS first_arrival,
           max(ingest_time) AS last_arrival
    FROM quarantined WHERE {condition}
    GROUP BY ALL ORDER BY open DESC, reason_code, path, schema_version
"""


def condition_of(selection: Selection) -> tuple[str, list[Any]]:
    """The same as `Selection.condition`, as SQL with its parameters."""
    parts, given = ["true"], list[Any]()
    if selection.codes or selection.paths:
        codes, paths = list(selection.codes), ["" if path == ROOT else path for path in selection.paths]
        parts.append(
            "EXISTS (SELECT 1 FROM (SELECT unnest(reasons) AS r) WHERE (len(?) = 0 OR list_contains(?, r.code)) "
            "AND (len(?) = 0 OR list_contains(?, r.path)))"
        )
        given += [codes, codes, paths, paths]
    columns = {
        "device_id": selection.devices,
        "schema_version": selection.schema_versions,
        "row_id": selection.row_ids,
        "source_object": selection.objects,
    }
    for column, wanted in columns.items():
        if wanted:
            may_be_null = column in ("device_id", "schema_version") and NONE in wanted
            parts.append(f"coalesce(list_contains(?, {column}), ?)")
            given += [list(wanted), may_be_null]
    for sign, moment in ((">=", selection.since), ("<", selection.until)):
        if moment is not None:
            parts.append(f"ingest_time {sign} ?")
            given.append(moment)
    return " AND ".join(parts), given


def list_and_show(
    warehouse: str, selection: Selection, output: OutputFormat, console: Console, *, only_open: bool = False
) -> None:
    """Groups of records, as a person or a program reads them."""
    import sys

    condition, given = condition_of(selection)
    with open_quarantine(warehouse) as connection:
        sql = _GROUPS.format(condition=condition + (" AND state = 'open'" if only_open else ""))
        groups = records(connection, sql, given)
        held = held_records(connection)
    columns = [name for name in _group_columns() if not (only_open and name in CLOSING)]
    rows = [tuple(group[name] for name in columns) for group in groups]
    if output is OutputFormat.JSON:
        rendering.write_json(columns, rows, sys.stdout)
    elif output is OutputFormat.CSV:
        rendering.write_csv(columns, rows, sys.stdout)
    else:
        rendering.write_table(columns, iter(rows), console, GROUPS_SHOWN)
        if held:
            told = f"{rendering.counted(held, 'record')} held by an open circuit breaker; to release what passes:"
            console.print(f"{told} driftlake quarantine replay --code CIRCUIT_OPEN --yes", markup=False)


def _group_columns() -> list[str]:
    return [
        "reason_code", "path", "schema_version", "open", "replayed", "discarded", "devices", "first_arrival",
        "last_arrival",
    ]  # fmt: skip


def held_records(connection: duckdb.DuckDBPyConnection) -> int:
    """Open records that a circuit breaker holds back."""
    found = connection.execute(
        "SELECT count(*) FROM quarantined WHERE state = 'open' AND reason_code = 'CIRCUIT_OPEN'"
    ).fetchone()
    return int(found[0]) if found else 0


def show_record(
    warehouse: str, row_id: str, console: Console, json_out: TextIO | None, payload_to: Path | None
) -> None:
    """One record with its reasons and history.

    Raises:
        RecordNotFoundError: If no quarantined record has this row id, or it has no bytes to write.
    """
    with open_quarantine(warehouse) as connection:
        found = records(connection, "SELECT * FROM quarantined WHERE row_id = ?", [row_id])
        first = records(connection, f"SELECT * FROM {QUARANTINE.name} WHERE row_id = ?", [row_id])
        history = records(
            connection,
            f"SELECT * FROM {QUARANTINE_ACTION.name} WHERE row_id = ? ORDER BY action_time",
            [row_id],
        )
    if not found:
        raise RecordNotFoundError(row_id)
    record = first[0] | {"state": found[0]["state"]}
    if payload_to is not None:
        if record["payload"] is None:
            raise RecordNotFoundError(row_id, record["payload_pointer"])
        payload_to.write_bytes(record["payload"])
    if json_out is not None:
        said = rendering.json_value(record | {"history": history})
        json_out.write(json.dumps(said, ensure_ascii=False, indent=2) + "\n")
        return
    _print_record(record, history, console)


def _print_record(record: dict[str, Any], history: list[dict[str, Any]], console: Console) -> None:
    def line(name: str, value: Any) -> None:
        console.print(
            f"{name:<18}  {rendering.table_cell(value)}", markup=False, highlight=False, soft_wrap=True
        )

    shown = [name for name in ("state", *QUARANTINE.column_names) if name not in ("reasons", "payload")]
    for name in shown:
        line(name, record[name])
    for number, reason in enumerate(record["reasons"] or [], 1):
        where = reason["path"] or ROOT
        line(
            f"reason {number}",
            f"{reason['code']} at {where}: wants {reason['expected']}, found {reason['found']}",
        )
    payload = record["payload"]
    if payload is None:
        line("payload", f"kept at {record['payload_pointer']}" if record["payload_pointer"] else None)
    else:
        size = rendering.counted(len(payload), "byte")
        cut = f", first {SHOWN_PAYLOAD_BYTES:,}" if len(payload) > SHOWN_PAYLOAD_BYTES else ""
        line(f"payload ({size}{cut})", bytes(payload)[:SHOWN_PAYLOAD_BYTES])
    for action in history:
        line(rendering.table_cell(action["action_time"])[:16], _told(action))


def _told(action: dict[str, Any]) -> str:
    codes = ", ".join(dict.fromkeys(reason["code"] for reason in action["reasons"] or []))
    parts = [
        action["action"],
        action["outcome"],
        codes,
        action["batch"],
        action["requested_by"],
        action["note"],
    ]
    return "; ".join(part for part in parts if part)
