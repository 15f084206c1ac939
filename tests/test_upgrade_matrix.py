"""Release N of every stage works with release N-1 of its neighbours, on either side, on one real warehouse.

N-1 is an earlier commit, N this checkout with one more optional column in every table that passes an edge: producers
of N-1 write to tables that N has widened, consumers of N meet tables without the column, and each stage is rolled back
once. It is the story that `make staged-rollback` shows.
"""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from pathlib import Path

import pytest
from tools.upgrade import trees
from tools.upgrade.deployment import EDGES, FLOW, Deployment
from tools.upgrade.feed import Feed
from tools.upgrade.ledger import Ledger, gaps
from tools.upgrade.release_process import ReleaseProcess
from tools.upgrade.story import STORY, tell
from tools.upgrade.trees import TreeError, next_release, previous_release, unchanged, why_no_previous

from driftlake.query_engine import open_duckdb

WIDENED = (
    "bronze.block",
    "bronze.raw_reading",
    "silver.reading",
    "silver.touched_window",
    "silver.schema_observation",
    "gold.device_window_5min",
    "drift.window_score",
    "ops.conservation",
)
"""Tables that get rows of both releases in the story."""


@pytest.mark.slow
def test_every_stage_works_with_neighbours_of_the_other_release_and_nothing_is_lost(tmp_path: Path) -> None:
    why = why_no_previous()
    if why:  # the expand step still divides the two releases
        warnings.warn(f"this checkout stands for the previous release: {why}", stacklevel=1)
    previous = unchanged if why else previous_release
    releases = {"1": previous(tmp_path / "1"), "2": next_release(tmp_path / "2")}
    deployment = Deployment(tmp_path / "warehouse", Feed(tmp_path))

    ledgers = [ledger for _, ledger in tell(deployment, releases)]  # each was checked as it was made

    assert len(ledgers) == len(STORY)
    for before, after in itertools.pairwise(ledgers):
        for place in ("bronze_rows", "readings", "gold_readings", "drift_observations", "metric_rows"):
            assert getattr(after, place) > getattr(before, place), f"{place} stood still"
    assert min(ledgers[-1].quarantined, ledgers[-1].superseded, ledgers[-1].duplicates) > 0

    for producer, consumer in EDGES:
        met = {(one, other) for p, one, c, other in deployment.met() if (p, c) == (producer, consumer)}
        assert {("1", "2"), ("2", "1")} <= met, f"{producer} -> {consumer}: only {sorted(met)}"
    for stage in FLOW:
        releases_run = [release for name, release in deployment.runs if name == stage]
        assert "1" in releases_run[releases_run.index("2") :], f"{stage} was never rolled back"

    with open_duckdb(str(deployment.warehouse)) as tables:
        for table in WIDENED:
            found = tables.execute(f"select distinct next_release from {table}").fetchall()
            assert set(found) == {(None,), ("2",)}, f"{table}: rows of {found}"


WHOLE = Ledger(
    landed_lines=100, bronze_rows=100, distinct_rows=100, silver_took=100, readings=90, quarantined=5, superseded=3,
    duplicates=2, elsewhere=2, gold_readings=90, observations=40, drift_observations=40, metric_rows=30, inbox_lines=30,
    batches=9, unbalanced=0, failures=0, unchecked=0, wrong_objects=(),
)  # fmt: skip


def test_a_row_that_is_missing_at_any_place_is_told() -> None:
    assert gaps(WHOLE) == []
    uncounted = {"batches", "wrong_objects"}
    for place in (each.name for each in dataclasses.fields(Ledger) if each.name not in uncounted):
        off_by_one = dataclasses.replace(WHOLE, **{place: getattr(WHOLE, place) + 1})
        assert gaps(off_by_one), place
    assert gaps(dataclasses.replace(WHOLE, wrong_objects=("a.gz",))) == ["a.gz is not whole in bronze"]


def test_an_expand_step_that_no_longer_fits_the_sources_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outdated = tmp_path / "next_release.toml"
    outdated.write_text(trees.NEXT_RELEASE.read_text().replace("line.defect,", "line.no_longer_there,", 1))
    monkeypatch.setattr(trees, "NEXT_RELEASE", outdated)
    with pytest.raises(TreeError, match=r"transform\.py holds .*no_longer_there.* 0 times, not once"):
        next_release(tmp_path / "2")


def test_a_stage_that_does_not_end_well_is_told_with_what_it_printed(tmp_path: Path) -> None:
    process = ReleaseProcess(unchanged(tmp_path / "1"), tmp_path / "1.log")
    try:
        given = ["--warehouse", str(tmp_path), "--landing", str(tmp_path), "--shuffle-partitions", "0"]
        failed = process.run("bronze", given)
        crashed = process.run("no_stage", [])
    finally:
        process.close()
    assert failed.startswith("exit code 2:")
    assert "--shuffle-partitions is 1 or more, not 0" in failed
    assert crashed.startswith("exit code of a crash:")
    assert "No module named 'iot_no_stage'" in crashed
