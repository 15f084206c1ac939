"""The SQL files of the stages on hand-made rows: what each view and named query shows.

With DuckDB on real Iceberg tables; and with Trino, which Athena is made of, where one runs. The files keep to what both
speak alike.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from trino_lake import TrinoLake

from driftlake import stage_views as views
from driftlake.cli import main
from driftlake.query_engine import QueryResult, run_query
from iot_common.contracts.catalogue import TABLES
from iot_common.errors import SettingsError

STAGES = Path(__file__).resolve().parents[2] / "stages"
QUERIES = {f"{path.parts[-6]}-{path.stem}": path for path in sorted(STAGES.glob("*/src/*/sql/queries/*.sql"))}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WORKGROUP = "driftlake-dev-210987654321"


TRINO = os.environ.get("DRIFTLAKE_TRINO_URL", "")


@pytest.fixture(params=["duckdb", "trino"] if TRINO else ["duckdb"])
def warehouse(request: pytest.FixtureRequest) -> Any:
    """An empty warehouse, for each engine that is there; Trino's tables are in its memory."""
    return TrinoLake(TRINO) if request.param == "trino" else request.getfixturevalue("hand_made")


def asked(sql: str, warehouse: Any) -> QueryResult:
    return warehouse.query(sql) if isinstance(warehouse, TrinoLake) else run_query(sql, str(warehouse.folder))


def rows_of(sql: str, warehouse: Any) -> list[tuple[Any, ...]]:
    return list(asked(sql, warehouse).rows)


def named(query: str, warehouse: Any) -> list[dict[str, Any]]:
    result = asked(QUERIES[query].read_text("utf-8"), warehouse)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def fill(warehouse: Any, table: str, *rows: dict[str, Any]) -> None:
    warehouse.append(TABLES[table], rows)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def a_reading(row_id: str, device: str = "s1", raw: float = 0, **columns: Any) -> dict[str, Any]:
    time = NOON + minutes(raw)
    usual = {"event_time": time, "event_time_raw": time, "ingest_time": time, "clock_suspect": False}
    valid = {
        "conforms": True,
        "is_valid": True,
        "late": False,
        "is_anomaly": False,
        "schema_version": "1.0.0",
    }
    return {"row_id": row_id, "device_id": device, **usual, **valid, **columns}


def test_the_scientist_view_holds_one_reading_per_device_and_instant(warehouse):
    corrected = {"event_time": NOON, "clock_suspect": True, "ingest_time": NOON + minutes(90)}
    fill(
        warehouse, "silver.reading",
        a_reading("right clock", temperature_celsius=21.5, _rescued='{"readings.co2":400}'),
        a_reading("corrected onto it, arrived later", raw=60, **corrected),
        a_reading("other device", device="s2"),
        a_reading("other instant", raw=5),
        a_reading("suspect alone", device="s3", raw=61, event_time=NOON, clock_suspect=True),
        a_reading("suspect unknown", device="s4", clock_suspect=None),
        # The table holds no two of one raw time; should it ever, the view shows the newest.
        a_reading("older", device="s5", ingest_time=NOON),
        a_reading("a tie", device="s5", ingest_time=NOON + minutes(1)),
        a_reading("b tie", device="s5", ingest_time=NOON + minutes(1)),
    )  # fmt: skip
    shown = "select device_id, event_time, row_id from silver.scientist_view order by device_id, event_time"
    naive = NOON.replace(tzinfo=None)
    assert rows_of(shown, warehouse) == [
        ("s1", naive, "right clock"), ("s1", naive + minutes(5), "other instant"), ("s2", naive, "other device"),
        ("s3", naive, "suspect alone"), ("s4", naive, "suspect unknown"), ("s5", naive, "b tie"),
    ]  # fmt: skip
    kept = "select temperature_celsius, rescued_json from SILVER.scientist_view where row_id = 'right clock'"
    assert rows_of(kept, warehouse) == [(21.5, '{"readings.co2":400}')]


