"""Counts every line from the landing folder to the last table, and says where one is missing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from duckdb import DuckDBPyConnection
from tools.upgrade.deployment import Deployment

from driftlake.query_engine import open_duckdb

_TOTALS = {
    "bronze_rows": "select count(*) from bronze.raw_reading_all",
    "distinct_rows": "select count(distinct row_id) from bronze.raw_reading_all",
    "silver_took": "select sum(rows_in) from ops.conservation where stage = 'silver' and query = 'blocks'",
    "readings": "select count(*) from silver.reading",
    "quarantined": "select count(*) from silver.quarantine",
    "superseded": "select count(*) from silver.superseded",
    "duplicates": "select sum(rows_duplicate) from ops.conservation where stage = 'silver'",
    "elsewhere": """
        select count(*) from (select row_id from bronze.raw_reading_all except (select row_id from silver.reading
        union all select row_id from silver.quarantine union all select row_id from silver.superseded))""",
    "gold_readings": """
        select sum(received_count + clock_suspect_count) from gold.device_window_5min
        where reading = 'temperature_celsius'""",
    "observations": "select count(*) from silver.schema_observation",
    "drift_observations": """
        select sum(rows_in) from ops.conservation where stage = 'drift' and query = 'structural'""",
    "metric_rows": "select count(*) from ops.stage_metric where stage <> 'metrics'",
    "batches": "select count(*) from ops.conservation",
    "unbalanced": "select count(*) from ops.conservation where not balanced",
    "failures": "select count(*) from ops.stage_metric where outcome <> 'success'",
    "unchecked": """
        select count(*) from (select distinct stage, query, query_id, batch_id from ops.stage_metric
        where disposition = 'in' except select stage, query, query_id, batch_id from ops.conservation)""",
}


@dataclass(frozen=True)
class Ledger:
    """Rows at each place, when no stage was running; see `gaps` for what must be equal."""

    landed_lines: int
    bronze_rows: int
    distinct_rows: int
    silver_took: int
    readings: int
    quarantined: int
    superseded: int
    duplicates: int
    elsewhere: int
    gold_readings: int
    observations: int
    drift_observations: int
    metric_rows: int
    inbox_lines: int
    batches: int
    unbalanced: int
    failures: int
    unchecked: int
    wrong_objects: tuple[str, ...]

    def told(self) -> str:
        """The road of the lines in one line."""
        return (
            f"{self.landed_lines:,} lines landed = {self.bronze_rows:,} rows in bronze = {self.readings:,} readings "
            f"+ {self.quarantined:,} quarantined + {self.superseded:,} superseded + {self.duplicates:,} duplicates; "
            f"gold counts {self.gold_readings:,} readings, drift saw {self.drift_observations:,} observations; "
            f"{self.batches:,} batches balance"
        )


class LostError(Exception):
    """A row is missing, or is there twice."""


def checked_ledger(deployment: Deployment) -> Ledger:
    """The ledger after a round of all stages.

    Raises:
        LostError: If it has gaps.
    """
    ledger = read_ledger(deployment)
    missing = gaps(ledger)
    if missing:
        raise LostError(f"after {deployment.told()}: {'; '.join(missing)}")
    return ledger


def read_ledger(deployment: Deployment) -> Ledger:
    """The ledger of a warehouse on which no stage is running."""
    warehouse, due, landed = deployment.warehouse, deployment.due, deployment.feed.lines
    with open_duckdb(str(warehouse), with_blocks=True) as tables:
        totals = {name: _number(tables, sql) for name, sql in _TOTALS.items()}
        ingested = dict(
            tables.execute(
                "select source_object, count(*) from bronze.raw_reading_all group by all"
            ).fetchall()
        )
    wrong = [name for name, lines in due.items() if ingested.get(name) != lines]
    wrong += [name for name, rows in ingested.items() if landed.get(name) != rows]
    return Ledger(
        landed_lines=sum(landed.get(name, 0) for name in ingested),
        inbox_lines=_inbox_lines(warehouse / "metric_inbox"),
        wrong_objects=tuple(sorted(set(wrong))),
        **totals,
    )


def _number(tables: DuckDBPyConnection, sql: str) -> int:
    (value,) = tables.execute(sql).fetchone() or (None,)
    return int(value or 0)


def _inbox_lines(inbox: Path) -> int:
    lines = (json.loads(line) for file in inbox.glob("*.json") for line in file.read_text().splitlines())
    return Counter(line["stage"] != "metrics" for line in lines)[True]


def gaps(ledger: Ledger) -> list[str]:
    """What does not add up, each as a sentence; empty if nothing was lost and nothing doubled."""
    at = {each.name: getattr(ledger, each.name) for each in fields(ledger)}
    found = [f"{object_} is not whole in bronze" for object_ in ledger.wrong_objects]
    found += [
        f"{left} is {at[left]}, {right} is {at[right]}"
        for left, right in (
            ("landed_lines", "bronze_rows"),
            ("bronze_rows", "distinct_rows"),
            ("bronze_rows", "silver_took"),
            ("elsewhere", "duplicates"),
            ("readings", "gold_readings"),
            ("observations", "drift_observations"),
            ("inbox_lines", "metric_rows"),
        )
        if at[left] != at[right]
    ]
    held = ledger.readings + ledger.quarantined + ledger.superseded + ledger.duplicates
    if held != ledger.bronze_rows:
        found.append(f"silver holds or counts {held} of {ledger.bronze_rows} rows")
    found += [f"{name}: {at[name]}" for name in ("unbalanced", "failures", "unchecked") if at[name]]
    return found
