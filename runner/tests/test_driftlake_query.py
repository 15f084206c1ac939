"""`driftlake query`: what it reads, refuses and writes."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest
from rich.console import Console

from driftlake import rendering
from driftlake.cli import main
from driftlake.errors import BlockReadError, QueryError
from driftlake.query_engine import run_query, unique_names
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.drift_window_score import WINDOW_SCORE


def rows_of(sql: str, warehouse: Any) -> list[tuple[Any, ...]]:
    return list(run_query(sql, str(warehouse)).rows)


def test_counts_rows_of_a_table_and_none_of_an_empty_one(hand_made):
    hand_made.append(BLOCK, [])
    hand_made.promoted(1, [b"{}", b"[]"])
    assert rows_of("select count(*) from bronze.raw_reading", hand_made.folder) == [(2,)]
    assert rows_of("select count(*) from bronze.block", hand_made.folder) == [(0,)]


def test_raw_reading_all_holds_promoted_rows_and_unpromoted_blocks_once_each(hand_made):
    hand_made.bronze_block(1, [b"one", b"two"])
    hand_made.bronze_block(2, [b"three"])
    hand_made.promoted(1, [b"one", b"two"])
    sql = "select block_sequence, payload from bronze.raw_reading_all order by row_id"
    assert rows_of(sql, hand_made.folder) == [(1, b"one"), (1, b"two"), (2, b"three")]
    assert rows_of("select count(*) from Bronze.RAW_READING_ALL", hand_made.folder) == [(3,)]
    assert rows_of("select count(*) from raw_reading_all", hand_made.folder) == [(3,)]


def test_a_query_that_needs_no_block_reads_none(hand_made):
    hand_made.bronze_block(1, [b"one"])
    hand_made.append(RAW_READING, [])
    (hand_made.folder / "blocks" / "1.avro").unlink()
    assert rows_of("select count(*) from bronze.block", hand_made.folder) == [(1,)]
    with pytest.raises(BlockReadError, match=r"1\.avro"):
        rows_of("select count(*) from bronze.raw_reading_all", hand_made.folder)


@pytest.mark.parametrize(
    "sql",
    [
        "drop view bronze.block",
        "create table t (i int)",
        "insert into bronze.block values (1)",
        "copy bronze.block to '/tmp/never.csv'",
        "select 1; select 2",
        "attach 'x.db'",
        "",
    ],
)
def test_refuses_all_but_one_reading_statement(hand_made, sql):
    hand_made.append(BLOCK, [])
    with pytest.raises(QueryError):
        run_query(sql, str(hand_made.folder))


def test_an_error_that_shows_only_while_rows_are_fetched_is_a_query_error(hand_made):
    hand_made.append(BLOCK, [])
    with pytest.raises(QueryError, match="too old"):
        rows_of("select case when range = 5000 then error('too old') end from range(9000)", hand_made.folder)


def test_wrong_sql_is_one_line_and_exit_code_2(hand_made, capsys):
    hand_made.append(BLOCK, [])
    assert main(["query", "selec 1", "--warehouse", str(hand_made.folder)]) == 2
    error = capsys.readouterr().err.strip()
    assert "selec" in error
    assert "\n" not in error


def test_a_folder_without_a_warehouse_is_exit_code_2(tmp_path, capsys):
    assert main(["query", "select 1", "-w", str(tmp_path / "nowhere")]) == 2
    assert "driftlake run" in capsys.readouterr().err


def test_a_damaged_catalog_is_exit_code_1(tmp_path, capsys):
    (tmp_path / "catalog.db").write_bytes(b"no database at all, but long enough to be one" * 100)
    assert main(["query", "select 1", "-w", str(tmp_path)]) == 1
    assert "catalog.db" in capsys.readouterr().err


def test_json_is_an_array_of_objects_with_iso_times_and_base64_bytes(hand_made, capsys):
    hand_made.bronze_block(1, [])
    hand_made.promoted(1, [b"\xff\x00"])
    sql = "select ingest_time, payload, 'nan'::double as n, [1, 2] as l, null as e from bronze.raw_reading"
    assert main(["query", sql, "-w", str(hand_made.folder), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    encoded = base64.b64encode(b"\xff\x00").decode()
    assert said == [
        {"ingest_time": "2026-03-02T12:00:00Z", "payload": encoded, "n": None, "l": [1, 2], "e": None}
    ]


def test_json_of_no_rows_is_an_empty_array(hand_made, capsys):
    hand_made.append(BLOCK, [])
    assert main(["query", "from bronze.block", "-w", str(hand_made.folder), "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_map_is_a_json_object(hand_made):
    score = {"device_id": "sensor_1", "window_start": None, "features": [("a", 1.5)]}
    hand_made.append(WINDOW_SCORE, [score])
    [(features,)] = rows_of("select features from drift.window_score", hand_made.folder)
    assert rendering.json_value(features) == {"a": 1.5}


def test_csv_follows_rfc_4180():
    out = io.StringIO()
    rendering.write_csv(["a", 'b"'], [['x,"y"\n', None], [True, {"k": 1}]], out)
    assert out.getvalue() == 'a,"b"""\r\n"x,""y""\n",\r\ntrue,"{""k"": 1}"\r\n'
    assert list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1] == ['x,"y"\n', ""]


