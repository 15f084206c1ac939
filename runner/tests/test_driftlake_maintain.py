"""`driftlake maintain`: what it asks of the stages, and how it tells what was done. tests/ runs the real stages."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from driftlake import pipeline
from driftlake.cli import main
from driftlake.pipeline import STAGES
from iot_common.batch import BatchIdentity
from iot_common.errors import StageFailedError
from iot_common.io.local_catalog import prepare_catalog
from iot_common.io.maintenance import TableSize, Upkeep
from iot_common.io.stream import QueryReport

BEFORE, AFTER = TableSize(96, 4, 9_600_000, 20, 100), TableSize(1, 0, 8_000_000, 2, 30)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Every stage becomes a stand-in that notes its settings and says it has maintained one table."""
    settings = []

    def stand_in(context):
        settings.append(context.settings)
        if context.run.stage == "drift":
            raise StageFailedError("drift", "no space left")
        dry = context.settings.dry_run
        held = ("gold/windows",) if context.run.stage == "silver" else ()
        done = Upkeep(BEFORE, BEFORE if dry else AFTER, 96, 9_500_000, 4, 20, 70, 3, held, dry)
        return [
            QueryReport(
                "maintenance", [(BatchIdentity("maintenance", 1), [done.gate(f"{context.run.stage}.t")])]
            )
        ]

    for stage in STAGES:
        monkeypatch.setattr(f"iot_{stage}.job.run", stand_in)
    monkeypatch.setattr(pipeline, "java_lock", lambda *_: nullcontext())
    monkeypatch.setattr("iot_common.io.session.build_session", lambda *_: SimpleNamespace())
    prepare_catalog(tmp_path / "warehouse")
    return settings


def maintain(tmp_path: Path, *arguments: str) -> int:
    return main(["maintain", "--warehouse", str(tmp_path / "warehouse"), *arguments])


def test_a_table_says_what_was_done_and_what_holds_snapshots_back(asked, tmp_path, capsys):
    assert (
        maintain(tmp_path, "--stage", "silver", "--stage", "bronze", "--set", "silver.snapshot_days=7") == 0
    )
    assert [(each.maintain, each.dry_run, each.snapshot_days) for each in asked] == [
        (True, False, 3.0),
        (True, False, 7.0),
    ]
    shown = " ".join(capsys.readouterr().out.split())
    for cell in ("silver.t", "100 → 1", "9.6 MB → 8.0 MB", "20 → 2", "100 → 30"):
        assert cell in shown
    assert "silver.t: older snapshots stay until gold/windows has read them" in shown


def test_a_dry_run_says_what_would_be_done(asked, tmp_path, capsys):
    assert maintain(tmp_path, "--stage", "gold", "--dry-run", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (asked[0].dry_run, row["is_dry_run"]) == (True, True)
    assert row["bytes_before"] == row["bytes_after"] == 9_600_000
    assert (row["table"], row["snapshots_removed"], row["held_by"]) == ("gold.t", 70, [])


def test_a_stage_that_fails_ends_with_1_and_what_was_done_before_is_told(asked, tmp_path, capsys):
    assert maintain(tmp_path) == 1
    told = capsys.readouterr()
    assert "stage drift stopped: no space left" in told.err.replace("\n", " ")
    assert all(f"{stage}.t" in told.out for stage in ("bronze", "silver", "gold", "metrics"))


def test_a_folder_without_tables_is_told(tmp_path, capsys):
    assert main(["maintain", "--warehouse", str(tmp_path / "nowhere")]) == 2
    assert "no warehouse at" in capsys.readouterr().err
