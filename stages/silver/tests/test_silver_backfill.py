"""Backfill of evolved columns from bronze's bytes: on demand, counted first, harmless to repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.engine.evolved_column import column_doc
from iot_common.errors import SettingsError
from iot_common.io import iceberg
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import Lake
from iot_silver import job
from iot_silver.backfill import BackfillOutcome, BackfillRequest, backfill
from iot_silver.settings import SilverSettings

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def fill(lake: Lake, **request: Any) -> BackfillOutcome:
    return backfill(lake.context("silver", SilverSettings), BackfillRequest(**request))


def test_older_rows_are_counted_then_filled_once_and_nothing_else_changes(lake: Lake) -> None:
    pressure = {**a_reading()["readings"], "Pressure": {"value": 1013.25}}
    payloads = [
        as_payload(a_reading(timestamp="2026-01-01T12:00:00Z", firmware="1.2")),
        as_payload(a_reading(timestamp="2026-01-01T12:01:00Z", readings=pressure, firmware=7)),
        as_payload(a_reading(timestamp="2026-01-01T12:02:00Z")),
        as_payload(a_reading(timestamp="2026-01-01T12:03:00Z", temperature="warm")),
    ]
    exact = payloads[1].replace(b"1013.25", b"1013.250000000000000001")
    land_payloads(lake, [payloads[0], exact, *payloads[2:]], arrived=ARRIVED)
    job.run(lake.context("silver", SilverSettings))
    assert fill(lake).by_column == {}, "no evolved column yet"
    docs = {"readings__pressure": column_doc("readings.pressure"), "firmware": column_doc("firmware")}
    iceberg.add_text_columns(lake.spark, READING, docs)

    with pytest.raises(
        SettingsError, match="no evolved column 'latitude': it has readings__pressure, firmware"
    ):
        fill(lake, columns=["latitude"])
    would = fill(lake)
    assert (would.rows, dict(would.by_column), would.written) == (
        2,
        {"readings__pressure": 1, "firmware": 2},
        False,
    )
    assert fill(lake, since=datetime(2026, 1, 1, 12, 1, tzinfo=UTC)).rows == 1
    before = lake.rows(READING, *READING.column_names)
    touched = lake.table(TOUCHED_WINDOW).count()

    assert fill(lake, columns=["firmware"], write=True).written
    assert fill(lake, write=True).rows == 1, "what is filled is not found again"
    assert fill(lake, write=True) == BackfillOutcome(
        0, {"readings__pressure": 0, "firmware": 0}, written=False
    )
    rows = lake.rows(READING, "event_time", "firmware", "readings__pressure")
    assert [(row.firmware, row.readings__pressure) for row in rows] == [
        ("1.2", None),
        ("7", '{"value":1013.250000000000000001}'),
        (None, None),
        (None, None),
    ]
    assert lake.rows(READING, *READING.column_names) == before
    assert lake.table(TOUCHED_WINDOW).count() == touched, "gold reads contract columns: it has nothing to do"

    land_payloads(
        lake,
        [as_payload(a_reading(timestamp="2026-01-01T12:04:00Z", firmware="2"))],
        arrived=ARRIVED + timedelta(minutes=5),
    )
    job.run(lake.context("silver", SilverSettings))
    assert [row.firmware for row in lake.rows(READING, "event_time", "firmware")][-1] == "2"
    commit = iceberg.current_commit(lake.spark, READING.name)
    assert commit is not None
    assert "driftlake.schema-id" in commit.summary