def test_open_quarantine_holds_what_nobody_has_closed(warehouse):
    def refused(row_id: str, reason: str, device: str | None, minute: float) -> dict[str, Any]:
        at = NOON + minutes(minute)
        return {"row_id": row_id, "reason_code": reason, "device_id": device, "batch": "q/0",
                "schema_version": "1.0.0", "ingest_time": at, "payload": b"{"}  # fmt: skip

    fill(
        warehouse, "silver.quarantine",
        refused("a", "MALFORMED_JSON", None, 0), refused("b", "MALFORMED_JSON", "s1", 1),
        refused("c", "MALFORMED_JSON", "s1", 2), refused("d", "LATE", "s2", 3), refused("e", "LATE", "s3", 4),
    )  # fmt: skip
    actions = [("b", "failed_again"), ("d", "replayed"), ("c", "failed_again"), ("c", "discarded")]
    fill(
        warehouse, "silver.quarantine_action",
        *({"row_id": row, "action": action, "purpose": "replay", "batch": "q/1"} for row, action in actions),
    )  # fmt: skip
    shown = rows_of("select row_id from silver.open_quarantine order by row_id", warehouse)
    assert shown == [("a",), ("b",), ("e",)]
    naive = NOON.replace(tzinfo=None)
    assert named("silver-open-quarantine-by-reason", warehouse) == [
        {"reason_code": "MALFORMED_JSON", "schema_version": "1.0.0", "record_count": 2, "device_count": 1,
         "oldest_ingest_time": naive, "newest_ingest_time": naive + minutes(1)},
        {"reason_code": "LATE", "schema_version": "1.0.0", "record_count": 1, "device_count": 1,
         "oldest_ingest_time": naive + minutes(4), "newest_ingest_time": naive + minutes(4)},
    ]  # fmt: skip


def test_validity_is_counted_per_day_in_utc_and_version(warehouse):
    fill(
        warehouse, "silver.reading",
        a_reading("noon"), a_reading("unknown field", raw=1, conforms=False),
        a_reading("before midnight", raw=719, is_valid=False, is_anomaly=True),
        a_reading("midnight", raw=720, late=True), a_reading("newer", raw=721, schema_version="1.1.0", conforms=None),
    )  # fmt: skip
    found = [tuple(row.values()) for row in named("silver-validity-by-day", warehouse)]
    second, third = date(2026, 3, 2), date(2026, 3, 3)
    assert found == [
        (second, "1.0.0", 3, 2, 2, 0, 1),
        (third, "1.0.0", 1, 1, 1, 1, 0),
        (third, "1.1.0", 1, 0, 1, 0, 0),
    ]


def test_held_versions_are_those_whose_newest_transition_does_not_close(warehouse):
    changes = [
        (1, "2.0.0", "open"), (2, "3.0.0", "open"), (3, "2.0.0", "half_open"), (4, "3.0.0", "half_open"),
        (5, "3.0.0", "closed"),
    ]  # fmt: skip
    fill(
        warehouse, "silver.circuit_breaker",
        *({"sequence": number, "schema_version": version, "state": state, "batch": "q/0", "checked_rows": number,
           "failed_rows": 1, "transition_time": NOON + minutes(number)} for number, version, state in changes),
    )  # fmt: skip
    (held,) = named("silver-held-schema-versions", warehouse)
    assert (held["schema_version"], held["state"], held["checked_rows"]) == ("2.0.0", "half_open", 3)


def a_day(device: str, day: int, reading: str, avg: float, valid: int, received: int) -> dict[str, Any]:
    return {
        "device_id": device, "day": date(2026, 3, day), "reading": reading, "avg_value": avg, "min_value": avg - 1,
        "max_value": avg + 1, "reading_count": valid, "received_count": received, "anomaly_count": 1,
        "health_percent": 100.0 * valid / received,
    }  # fmt: skip


def test_gold_shows_devices_by_day_and_the_least_healthy_of_a_week(warehouse):
    fill(
        warehouse, "gold.daily_summary",
        a_day("s1", 9, "temperature_celsius", 20.0, 8, 10), a_day("s1", 9, "humidity_percent", 55.0, 9, 10),
        a_day("s1", 9, "battery_percent", 80.0, 10, 10), a_day("s2", 3, "temperature_celsius", 25.0, 1, 3),
        a_day("s3", 2, "temperature_celsius", 25.0, 0, 5), a_day("s4", 9, "battery_percent", 5.0, 3, 3),
    )  # fmt: skip
    (row,) = rows_of("select * from gold.device_day where device_id = 's1'", warehouse)
    assert row == ("s1", date(2026, 3, 9), 20.0, 19.0, 21.0, 55.0, 80.0, 79.0, 10, 80.0, 3)
    found = named("gold-least-healthy-devices", warehouse)
    assert [(each["device_id"], round(each["health_percent"], 6)) for each in found] == [
        ("s2", 33.333333),  # the first day of the week; s3's is the last before it
        ("s1", 90.0),
        ("s4", 100.0),
    ]


