"""Adoption curves: what share of records and devices departs from the contract, per field, over time.

With enough batches the curves come from `silver.schema_observation` alone, a point per batch. A few large batches (a
demo, a backfill) would be a few points: then from `silver.reading`, a point per hour or longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from driftlake.report.scales import HOUR, round_width
from driftlake.status import has_table, records

if TYPE_CHECKING:
    import duckdb

POINTS = 168
"""Most points of a curve; more batches are taken together."""

BATCHES_ENOUGH = 12
"""With fewer batches a curve per batch says too little."""

CURVES_DRAWN = 40

ADDED_KINDS = ("FIELD_ADDED", "FIELD_ADDED_NESTED")
PRESENT = "present"
ABSENT = "absent"

_LABELS = {
    "FIELD_REMOVED_REQUIRED": ABSENT, "TYPE_CHANGED": "other type", "RANGE": "out of range", "NULL_VALUE": "null",
    "ARRAY_SCALAR": "array or object", "KEY_CASE": "other spelling", "NONFINITE": "not finite",
}  # fmt: skip

_BY_BATCH = """
    WITH observed AS (FROM silver.schema_observation),
    batch AS (
        SELECT batch, sum(record_count) AS records, sum(device_count) AS devices,
               median(epoch(last_event_time)) AS second
        FROM observed WHERE observation = 'path' AND path = '$' GROUP BY batch
    ),
    placed AS (SELECT *, floor(second / $width)::BIGINT * $width AS bin FROM batch WHERE second IS NOT NULL),
    total AS (SELECT bin, sum(records) AS records, max(devices) AS devices FROM placed GROUP BY bin),
    told AS (
        SELECT batch, path, if(code = 'ENUM_ADDED', coalesce(found_examples[1], code), code) AS label,
               record_count, device_count FROM observed
        WHERE observation = 'event' AND NOT list_contains($added_kinds, code) AND path <> '$'
        UNION ALL
        SELECT batch, path, 'present', record_count, device_count FROM observed
        WHERE observation = 'path' AND list_contains($added, path)
        UNION ALL
        SELECT batch, path, enum_value, record_count, device_count FROM observed
        WHERE observation = 'path' AND enum_value IS NOT NULL AND ends_with(path, '.unit')
        UNION ALL
        SELECT batch, 'schema_version', schema_version, record_count, device_count FROM observed
        WHERE observation = 'path' AND path = '$'
        UNION ALL
        SELECT batch, gone.path, 'absent', batch.records - coalesce(sum(record_count), 0),
               greatest(batch.devices - coalesce(sum(device_count), 0), 0)
        FROM batch CROSS JOIN (SELECT unnest($removed) AS path) AS gone
        LEFT JOIN (FROM observed WHERE observation = 'path') USING (batch, path)
        GROUP BY batch, gone.path, batch.records, batch.devices
    )
    SELECT bin, path, label, least(sum(record_count) / any_value(total.records), 1.0) AS record_share,
           least(max(device_count) / any_value(total.devices), 1.0) AS device_share,
           sum(record_count)::BIGINT AS records
    FROM (SELECT batch, path, label, sum(record_count) AS record_count, sum(device_count) AS device_count
          FROM told GROUP BY ALL) JOIN placed USING (batch) JOIN total USING (bin)
    GROUP BY bin, path, label ORDER BY ALL
"""
_BY_HOUR = """
    WITH reading AS (
        SELECT device_id, floor(epoch(event_time) / $width)::BIGINT * $width AS bin, violations, _rescued,
               temperature_unit_raw, schema_version
        FROM silver.reading WHERE NOT coalesce(clock_suspect, false)
    ),
    total AS (SELECT bin, count(*) AS records, count(DISTINCT device_id) AS devices FROM reading GROUP BY bin),
    told AS (
        SELECT bin, device_id, told.path AS path,
               if(told.code = 'ENUM_ADDED', coalesce(told.found, told.code), told.code) AS label
        FROM (SELECT bin, device_id, unnest(violations) AS told FROM reading WHERE len(violations) > 0)
        WHERE NOT list_contains($added_kinds, told.code)
        UNION ALL
        SELECT bin, device_id, new.path, 'present'
        FROM (SELECT bin, device_id, json_keys(_rescued) AS keys FROM reading WHERE json_valid(_rescued)) AS extra
        JOIN (SELECT unnest($added) AS path) AS new
          ON len(list_filter(extra.keys, key -> key = new.path OR starts_with(key, new.path || '.'))) > 0
        UNION ALL
        SELECT bin, device_id, 'readings.temperature.unit', temperature_unit_raw FROM reading
        WHERE temperature_unit_raw IS NOT NULL
        UNION ALL
        SELECT bin, device_id, 'schema_version', schema_version FROM reading WHERE schema_version IS NOT NULL
    )
    SELECT bin, path, label, count(*) / any_value(total.records) AS record_share,
           count(DISTINCT device_id) / any_value(total.devices) AS device_share, count(*) AS records
    FROM told JOIN total USING (bin) GROUP BY bin, path, label ORDER BY ALL
