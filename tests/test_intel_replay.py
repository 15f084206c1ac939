"""Real readings through the whole pipeline: the Intel Berkeley Lab motes 01, 04 and 06."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pipeline_runs import assert_balanced, driftlake, query, run_pipeline, snapshots

from iot_common.testing.evaluation_data import evaluation_data

MOTES = ("01", "04", "06")
ROWS = 122_506
YEARS_SHIFTED = 20


def known_data() -> Path:
    """The folder of the motes; skips by name where it is absent, and fails in CI."""
    found = evaluation_data("intel_lab")
    if found is None:
        pytest.skip("the evaluation data intel_lab is absent: set DRIFTLAKE_DATA to the folder that holds it")
    return found


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that holds the replay."""
    source = known_data()
    folder = tmp_path_factory.mktemp("intel")
    files = [str(source / f"Node{mote}.txt.gz") for mote in MOTES]
    replay = [option for file in files for option in ("--replay", file)]
    done = driftlake("simulate", "--landing", str(folder / "landing"), *replay, "--mapping", "intel_lab")
    assert done.returncode == 0, done.stdout + done.stderr
    run_pipeline(folder / "landing", folder / "warehouse")
    return folder / "warehouse"


def test_every_row_is_accounted_for(replayed: Path) -> None:
    assert_balanced(replayed)
    (row,) = query(
        replayed,
        "select sum(rows_in) as came, sum(rows_kept) as kept, sum(rows_quarantined + rows_duplicate + rows_superseded)"
        " as elsewhere from ops.conservation where stage = 'silver'",
    )
    assert row["came"] == ROWS
    assert row["kept"] + row["elsewhere"] == ROWS
    (raw,) = query(
        replayed, "select count(*) as rows, count(distinct row_id) as ids from bronze.raw_reading_all"
    )
    assert (raw["rows"], raw["ids"]) == (ROWS, ROWS)


@pytest.mark.parametrize("mote", MOTES)
def test_the_temperature_runaway_of_each_mote_is_found(replayed: Path, mote: str) -> None:
    known = json.loads((known_data() / "onsets.json").read_text())[f"Node{mote}"]
    hot = datetime.fromisoformat(known["sustained_T_gt_50"])
    hot = hot.replace(year=hot.year + YEARS_SHIFTED)
    found = query(
        replayed,
        "select kind, onset, evidence from drift.event where channel = 'statistical' "
        f"and field = 'temperature_celsius' and list_contains(devices, 'sensor_{int(mote)}')",
    )
    onsets = [
        datetime.fromisoformat(row["onset"]).replace(tzinfo=None)
        for row in found
        if row["kind"] == "VALUE_SHIFT"
    ]
    assert any(hot - timedelta(days=3) <= onset <= hot + timedelta(hours=6) for onset in onsets), (hot, found)


def test_readings_beyond_the_contract_are_kept_and_marked(replayed: Path) -> None:
    (row,) = query(
        replayed,
        "select count(*) filter (where temperature_celsius > 100) as hot,"
        " count(*) filter (where temperature_celsius > 100 and is_valid) as hot_but_valid from silver.reading",
    )
    assert row["hot"] > 1000
    assert row["hot_but_valid"] == 0


def test_the_report_shows_each_runaway(replayed: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = driftlake("report", "--warehouse", str(replayed), "--out", str(report))
    assert done.returncode == 0, done.stderr
    text = report.read_text()
    for mote in MOTES:
        assert f"sensor_{int(mote)}" in text
    assert "temperature_celsius" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_running_the_replay_again_changes_nothing(replayed: Path) -> None:
    before = snapshots(replayed)
    run_pipeline(replayed.parent / "landing", replayed)
    assert snapshots(replayed) == before
