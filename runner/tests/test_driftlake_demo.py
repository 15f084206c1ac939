"""`driftlake simulate` and `driftlake demo`, up to where Spark starts."""

from __future__ import annotations

import json

import pytest

from driftlake.cli import main
from driftlake.demo import MARKER, QUERIES, fresh_folder
from driftlake.errors import OutputFolderError
from iot_common.contracts.catalogue import TABLES


def test_simulate_writes_objects_and_ground_truth(tmp_path, capsys):
    landing, truth = tmp_path / "landing", tmp_path / "truth.json"
    arguments = ["simulate", "-l", str(landing), "--events", "500", "--devices", "20", "--scenario", "demo"]
    assert main([*arguments, "--truth", str(truth)]) == 0
    assert json.loads(truth.read_text())["totals"]["lines"] == 500
    assert any(landing.rglob("*.ndjson.gz"))
    assert "500 lines" in capsys.readouterr().err


def test_replay_maps_rows_of_a_table(tmp_path, capsys):
    table = tmp_path / "mote.txt"
    table.write_text("2004-02-28 00:59:16.02785 3 1 19.9884 37.0933 45.08 2.69964\nno row at all\n")
    arguments = ["simulate", "-l", str(tmp_path / "landing"), "--replay", str(table)]
    assert main([*arguments, "--mapping", "intel_lab"]) == 0
    assert "2 rows read, 1 kept as text" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--continuous"],
        ["--continuous", "--rate", "5", "--events", "5"],
        ["--replay", "x.csv"],
        ["--replay", "x.csv", "--mapping", "intel_lab", "--seed", "1"],
        ["--mapping", "intel_lab"],
        ["--devices", "0"],
        ["--compression", "rar"],
        ["--scenario", "nowhere.toml"],
    ],
)
def test_wrong_simulations_are_exit_code_2_and_write_nothing(tmp_path, options, capsys):
    assert main(["simulate", "-l", str(tmp_path / "landing"), *options]) == 2
    assert capsys.readouterr().err
    assert not (tmp_path / "landing").exists()


def test_a_demo_replaces_the_folder_of_an_earlier_demo(tmp_path):
    folder = tmp_path / "demo"
    fresh_folder(folder)
    (folder / "warehouse").mkdir()
    (folder / "warehouse" / "old").touch()
    fresh_folder(folder)
    assert [path.name for path in folder.iterdir()] == [MARKER]


def test_a_demo_leaves_a_folder_that_is_not_its_own(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(OutputFolderError):
        fresh_folder(tmp_path)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "mine.txt").exists()


def test_the_queries_to_try_fit_the_contracts_and_a_shell(hand_made, capsys):
    for table in TABLES.values():
        hand_made.append(table, [])
    for sql in QUERIES:
        assert main(["query", sql, "-w", str(hand_made.folder)]) == 0
        assert not set(sql) & set('"$`\\!')