def test_gold_shows_places_by_hour_for_two_days(warehouse):
    def an_hour(place: str, hours: float, reading: str, avg: float, sensors: int) -> dict[str, Any]:
        return {"place": place, "hour_start": NOON - timedelta(hours=hours), "reading": reading,
                "avg_value": avg, "sensor_count": sensors}  # fmt: skip

    fill(
        warehouse, "gold.place_hour",
        an_hour("1.3,103.8", 0, "temperature_celsius", 27.0, 3), an_hour("1.3,103.8", 0, "humidity_percent", 80.0, 2),
        an_hour("1.3,103.8", 47, "temperature_celsius", 26.0, 3),
        an_hour("1.3,103.8", 48, "temperature_celsius", 1.0, 3),
    )  # fmt: skip
    found = [
        (each["sensor_count"], each["temperature_avg_celsius"], each["humidity_avg_percent"])
        for each in named("gold-hours-by-place", warehouse)
    ]
    assert found == [(3, 26.0, None), (3, 27.0, 80.0)]


def test_drift_shows_what_is_not_settled_the_gravest_first(warehouse):
    def a_finding(event_id: str, severity: str, status: str, minute: float) -> dict[str, Any]:
        return {"event_id": event_id, "channel": "structural", "kind": "TYPE_CHANGED", "severity": severity,
                "status": status, "onset": NOON + minutes(minute), "devices": ["s1"], "device_count": 1}  # fmt: skip

    fill(
        warehouse, "drift.event",
        a_finding("info", "INFO", "open", 0), a_finding("newer", "ERROR", "open", 9),
        a_finding("in hand", "ERROR", "acknowledged", 2), a_finding("worst", "CRITICAL", "open", 8),
        a_finding("over", "CRITICAL", "resolved", 1), a_finding("normal now", "WARN", "accepted", 1),
    )  # fmt: skip
    assert [each["event_id"] for each in named("drift-open-findings", warehouse)] == [
        "worst",
        "in hand",
        "newer",
        "info",
    ]
    assert rows_of("select severity_rank from drift.open_event where event_id = 'in hand'", warehouse) == [
        (2,)
    ]


def test_drift_shows_what_waits_for_a_contract_and_the_strangest_windows(warehouse):
    logged = [("a", "PENDING", 2), ("b", "PENDING", 7), ("c", "APPROVED", 9), ("d", "NOTED", 9)]
    fill(
        warehouse, "drift.drift_log",
        *({"path": path, "kind": "FIELD_ADDED", "status": status, "device_count": devices, "batch": "q/0"}
          for path, status, devices in logged),
    )  # fmt: skip
    assert [each["path"] for each in named("drift-pending-contract-changes", warehouse)] == ["b", "a"]
    scored = [("s1", 0.7, True), ("s2", 0.9, True), ("s3", 0.95, False), ("s4", None, True)]
    fill(
        warehouse, "drift.window_score",
        *({"device_id": device, "window_start": NOON, "score": score, "is_anomalous": strange}
          for device, score, strange in scored),
    )  # fmt: skip
    assert [each["device_id"] for each in named("drift-strangest-windows", warehouse)] == ["s2", "s1", "s4"]


def a_gate(
    run: str, side: str, disposition: str, rows: int, minute: float = 0, **more: Any
) -> dict[str, Any]:
    usual = {
        "stage": "silver",
        "outcome": "success",
        "recorded_time": NOON + minutes(minute),
        "duration_ms": 10,
    }
    return {"run_id": run, "side": side, "disposition": disposition, "rows": rows, **usual, **more}


def test_metrics_shows_runs_by_what_passed_and_why_they_failed(warehouse):
    week = 7 * 24 * 60
    fill(
        warehouse, "ops.stage_metric",
        a_gate("r1", "ingress", "in", 100), a_gate("r1", "egress", "kept", 90, 1, duration_ms=4000),
        a_gate("r1", "egress", "quarantined", 10, 1), a_gate("r1", "egress", "checked", 5, 2, duration_ms=9999),
        a_gate("r2", "ingress", "in", 7, 3, outcome="failure", error="no space", duration_ms=50),
        a_gate("old", "ingress", "in", 1, 3 - week, duration_ms=9000),
    )  # fmt: skip
    columns = "run_id, rows_in, rows_kept, rows_quarantined, longest_batch_ms, failed, error"
    assert rows_of(f"select {columns} from ops.stage_run order by run_id", warehouse) == [
        ("old", 1, None, None, 9000, False, None),
        ("r1", 100, 90, 10, 4000, False, None),
        ("r2", 7, None, None, 50, True, "no space"),
    ]
    (failed,) = named("metrics-failed-runs", warehouse)
    assert (failed["run_id"], failed["error"]) == ("r2", "no space")
    assert [each["run_id"] for each in named("metrics-slowest-runs", warehouse)] == ["r1", "r2"]


