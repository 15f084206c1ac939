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

# The excess of a window is the largest of its sizes over their limits; 1 or more deviates.
_BINNED = """
    CREATE OR REPLACE TEMP TABLE window_bin AS
    SELECT device_id, floor(epoch(window_start) / {width})::BIGINT * {width} AS bin,
           count(*) AS windows, count(*) FILTER (is_anomalous) AS deviating,
           bool_and(score IS NULL) AS is_learning,
           coalesce(max(CASE WHEN is_anomalous THEN greatest(1.0, coalesce(list_max(map_values(features).list_filter(
               (value, place) -> ends_with(map_keys(features)[place], '_excess') AND isfinite(value))), 1.0)) END), 0.0)
               AS worst
    FROM drift.window_score WHERE reading_count > 0 OR is_anomalous
    GROUP BY ALL
"""
_WORST_DEVICES = """
    SELECT device_id, max(worst) AS worst, sum(deviating)::BIGINT AS deviating, sum(windows)::BIGINT AS windows,
           min(bin) FILTER (deviating > 0) AS first_bin, max(bin) FILTER (deviating > 0) AS last_bin
    FROM window_bin GROUP BY device_id HAVING deviating > 0
    ORDER BY deviating DESC, worst DESC, device_id LIMIT {limit}
"""
_TOTALS = """
    SELECT count(DISTINCT device_id) AS devices,
           count(DISTINCT device_id) FILTER (deviating > 0) AS deviating_devices,
           min(bin) AS first_bin, max(bin) AS last_bin
    FROM window_bin
"""
_CELLS = "SELECT device_id, bin, worst, deviating, windows, is_learning FROM window_bin WHERE device_id IN ({names})"
_REST = """
    SELECT bin, count(DISTINCT device_id) AS devices, count(DISTINCT device_id) FILTER (deviating > 0) AS deviating
    FROM window_bin WHERE device_id NOT IN ({names}) GROUP BY bin ORDER BY bin
"""
_TOP_FEATURE = """
    SELECT device_id, arg_max(top_feature, how_often) AS top_feature FROM (
        SELECT device_id, top_feature, count(*) AS how_often FROM drift.window_score
        WHERE is_anomalous AND device_id IN ({names}) GROUP BY ALL)
    GROUP BY device_id
"""


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device of the map. `cells` are (bin, worst excess, is learning), bins in epoch seconds."""

    device_id: str
    worst: float
    deviating: int
    windows: int
    first: datetime | None
    last: datetime | None
    top_feature: str | None
    cells: tuple[tuple[int, float, bool], ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The worst devices over time, and the others together.

    Attributes:
        width: Seconds of a bin.
        rest: (bin, devices heard, devices deviating) of the devices that have no row.
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
    span = connection.execute(
        "SELECT epoch(max(window_start)) - epoch(min(window_start)), max(window_minutes) FROM drift.window_score"
    ).fetchone()
    if span is None or span[0] is None:
        return None
    width = round_width(span[0], BINS, least=60.0 * (span[1] or 15))
    connection.execute(_BINNED.format(width=width))
    totals = records(connection, _TOTALS)[0]
    if not totals["devices"]:
        return None
    worst = records(connection, _WORST_DEVICES.format(limit=DEVICES_DRAWN))
    rows = _device_rows(connection, worst)
    names, given = _names([row.device_id for row in rows])
    rest = connection.execute(_REST.format(names=names), given).fetchall()
    first, last = (_moment(totals[name]) for name in ("first_bin", "last_bin"))
    return HeatMap(
        width, first, datetime.fromtimestamp(last.timestamp() + width, UTC), totals["devices"],
        totals["deviating_devices"], tuple(rows), tuple(rest),
    )  # fmt: skip


def _device_rows(connection: duckdb.DuckDBPyConnection, worst: list[dict[str, Any]]) -> list[DeviceRow]:
    names, given = _names([row["device_id"] for row in worst])
    cells: dict[str, list[tuple[int, float, bool]]] = {}
    for row in records(connection, _CELLS.format(names=names), given):
        cells.setdefault(row["device_id"], []).append((row["bin"], row["worst"], row["is_learning"]))
    features = records(connection, _TOP_FEATURE.format(names=names), given)
    top = {row["device_id"]: row["top_feature"] for row in features}
    made = [
        DeviceRow(
            row["device_id"],
            row["worst"],
            row["deviating"],
            row["windows"],
            _moment(row["first_bin"]),
            _moment(row["last_bin"]),
            top.get(row["device_id"]),
            tuple(sorted(cells[row["device_id"]])),
        )
        for row in worst
    ]
    # Devices that changed alike and together stand together.
    return sorted(made, key=lambda row: (str(row.top_feature), row.first, row.device_id))


def _names(devices: list[str]) -> tuple[str, list[str]]:
    return ", ".join("?" for _ in devices) or "NULL", devices


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
