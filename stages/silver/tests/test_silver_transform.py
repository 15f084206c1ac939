"""What happens to accepted records: correction, lateness, duplicates, conflicts, flags. Rows in view."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from iot_silver import transform
from iot_silver.intervals import HOUR, MAX_INTERVALS, merged_intervals, within, within_sql

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

ACCEPTED_DDL = (
    "device_id string, event_time_raw timestamp, idempotency_key string, row_id string, ingest_time timestamp, "
    "block_sequence bigint, source_object string, source_line bigint, clock_suspect boolean"
)
STORED_DDL = (
    "device_id string, event_time_raw timestamp, stored_idempotency_key string, stored_row_id string, "
    "stored_ingest_time timestamp, stored_event_time timestamp"
)


def record(
    row: str, key: str, minute: int = 0, *, device: str = "sensor_1", suspect: bool = False, ahead: int = 0
) -> tuple[Any, ...]:
    """A record of device time noon (+ `ahead` minutes) that arrived `minute` minutes after noon."""
    return (
        device,
        NOON + timedelta(minutes=ahead),
        key,
        row,
        NOON + timedelta(minutes=minute),
        1,
        "o",
        int(row[1:]),
        suspect,
    )


def stored(row: str, key: str, minute: int, device: str = "sensor_1") -> tuple[Any, ...]:
    return (device, NOON, key, row, NOON + timedelta(minutes=minute), NOON)


def accepted(spark: SparkSession, *records: tuple[Any, ...]) -> DataFrame:
    return spark.createDataFrame(list(records), ACCEPTED_DDL)


def outcomes(
    spark: SparkSession, records: list[Any], stored_rows: list[Any] = (), losers: list[str] = ()
) -> dict[str, Any]:  # type: ignore[assignment]
    resolved = transform.resolve(
        accepted(spark, *records),
        spark.createDataFrame(list(stored_rows), STORED_DDL),
        spark.createDataFrame([(key,) for key in losers], "idempotency_key string"),
    )
    rows = resolved.select("row_id", "outcome", "superseded_by_row_id").collect()
    assert len(rows) == len(records), "no record is lost or doubled"
    return {row.row_id: (row.outcome, row.superseded_by_row_id) for row in rows}


def test_a_single_record_is_kept(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r1", "a")]) == {"r1": ("kept", None)}


def test_the_same_key_again_is_a_duplicate_and_the_first_arrival_stays(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r2", "a", 2), record("r1", "a", 1)]) == {
        "r1": ("kept", None),
        "r2": ("duplicate", None),
    }


def test_the_newest_ingestion_of_different_readings_wins(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r1", "a", 1), record("r2", "b", 2), record("r3", "c", 0)]) == {
        "r1": ("superseded", "r2"),
        "r2": ("kept", None),
        "r3": ("superseded", "r2"),
    }


def test_a_late_redelivery_of_a_loser_does_not_win(spark: SparkSession) -> None:
    found = outcomes(spark, [record("r1", "a", 1), record("r2", "b", 2), record("r3", "a", 3)])
    assert found == {"r1": ("superseded", "r2"), "r2": ("kept", None), "r3": ("duplicate", None)}


def test_at_the_same_arrival_the_later_line_wins(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r1", "a"), record("r2", "b")])["r2"] == ("kept", None)


def test_a_stored_key_makes_a_duplicate(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r5", "a", 5)], [stored("r1", "a", 1)]) == {"r5": ("duplicate", None)}


def test_a_newer_record_replaces_the_stored_one(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r5", "b", 5)], [stored("r1", "a", 1)]) == {"r5": ("kept", None)}


def test_an_older_record_loses_against_the_stored_one(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r5", "b", 0)], [stored("r1", "a", 1)]) == {"r5": ("superseded", "r1")}


def test_a_key_that_lost_in_an_earlier_batch_stays_a_duplicate(spark: SparkSession) -> None:
    assert outcomes(spark, [record("r9", "a", 9)], [stored("r2", "b", 2)], ["a"]) == {
        "r9": ("duplicate", None)
    }


def test_devices_and_times_do_not_meddle(spark: SparkSession) -> None:
    records = [record("r1", "a"), record("r2", "b", device="sensor_2"), record("r3", "c", ahead=1)]
    assert {outcome for outcome, _ in outcomes(spark, records).values()} == {"kept"}


def test_superseded_rows_name_incoming_and_replaced_ones(spark: SparkSession) -> None:
    resolved = transform.resolve(
        accepted(spark, record("r5", "b", 5), record("r6", "c", 6)),
        spark.createDataFrame([stored("r1", "a", 1)], STORED_DDL),
        spark.createDataFrame([], "idempotency_key string"),
    )
    rows = transform.superseded_rows(resolved, batch="q/0", now=NOON).orderBy("row_id").collect()
    assert [(r.row_id, r.idempotency_key, r.superseded_by_row_id, r.was_stored) for r in rows] == [
        ("r1", "a", "r6", True),
        ("r5", "b", "r6", False),
    ]


def test_touched_windows_count_entries_and_the_window_a_replaced_row_leaves(spark: SparkSession) -> None:
    moved = (*stored("r1", "a", 1)[:-1], NOON - timedelta(minutes=30))
    resolved = transform.resolve(
        transform.with_event_time(accepted(spark, record("r5", "b", 5), record("r6", "x", ahead=1)), None),
        spark.createDataFrame([moved], STORED_DDL),
        spark.createDataFrame([], "idempotency_key string"),
    )
    rows = transform.touched_window_rows(resolved, batch="q/0", now=NOON).orderBy("window_start").collect()
    starts = [(r.window_start.replace(tzinfo=None), r.change_count) for r in rows]
    assert [count for _, count in starts] == [1, 2]
    assert starts[1][0] - starts[0][0] == timedelta(minutes=30)


def test_a_fast_clock_is_corrected_by_its_learned_offset_only_where_suspect(spark: SparkSession) -> None:
    history = accepted(spark, *[record(f"r{n}", "k", 0, ahead=120 + n, suspect=True) for n in range(5)])
    offsets = transform.learned_offsets(history)
    records = accepted(
        spark,
        record("r10", "a", 10, ahead=130, suspect=True),
        record("r11", "b", 10, ahead=9, suspect=False),
        record("r12", "c", 10, ahead=130, suspect=True, device="sensor_2"),
    )
    rows = transform.with_event_time(records, offsets).select(
        "row_id", (F.unix_micros("event_time_raw") - F.unix_micros("event_time")).alias("moved")
    )
    assert {r.row_id: r.moved for r in rows.collect()} == {"r10": 122 * 60_000_000, "r11": 0, "r12": 0}


def test_too_few_suspect_readings_teach_no_offset(spark: SparkSession) -> None:
    history = accepted(spark, *[record(f"r{n}", "k", ahead=60, suspect=True) for n in range(4)])
    assert transform.learned_offsets(history).count() == 0


@pytest.mark.parametrize(("behind_minutes", "late"), [(0, False), (10, False), (11, True)])
def test_lateness_is_measured_against_the_streams_own_time(
    spark: SparkSession, behind_minutes: int, late: bool
) -> None:
    frame = transform.with_event_time(accepted(spark, record("r1", "a", 10_000)), None)
    (row,) = transform.with_lateness(frame, NOON + timedelta(minutes=behind_minutes), 10).collect()
    assert row.late is late


def test_the_first_batch_of_a_stream_has_nothing_late(spark: SparkSession) -> None:
    frame = transform.with_event_time(accepted(spark, record("r1", "a")), None)
    assert [row.late for row in transform.with_lateness(frame, None, 10).collect()] == [False]


def test_ranges_places_and_scores_make_anomalies(spark: SparkSession) -> None:
    reasons = "array<struct<path:string,code:string,expected:string,found:string>>"
    kept = spark.createDataFrame(
        [
            ("r1", [("readings.humidity.value", "RANGE", "<= 100", "101")], 52.5, 13.4),
            ("r2", [("readings.humidity.value", "TYPE_CHANGED", "number", "string")], None, None),
            ("r3", [], 90.0, 13.4),
            ("r4", [], 0.0, 0.0),
            ("r5", [("location.latitude", "RANGE", "<= 90", "120")], 120.0, 52.5),
            ("r6", [("location.latitude", "RANGE", "<= 90", "190")], 190.0, 52.5),
        ],
        f"row_id string, violations {reasons}, latitude double, longitude double",
    )
    flagged = spark.createDataFrame(
        [("r3", ["zscore:battery_percent"])], "row_id string, zscore_flags array<string>"
    )
    rows = transform.with_anomaly_flags(kept, flagged).collect()
    assert {r.row_id: (r.anomaly_flags, r.is_anomaly) for r in rows} == {
        "r1": (["range:humidity_percent"], True),
        "r2": ([], False),
        "r3": (["zscore:battery_percent"], True),
        "r4": (["place:null_island"], True),
        "r5": (["range:latitude", "place:swapped"], True),
        "r6": (["range:latitude"], True),
    }


def test_neighbouring_hours_become_one_interval() -> None:
    hours = [NOON + n * HOUR for n in (0, 1, 2, 8)]
    assert merged_intervals(hours) == [(NOON, NOON + 3 * HOUR), (NOON + 8 * HOUR, NOON + 9 * HOUR)]
    assert merged_intervals(hours, 5 * HOUR) == [(NOON - 5 * HOUR, NOON + 9 * HOUR)]


def test_very_scattered_hours_become_one_range() -> None:
    hours = [NOON + 2 * n * HOUR for n in range(MAX_INTERVALS + 1)]
    assert merged_intervals(hours) == [(NOON, hours[-1] + HOUR)]


def test_an_interval_holds_its_start_and_not_its_end(spark: SparkSession) -> None:
    times = [NOON, NOON + HOUR - timedelta(microseconds=1), NOON + HOUR]
    frame = spark.createDataFrame([(time,) for time in times], "t timestamp")
    intervals = merged_intervals([NOON])
    assert frame.where(within("t", intervals)).count() == 2
    assert frame.where(within_sql("t", intervals)).count() == 2
    assert frame.where(within_sql("t", [])).count() == 0
