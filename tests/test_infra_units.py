"""The Terragrunt units as text: who depends on whom, what is pinned, where the account number is. What they pass their
modules, `infra/check` lets terragrunt check.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIVE = ROOT / "infra/live"
REGION = LIVE / "primary/us-east-1"
ENVIRONMENTS = ("dev", "prod")
STAGES = ("bronze", "silver", "gold", "drift", "metrics")
PLACES = (
    "storage",
    "catalog",
    "messaging",
    "query",
    "observability",
    "orchestration",
    "cost-guard",
    "ci-role",
)
PINS = ("pex_sha256", "manifest_sha256", "launcher_sha256")


def named_units(text: str) -> set[str]:
    """Units that a unit names: by `dependency`, by `dependencies`, or by reading their files."""
    return {Path(found).name for found in re.findall(r'"(\.\./[^"]+)"', text)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_place_and_every_stage_is_a_unit(environment: str):
    units = {path.parent.name for path in (REGION / environment).glob("*/terragrunt.hcl")}
    assert units == {*STAGES, *PLACES}


def test_a_unit_that_names_another_would_be_seen():
    assert named_units('dependency "silver" {\n  config_path = "../silver"\n}') == {"silver"}
    assert named_units('dependencies {\n  paths = ["../storage", "../gold"]\n}') == {"storage", "gold"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_unit_depends_on_another_stages(environment: str, stage: str):
    folder = REGION / environment / stage
    text = (folder / "terragrunt.hcl").read_text("utf-8")
    assert named_units(text) <= set(PLACES)
    assert "dependency " not in text, (
        "an output of another unit: name the place by its name, as root.hcl does"
    )
    assert set(re.findall(r"stages/(\w+)/", text)) == {stage}, "its own contract, and no other's"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_pins_one_release_whole_or_none(environment: str, stage: str):
    text = (REGION / environment / stage / "version.hcl").read_text("utf-8")
    pins = dict(re.findall(r'^  (\w+) += "([^"]*)"$', text, flags=re.MULTILINE))
    assert tuple(pins) == PINS
    published = [bool(re.fullmatch("[0-9a-f]{64}", pin)) for pin in pins.values()]
    assert all(published) or set(pins.values()) == {"not-published"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_settings_are_options_of_its_command_line(environment: str, stage: str):
    text = (REGION / environment / stage / "terragrunt.hcl").read_text("utf-8")
    block = re.search(r"settings = \{(.*?)\n    \}", text, flags=re.DOTALL)
    given = set(re.findall(r"^ +([a-z-]+) += ", block[1], flags=re.MULTILINE)) if block else set()
    settings = getattr(importlib.import_module(f"iot_{stage}.settings"), f"{stage.capitalize()}Settings")
    assert given <= {each.name.replace("_", "-") for each in fields(settings)}
    if stage == "bronze":
        assert "landing" in given


def test_dev_and_prod_differ_in_settings_and_pins_alone():
    for unit in (*STAGES, *PLACES):
        dev, prod = ((REGION / each / unit / "terragrunt.hcl").read_text("utf-8") for each in ENVIRONMENTS)
        without_name = re.compile(r"\b(dev|prod)\b")
        assert without_name.sub("", dev) == without_name.sub("", prod), unit
    names = [
        re.findall(r"^ +(\w+) +=", (REGION / each / "environment.hcl").read_text("utf-8"), flags=re.MULTILINE)
        for each in ENVIRONMENTS
    ]
    assert names[0] == names[1]


def test_the_account_number_is_in_one_place_without_a_default():
    files = [path for path in LIVE.rglob("*.hcl") if ".terragrunt-cache" not in path.parts]
    asked = [path.name for path in files if "DRIFTLAKE_AWS_ACCOUNT_ID" in path.read_text("utf-8")]
    assert asked == ["account.hcl"]
    assert 'get_env("DRIFTLAKE_AWS_ACCOUNT_ID", "")' in (LIVE / "primary/account.hcl").read_text("utf-8")
    for path in files:
        numbers = re.sub(r"^  placeholders = \[.*\]$", "", path.read_text("utf-8"), flags=re.MULTILINE)
        assert not re.search(r"\b[0-9]{12}\b", numbers), path
