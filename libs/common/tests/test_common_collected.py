from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from iot_common.collected import row_in_utc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_times_are_in_utc_in_maps_too_and_all_else_is_as_it_was():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=3)))
    row = {"at": elsewhere, "none": None, "count": 3, "names": ["a"], "since": {"t": elsewhere, "x": 1.5}}
    found = row_in_utc(row)
    assert found == {"at": NOON, "none": None, "count": 3, "names": ["a"], "since": {"t": NOON, "x": 1.5}}
    assert (found["at"].tzinfo, found["since"]["t"].tzinfo) == (UTC, UTC)


def test_a_time_without_a_zone_is_in_the_zone_of_the_process_as_spark_hands_it_out():
    local = NOON.astimezone().replace(tzinfo=None)
    assert row_in_utc({"at": local}) == {"at": NOON}
