"""Rollout and rollback: what is pinned, applied, proved and put back, and what is refused. AWS is moto's server,
Terragrunt a stand-in that records; the gate's SQL runs on tables of DuckDB.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from release_world import ACCOUNT, STAGES, World, release_world

from driftlake import exit_codes
from driftlake.cli import main
from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.canary import GlueJobs
from driftlake.release.deployables import chosen
from driftlake.release.environment import connect, find_environment
from driftlake.release.errors import (
    CanaryError,
    NotPublishedError,
    PinError,
    RefusedError,
    RolloutBusyError,
    RolloutStoppedError,
    WrongEnvironmentError,
)
from driftlake.release.lock import KEY, read_holder, rollout_lock, unlock
from driftlake.release.pins import read_pin
from driftlake.release.plan import lines_of
from driftlake.release.publish import manifest_like, publish
from driftlake.release.rollout import apply, roll_back
from driftlake.stage_views import stage_views
from iot_common.errors import SettingsError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with release_world(tmp_path) as made:
        yield made


def test_the_first_rollout_deploys_every_stage_in_order_and_a_second_does_nothing(world: World):
    built = world.roll_out()
    expected = [(stage, built[stage].manifest.artifact_sha256) for stage in STAGES]
    assert world.terragrunt.applied == expected
    # Each canary is followed by a run of metrics, which counts it, before the next stage is touched.
    assert world.ops.seen[::2] == [f"canary-0-{stage}" for stage in STAGES]
    assert {run.rpartition("-")[2] for run in world.ops.seen[1::2]} == {"metrics"}
    # Views come when the canary has made the tables.
    assert world.viewed == [(stage, 2 * number) for number, stage in enumerate(STAGES, 1)]
    plan = world.plan(built)
    assert (plan.changes, [step.action for step in plan.steps]) == ([], ["keep"] * 5)
    assert lines_of(plan)[-1] == "nothing to do: the pinned releases are those that are wanted"


def test_only_what_changed_is_rolled_out_and_the_plan_says_which_commits(world: World):
    world.roll_out()
    world.terragrunt.applied.clear()
    before = {stage: world.pin(stage) for stage in STAGES}
    world.edit_stage("gold", "Gold rounds half to even")
    world.edit_stage("silver", "Silver knows a unit more")
    plan = world.plan(world.release())
    assert [step.deployable.name for step in plan.changes] == ["silver", "gold"]
    assert [[each.subject for each in step.commits or ()] for step in plan.changes] == [
        ["Silver knows a unit more"],
        ["Gold rounds half to even"],
    ]
    apply(world.place, plan, "canary-2")
    assert [unit for unit, _ in world.terragrunt.applied] == ["silver", "gold"]
    assert {stage for stage in STAGES if world.pin(stage) != before[stage]} == {"silver", "gold"}
    assert {world.pin(stage, "prod") for stage in STAGES} == {"not-published"}


def test_a_change_of_the_common_library_is_named_as_the_reason(world: World):
    world.roll_out()
    world.write(
        "libs/common/src/iot_common/contracts/gold_place_hour.py",
        lambda t: f"{t}# more\n",
        "Words of a table",
    )
    plan = world.plan(world.release())
    assert {each.subject for step in plan.changes for each in step.commits or ()} == {"Words of a table"}
    assert [line for line in lines_of(plan) if "why:" in line] == [
        f"             why:  {world.checkout.git('rev-parse', 'HEAD')[:9]} Words of a table"
    ] * len(plan.changes)


@pytest.mark.parametrize("defect", ["lost", "quarantined"])
def test_a_failed_gate_puts_the_pin_back_applies_it_and_stops(world: World, defect: str):
    world.roll_out()
    old = world.pin("silver")
    for stage in ("bronze", "silver", "gold"):
        world.edit_stage(stage, f"{stage} 2")
    plan = world.plan(world.release())
    world.terragrunt.applied.clear()
    getattr(world.ops, defect)["silver"] = 7
    with pytest.raises(
        RolloutStoppedError, match=r"stopped at silver in dev: its gate failed: batch .* of q"
    ) as told:
        apply(world.place, plan, "canary-2")
    assert "silver runs" in str(told.value)
    assert ("7 of 1,000 rows (0.70%" if defect == "quarantined" else "+7 of 1,000") in str(told.value)
    units = [unit for unit, _ in world.terragrunt.applied]
    assert units == ["bronze", "silver", "silver"], "gold was not touched"
    assert (world.pin("silver"), world.terragrunt.applied[-1]) == (old, ("silver", old))


def test_a_unit_that_cannot_be_applied_is_put_back(world: World):
    world.roll_out()
    old = world.pin("bronze")
    world.edit_stage("bronze", "bronze 2")
    built = world.release("bronze")
    world.terragrunt.refuses.add(built["bronze"].manifest.artifact_sha256)
    with pytest.raises(RolloutStoppedError, match=r"ExpiredToken.*\nbronze runs .* again"):
        apply(world.place, world.plan(built), "canary-2")
    assert (world.pin("bronze"), world.terragrunt.applied[-1]) == (old, ("bronze", old))


def test_what_cannot_be_put_back_on_aws_is_said(world: World):
    world.roll_out()
    old = world.pin("bronze")
    world.edit_stage("bronze", "bronze 2")
    built = world.release("bronze")
    world.terragrunt.refuses |= {built["bronze"].manifest.artifact_sha256, old}
    with pytest.raises(RolloutStoppedError, match="AWS may still run the release that was tried"):
        apply(world.place, world.plan(built), "canary-2")
    assert world.pin("bronze") == old


def test_an_interruption_puts_back_too(world: World, monkeypatch: pytest.MonkeyPatch):
    world.roll_out()
    old = world.pin("bronze")
    world.edit_stage("bronze", "bronze 2")
    plan = world.plan(world.release("bronze"))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(world, "run_job", interrupted)
    with pytest.raises(RolloutStoppedError, match="it was interrupted"):
        apply(world.place, plan, "canary-2")
    assert (world.pin("bronze"), world.terragrunt.applied[-1]) == (old, ("bronze", old))


def test_the_first_release_of_a_stage_has_nothing_to_return_to(world: World):
    built = world.release("metrics")
    world.ops.lost["metrics"] = 1
    with pytest.raises(RolloutStoppedError, match="It had no release before"):
        apply(world.place, world.plan(built), "canary-1")
    assert world.terragrunt.applied == [("metrics", built["metrics"].manifest.artifact_sha256)]


def test_what_is_not_published_whole_is_not_rolled_out(world: World):
    built = world.build("metrics")
    plan = world.plan(built)
    assert [step.action for step in plan.changes] == ["publish"]
    with pytest.raises(NotPublishedError, match="Nothing was deployed"):
        apply(world.place, plan, "canary-1")
    assert (world.terragrunt.applied, world.pin("metrics")) == ([], "not-published")


def test_a_table_that_readers_do_not_know_is_refused_with_the_way_out(world: World):
    world.roll_out()
    world.set_table_version("bronze_block", "2.0.0")
    world.declare("bronze", bronze_block=">=1.0.0,<3.0.0")
    built = world.release("bronze")
    plan = world.plan(built, only=["bronze"])
    with pytest.raises(RefusedError) as told:
        apply(world.place, plan, "canary-2")
    assert told.value.exit_code == exit_codes.REFUSED
    (line,) = plan.conflicts
    assert re.match(
        r"bronze.block: silver \w{12} works with >=1.0.0,<2.0.0, but bronze \w{12}: bronze writes 2.0.0. "
        r"First roll out a release of silver that works with both",
        line,
    )
    assert len(world.terragrunt.applied) == 5, "nothing was changed"


def test_the_way_out_leads_out(world: World):
    world.roll_out()
    world.declare("silver", bronze_block=">=1.0.0,<3.0.0")
    world.roll_out("silver")
    world.set_table_version("bronze_block", "2.0.0")
    world.declare("bronze", bronze_block=">=1.0.0,<3.0.0")
    world.roll_out("bronze")
    assert world.terragrunt.applied[-1] == ("bronze", world.pin("bronze"))


def test_a_rollback_changes_one_unit_alone(world: World):
    first = world.roll_out()
    for stage in STAGES:
        world.edit_stage(stage, f"{stage} 2")
    second = world.roll_out()
    world.terragrunt.applied.clear()
    version = first["silver"].manifest.artifact_sha256
    done = roll_back(world.place, first["silver"].deployable, version[:12])
    assert (done, world.terragrunt.applied) == (first["silver"].manifest, [("silver", version)])
    assert {s: world.pin(s) for s in STAGES} == {
        s: (first if s == "silver" else second)[s].manifest.artifact_sha256 for s in STAGES
    }


def test_a_rollback_below_a_tables_schema_is_refused(world: World):
    first = world.roll_out()
    world.set_table_version("gold_place_hour", "2.0.0")
    world.declare("gold", gold_place_hour=">=1.0.0,<3.0.0")
    world.roll_out("gold")
    now = world.pin("gold")
    with pytest.raises(RefusedError, match=r"it has schema 2.0.0, and gold .* WORKS_WITH"):
        roll_back(world.place, first["gold"].deployable, first["gold"].manifest.artifact_sha256)
    assert (world.pin("gold"), len(world.terragrunt.applied)) == (now, 6)


def test_a_rollback_that_cannot_be_applied_leaves_the_pin(world: World):
    first = world.roll_out()
    world.edit_stage("gold", "gold 2")
    world.roll_out("gold")
    now, old = world.pin("gold"), first["gold"].manifest.artifact_sha256
    world.terragrunt.refuses.add(old)
    with pytest.raises(RolloutStoppedError, match="pins what it did before"):
        roll_back(world.place, first["gold"].deployable, old)
    assert world.pin("gold") == now


def test_only_one_rollout_at_a_time(world: World):
    with rollout_lock(world.bucket, world.environment, "rollout", NOW) as mine:
        with (
            pytest.raises(
                RolloutBusyError,
                match=rf"rollout of .*@.* since 2026-03-02T12:00:00Z \(90 min\).*{mine.token}",
            ),
            rollout_lock(world.bucket, world.environment, "rollback", NOW + timedelta(minutes=90)),
        ):
            pytest.fail("two hold the lock")
        assert read_holder(world.bucket) == mine
    assert read_holder(world.bucket) is None


def test_a_lock_whose_process_is_gone_is_freed_by_its_token_alone(world: World):
    content = {"what": "rollout", "owner": "ci@runner", "since": "2026-03-02T12:00:00Z", "token": "abcd1234"}
    world.bucket.put_once(KEY, json.dumps(content).encode())
    with pytest.raises(SettingsError, match="the lock is abcd1234, of ci@runner"):
        unlock(world.bucket, "ffff0000")
    assert unlock(world.bucket, "abcd1234").owner == "ci@runner"
    with rollout_lock(world.bucket, world.environment, "rollout", NOW):
        pass


def test_a_lock_that_was_freed_and_taken_by_another_is_not_given_back(world: World):
    with rollout_lock(world.bucket, world.environment, "rollout", NOW) as mine:
        unlock(world.bucket, mine.token)
        with rollout_lock(world.bucket, world.environment, "rollback", NOW) as other:
            pass_through = read_holder(world.bucket)
        assert pass_through == other
    assert read_holder(world.bucket) is None


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "set DRIFTLAKE_AWS_ACCOUNT_ID"),
        ({"DRIFTLAKE_AWS_ACCOUNT_ID": "000000000000"}, "not '000000000000'"),
        ({"DRIFTLAKE_AWS_ACCOUNT_ID": "your-account"}, "not 'your-account'"),
        (
            {"DRIFTLAKE_AWS_ACCOUNT_ID": ACCOUNT, "AWS_REGION": "eu-west-1"},
            "dev is in us-east-1, but AWS_REGION",
        ),
    ],
)
def test_an_account_or_region_that_cannot_be_meant_is_told(
    world: World, variables: dict[str, str], complaint: str
):
    with pytest.raises(WrongEnvironmentError, match=complaint):
        find_environment(world.checkout.root, "dev", variables)


def test_credentials_of_another_account_are_told(world: World):
    other = find_environment(world.checkout.root, "dev", {"DRIFTLAKE_AWS_ACCOUNT_ID": "210987654321"})
    with pytest.raises(WrongEnvironmentError, match=f"belong to account {ACCOUNT}, but .* says 210987654321"):
        connect(other)
    with pytest.raises(WrongEnvironmentError, match="there are dev, prod"):
        find_environment(world.checkout.root, "production", os.environ)


def test_a_pin_of_one_part_is_told(world: World):
    (deployable,) = chosen(["gold"])
    path = world.environment.unit(deployable) / "version.hcl"
    path.write_text(path.read_text("utf-8").replace("not-published", "0" * 64, 1), "utf-8")
    with pytest.raises(PinError, match="manifest_sha256 is 'not-published'"):
        read_pin(path.parent, deployable)
    path.write_text("locals {\n}\n", "utf-8")
    with pytest.raises(PinError, match="it pins"):
        read_pin(path.parent, deployable)


class Busy:
    """Glue whose job is busy with its scheduled run at the first start, and ends as it is told."""

    def __init__(self, state: str) -> None:
        self.exceptions = boto3.client("glue").exceptions
        self.starts = 0
        self.state = state

    def start_job_run(self, **_: object) -> dict[str, str]:
        self.starts += 1
        if self.starts == 1:
            raise self.exceptions.ConcurrentRunsExceededException({"Error": {"Code": "busy"}}, "StartJobRun")
        return {"JobRunId": "jr_1"}

    def get_job_run(self, **_: object) -> dict[str, dict[str, str]]:
        return {"JobRun": {"JobRunState": self.state, "ErrorMessage": "exit code 2"}}


def test_a_canary_waits_for_the_scheduled_run_and_fails_as_its_job_does(world: World):
    waited: list[float] = []
    with pytest.raises(CanaryError, match="driftlake-dev-x-gold: it ended as FAILED: exit code 2"):
        GlueJobs(Busy("FAILED"), waited.append).run("driftlake-dev-x-gold", "canary")
    assert len(waited) == 1
    with pytest.raises(CanaryError, match="does not end"):
        GlueJobs(Busy("RUNNING"), lambda _: None).run("driftlake-dev-x-gold", "canary")


RECORDED_TERRAGRUNT = """#!/bin/sh
# Stands in for terragrunt: records where and how it was called.
echo "$(basename "$PWD") $*" >> "$RECORD"
"""


def test_the_commands_from_build_to_rollback(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The command line, with a `terragrunt` on PATH that records, and no table on AWS yet."""
    program = tmp_path / "bin/terragrunt"
    program.parent.mkdir()
    program.write_text(RECORDED_TERRAGRUNT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.chdir(world.checkout.root / "stages")
    monkeypatch.setattr("driftlake.release.canary.POLL_SECONDS", 0.0)
    athena = boto3.client("athena")
    athena.create_work_group(Name=world.environment.name_prefix)
    world.build(*STAGES, "functions")
    assert main(["rollout", "apply", "--env", "dev"]) == exit_codes.USAGE
    assert "driftlake release publish" in capsys.readouterr().err
    assert main(["release", "publish", "--env", "dev"]) == 0
    assert main(["rollout", "plan", "--env", "dev", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["changed"], plan["refused"]) == ([*STAGES, "functions"], False)
    assert main(["rollout", "apply", "--env", "dev", "--commit"]) == 0
    first = world.pin("gold")
    calls = (tmp_path / "record").read_text().splitlines()
    units = (*STAGES, "orchestration")
    assert calls == [f"{unit} run --non-interactive -- apply -auto-approve -input=false" for unit in units]
    subjects = world.checkout.git("log", "-2", "--format=%s").splitlines()
    assert re.fullmatch("functions [0-9a-f]{12} in dev", subjects[0])
    assert subjects[1] == f"drift {world.pin('drift')[:12]} in dev"
    asked = [
        athena.get_query_execution(QueryExecutionId=each)["QueryExecution"]["Query"]
        for each in athena.list_query_executions()["QueryExecutionIds"]
    ]
    assert [each.split(" AS\n")[0].split()[-1] for each in asked] == [
        view.name for stage in STAGES for view in stage_views([stage])
    ]
    assert world.checkout.git("status", "--porcelain") == ""

    world.edit_stage("gold", "gold 2")
    world.build("gold")
    assert main(["release", "publish", "--env", "dev", "gold"]) == 0
    assert main(["rollout", "apply", "--env", "dev", "--stage", "gold"]) == 0
    capsys.readouterr()
    assert main(["rollback", "gold", "--to", first[:12], "--env", "dev"]) == 0
    assert f"gold in dev runs {first[:12]}" in capsys.readouterr().out
    assert world.pin("gold") == first
    assert main(["release", "ls", "gold", "--env", "dev"]) == 0
    assert [line.endswith("pinned") for line in capsys.readouterr().out.splitlines()].count(True) == 1
    # What dev pins goes to prod, once it is published there.
    boto3.client("s3").create_bucket(Bucket=find_environment(world.checkout.root, "prod").artifacts)
    assert main(["rollout", "plan", "--env", "prod", "--from", "dev"]) == exit_codes.USAGE
    assert "driftlake release publish" in capsys.readouterr().err


def test_bad_words_on_the_command_line(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(world.checkout.root)
    for command, complaint in (
        (
            ["rollback", "platinum", "--to", "abc", "--env", "dev"],
            "there are metrics, bronze, silver, gold, drift",
        ),
        (["rollback", "gold", "--to", "0123", "--env", "dev"], "no published release of gold is '0123'"),
        (["rollout", "plan", "--env", "staging"], "there is no environment 'staging'"),
        (["rollout", "plan", "--env", "dev"], "driftlake release build"),
        (["rollout", "unlock", "--env", "dev", "--lock", "x"], "there is no lock"),
    ):
        assert main(command) == exit_codes.USAGE
        error = capsys.readouterr().err
        assert complaint in error, error


def test_functions_of_the_flow_are_pinned_without_a_gate(world: World):
    built = world.release("functions")
    apply(world.place, world.plan(built, ["functions"]), "canary-0")
    sha256 = built["functions"].manifest.artifact_sha256
    assert world.terragrunt.applied == [("orchestration", sha256)]
    assert f'functions_sha256 = "{sha256}"' in (
        world.environment.folder / "orchestration/version.hcl"
    ).read_text("utf-8")
    assert world.bucket.exists(f"functions/{sha256}/functions.zip")
    assert world.ops.seen == [], "no canary: they have no batches"
    assert not world.plan(built, ["functions"]).changes

    # Its pin is told from the next release by the artifact alone, and it goes back like a stage.
    world.write("functions/src/iot_functions/lag.py", lambda text: f"{text}# more\n", "Lag said otherwise")
    plan = world.plan(world.release("functions"), ["functions"])
    assert [[each.subject for each in step.commits or ()] for step in plan.changes] == [
        ["Lag said otherwise"]
    ]
    apply(world.place, plan, "canary-1")
    roll_back(world.place, built["functions"].deployable, sha256[:12])
    assert world.terragrunt.applied[-1] == ("orchestration", sha256)


def test_prod_takes_what_dev_pins_though_it_was_published_from_another_commit(world: World):
    first = world.roll_out("gold")["gold"].manifest
    # A commit that changes an input of the build, and nothing in the program.
    world.write("stages/macros.py", lambda text: f"{text}# more\n", "Words of the build")
    second = world.build("gold")["gold"]
    assert second.manifest.artifact_sha256 == first.artifact_sha256
    assert second.manifest.sha256 != first.sha256
    prod = ArtifactBucket(world.bucket.client, find_environment(world.checkout.root, "prod").artifacts)
    boto3.client("s3").create_bucket(Bucket=prod.name)
    publish(prod, second)
    assert manifest_like(prod, second.deployable, first.hashes) == second.manifest
    with pytest.raises(NotPublishedError):
        manifest_like(prod, second.deployable, first.hashes | {"artifact": "0" * 64})
