"""What the pages of findings show beyond the finding itself: readings over time, and raw records before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftlake.report.adoption import ADDED_KINDS
from driftlake.report.charts.window_chart import WindowSeries
from driftlake.report.examples import Example, WantedExample, examples
from driftlake.report.fields import NUMBERS, column_of
from driftlake.report.window_series import WantedSeries, around, window_series
from driftlake.status import has_table, records

if TYPE_CHECKING:
    import duckdb

PAGES = 120
"""Most findings with a page of their own, the most severe first."""

DEVICES_PLOTTED = 2
"""Most devices of one finding with a plot; its page lists them all."""

FEW_DEVICES = 6
"""A fleet so small is plotted whole, findings or not."""

_VALUE_KINDS = ("RANGE", "TYPE_CHANGED", "UNIT_CHANGED", "UNIT_SUSPECT", "NONFINITE")
_UNSEEN_SINCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PageContent:
    """Of one finding."""

    series: tuple[WindowSeries, ...] = ()
    examples: tuple[Example, ...] = ()


def page_content(
    connection: duckdb.DuckDBPyConnection,
    findings: Sequence[dict[str, Any]],
    extent: tuple[datetime, datetime] | None,
) -> dict[str, PageContent]:
    """By event id, for the findings that get a page."""
    paged = findings[:PAGES]
    wanted = [(row["event_id"], each) for row in paged if extent for each in wanted_series(row, extent)]
    drawn: dict[str, list[WindowSeries]] = {}
    for (event_id, _), found in zip(
        wanted, window_series(connection, [each for _, each in wanted]), strict=True
    ):
        if found is not None:
            drawn.setdefault(event_id, []).append(found)
    raw = examples(connection, [wanted_example(row) for row in paged])
    return {
        row["event_id"]: PageContent(tuple(drawn.get(row["event_id"], ())), tuple(own))
        for row, own in zip(paged, raw, strict=True)
    }


def fleet_series(
    connection: duckdb.DuckDBPyConnection, extent: tuple[datetime, datetime]
) -> list[WindowSeries]:
    """Every device of a small fleet over all times: its temperature, which runs away first."""
    if not has_table(connection, "silver.reading"):
        return []
    devices = records(connection, "SELECT DISTINCT device_id FROM silver.reading ORDER BY ALL LIMIT 7")
    if len(devices) > FEW_DEVICES:
        return []
    wanted = [WantedSeries(row["device_id"], NUMBERS[0], *extent) for row in devices]
    return [found for found in window_series(connection, wanted) if found is not None]


def wanted_series(row: dict[str, Any], extent: tuple[datetime, datetime]) -> list[WantedSeries]:
    """Which readings show this finding; none where it is not about a number."""
    column = column_of(row["field"])
    if column is None or row["onset"] is None:
        return []
    if row["channel"] == "structural" and row["kind"] not in _VALUE_KINDS:
        return []
    most = DEVICES_PLOTTED if row["channel"] == "statistical" else 1
    span = around(row["onset"], extent)
    return [WantedSeries(device, column, *span) for device in (row["devices"] or [])[:most]]


def wanted_example(row: dict[str, Any]) -> WantedExample:
    """Which records show this finding."""
    kind, found = row["kind"], row["evidence"].get("found")
    shows, code = "violation", kind
    values = [str(value) for value in found] if isinstance(found, list) else []
    if row["channel"] == "statistical" or kind == "FIELD_REMOVED_OPTIONAL":
        shows = "none" if kind == "SILENT" else "all"
    elif kind in ADDED_KINDS:
        shows = "added"
    elif kind == "UNIT_CHANGED":
        shows, values = "unit", _new_units(row["evidence"])
    elif kind.startswith("VERSION_"):
        shows = "version"
    elif kind == "RENAME_SUSPECT":
        code = "FIELD_REMOVED_REQUIRED"
    last = row["last_seen"] or (row["onset"] + _UNSEEN_SINCE if row["onset"] else None)
    return WantedExample(
        shows, code, row["field"] or "", tuple(values), tuple(row["devices"] or ()), row["onset"], last
    )


def _new_units(evidence: dict[str, Any]) -> list[str]:
    devices = evidence.get("devices")
    told = devices.values() if isinstance(devices, dict) else []
    return sorted({str(each.get("to")) for each in told if isinstance(each, dict)})
