"""What each change in the data does, layer by layer: one named test per row of the matrix, on real Spark and Iceberg.

Three days and an hour of a small fleet go through `driftlake run`, a batch a day; beside it one device per row
misbehaves. On the third day contract 1.1.0 is registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from matrix_world import (
    FLIPPED_DEVICE,
    SILENT_DEVICE,
    TELEPORTED_DEVICE,
    World,
    at,
    codes,
    fleet_of_day,
    one,
    rescued,
    schema_1_1_0,
    several,
    text_of,
)
from pipeline_runs import assert_balanced

from iot_common.contracts.gold_device_window_5min import DEVICE_WINDOW_5MIN
from iot_common.testing.readings import a_reading, as_payload

LATE_BY_AN_HOUR = at(1, 23)
FORTY_DAYS_LATE = at(3, 0) - timedelta(days=40)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("matrix"))
    made.contracts.mkdir()
    for day, troubles in ((1, day_one()), (2, day_two()), (3, day_three()), (4, {})):
        made.land(f"day{day}/fleet.ndjson", fleet_of_day(day, 1 if day == 4 else 24), at(day + 1, 0))
        for name, lines in troubles.items():
            made.land(f"day{day}/{name}.ndjson", lines, at(day + 1, 0))
        if day == 3:
            (made.contracts / "raw-iot-data-1.1.0.schema.json").write_text(schema_1_1_0())
        made.run("--contracts", str(made.contracts))
    yield made


def day_one() -> dict[str, list[bytes]]:
    return {
        "row03": [one(103, without=["device_id"]), *several(103, 3, without=["readings.humidity"])],
        "row05": [one(105, temperature="21.5"), one(1050, temperature=True), one(1051, humidity="1e400")],
        "row06": [one(106, humidity=40), one(1060, humidity=9007199254740993)],
        "row07": [one(107, latitude="north"), one(1070, latitude=[52])],
        "row08": [one(108, status="degraded"), one(1080, temperature_unit="Kelvin", temperature=294.0)],
        "row09": several(109, 3, schema_version="1.1.7", charge_cycles=12),
        "row10": several(110, 3, schema_version="2.0.0"),
        "row11": [
            one(111, schema_version="v1"), one(1110, schema_version="1.1.0"),
            one(1110, timestamp="2026-01-01T13:00:00Z"),
        ],
        "row12": [
            *several(112, 2),
            one(112, timestamp="2026-01-01T13:00:00Z", temperature_unit="Fahrenheit", temperature=70.7),
        ],
        "row14": [one(114, humidity=101), *several(114, 2, day=1, humidity=55)[1:]],
        "row15": several(115, 4),
        "row16": [
            one(116, temperature=[21.5]), one(1160, temperature=[21.5, 22.5]), one(1161, temperature={"value": 1}),
        ],
        "row17": [one(117, humidity=None), one(1170, without=["readings.humidity.value"])],
        "row18": [
            respelled(a_reading(device_id="sensor_118"), "status", "Status"),
            as_payload(a_reading(device_id="sensor_1180", STATUS="offline")),
        ],
        "row19": [one(119)[:-1] + b', "status": "operational"}', one(1190)[:-1] + b', "status": "offline"}'],
        "row20": [one(120, timestamp=text_of(at(2, 2 + n / 60))) for n in range(6)],
        "row21": several(121, 2),
        "row22": [one(122, humidity=40.0), one(122, humidity=40.0), one(122, humidity=41.0)],
        "row23": [
            b'{"device_id": ', b"\xef\xbb\xbf" + one(123), b"\0" + one(123),
            one(123).replace(b"operational", b"caf\xe9"),
            b'{"a":' * 33 + b"1" + b"}" * 33, b'{"a":"' + b"x" * 1_000_001 + b'"}', one(123)[:40],
        ],
        "row24": [
            one(124, timestamp="2026-01-01T12:00:00"), one(1240, timestamp=1767268800),
            one(1241, timestamp="2026-01-01T12:00:00.123456789Z"),
        ],
        "row25": [one(125).replace(b"sensor_125", b"Sensor_12"), one(125).replace(b"sensor_125", "sensor_١٢".encode())],
        "row28": [one(128, latitude=120.5, longitude=52.5), one(1280, latitude=0, longitude=0)],
    }  # fmt: skip


def respelled(reading: dict[str, Any], key: str, spelling: str) -> bytes:
    return as_payload({(spelling if name == key else name): value for name, value in reading.items()})


def day_two() -> dict[str, list[bytes]]:
    late = a_reading(device_id="sensor_121", timestamp=text_of(LATE_BY_AN_HOUR), temperature=30.0)
    noon_again = a_reading(device_id="sensor_121", timestamp="2026-01-01T12:02:00Z", temperature=30.0)
    too_late = a_reading(device_id="sensor_121", timestamp=text_of(FORTY_DAYS_LATE))
    after = [a_reading(device_id="sensor_115", timestamp=text_of(at(2, 12 + n / 60))) for n in range(8)]
    renamed = [respelled(reading, "status", "state") for reading in after]
    return {
        "row14": several(114, 1, day=2),
        "row15": renamed,
        "row20": [as_payload(a_reading(device_id="sensor_120", timestamp=text_of(at(3, 2))))],
        "row21": [as_payload(late), as_payload(noon_again), as_payload(too_late)],
        "row22": [one(122, humidity=41.0), one(122, humidity=42.0)],
    }


def day_three() -> dict[str, list[bytes]]:
    return {"row26": several(126, 5, day=3, temperature=-20.0)}


def one_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return row


def by_device(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["device_id"]: row for row in rows}


def test_nothing_was_lost_or_doubled(world: World) -> None:
    assert_balanced(world.warehouse)


def test_row_01_new_top_level_field(world: World) -> None:
    first = world.rows(
        "select * from silver.reading where device_id = 'sensor_1' order by event_time limit 1"
    )[0]
    assert first["conforms"] is False, "an unknown top-level field breaks the letter of 1.0.0"
    assert first["is_valid"] is True
    assert rescued(first)["firmware"] == "7.1"
    assert world.columns("silver.reading")["firmware"] == "VARCHAR", (
        "six devices in three batches: a STRING column"
    )
    last = world.rows(
        "select * from silver.reading where device_id = 'sensor_1' order by event_time desc limit 1"
    )[0]
    assert last["firmware"] == "7.1"
    assert set(world.columns("gold.device_window_5min")) == set(DEVICE_WINDOW_5MIN.column_names)
    entry = one_of(world.rows("select * from drift.drift_log where path = 'firmware'"))
    assert (entry["kind"], entry["status"]) == ("FIELD_ADDED", "PENDING")
    event = one_of(world.events("FIELD_ADDED", "firmware"))
    assert event["severity"] in ("INFO", "WARN")
    assert event["device_count"] == 6


def test_row_02_new_nested_field(world: World) -> None:
    kept = world.rows(
        "select * from silver.reading where device_id = 'sensor_8' order by event_time limit 1"
    )[0]
    assert kept["conforms"] is True
    first = world.rows(
        "select * from silver.reading where device_id = 'sensor_1' order by event_time limit 1"
    )[0]
    assert rescued(first)["readings.pressure"] == {"value": 1014.25, "unit": "hPa"}
    assert [each["path"] for each in first["violations"]] == ["firmware"], (
        "valid under the given schema: no violation"
    )
    assert world.columns("silver.reading")["readings__pressure"] == "VARCHAR"
    assert world.events("FIELD_ADDED_NESTED", "readings.pressure")
    assert (
        one_of(world.rows("select * from drift.drift_log where path = 'readings.pressure'"))["status"]
        == "PENDING"
    )


def test_row_03_required_field_missing(world: World) -> None:
    assert one_of(world.quarantine(3))["reason_code"] == "FIELD_REMOVED_REQUIRED"
    rows = world.silver(3)
    assert len(rows) == 3
    assert {row["humidity_percent"] for row in rows} == {None}
    assert {row["is_valid"] for row in rows} == {False}
    assert {code for row in rows for code in codes(row)} == {"FIELD_REMOVED_REQUIRED"}
    assert {row["reading_count"] for row in world.gold("sensor_103", "humidity_percent")} == {0}
    assert {row["health_percent"] for row in world.gold("sensor_103", "humidity_percent")} == {0.0}
    assert world.events("FIELD_REMOVED_REQUIRED", "readings.humidity")[0]["severity"] in ("ERROR", "CRITICAL")


def test_row_04_optional_field_stops(world: World) -> None:
    rows = world.rows("select * from silver.reading where device_id = 'sensor_8' order by event_time")
    assert rescued(rows[0])["readings.uptime"] == {"value": 0, "unit": "hour"}
    assert (rescued(rows[-1]), rows[-1]["is_valid"]) == ({}, True)
    event = one_of(world.events("FIELD_REMOVED_OPTIONAL"))
    assert (event["field"], event["severity"], event["devices"]) == ("readings.uptime", "WARN", ["sensor_8"])
    assert event["onset"] == at(2, 23.75), "the last record that had it"


def test_row_05_type_changed(world: World) -> None:
    rows = by_device(world.silver(5))
    assert rows["sensor_105"]["temperature_celsius"] == 21.5
    assert rows["sensor_105"]["coerced_fields"] == ["readings.temperature.value"]
    assert rows["sensor_105"]["is_valid"] is True
    assert world.gold("sensor_105", "temperature_celsius")[0]["reading_count"] == 1
    assert rows["sensor_1050"]["temperature_celsius"] is None, "a boolean is never a number"
    assert rescued(rows["sensor_1050"])["readings.temperature.value"] is True
    assert world.gold("sensor_1050", "temperature_celsius")[0]["reading_count"] == 0
    assert codes(rows["sensor_1051"]) == ["NONFINITE"]
    assert rescued(rows["sensor_1051"])["readings.humidity.value"] == "1e400"
    assert world.events("TYPE_CHANGED", "readings.temperature.value")


def test_row_06_widening(world: World) -> None:
    rows = by_device(world.silver(6))
    assert rows["sensor_106"]["humidity_percent"] == 40.0
    assert rows["sensor_106"]["conforms"] is True, "an integer validates as a number"
    assert rescued(rows["sensor_1060"])["readings.humidity.value"] == 9007199254740993, "no digit is lost"


def test_row_07_narrowing_or_another_change(world: World) -> None:
    before = world.columns("silver.reading")["latitude"]
    rows = by_device(world.silver(7))
    assert before == "DOUBLE", "the column's type never changes"
    assert rows["sensor_107"]["latitude"] is None
    assert rescued(rows["sensor_107"])["location.latitude"] == "north"
    assert rows["sensor_107"]["is_valid"] is False
    assert rows["sensor_1070"]["latitude"] == 52.0
    assert world.events("TYPE_CHANGED", "location.latitude")[0]["severity"] in ("INFO", "WARN")


def test_row_08_enum_value_added(world: World) -> None:
    rows = by_device(world.silver(8))
    assert rows["sensor_108"]["status"] == "degraded"
    assert (codes(rows["sensor_108"]), rows["sensor_108"]["is_valid"]) == (["ENUM_ADDED"], True)
    kelvin = rows["sensor_1080"]
    assert kelvin["temperature_celsius"] is None
    assert kelvin["is_valid"] is False
    assert rescued(kelvin)["readings.temperature.unit"] == "Kelvin"
    assert kelvin["humidity_percent"] == 40.5, "the row's other readings stay"
    assert world.gold("sensor_1080", "temperature_celsius")[0]["reading_count"] == 0
    assert world.events("ENUM_ADDED", "readings.temperature.unit")
    assert world.events("ENUM_ADDED", "status")


def test_row_09_unregistered_minor_version(world: World) -> None:
    rows = world.silver(9)
    assert len(rows) == 3
    assert {row["schema_version"] for row in rows} == {"1.1.7"}
    assert {row["contract_version"] for row in rows} == {"1.1.0"}, "judged again once 1.1.0 was registered"
    assert {row["conforms"] for row in rows} == {True}, "1.0.0 had refused the field that 1.1.0 knows"
    assert {rescued(row)["charge_cycles"] for row in rows} == {12}
    event = one_of(world.events("VERSION_MINOR"))
    assert "sensor_109" in event["devices"]
    assert event["severity"] == "INFO"
    revalidated = world.rows(
        "select sum(rows_in) as n from ops.conservation where stage = 'silver' and query = 'revalidate'"
    )
    assert revalidated[0]["n"] >= 3


def test_row_10_unknown_major_version(world: World) -> None:
    rows = world.quarantine(10)
    assert [row["reason_code"] for row in rows] == ["VERSION_MAJOR"] * 3
    assert [bytes(row["payload"]) for row in rows] == world.bronze(10)
    assert world.silver(10) == []
    assert len(world.events("VERSION_MAJOR")) == 1, "once, not per row"
    assert world.events("VERSION_MAJOR")[0]["occurrence_count"] == 3


def test_row_11_version_malformed_or_lower_than_before(world: World) -> None:
    assert one_of(world.quarantine(11))["reason_code"] == "VERSION_MALFORMED"
    before, after = world.silver(11)
    assert (before["schema_version"], after["schema_version"]) == ("1.1.0", "1.0.0")
    assert "VERSION_MINOR" in codes(after), "an older firmware is back: kept, and told"
    assert after["is_valid"] is True
    event = one_of(world.events("VERSION_DOWNGRADE"))
    assert (event["severity"], event["devices"]) == ("WARN", ["sensor_1110"])


def test_row_12_declared_unit_changes(world: World) -> None:
    fahrenheit = world.silver(12)[-1]
    assert fahrenheit["temperature_celsius"] == pytest.approx(21.5)
    assert (fahrenheit["temperature_value_raw"], fahrenheit["temperature_unit_raw"]) == (70.7, "Fahrenheit")
    assert fahrenheit["is_valid"] is True
    assert world.gold("sensor_112", "temperature_celsius")[-1]["avg_value"] == pytest.approx(21.5)
    event = one_of(world.events("UNIT_CHANGED"))
    assert (event["severity"], event["devices"]) == ("INFO", ["sensor_112"])


def test_row_13_undeclared_unit_flip(world: World) -> None:
    last = world.rows(
        f"select * from silver.reading where device_id = '{FLIPPED_DEVICE}' order by event_time desc limit 1"
    )[0]
    assert (last["temperature_unit_raw"], last["is_valid"]) == ("Celsius", True), (
        "nothing in the record tells"
    )
    event = one_of(world.events("UNIT_SUSPECT"))
    assert (event["field"], event["devices"]) == ("temperature_celsius", [FLIPPED_DEVICE])
    assert event["evidence"]["hypothesis"]["name"] == "celsius_to_fahrenheit"
    assert event["evidence"]["proposed_repair"] == {"factor": 0.555556, "offset": -17.778}
    assert abs(event["onset"] - at(3, 6)) <= timedelta(hours=1)


def test_row_14_range(world: World) -> None:
    row = world.silver(14)[0]
    assert row["humidity_percent"] == 101.0, "the value stays"
    assert (row["is_valid"], row["is_anomaly"]) == (False, True)
    assert codes(row) == ["RANGE"]
    window = world.gold("sensor_114", "humidity_percent")[0]
    assert (window["reading_count"], window["received_count"]) == (1, 2), "noon and a minute past it"
    assert (window["health_percent"], window["max_value"]) == (50.0, 55.0)
    assert world.events("RANGE", "readings.humidity.value")


def test_row_15_renamed_field(world: World) -> None:
    old, new = [row for row in world.silver(15) if row["event_time"] < at(2, 0)], world.silver(15)[-1]
    assert {row["status"] for row in old} == {"operational"}
    assert new["status"] is None
    assert rescued(new)["state"] == "operational"
    event = one_of(world.events("RENAME_SUSPECT"))
    assert event["field"] == "status"
    assert event["evidence"]["new_field"] == "state"
    assert event["devices"] == ["sensor_115"]


def test_row_16_scalar_and_array(world: World) -> None:
    rows = by_device(world.silver(16))
    assert rows["sensor_116"]["temperature_celsius"] == 21.5
    assert rows["sensor_116"]["coerced_fields"] == ["readings.temperature.value"]
    assert rescued(rows["sensor_1160"])["readings.temperature.value"] == [21.5, 22.5]
    assert rescued(rows["sensor_1161"])["readings.temperature.value"] == {"value": 1}
    assert rows["sensor_1160"]["temperature_celsius"] is None
    assert {"ARRAY_SCALAR"} == {code for row in rows.values() for code in codes(row)}
    assert world.gold("sensor_1160", "temperature_celsius")[0]["reading_count"] == 0
    assert world.events("ARRAY_SCALAR", "readings.temperature.value")


def test_row_17_null_is_not_missing(world: World) -> None:
    rows = by_device(world.silver(17))
    assert rows["sensor_117"]["humidity_percent"] is None
    assert rows["sensor_1170"]["humidity_percent"] is None
    assert codes(rows["sensor_117"]) == ["NULL_VALUE"]
    assert codes(rows["sensor_1170"]) == ["FIELD_REMOVED_REQUIRED"]
    assert world.events("NULL_VALUE", "readings.humidity.value")[0]["devices"] == ["sensor_117"]
    assert world.events("FIELD_REMOVED_REQUIRED", "readings.humidity.value")[0]["devices"] == ["sensor_1170"]


def test_row_18_case_changed_key(world: World) -> None:
    rows = by_device(world.silver(18))
    assert rows["sensor_118"]["status"] == "operational"
    assert rows["sensor_1180"]["status"] == "operational", "the exact spelling wins"
    assert rescued(rows["sensor_1180"])["STATUS"] == "offline"
    assert "KEY_CASE" in codes(rows["sensor_118"])
    assert {event["severity"] for event in world.events("KEY_CASE")} == {"INFO"}
    assert {name.lower() for name in world.columns("silver.reading")} == set(world.columns("silver.reading"))


def test_row_19_duplicate_key(world: World) -> None:
    assert codes(one_of(world.silver(19))) == ["KEY_DUPLICATE"]
    refused = one_of(world.quarantine(19))
    assert (refused["device_id"], refused["reason_code"]) == ("sensor_1190", "KEY_DUPLICATE")
    assert bytes(refused["payload"]) == world.bronze(19)[1]
    assert world.events("KEY_DUPLICATE", "status")


def test_row_20_clock_ahead(world: World) -> None:
    first, *_, last = world.silver(20)
    assert (first["clock_suspect"], first["event_time"]) == (True, first["event_time_raw"]), (
        "no offset is known yet"
    )
    assert last["event_time_raw"] == at(3, 2)
    assert at(3, 0) - timedelta(minutes=10) < last["event_time"] < at(3, 0), "less the learned offset"
    windows = world.gold("sensor_120", "humidity_percent")
    assert sum(row["clock_suspect_count"] for row in windows) == 6
    assert sum(row["reading_count"] for row in windows) == 1
    assert world.events("CLOCK_SKEW")[0]["devices"] == ["sensor_120"]
    fleet = world.rows(
        "select count(*) as n from silver.reading where late and device_id in ('sensor_1', 'sensor_8')"
    )
    assert fleet[0]["n"] == 0, "a future time never advances the watermark"


def test_row_21_late(world: World) -> None:
    late = next(row for row in world.silver(21) if row["event_time"] == LATE_BY_AN_HOUR)
    assert (late["late"], late["is_valid"]) == (True, True)
    assert one_of(world.quarantine(21))["reason_code"] == "LATE"
    revised = world.gold("sensor_121", "temperature_celsius")[0]
    assert revised["reading_count"] == 3
    assert revised["revised_at"] is not None
    untouched = world.gold("sensor_112", "temperature_celsius")[0]
    assert untouched["revised_at"] is None


def test_row_22_redelivery(world: World) -> None:
    assert one_of(world.silver(22))["humidity_percent"] == 42.0, "the newest ingestion wins"
    lost = world.rows(
        "select * from silver.superseded where device_id = 'sensor_122' order by processing_time"
    )
    assert len(lost) == 2
    seen = len(world.bronze(22))
    assert seen == 5, "bronze keeps each delivery"
    assert world.gold("sensor_122", "humidity_percent")[0]["max_value"] == 42.0


def test_row_23_what_is_no_record(world: World) -> None:
    rows = world.quarantine(23)
    assert [row["reason_code"] for row in rows] == [
        "MALFORMED_JSON", "ENCODING", "MALFORMED_JSON", "ENCODING", "MALFORMED_JSON", "OVERSIZE", "MALFORMED_JSON",
    ]  # fmt: skip
    assert [bytes(row["payload"]) for row in rows] == world.bronze(23), "each with its exact bytes"
    assert {event["severity"] for event in world.events("MALFORMED_JSON")} <= {"INFO", "ERROR"}


def test_row_24_timestamps(world: World) -> None:
    rows = by_device(world.silver(24))
    assert rows["sensor_124"]["event_time"] == datetime(2026, 1, 1, 12, tzinfo=UTC), "no zone: read as UTC"
    assert codes(rows["sensor_124"]) == ["FORMAT"]
    assert rows["sensor_124"]["conforms"] is False
    assert rows["sensor_1241"]["event_time"] == datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert rows["sensor_1241"]["conforms"] is True
    assert one_of(world.quarantine(24))["reason_code"] == "TYPE_CHANGED"
    assert world.events("FORMAT", "timestamp")


def test_row_25_device_id_breaks_its_pattern(world: World) -> None:
    assert [row["reason_code"] for row in world.quarantine(25)] == ["PATTERN", "PATTERN"]
    assert world.silver(25) == []
    assert world.events("PATTERN", "device_id")[0]["severity"] in ("INFO", "ERROR")


def test_row_26_new_device(world: World) -> None:
    assert len(world.silver(26)) == 5
    assert world.gold("sensor_126", "temperature_celsius")
    found = world.rows(
        "select kind from drift.event where list_contains(devices, 'sensor_126') and channel = 'statistical'"
    )
    assert found == [], "no alert while it is new"


def test_row_27_silent_device(world: World) -> None:
    event = one_of(world.events("SILENT"))
    assert (event["devices"], event["channel"]) == ([SILENT_DEVICE], "statistical")
    assert event["onset"] == at(3, 0), "the end of its last window"
    day = f"select * from gold.daily_summary where device_id = '{SILENT_DEVICE}'"
    assert {row["day"].day for row in world.rows(day)} == {1, 2}


def test_row_28_places_that_cannot_be(world: World) -> None:
    rows = by_device(world.silver(28))
    assert codes(rows["sensor_128"]) == ["RANGE"]
    assert "range:latitude" in rows["sensor_128"]["anomaly_flags"]
    assert "place:swapped" in rows["sensor_128"]["anomaly_flags"], "beyond 90, and in order if swapped"
    assert rows["sensor_1280"]["anomaly_flags"] == ["place:null_island"]
    assert rows["sensor_1280"]["is_valid"] is True
    moved = world.rows(
        f"select field from drift.event where list_contains(devices, '{TELEPORTED_DEVICE}') and channel = 'statistical'"
    )
    assert moved, "a teleport is drift"