def test_metrics_shows_whether_each_stage_balances(warehouse):
    def a_batch(number: int, kept: int) -> dict[str, Any]:
        return {"stage": "gold", "query": "windows", "query_id": "q", "batch_id": number, "rows_in": 10,
                "rows_kept": kept, "rows_quarantined": 0, "rows_duplicate": 0, "rows_superseded": 0,
                "difference": 10 - kept,
                "balanced": kept == 10}  # fmt: skip

    fill(warehouse, "ops.conservation", a_batch(0, 10), a_batch(1, 9))
    (row,) = named("metrics-conservation-by-stage", warehouse)
    assert (row["batch_count"], row["unbalanced_count"], row["rows_in"], row["difference"]) == (2, 1, 20, 1)


def test_every_named_query_is_asked_in_this_file():
    text = Path(__file__).read_text("utf-8")
    assert QUERIES
    assert [name for name in QUERIES if f'"{name}"' not in text] == []
    assert [view.name for view in views.stage_views() if view.name not in text] == []


@pytest.mark.parametrize("path", sorted(STAGES.glob("*/src/*/sql/*/*.sql")), ids=lambda path: path.stem)
def test_an_sql_file_says_what_it_shows_and_reads_its_own_stages_tables(path: Path):
    stage = path.parts[-6]
    head, description, sql = views.parted(path.read_text("utf-8"))
    assert head
    assert len(description) > 20
    assert description.endswith(".")
    assert ";" not in sql
    own = {table.name for table in TABLES.values() if table.owner == stage}
    namespaces = {name.partition(".")[0] for name in TABLES}
    read = {word.strip("(),\n") for word in sql.split() if word.partition(".")[0].strip("(") in namespaces}
    assert read
    assert read <= own | {view.name for view in views.stage_views([stage])}


class Athena:
    """Stands in for Athena's client: takes statements, and says of one that it failed."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.statements: list[str] = []
        self.asked = 0

    def start_query_execution(self, QueryString: str, WorkGroup: str) -> dict[str, str]:  # noqa: N803
        assert WorkGroup == WORKGROUP
        self.statements.append(QueryString)
        return {"QueryExecutionId": str(len(self.statements))}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        failed = self.failing and self.failing in self.statements[int(QueryExecutionId) - 1]
        status = {"State": "SUCCEEDED"}
        if self.asked == 1:
            status = {"State": "QUEUED"}
        elif failed:
            status = {"State": "FAILED", "StateChangeReason": "TABLE_NOT_FOUND"}
        return {"QueryExecution": {"Status": status}}


def test_views_are_made_one_after_the_other(monkeypatch):
    monkeypatch.setattr(views, "POLL_SECONDS", 0)
    athena, told = Athena(), []
    assert views.apply_views(WORKGROUP, ["silver"], told.append, athena) == [
        "silver.open_quarantine",
        "silver.scientist_view",
    ]
    assert [each.split(" AS\n")[0] for each in athena.statements] == [
        "CREATE OR REPLACE VIEW silver.open_quarantine",
        "CREATE OR REPLACE VIEW silver.scientist_view",
    ]
    assert all(" AS\nSELECT" in each for each in athena.statements)
    assert told[1].startswith("silver.scientist_view: Scientist View")


def test_a_view_that_athena_refuses_is_named_with_its_reason(monkeypatch):
    monkeypatch.setattr(views, "POLL_SECONDS", 0)
    with pytest.raises(views.ViewError, match=r"silver\.scientist_view: TABLE_NOT_FOUND.*views apply"):
        views.apply_views(WORKGROUP, ["silver"], print, Athena("scientist_view"))


def test_views_of_no_stage_and_of_no_environment_are_refused(capsys):
    with pytest.raises(SettingsError, match="no stage 'platinum'"):
        views.stage_views(["platinum"])
    assert main(["views", "apply", "--warehouse", "/srv/warehouse"]) == 2
    assert "give --env" in capsys.readouterr().err
    assert main(["views", "ls", "--stage", "silver"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "silver.open_quarantine",
        "silver.scientist_view",
    ]