"""
_BATCH_SPAN = """
    SELECT count(DISTINCT batch) AS batches, max(epoch(last_event_time)) - min(epoch(first_event_time)) AS span
    FROM silver.schema_observation WHERE observation = 'path' AND path = '$'
"""
_BINS = {
    "batch": """SELECT DISTINCT floor(second / $width)::BIGINT * $width AS bin FROM (
                    SELECT batch, median(epoch(last_event_time)) AS second FROM silver.schema_observation
                    WHERE observation = 'path' AND path = '$' GROUP BY batch) WHERE second IS NOT NULL ORDER BY bin""",
    "hour": """SELECT DISTINCT floor(epoch(event_time) / $width)::BIGINT * $width AS bin FROM silver.reading
               WHERE NOT coalesce(clock_suspect, false) AND event_time IS NOT NULL ORDER BY bin""",
}


@dataclass(frozen=True, slots=True)
class Curve:
    """Share of the records, and of the devices heard, that show one departure at one path, over time."""

    path: str
    label: str
    times: tuple[datetime, ...]
    record_shares: tuple[float, ...]
    device_shares: tuple[float, ...]
    records: int

    @property
    def first_seen(self) -> datetime | None:
        """Middle of the first stretch of time that has it."""
        return next((at for at, seen in zip(self.times, self.record_shares, strict=True) if seen), None)


@dataclass(frozen=True, slots=True)
class Adoption:
    """The curves; `source` is `batch` or `hour`, `width` the seconds between points, `left_out` curves not drawn."""

    source: str
    width: int
    curves: tuple[Curve, ...]
    left_out: int = 0


def adoption(
    connection: duckdb.DuckDBPyConnection, findings: Sequence[dict[str, Any]], extent: dict[str, Any]
) -> Adoption:
    """The departures seen, those with findings first."""
    source, width = _resolution(connection, extent)
    if not source:
        return Adoption("", 0, ())
    concerned = {row["field"] for row in findings if row["channel"] == "structural"}
    given: dict[str, Any] = {
        "width": width,
        "added": _fields(findings, ADDED_KINDS),
        "added_kinds": list(ADDED_KINDS),
    }
    if source == "batch":
        given["removed"] = _fields(findings, ("FIELD_REMOVED_OPTIONAL",))
    rows = _asked(connection, _BY_BATCH if source == "batch" else _BY_HOUR, given)
    bins = [row["bin"] for row in _asked(connection, _BINS[source], {"width": width})]
    curves = sorted(
        _departures(rows, bins, width),
        key=lambda curve: (curve.path not in concerned, -curve.records, curve.path, curve.label),
    )
    return Adoption(source, width, tuple(curves[:CURVES_DRAWN]), max(0, len(curves) - CURVES_DRAWN))


def _fields(findings: Sequence[dict[str, Any]], kinds: Sequence[str]) -> list[str]:
    return sorted({row["field"] for row in findings if row["kind"] in kinds and row["field"]})


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    return records(connection, sql, given)  # type: ignore[arg-type]  # names to values, which DuckDB takes as well


def _resolution(connection: duckdb.DuckDBPyConnection, extent: dict[str, Any]) -> tuple[str, int]:
    observed: dict[str, Any] = (
        records(connection, _BATCH_SPAN)[0]
        if has_table(connection, "silver.schema_observation")
        else {"batches": 0, "span": None}
    )
    span = (extent["last_time"] - extent["first_time"]).total_seconds() if extent.get("first_time") else 0.0
    if observed["batches"] >= BATCHES_ENOUGH or (observed["batches"] and not extent.get("first_time")):
        return "batch", round_width(span or observed["span"] or 0.0, POINTS)
    return ("hour", round_width(span, POINTS, least=HOUR)) if extent.get("first_time") else ("", 0)


def _departures(rows: Sequence[dict[str, Any]], bins: Sequence[int], width: int) -> list[Curve]:
    """One curve per path and label; the value that most records have is what the others depart from."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["path"], row["label"] or "–"), []).append(row)
    total = {key: sum(row["records"] for row in group) for key, group in grouped.items()}
    usual = {
        max((key for key in grouped if key[0] == path), key=lambda key: total[key])
        for path in {path for path, _ in grouped if path == "schema_version" or path.endswith(".unit")}
    }
    times = tuple(datetime.fromtimestamp(at + width / 2, UTC) for at in bins)
    curves = []
    for (path, label), group in grouped.items():
        if (path, label) in usual:
            continue
        by_bin = {row["bin"]: row for row in group}
        of_records, of_devices = (
            tuple(by_bin[at][name] if at in by_bin else 0.0 for at in bins)
            for name in ("record_share", "device_share")
        )
        name = _LABELS.get(label, label.strip('"'))
        curves.append(Curve(path, name, times, of_records, of_devices, total[(path, label)]))
    return curves