def test_a_table_stops_at_its_limit_and_says_so():
    out = io.StringIO()
    rendering.write_table(["n"], iter([(1,), (2,), (3,)]), Console(file=out, width=80), limit=2)
    assert "first 2 rows" in out.getvalue()
    assert "3" not in out.getvalue().replace("--limit 0", "")


def test_a_table_that_fits_exactly_has_no_notice():
    out = io.StringIO()
    rendering.write_table(["n"], iter([(1,), (2,)]), Console(file=out, width=80), limit=2)
    assert "(2 rows)" in out.getvalue()


def test_too_many_columns_become_one_list_per_row():
    out = io.StringIO()
    rendering.write_table(
        [f"c{n}" for n in range(20)], iter([tuple(range(20))]), Console(file=out, width=80), 5
    )
    assert "c19  19" in out.getvalue()


def test_values_neither_steer_the_terminal_nor_are_markup():
    out = io.StringIO()
    hostile = "\x1b[2J[bold red]x[/] \u202e"
    rendering.write_table(["a"], iter([(hostile,), (hostile.encode(),)]), Console(file=out, width=80), 5)
    assert "\x1b" not in out.getvalue()
    assert "\\x1b[2J[bold red]x[/] \\u202e" in out.getvalue()


def test_repeated_column_names_are_told_apart():
    assert unique_names(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


def test_spark_gives_the_same_rows_and_refuses_the_same(lake, monkeypatch):
    lake.append(BLOCK, [])
    lake.append(RAW_READING, [{"row_id": "r", "source_object": "o", "source_line": 1, "ingest_time": lake_time(),
                               "batch": "q/0", "block_sequence": 1, "payload": bytearray(b"x")}])  # fmt: skip
    monkeypatch.setattr("iot_common.io.session.build_session", lambda *_: lake.spark)
    sql = "select row_id, payload, 'bronze.raw_reading_all' as name from bronze.raw_reading_all"
    by_spark = list(run_query(sql, str(lake.folder), "spark").rows)
    assert by_spark == rows_of(sql, lake.folder) == [("r", b"x", "bronze.raw_reading_all")]
    for refused in (
        "drop table bronze.block",
        "insert into bronze.block select * from bronze.block",
        "selec 1",
    ):
        with pytest.raises(QueryError):
            run_query(refused, str(lake.folder), "spark")


def lake_time() -> Any:
    from iot_common.testing.spark import TEST_NOW

    return TEST_NOW
