"""What drift found, read with DuckDB: no Spark, no lock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from driftlake import rendering
from driftlake.drift_view import show_event
from driftlake.errors import FindingNotFoundError
from driftlake.query_engine import open_duckdb
from driftlake.status import has_table, records
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION, STATUS_AFTER
from iot_common.errors import SettingsError

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

STATUSES = tuple(sorted(set(STATUS_AFTER.values())))
SHORT_ID = 8
"""Characters of an event id in a table; any unique beginning names a finding."""

_FINDINGS = f"""
    SELECT event_id, status, severity, channel, kind, field, contract_version, device_count, device_share,
           devices, onset, last_seen, occurrence_count, first_detected_time
    FROM {DRIFT_EVENT.name} WHERE {{condition}}
    ORDER BY list_position(['CRITICAL', 'ERROR', 'WARN', 'INFO'], severity), onset, kind, field, event_id
"""
_SHOWN = ("event", "status", "severity", "kind", "field", "devices", "onset", "last_seen", "occurrences")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which findings: any of each, and all of them together; empty asks for all.

    Raises:
        SettingsError: If a status is unknown.
    """

    statuses: Sequence[str] = ()
    kinds: Sequence[str] = ()
    fields: Sequence[str] = ()
    devices: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse a status that no finding can have: it would silently find nothing."""
        for status in self.statuses:
            if status not in STATUSES:
                raise SettingsError(f"no status {status!r}: a finding is {', '.join(STATUSES)}")

    def condition(self) -> tuple[str, list[Any]]:
        """As SQL, with its parameters."""
        parts, given = ["true"], list[Any]()
        for column, wanted in (("status", self.statuses), ("kind", self.kinds), ("field", self.fields)):
            if wanted:
                parts.append(f"coalesce(list_contains(?, {column}), false)")
                given.append(list(wanted))
        if self.devices:
            parts.append("coalesce(list_has_any(devices, ?), false)")
            given.append(list(self.devices))
        return " AND ".join(parts), given


def findings(connection: duckdb.DuckDBPyConnection, asked: Asked) -> list[dict[str, Any]]:
    """The findings, the gravest first; none where drift has not run."""
    if not has_table(connection, DRIFT_EVENT.name):
        return []
    condition, given = asked.condition()
    return records(connection, _FINDINGS.format(condition=condition), given)


def list_and_show(warehouse: str, asked: Asked, console: Console, json_out: TextIO | None) -> None:
    """The findings as a person or a program reads them."""
    with open_duckdb(warehouse) as connection:
        found = findings(connection, asked)
    if json_out is not None:
        columns = list(found[0]) if found else []
        rendering.write_json(columns, [tuple(each.values()) for each in found], json_out)
        return
    rows = [
        (
            each["event_id"][:SHORT_ID], each["status"], each["severity"], each["kind"], each["field"],
            devices_told(each), minute(each["onset"]), minute(each["last_seen"]), each["occurrence_count"],
        )
        for each in found
    ]  # fmt: skip
    rendering.write_table(_SHOWN, iter(rows), console, limit=0)


def minute(moment: Any) -> str | None:
    """A time to the minute."""
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def devices_told(finding: dict[str, Any]) -> str:
    """The one device by name; several as a number and their share of the fleet."""
    devices, count = finding["devices"] or [], finding["device_count"]
    if count == 1 and devices:
        return str(devices[0])
    share = finding["device_share"]
    return f"{count:,}" + (f" ({share:.0%})" if share is not None else "")


def one_finding(connection: duckdb.DuckDBPyConnection, beginning: str) -> dict[str, Any]:
    """The finding whose id begins so.

    Raises:
        FindingNotFoundError: If there is none, or more than one.
    """
    found = (
        records(
            connection,
            f"SELECT * FROM {DRIFT_EVENT.name} WHERE starts_with(event_id, ?) ORDER BY event_id",
            [beginning],
        )
        if beginning and has_table(connection, DRIFT_EVENT.name)
        else []
    )
    if len(found) != 1:
        raise FindingNotFoundError(beginning, [each["event_id"] for each in found])
    return found[0]


def actions_of(connection: duckdb.DuckDBPyConnection, event_id: str) -> list[dict[str, Any]]:
    """What was done to a finding, in order; nothing where the table is not there yet."""
    if not has_table(connection, EVENT_ACTION.name):
        return []
    sql = f"""SELECT action, action_time, requested_by, note, last_seen FROM {EVENT_ACTION.name}
              WHERE event_id = ? ORDER BY action_time, processing_time"""
    return records(connection, sql, [event_id])


def show_finding(warehouse: str, beginning: str, console: Console, json_out: TextIO | None) -> None:
    """One finding with its evidence and history.

    Raises:
        FindingNotFoundError: If there is none, or more than one.
    """
    with open_duckdb(warehouse) as connection:
        finding = one_finding(connection, beginning)
        actions = actions_of(connection, finding["event_id"])
    finding["evidence"] = json.loads(finding["evidence"] or "{}")
    if json_out is None:
        show_event(finding, actions, console)
        return
    told = rendering.json_value(finding | {"actions": actions})
    json_out.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
