"""Devices over time: the worst excess of each stretch of time, from `drift.window_score`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from driftlake.report.scales import round_width
from driftlake.status import records

if TYPE_CHECKING:
    import duckdb

DEVICES_DRAWN = 40
"""Rows of the map, the worst devices first; the others are one row together."""

BINS = 84
"""Most columns of the map."""

_BIN = "floor(epoch(window_start) / {width})::BIGINT * {width}"
_HEARD = "(reading_count > 0 OR is_anomalous)"
_SPAN = f"""
    SELECT epoch(max(window_start)) - epoch(min(window_start)) AS seconds, max(window_minutes) AS minutes
    FROM drift.window_score WHERE {_HEARD}
"""
# Features, the wide column, are read of the chosen devices alone.
_TOTALS = f"""
    CREATE OR REPLACE TEMP TABLE device_windows AS
    SELECT device_id, count(*) AS windows, count(*) FILTER (is_anomalous) AS deviating,
           min(window_start) FILTER (is_anomalous) AS first, max(window_start) FILTER (is_anomalous) AS last,
           mode(top_feature) FILTER (is_anomalous) AS top_feature
    FROM drift.window_score WHERE {_HEARD} GROUP BY device_id
"""
_FLEET = """
    SELECT count(*) AS devices, count(*) FILTER (deviating > 0) AS deviating_devices FROM device_windows
"""
_WORST_DEVICES = f"""
    SELECT * FROM device_windows WHERE deviating > 0 ORDER BY deviating DESC, first, device_id LIMIT {DEVICES_DRAWN}
"""
# The excess of a window is the largest of its sizes over their limits; 1 or more deviates.
_CELLS = f"""
    SELECT device_id, {_BIN} AS bin, bool_and(score IS NULL) AS is_learning,
           coalesce(max(CASE WHEN is_anomalous THEN greatest(1.0, coalesce(list_max(map_values(features).list_filter(
               (value, place) -> ends_with(map_keys(features)[place], '_excess') AND isfinite(value))), 1.0)) END), 0.0)
               AS worst
    FROM drift.window_score WHERE {_HEARD} AND device_id IN ({{names}}) GROUP BY ALL
"""
_REST = f"""
    SELECT {_BIN} AS bin, count(*) AS windows, count(*) FILTER (is_anomalous) AS deviating
    FROM drift.window_score WHERE {_HEARD} AND device_id NOT IN ({{names}}) GROUP BY bin ORDER BY bin
"""


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device of the map. `cells` are (bin, worst excess, is learning), bins in epoch seconds."""

    device_id: str
    worst: float
    deviating: int
    windows: int
    first: datetime
    last: datetime
    top_feature: str | None
    cells: tuple[tuple[int, float, bool], ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The worst devices over time, and the others together.

    Attributes:
        width: Seconds of a bin.
        rest: (bin, windows, deviating windows) of the devices that have no row.
    """

    width: int
    first: datetime
    last: datetime
    devices: int
    deviating_devices: int
    rows: tuple[DeviceRow, ...]
    rest: tuple[tuple[int, int, int], ...]


def heat_map(connection: duckdb.DuckDBPyConnection) -> HeatMap | None:
    """Ask `drift.window_score`, which must be there; None while it has no windows."""
    span = records(connection, _SPAN)[0]
    if span["seconds"] is None:
        return None
    width = round_width(span["seconds"], BINS, least=60.0 * (span["minutes"] or 15))
    connection.execute(_TOTALS)
    worst = records(connection, _WORST_DEVICES)
    names = [row["device_id"] for row in worst]
    cells: dict[str, list[tuple[int, float, bool]]] = {}
    for row in _asked(connection, _CELLS, width, names):
        cells.setdefault(row["device_id"], []).append((row["bin"], row["worst"], row["is_learning"]))
    rest = tuple(
        (row["bin"], row["windows"], row["deviating"]) for row in _asked(connection, _REST, width, names)
    )
    bins = [at for at, *_ in rest] + [at for own in cells.values() for at, *_ in own]
    first, last = (datetime.fromtimestamp(at, UTC) for at in (min(bins), max(bins) + width))
    rows = tuple(_device_row(row, cells[row["device_id"]]) for row in worst)
    # Devices that changed alike and together stand together.
    ordered = tuple(sorted(rows, key=lambda row: (str(row.top_feature), row.first, row.device_id)))
    return HeatMap(width, first, last, rows=ordered, rest=rest, **records(connection, _FLEET)[0])


def _asked(
    connection: duckdb.DuckDBPyConnection, sql: str, width: int, devices: list[str]
) -> list[dict[str, Any]]:
    names = ", ".join("?" for _ in devices) or "''"
    return records(connection, sql.format(width=width, names=names), devices)


def _device_row(row: dict[str, Any], cells: list[tuple[int, float, bool]]) -> DeviceRow:
    worst = max(excess for _, excess, _ in cells)
    named = ("device_id", "deviating", "windows", "first", "last", "top_feature")
    return DeviceRow(worst=worst, cells=tuple(sorted(cells)), **{name: row[name] for name in named})
