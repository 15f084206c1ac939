"""`driftlake drift schema`: the observed schema at two instants, or of some devices and the rest; no raw data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TextIO

from driftlake import rendering
from driftlake.query_engine import open_duckdb
from driftlake.schema_difference import (
    Change,
    Group,
    Observation,
    Schema,
    cohort_of,
    differences,
    newest_instant,
    observed_schema,
)
from driftlake.status import has_table, records
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = tuple(Observation.__slots__)
_SHOWN = ("change", "path", "at", "versus", "exact")


@dataclass(frozen=True)
class SchemaRequest:
    """What to compare: two instants, or the group and the rest at one."""

    at: datetime | None
    versus: datetime | None
    group: Group
    within: timedelta

    @classmethod
    def of(
        cls, at: str | None, versus: str | None, devices: Sequence[str], cohorts: Sequence[str], hours: float
    ) -> SchemaRequest:
        """From the command line.

        Raises:
            SettingsError: If there is nothing to compare with, or a time is none.
        """
        group = Group(tuple(sorted(set(devices))), tuple(sorted(set(cohorts))))
        if versus is None and group.is_everyone:
            raise SettingsError("name --versus T2, or --device or --cohort to compare with the rest")
        if hours <= 0:
            raise SettingsError(f"--hours is above 0, not {hours}")
        return cls(_instant("--at", at), _instant("--versus", versus), group, timedelta(hours=hours))


def _instant(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{option} is a time like 2026-03-05T08:00:00Z, not {text!r}") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True)
class SchemaAnswer:
    """The changes between two sides, and what the sides are."""

    at: datetime
    versus: datetime
    sides: tuple[str, str]
    changes: list[Change]


def compare(rows: Sequence[Observation], request: SchemaRequest) -> SchemaAnswer:
    """Compare the sides.

    Raises:
        SettingsError: If on one side nothing was observed.
    """
    at = request.at or newest_instant(rows)
    if at is None:
        raise SettingsError(f"{SCHEMA_OBSERVATION.name} is empty: run `driftlake run --landing DIR` first.")
    versus = request.versus or at
    group = request.group
    other = group if request.versus else Group(group.devices, group.cohorts, rest=True)
    sides = [
        observed_schema(rows, each, when, request.within) for each, when in ((group, at), (other, versus))
    ]
    for schema, each, when in zip(sides, (group, other), (at, versus), strict=True):
        _require_observed(schema, each, when, rows, request.within)
    # A row counts the records of all its devices: shares of one device are not in it.
    changes = differences(*sides, with_shares=not group.devices)
    return SchemaAnswer(at, versus, (_named(group, at), _named(other, versus)), changes)


def _require_observed(
    schema: Schema, group: Group, instant: datetime, rows: Sequence[Observation], within: timedelta
) -> None:
    if schema:
        return
    times = [time for row in rows for time in (row.first_event_time, row.last_event_time) if time]
    reach = f"{rendering.iso(min(times))} to {rendering.iso(max(times))}" if times else "nothing"
    raise SettingsError(
        f"nothing was observed of {_named(group, instant)} in the {within / timedelta(hours=1):g} h before: "
        f"observations reach from {reach}. "
        "Name another time, or more --hours."
    )


def _named(group: Group, instant: datetime) -> str:
    members = ", ".join((*group.devices, *(f"cohort {each}" for each in group.cohorts)))
    who = "all devices" if group.is_everyone else f"all but {members}" if group.rest else members
    return f"{who} at {rendering.iso(instant)}"


def schema_and_show(
    warehouse: str, request: SchemaRequest, console: Console, json_out: TextIO | None
) -> None:
    """Read the observations with DuckDB, compare, and show."""
    with open_duckdb(warehouse) as connection:
        sql = f"SELECT {', '.join(_COLUMNS)} FROM {SCHEMA_OBSERVATION.name}"
        found = records(connection, sql) if has_table(connection, SCHEMA_OBSERVATION.name) else []
    rows = [Observation(**(row | {"device_examples": tuple(row["device_examples"] or ())})) for row in found]
    answer = compare(rows, request)
    inexact = sum(not change.is_exact for change in answer.changes)
    if json_out is not None:
        said = rendering.json_value(
            asdict(answer) | {"device_cohorts": _cohorts(request), "inexact": inexact}
        )
        json_out.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
        return
    for title, side in zip(("at", "versus"), answer.sides, strict=True):
        console.print(
            f"{title:<7} {rendering.printable(side)}", markup=False, highlight=False, soft_wrap=True
        )
    if answer.changes:
        rendering.write_table(_SHOWN, iter([change.as_row() for change in answer.changes]), console, limit=0)
    else:
        console.print("No difference was observed.", markup=False)
    if inexact:
        named = ", ".join(f"{device} is in {cohort}" for device, cohort in _cohorts(request).items())
        told = f"{rendering.counted(inexact, 'line')} told by cohort: observations name 50 devices each ({named})."
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _cohorts(request: SchemaRequest) -> dict[str, str]:
    return {device: cohort_of(device) for device in request.group.devices}
