"""`driftlake run`: order, failures, settings, exit codes. The stages are stand-ins; tests/ runs the real ones."""

from __future__ import annotations

import errno
import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from driftlake import pipeline
from driftlake.cli import main
from driftlake.pipeline import STAGES, Observers, RunRequest, parse_overrides, run_pipeline
from driftlake.status import Findings
from driftlake.warehouse_lock import warehouse_lock
from iot_common.batch import BatchIdentity
from iot_common.errors import SettingsError, StageFailedError
from iot_common.io.stream import QueryReport
from iot_common.metrics import Gate


@pytest.fixture
def ran(monkeypatch):
    """Every stage becomes a stand-in that notes its context and loses no row; returns the contexts in order."""
    contexts = []

    def stand_in(context):
        contexts.append(context)
        context.on_step("working")
        gates = [Gate("ingress", "in", "somewhere", 3, 1, 30), Gate("egress", "kept", "there", 3)]
        return [QueryReport("all", [(BatchIdentity("q", 0), gates)])]

    for stage in STAGES:
        monkeypatch.setattr(f"iot_{stage}.job.run", stand_in)
    monkeypatch.setattr(pipeline, "java_lock", lambda *_: nullcontext())
    monkeypatch.setattr("iot_common.io.session.build_session", lambda *_: SimpleNamespace())
    return contexts


@pytest.fixture
def places(tmp_path):
    (tmp_path / "landing").mkdir()
    return ["--landing", str(tmp_path / "landing"), "--warehouse", str(tmp_path / "warehouse")]


def request_for(tmp_path, **changes):
    (tmp_path / "landing").mkdir(exist_ok=True)
    return RunRequest(str(tmp_path / "warehouse"), str(tmp_path / "landing"), **changes)


def test_stages_run_in_order_with_one_run_id_and_metrics_last(tmp_path, ran):
    run_pipeline(request_for(tmp_path))
    assert tuple(context.run.stage for context in ran) == STAGES
    assert len({context.run.run_id for context in ran}) == 1


def test_named_stages_run_alone_and_in_order(tmp_path, ran):
    run_pipeline(request_for(tmp_path, stages=["silver", "bronze", "silver"]))
    assert [context.run.stage for context in ran] == ["bronze", "silver"]


def test_after_a_failure_only_metrics_runs(tmp_path, ran, monkeypatch):
    seen = []

    def failing(context):
        raise StageFailedError("silver", "the disk is full")

    monkeypatch.setattr("iot_silver.job.run", failing)
    observers = Observers(on_stage=lambda stage, state: seen.append((stage, state)))
    outcome = run_pipeline(request_for(tmp_path), observers)
    assert [context.run.stage for context in ran] == ["bronze", "metrics"]
    assert seen[-4:] == [
        ("gold", "skipped"),
        ("drift", "skipped"),
        ("metrics", "running"),
        ("metrics", "done"),
    ]
    assert [error.stage for error in outcome.failures] == ["silver"]


def test_a_failure_outside_of_any_query_leaves_its_metric_row(tmp_path, ran, monkeypatch):
    def failing(context):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("iot_gold.job.run", failing)
    outcome = run_pipeline(request_for(tmp_path))
    assert "No space left" in str(outcome.failures[0])
    [row] = [json.loads(path.read_text()) for path in (tmp_path / "warehouse" / "metric_inbox").iterdir()]
    assert (row["stage"], row["outcome"]) == ("gold", "failure")
    assert "No space left" in row["error"]


def test_a_failed_stage_is_exit_code_1_one_line_and_no_trace(ran, monkeypatch, capsys, places):
    def failing(context):
        raise ValueError("first line\nsecond line")

    monkeypatch.setattr("iot_bronze.job.run", failing)
    monkeypatch.setattr("driftlake.run_command._conservation", lambda _: None)
    assert main(["run", *places]) == 1
    said = capsys.readouterr().err
    assert "driftlake: stage bronze stopped: ValueError: first line" in said
    assert "Traceback" not in said


