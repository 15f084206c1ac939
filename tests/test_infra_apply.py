"""`terraform apply` of all units of dev, and `terragrunt run --all plan` of dev and prod, with moto's server as AWS.

What moto cannot do is in moto_gaps.toml; a pass says nothing about that, nor about permissions: moto refuses nobody.
The tests are in the order they run: what does not need the apply runs while that waits for S3 and SQS, two minutes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from infra_stand_in import (
    ACCOUNT,
    GAPS,
    Units,
    as_one_configuration,
    copied_units,
    make_state_bucket,
    moto_as_aws,
    tool,
)

ENVIRONMENTS = ("dev", "prod")
OTHER_PIN = {"pex_sha256": "d" * 64, "manifest_sha256": "e" * 64}


@pytest.fixture(scope="module")
def aws() -> Iterator[Mapping[str, str]]:
    tool("terraform")
    tool("terragrunt")
    with moto_as_aws() as environment:
        yield environment


@pytest.fixture(scope="module")
def units(aws: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Units:
    return copied_units(tmp_path_factory.mktemp("units") / "repository", aws)


@dataclass
class Environment:
    """dev as one configuration, and the apply of it, which goes on while other tests run."""

    folder: Path
    units: Units
    applying: subprocess.Popen[str] | None = None

    def write(self) -> None:
        """What terragrunt makes of the units, now."""
        configuration = as_one_configuration(self.units.rendered("dev"))
        (self.folder / "main.tf.json").write_text(json.dumps(configuration, indent=1))

    def start(self, command: str, *options: str) -> subprocess.Popen[str]:
        # Into a file: a pipe that nobody reads yet would stop the apply.
        with (self.folder / f"{command}.log").open("w") as log:
            return subprocess.Popen(
                [tool("terraform"), command, "-input=false", *options], cwd=self.folder,
                env=dict(self.units.environment), text=True, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def ended(self, command: str, running: subprocess.Popen[str]) -> str:
        """What a command said, when it has ended."""
        code = running.wait(timeout=400)
        said = (self.folder / f"{command}.log").read_text("utf-8")
        assert code == 0, said[-6000:]
        return said

    def changes(self) -> dict[str, str]:
        """Address -> action, of all that a plan would change."""
        said = self.ended("plan", self.start("plan", "-json"))
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        planned = [line["change"] for line in lines if line["type"] == "planned_change"]
        assert any(line["type"] == "change_summary" for line in lines)
        return {change["resource"]["addr"]: change["action"] for change in planned}


@pytest.fixture(scope="module")
def dev(units: Units, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    environment = Environment(tmp_path_factory.mktemp("dev"), units)
    environment.write()
    environment.ended("init", environment.start("init"))
    environment.applying = environment.start("apply", "-auto-approve", "-no-color")
    yield environment
    if environment.applying.poll() is None:
        os.killpg(environment.applying.pid, signal.SIGKILL)  # with its provider, which would wait on
        environment.applying.wait()


def test_every_gap_has_a_reason():
    entries = [entry for kind in GAPS.values() for entry in kind]
    assert [entry for entry in entries if len(entry.get("reason", "")) < 30] == []


@pytest.mark.slow
def test_every_unit_of_dev_and_prod_can_be_planned(dev: Environment, units: Units):
    ended = units.plan("--all", "--parallelism", "3")
    assert ended.returncode == 0, f"{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
    plans = re.findall(r"Plan: (\d+) to add, (\d+) to change, (\d+) to destroy", ended.stdout)
    there = [path for each in ENVIRONMENTS for path in units.region.glob(f"{each}/*/terragrunt.hcl")]
    assert len(plans) == len(there) >= 22
    assert all(int(added) > 0 and (changed, gone) == ("0", "0") for added, changed, gone in plans)


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode != 0
    return re.sub(r"\s+", " ", ended.stdout + ended.stderr)


@pytest.mark.parametrize("said", ["", "my-account", "12345678901", "123456789012", "000000000000"])
def test_an_account_number_that_is_none_is_told_before_anything_is_asked(units: Units, said: str):
    ended = units.terragrunt("plan", within="dev/storage", DRIFTLAKE_AWS_ACCOUNT_ID=said)
    assert (
        f"set DRIFTLAKE_AWS_ACCOUNT_ID to the twelve digits of your AWS account, not to '{said}'"
        in refusal(ended)
    )


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_that_is_not_the_folders_is_told_before_anything_is_asked(units: Units, variable: str):
    ended = units.terragrunt("plan", within="prod/catalog", **{variable: "eu-west-1"})
    told = "this unit is in the region of its folder, us-east-1"
    assert told in refusal(ended)
    assert "not 'eu-west-1'" in refusal(ended)


def test_credentials_of_another_account_are_refused(units: Units):
    make_state_bucket(units.environment, "333344445555")
    shutil.rmtree(
        units.region / "dev/catalog/.terragrunt-cache", ignore_errors=True
    )  # it knows the other state
    ended = units.plan(within="dev/catalog", DRIFTLAKE_AWS_ACCOUNT_ID="333344445555")
    assert f"AWS account ID not allowed: {ACCOUNT}" in refusal(ended)


def test_a_stage_that_pins_no_release_is_refused(units: Units):
    version: Any = units.region / "prod/gold/version.hcl"
    before = version.read_text("utf-8")
    version.write_text(re.sub(r'"a{64}"', '"not-published"', before))
    ended = units.plan(within="prod/gold")
    version.write_text(before)
    assert "This unit pins no release yet: version.hcl says not-published" in refusal(ended)


@pytest.mark.slow
def test_all_of_dev_is_applied_and_a_second_plan_finds_nothing_to_do(dev: Environment):
    assert dev.applying is not None
    said = dev.ended("apply", dev.applying)
    (made,) = re.findall(r"Apply complete! Resources: (\d+) added, 0 changed, 0 destroyed", said)
    assert int(made) > 120
    assert dev.changes() == {}


@pytest.mark.slow
def test_one_pin_changed_changes_one_unit_and_its_revert_nothing(dev: Environment):
    version = dev.units.region / "dev/silver/version.hcl"
    before = version.read_text("utf-8")
    dev.units.pin("silver", OTHER_PIN)
    dev.write()
    assert dev.changes() == {"module.silver.aws_glue_job.this": "update"}
    version.write_text(before)
    dev.write()
    assert dev.changes() == {}
