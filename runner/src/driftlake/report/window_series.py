"""Readings of single devices over time, observed and usual, for the pages of findings and for small fleets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftlake.report.charts.window_chart import WindowSeries
from driftlake.report.fields import NUMBERS
from driftlake.report.scales import round_width
from driftlake.status import has_table, records

if TYPE_CHECKING:
    import duckdb

POINTS = 280
"""Most stretches of time of a plot."""

BEFORE, AFTER = timedelta(days=3), timedelta(days=11)
"""What a page shows around an onset; no more than what there is."""

_WHENS = " ".join(f"WHEN '{name}' THEN reading.{name}" for name in NUMBERS)
_VALUE = f"CASE wanted.field {_WHENS} END"

_OBSERVED = f"""
    SELECT key, bin, median(value) AS middle, min(value) AS low, max(value) AS high FROM (
        SELECT wanted.key, floor(epoch(reading.event_time) / width)::BIGINT * width AS bin, {_VALUE} AS value
        FROM silver.reading AS reading JOIN wanted_series AS wanted
          ON reading.device_id = wanted.device_id AND epoch(reading.event_time) BETWEEN first AND last)
    WHERE isfinite(value) GROUP BY key, bin
"""
_USUAL = """
    SELECT wanted.key, floor(epoch(scored.window_start) / width)::BIGINT * width AS bin,
           median(features[wanted.field || '_expected']) AS usual,
           bool_or(is_anomalous AND len(list_filter(map_keys(features), name ->
               starts_with(name, wanted.field || '_') AND ends_with(name, '_excess') AND features[name] >= 1)) > 0)
               AS deviating
    FROM drift.window_score AS scored JOIN wanted_series AS wanted
      ON scored.device_id = wanted.device_id AND epoch(scored.window_start) BETWEEN first AND last
    GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class WantedSeries:
    """A column of a device between two times."""

    device_id: str
    column: str
    first: datetime
    last: datetime

    @property
    def width(self) -> int:
        """Seconds between points."""
        return round_width((self.last - self.first).total_seconds(), POINTS, least=900)


def around(onset: datetime, extent: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
    """What to show around an onset."""
    return max(extent[0], onset - BEFORE), max(min(extent[1], onset + AFTER), onset)


def window_series(
    connection: duckdb.DuckDBPyConnection, wanted: Sequence[WantedSeries]
) -> list[WindowSeries | None]:
    """One series for each asked for, in that order; None where the device sent no such value then."""
    if not wanted or not has_table(connection, "silver.reading"):
        return [None] * len(wanted)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE wanted_series "
        "(key INTEGER, device_id VARCHAR, field VARCHAR, first DOUBLE, last DOUBLE, width BIGINT)"
    )
    connection.executemany(
        "INSERT INTO wanted_series VALUES (?, ?, ?, ?, ?, ?)",
        [
            (key, each.device_id, each.column, each.first.timestamp(), each.last.timestamp(), each.width)
            for key, each in enumerate(wanted)
        ],
    )
    found: dict[int, dict[int, dict[str, Any]]] = {}
    for row in records(connection, _OBSERVED):
        found.setdefault(row["key"], {})[row["bin"]] = row
    if has_table(connection, "drift.window_score"):
        for row in records(connection, _USUAL):
            at = found.setdefault(row["key"], {})
            at[row["bin"]] = at.get(row["bin"], {}) | row
    return [_series(each, found.get(key, {})) for key, each in enumerate(wanted)]


def _series(wanted: WantedSeries, found: dict[int, dict[str, Any]]) -> WindowSeries | None:
    if not any(row.get("middle") is not None for row in found.values()):
        return None
    bins = range(min(found), max(found) + 1, wanted.width)  # a stretch without readings breaks the line
    rows = [found.get(at, {}) for at in bins]
    parts = {name: tuple(row.get(name) for row in rows) for name in ("middle", "low", "high", "usual")}
    return WindowSeries(
        wanted.device_id, wanted.column, tuple(datetime.fromtimestamp(at + wanted.width / 2, UTC) for at in bins),
        parts["middle"], parts["low"], parts["high"], parts["usual"],
        tuple(bool(row.get("deviating")) for row in rows),
    )  # fmt: skip