def test_a_good_run_is_exit_code_0_and_shows_what_passed(ran, monkeypatch, capsys, places):
    monkeypatch.setattr("driftlake.run_command._conservation", lambda _: None)
    found = Findings({"open": 3, "resolved": 1}, {"ERROR": 1, "WARN": 2})
    monkeypatch.setattr("driftlake.run_command._findings", lambda _: found)
    assert main(["run", *places]) == 0
    out, err = capsys.readouterr()
    assert "Findings: open: 1 ERROR, 2 WARN; 1 resolved (driftlake drift ls)" in out
    assert "Conservation: balanced; 5 batches" in out
    assert "bronze: working" in err


def test_a_batch_that_loses_a_row_is_exit_code_3(ran, monkeypatch, capsys, places):
    def losing(context):
        gates = [
            Gate("ingress", "in", "a", 3),
            Gate("egress", "kept", "b", 1),
            Gate("egress", "duplicate", "b", 1),
        ]
        return [QueryReport("blocks", [(BatchIdentity("q", 4), gates)])]

    monkeypatch.setattr("iot_silver.job.run", losing)
    assert main(["run", *places, "--stage", "silver"]) == 3
    assert "silver.blocks batch 4: 1 too few left" in capsys.readouterr().out


def test_a_missing_landing_folder_is_exit_code_2_and_touches_nothing(tmp_path, capsys, ran):
    warehouse = tmp_path / "warehouse"
    assert main(["run", "--landing", str(tmp_path / "none"), "--warehouse", str(warehouse)]) == 2
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert not warehouse.exists()
    assert ran == []


def test_bronze_without_landing_is_exit_code_2_and_gold_needs_none(tmp_path, capsys, ran):
    assert main(["run", "--warehouse", str(tmp_path)]) == 2
    assert "--landing" in capsys.readouterr().err
    assert main(["run", "--warehouse", str(tmp_path), "--stage", "gold"]) == 0


def test_a_held_warehouse_is_exit_code_1(capsys, places, ran):
    with warehouse_lock(places[-1]):
        assert main(["run", *places]) == 1
    assert "is in use by" in capsys.readouterr().err
    assert ran == []


def test_settings_of_a_stage_can_be_given(tmp_path, ran):
    overrides = parse_overrides(["bronze.promote-minutes=5", "drift.min_device_share=0.5"])
    run_pipeline(request_for(tmp_path, overrides=overrides))
    assert ran[0].settings.promote_minutes == 5
    assert ran[3].settings.min_device_share == 0.5


@pytest.mark.parametrize(
    "text", ["bronze", "bronze.x", "bronze.=1", "copper.x=1", "bronze.nothing=1", "bronze.block_bytes=x"]
)
def test_a_wrong_setting_is_refused_before_anything_runs(tmp_path, text, ran):
    with pytest.raises(SettingsError):
        run_pipeline(request_for(tmp_path, overrides=parse_overrides([text])))
    assert ran == []


@pytest.mark.parametrize(
    "arguments", [["run"], ["nonsense"], ["run", "--warehouse", "w", "--stage", "copper"]]
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    assert main(arguments) == 2


def test_an_unforeseen_error_is_one_line_that_names_debug(monkeypatch, capsys):
    def failing(*_):
        raise RuntimeError("a\nb")

    monkeypatch.setattr("driftlake.status.warehouse_status", failing)
    assert main(["status", "-w", "x"]) == 1
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith("unexpected RuntimeError: a. Run with --debug for the stack trace.")
    )
    with pytest.raises(RuntimeError):
        main(["status", "-w", "x", "--debug"])


def test_interrupt_is_exit_code_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("driftlake.status.warehouse_status", interrupted)
    assert main(["status", "-w", "x"]) == 130


def test_version_and_exit_codes_are_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "driftlake 1.0.0\n"
    assert main(["run", "--help"]) == 0
    assert "not balanced" in " ".join(capsys.readouterr().out.split())


def test_a_run_with_nothing_new_says_so(ran, monkeypatch, capsys, places):
    for stage in STAGES:
        monkeypatch.setattr(f"iot_{stage}.job.run", lambda context: [QueryReport("all")])
    monkeypatch.setattr("driftlake.run_command._conservation", lambda _: None)
    assert main(["run", *places]) == 0
    assert "Nothing new" in capsys.readouterr().out
