"""Replay: every row one line, numbers as written, in the order of time."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_simulator.errors import MappingError, ReplayInputError
from iot_simulator.mapping import load_mapping, parse_mapping
from iot_simulator.replay import UNMAPPED_MARK, replay

LinesOf = Callable[[Path], list[bytes]]

MAPPING = """
[source]
delimiter = ","
missing = ["NA"]
[timestamp]
columns = ["at"]
[[field]]
path = "device_id"
template = "sensor_{id}"
[[field]]
path = "timestamp"
timestamp = true
[[field]]
path = "readings.temperature.value"
column = "celsius"
type = "number"
[[field]]
path = "readings.temperature.unit"
constant = "Celsius"
when = "celsius"
[[field]]
path = "location.latitude"
lookup = { column = "id", values = { "1" = 1.50, "2" = 2.25 } }
[[field]]
path = "readings.battery_level.value"
column = "volts"
type = "number"
scale = 100
offset = -200
clip = [0, 100]
[[field]]
path = "comment"
column = "comment"
"""


def replayed(tmp_path: Path, lines_of: LinesOf, *rows: str, mapping: str = MAPPING) -> list[str]:
    (tmp_path / "rows.csv").write_text("\n".join(["at,id,celsius,volts,comment", *rows]) + "\n", "utf-8")
    result = replay([tmp_path / "rows.csv"], parse_mapping(mapping, "a test"), tmp_path / "landing")
    assert result.rows == result.totals.lines == result.mapped_rows + result.unmapped_rows
    return [line.decode() for line in lines_of(tmp_path / "landing")] if result.rows else []


def test_row_becomes_a_record_with_its_numbers_as_written(tmp_path: Path, lines_of: LinesOf) -> None:
    [line] = replayed(tmp_path, lines_of, "2026-01-01 00:00:01.12345,1,122.1530,2.69964,hi")
    assert line == (
        '{"device_id":"sensor_1","timestamp":"2026-01-01T00:00:01.12345Z",'
        '"readings":{"temperature":{"value":122.1530,"unit":"Celsius"},"battery_level":{"value":69.964}},'
        '"location":{"latitude":1.50},"comment":"hi"}'
    )


@pytest.mark.parametrize("absent", ["", "NA", "  "])
def test_missing_value_stays_missing(tmp_path: Path, lines_of: LinesOf, absent: str) -> None:
    [line] = replayed(tmp_path, lines_of, f"2026-01-01T00:00:00Z,1,{absent},2.5,x")
    assert json.loads(line)["readings"] == {"battery_level": {"value": 50}}


def test_short_row_lacks_its_last_values(tmp_path: Path, lines_of: LinesOf) -> None:
    [line] = replayed(tmp_path, lines_of, "2026-01-01T00:00:00Z,1,20.5")
    assert json.loads(line)["readings"] == {"temperature": {"value": 20.5, "unit": "Celsius"}}


@pytest.mark.parametrize(
    ("volts", "percent"), [("1.5", "0"), ("2.0", "0"), ("3.0", "100"), ("7", "100"), ("2.001", "0.1")]
)
def test_scaled_number_is_clipped_and_free_of_binary_fractions(
    tmp_path: Path, lines_of: LinesOf, volts: str, percent: str
) -> None:
    [line] = replayed(tmp_path, lines_of, f"2026-01-01T00:00:00Z,1,20,{volts},x")
    assert f'"battery_level":{{"value":{percent}}}' in line


@pytest.mark.parametrize(
    ("written", "json_number"), [("+3.5", "3.5"), (".5", "0.5"), ("007", "7"), ("1e2", "1e2")]
)
def test_number_that_json_cannot_write_so_is_rewritten(
    tmp_path: Path, lines_of: LinesOf, written: str, json_number: str
) -> None:
    [line] = replayed(tmp_path, lines_of, f"2026-01-01T00:00:00Z,1,{written},2.5,x")
    assert f'"temperature":{{"value":{json_number},' in line


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-01-01T00:00:00Z,1,warm,2.5,x", "'warm' is no number"),
        ("2026-01-01T00:00:00Z,1,nan,2.5,x", "no finite number"),
        ("2026-01-01T00:00:00Z,9,20,2.5,x", "no location.latitude is known for '9'"),
        ("yesterday,1,20,2.5,x", "'yesterday' is no date and time"),
        ("2026-02-30T00:00:00Z,1,20,2.5,x", "does not exist"),
        (",1,20,2.5,x", "no time in column 'at'"),
        ("2026-01-01T00:00:00Z,1,20,2.5,x,more", "1 more values than columns"),
    ],
)
def test_row_that_cannot_be_mapped_is_kept_as_text_that_is_no_json(
    tmp_path: Path, lines_of: LinesOf, row: str, reason: str
) -> None:
    lines = replayed(tmp_path, lines_of, "2026-01-01T00:00:00Z,1,20,2.5,x", row)
    assert json.loads(lines[0])
    assert lines[1].startswith(f"{UNMAPPED_MARK} rows.csv:3 (")
    assert reason in lines[1] and lines[1].endswith(f": {json.dumps(row)}")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(lines[1])


def test_row_with_a_line_feed_inside_quotes_stays_one_line(tmp_path: Path, lines_of: LinesOf) -> None:
    lines = replayed(
        tmp_path,
        lines_of,
        '2026-01-01T00:00:00Z,1,20,2.5,"two\nlines"',
        '2026-01-01T00:00:01Z,1,bad,2.5,"a\nb"',
    )
    assert json.loads(lines[0])["comment"] == "two\nlines"
    assert len(lines) == 2


def test_rows_of_all_inputs_are_merged_by_time_into_objects_of_the_asked_size(
    tmp_path: Path, lines_of: LinesOf
) -> None:
    header = "at,id,celsius,volts,comment\n"
    (tmp_path / "a.csv").write_text(
        header + "2026-01-01 00:00:02,1,2,3,x\n2026-01-01 00:00:00,1,0,3,x\n", "utf-8"
    )
    with gzip.open(tmp_path / "b.csv.gz", "wt") as stream:
        stream.write(header + "2026-01-01 00:00:01,2,1,3,x\n\n")
    inputs = [tmp_path / "a.csv", tmp_path / "b.csv.gz"]
    result = replay(inputs, parse_mapping(MAPPING, "a test"), tmp_path / "landing", object_lines=2)
    records = [json.loads(line) for line in lines_of(tmp_path / "landing")]
    assert [record["readings"]["temperature"]["value"] for record in records] == [0, 1, 2]
    assert result.totals.objects == 2
    assert list(result.rows_per_input.values()) == [2, 1]
    times = sorted(os.stat(path).st_mtime for path in (tmp_path / "landing").rglob("*.gz"))
    assert times == [1767225601, 1767225602]


@pytest.mark.parametrize(
    ("time_format", "written", "timestamp"),
    [
        ("epoch_seconds", "1767225600.5", "2026-01-01T00:00:00.500000Z"),
        ("epoch_milliseconds", "1767225600500", "2026-01-01T00:00:00.500000Z"),
        ("rfc3339", "2026-01-01T01:00:00+01:00", "2026-01-01T01:00:00+01:00"),
    ],
)
def test_time_is_read_in_its_format(
    tmp_path: Path, lines_of: LinesOf, time_format: str, written: str, timestamp: str
) -> None:
    mapping = MAPPING.replace('columns = ["at"]', f'columns = ["at"]\nformat = "{time_format}"')
    [line] = replayed(tmp_path, lines_of, f"{written},1,20,2.5,x", mapping=mapping)
    assert json.loads(line)["timestamp"] == timestamp


def test_leap_day_shifted_into_a_common_year_is_kept_as_text(tmp_path: Path, lines_of: LinesOf) -> None:
    mapping = MAPPING.replace('columns = ["at"]', 'columns = ["at"]\nshift_years = 1')
    [line] = replayed(tmp_path, lines_of, "2024-02-29T00:00:00Z,1,20,2.5,x", mapping=mapping)
    assert "does not exist 1 years on" in line


def test_table_without_rows_writes_nothing(tmp_path: Path, lines_of: LinesOf) -> None:
    assert replayed(tmp_path, lines_of) == []


def test_inputs_that_cannot_be_read_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    mapping = parse_mapping(MAPPING, "a test")
    with pytest.raises(ReplayInputError, match=r"absent\.csv.*nothing of this replay has been written"):
        replay([tmp_path / "absent.csv"], mapping, tmp_path / "landing")
    packed = gzip.compress(b"at,id,celsius,volts,comment\n" + b"2026-01-01 00:00:02,1,2,3,x\n" * 1_000)
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ReplayInputError, match=r"cut\.csv\.gz.*to its end"):
        replay([tmp_path / "cut.csv.gz"], mapping, tmp_path / "landing")
    (tmp_path / "other.csv").write_text("at,id,volts,comment\n", "utf-8")
    with pytest.raises(ReplayInputError, match=r"no column 'celsius'.*at, id, volts, comment"):
        replay([tmp_path / "other.csv"], mapping, tmp_path / "landing")
    assert not (tmp_path / "landing").exists()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('delimiter = ","', 'delimeter = ","', r"\[source\]: unknown key 'delimeter'"),
        ('delimiter = ","', 'delimiter = "::"', "one character"),
        ('column = "celsius"\n', "", "has no origin.*exactly one of"),
        ('type = "number"', 'type = "date"', "Choose text or number"),
        ('delimiter = ","', "header = 3", "header is 3. Give true or false"),
        ("scale = 100", 'scale = "100"', "scale is '100'. Give a number"),
        ("clip = [0, 100]", "clip = [0]", "two numbers"),
        ("sensor_{id}", "sensor_{}", "each column as {column}"),
        ("sensor_{id}", "sensor_{", "each column as {column}"),
        ('path = "comment"', 'path = "readings"', "its path is taken"),
        ('columns = ["at"]', 'columns = ["at"]\nformat = "julian"', "rfc3339, epoch_seconds"),
        ('delimiter = ","', 'columns = ["at", "id"]', "column 'celsius' is used and not named"),
        ('delimiter = ","', "header = false", "Name the columns in order"),
    ],
)
def test_mapping_errors_say_where_and_what_to_do(before: str, after: str, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        parse_mapping(MAPPING.replace(before, after, 1), "own.toml")


def test_missing_mapping_names_the_bundled_ones() -> None:
    with pytest.raises(MappingError, match="bundled mappings: intel_lab"):
        load_mapping("nowhere.toml")


@pytest.fixture
def intel_lab() -> Path:
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("DRIFTLAKE_DATA", beside)) / "intel_lab"
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip("evaluation data intel_lab is absent; name its folder's parent in DRIFTLAKE_DATA")
    return folder


def test_every_row_of_the_intel_lab_motes_becomes_one_valid_line_at_its_time(
    tmp_path: Path, lines_of: LinesOf, intel_lab: Path
) -> None:
    inputs = [intel_lab / f"Node0{mote}.txt.gz" for mote in (1, 4, 6)]
    result = replay(inputs, load_mapping("intel_lab"), tmp_path / "landing")
    assert result.rows == result.mapped_rows == result.totals.lines == 122_506
    assert list(result.rows_per_input.values()) == [43_047, 43_793, 35_666]
    lines = lines_of(tmp_path / "landing")
    # "schema_version", its value, "device_id", its value, "timestamp", its value
    identities = [(line.split(b'"', 16)[7], line.split(b'"', 16)[11]) for line in lines]
    assert len(lines) == len(set(identities)) == 122_506
    assert {device for device, _ in identities} == {b"sensor_1", b"sensor_4", b"sensor_6"}
    times = [time for _, time in identities]
    assert times == sorted(times)
    assert any(time.startswith(b"2024-02-29") for time in times)
    # The last row of mote 1: 2004-03-31 04:59:46.620093 4806 1 121.997 14.9461 8.28 2.00649
    assert lines[-1] == (
        b'{"schema_version":"1.0.0","device_id":"sensor_1","timestamp":"2024-03-31T04:59:46.620093Z",'
        b'"location":{"latitude":37.87141,"longitude":-122.26869},"readings":{"temperature":{"value":121.997,'
        b'"unit":"Celsius"},"humidity":{"value":14.9461,"unit":"percent"},"battery_level":{"value":0.649,'
        b'"unit":"percent"}},"status":"operational"}'
    )
