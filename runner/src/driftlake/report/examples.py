"""Raw records before and after a finding's onset: which rows show it, and their exact bytes from bronze."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftlake.blocks import UNPROMOTED_VIEW, read_block
from driftlake.errors import BlockReadError
from driftlake.status import has_table, records

if TYPE_CHECKING:
    import duckdb

BLOCKS_READ = 12
"""Most unpromoted Avro blocks opened for examples, the newest; of rows in others the page shows the place alone."""

LOOK_BACK = timedelta(days=7)

_BEFORE, _FIRST, _LAST, _REFUSED = "before", "after, the first", "after, the newest", "refused"

_SHOWING = """
    CREATE OR REPLACE TEMP TABLE showing AS
    SELECT wanted.key, min_by(struct_pack(row_id, device_id := reading.device_id, event_time, source_object,
                                          source_line, ingest_time), event_time) AS first,
           max_by(struct_pack(row_id, device_id := reading.device_id, event_time, source_object, source_line,
                              ingest_time), event_time) AS last
    FROM silver.reading AS reading JOIN (SELECT *, unnest(devices) AS device_id FROM wanted_example) AS wanted
      ON reading.device_id = wanted.device_id AND event_time BETWEEN wanted.onset AND wanted.last_seen
    WHERE CASE wanted.shows
        WHEN 'all' THEN true
        WHEN 'added' THEN len(list_filter(json_keys(if(json_valid(_rescued), _rescued, '{}')),
                              name -> name = wanted.path OR starts_with(name, wanted.path || '.'))) > 0
        WHEN 'unit' THEN list_contains(wanted.found, temperature_unit_raw)
        WHEN 'version' THEN list_contains(wanted.found, schema_version)
        ELSE len(list_filter(violations, each -> each.code = wanted.code AND each.path = wanted.path)) > 0 END
    GROUP BY wanted.key
"""
_BEFORE_THAT = """
    SELECT wanted.key, unnest(max_by(struct_pack(row_id, device_id := reading.device_id, event_time, source_object,
                                                 source_line, ingest_time), event_time, 2)) AS place
    FROM silver.reading AS reading
    JOIN (SELECT wanted_example.*, coalesce(showing.first.device_id, devices[1]) AS device_id,
                 coalesce(showing.first.event_time, onset) AS until
          FROM wanted_example LEFT JOIN showing USING (key)) AS wanted
      ON reading.device_id = wanted.device_id AND event_time < wanted.until AND event_time >= wanted.earliest
    GROUP BY wanted.key
"""
_REFUSED_ROWS = """
    SELECT key, unnest(min_by(struct_pack(row_id, device_id, event_time := event_time_raw, source_object, source_line,
                                          ingest_time), ingest_time, 3)) AS place
    FROM silver.quarantine AS refused JOIN wanted_example AS wanted
      ON len(list_filter(reasons, each -> each.code = wanted.code)) > 0
     AND (len(devices) = 0 OR list_contains(devices, refused.device_id))
    GROUP BY key
"""
_PROMOTED = """
    SELECT row_id, payload, payload_bytes FROM bronze.raw_reading
    WHERE ingest_time BETWEEN $first AND $last AND row_id IN (SELECT unnest($rows))
"""


@dataclass(frozen=True, slots=True)
class WantedExample:
    """What shows a finding: how (`all`, `added`, `unit`, `version`, `violation`), on which devices, and when."""

    shows: str
    code: str
    path: str
    found: tuple[str, ...]
    devices: tuple[str, ...]
    onset: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Example:
    """One raw record: its place, and its exact bytes; None where they were not read."""

    when: str
    place: dict[str, Any] = field(hash=False)
    payload: bytes | None = None


def examples(connection: duckdb.DuckDBPyConnection, wanted: Sequence[WantedExample]) -> list[list[Example]]:
    """For each finding up to two records before its onset and two that show it, or three that were refused."""
    if not wanted:
        return []
    _store(connection, wanted)
    places: list[list[tuple[str, dict[str, Any]]]] = [[] for _ in wanted]
    if has_table(connection, "silver.reading"):
        connection.execute(_SHOWING)
        for row in records(connection, _BEFORE_THAT):
            places[row["key"]].append((_BEFORE, row["place"]))
        for each in places:
            each.reverse()  # the nearest one last
        for row in records(connection, "SELECT key, first, last FROM showing"):
            places[row["key"]].append((_FIRST, row["first"]))
            if row["last"]["row_id"] != row["first"]["row_id"]:
                places[row["key"]].append((_LAST, row["last"]))
    if has_table(connection, "silver.quarantine"):
        for row in records(connection, _REFUSED_ROWS):
            if not any(when == _FIRST for when, _ in places[row["key"]]):
                places[row["key"]].append((_REFUSED, row["place"]))
    payloads = _payloads(connection, [place for each in places for _, place in each])
    return [[Example(when, place, payloads.get(place["row_id"])) for when, place in each] for each in places]


def _store(connection: duckdb.DuckDBPyConnection, wanted: Sequence[WantedExample]) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE wanted_example (key INTEGER, shows VARCHAR, code VARCHAR, path VARCHAR, "
        "found VARCHAR[], devices VARCHAR[], onset TIMESTAMPTZ, last_seen TIMESTAMPTZ, earliest TIMESTAMPTZ)"
    )
    connection.executemany(
        "INSERT INTO wanted_example VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                key, each.shows, each.code, each.path, list(each.found), list(each.devices), each.onset,
                each.last_seen, each.onset - LOOK_BACK if each.onset else None,
            )
            for key, each in enumerate(wanted)
        ],
    )  # fmt: skip


def _payloads(
    connection: duckdb.DuckDBPyConnection, places: Sequence[dict[str, Any]]
) -> dict[str, bytes | None]:
    """Exact bytes by row id: from the Iceberg table, then from the blocks that are not yet promoted."""
    missing = {place["row_id"] for place in places}
    found: dict[str, bytes | None] = {}
    times = [place["ingest_time"] for place in places if place["ingest_time"] is not None]
    if not times:
        return found
    if has_table(connection, "bronze.raw_reading"):
        given = {"first": min(times), "last": max(times), "rows": sorted(missing)}
        for row in records(connection, _PROMOTED, given):  # type: ignore[arg-type]
            found[row["row_id"]] = row["payload"]
    if missing - found.keys() and has_table(connection, UNPROMOTED_VIEW):
        found |= _from_blocks(_newest_blocks(connection, min(times), max(times)), missing - found.keys())
    return found


def _newest_blocks(
    connection: duckdb.DuckDBPyConnection, first: datetime, last: datetime
) -> list[tuple[int, str]]:
    sql = f"""SELECT block_sequence, block_path FROM {UNPROMOTED_VIEW}
              WHERE coalesce(oldest_ingest_time <= $last, true) AND coalesce(newest_ingest_time >= $first, true)
              ORDER BY block_sequence DESC LIMIT {BLOCKS_READ}"""
    return connection.execute(sql, {"first": first, "last": last}).fetchall()


def _from_blocks(blocks: Iterable[tuple[int, str]], missing: set[str]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for sequence, location in blocks:
        try:
            for part in read_block(sequence, location):
                ids = part["row_id"].to_pylist()
                found |= {
                    ids[at]: part["payload"][at].as_py() for at in range(len(ids)) if ids[at] in missing
                }
                if missing <= found.keys():
                    return found
        except BlockReadError:
            continue  # promoted and gone meanwhile, or damaged: the report says that the bytes were not read
    return found
