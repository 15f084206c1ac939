"""What a release is made of: the same bytes for the same source, and what the built code says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from release_world import ROOT, STAGES, World, release_world

from driftlake.release.build import read_built
from driftlake.release.checkout import Checkout
from driftlake.release.deployables import chosen, deployables
from driftlake.release.errors import (
    CheckoutError,
    HashMismatchError,
    ManifestError,
    NotBuiltError,
    UnknownDeployableError,
)
from iot_common.contracts.silver_reading import READING


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with release_world(tmp_path_factory.mktemp("release")) as made:
        yield made


def test_the_same_source_gives_the_same_release(world: World):
    first = {name: each.manifest.hashes for name, each in world.build().items()}
    again = {name: each.manifest.hashes for name, each in world.build().items()}
    assert (first, tuple(first)) == (again, STAGES)
    # And another clone, elsewhere: a manifest names no machine, no path of it and no time.
    manifest = (
        world.checkout.root / "dist/releases/silver" / first["silver"]["artifact"] / "manifest.json"
    ).read_text()
    assert str(world.checkout.root) not in manifest
    assert sorted(json.loads(manifest)) == [
        *("artifact_sha256", "commit", "contracts", "format", "launcher_sha256", "name", "sources", "tables")
    ]


def test_a_manifest_says_tables_contracts_and_the_commit_that_made_the_stage(world: World):
    changed = world.edit_stage("silver", "Silver rounds as the contract says")
    world.edit_stage("gold", "Gold alone")
    silver = world.build("silver")["silver"].manifest
    assert silver.commit == changed
    assert silver.contracts == {"raw-iot-data": ["1.0.0"]}
    reading, block = silver.tables["silver.reading"], silver.tables["bronze.block"]
    assert (reading.access, reading.version, block.access) == ("writes", READING.version, "reads")
    assert str(block.works_with) == ">=1.0.0,<2.0.0"
    assert "stages/silver/src/iot_silver/__init__.py" in silver.sources
    assert "libs/common/src/iot_common/contracts/silver_reading.py" in silver.sources
    assert not [path for path in silver.sources if "gold/" in path]


def test_a_stage_may_declare_a_wider_range(world: World):
    world.declare("gold", silver_reading=">=1.0.0,<3.0.0")
    assert str(world.build("gold")["gold"].manifest.tables["silver.reading"].works_with) == ">=1.0.0,<3.0.0"


@pytest.mark.parametrize(
    ("table", "said", "complaint"),
    [
        ("silver_reading", "1.x", "is no range such as"),
        ("silver_reading", ">=2.0.0,<3.0.0", "lies outside of the range"),
        ("drift_event", ">=1.0.0,<3.0.0", "which it neither reads nor writes"),
    ],
)
def test_a_range_that_cannot_be_is_refused(world: World, table: str, said: str, complaint: str):
    before = world.checkout.git("rev-parse", "HEAD")
    world.declare("gold", **{table: said})
    try:
        with pytest.raises(ManifestError, match=complaint):
            world.build("gold")
    finally:
        world.checkout.git("reset", "--quiet", "--hard", before)


def test_what_is_not_committed_is_not_released(world: World):
    path = world.checkout.root / "stages/bronze/src/iot_bronze/__init__.py"
    committed = path.read_text("utf-8")
    path.write_text(committed + "# not committed\n", "utf-8")
    try:
        with pytest.raises(CheckoutError, match=r"not committed: stages/bronze/.*commit, then build again"):
            world.build("bronze")
        world.build("gold")  # it is not made of that file
    finally:
        path.write_text(committed, "utf-8")


def test_a_build_that_was_changed_since_is_refused(world: World):
    built = world.build("metrics")["metrics"]
    built.parts["artifact"].write_bytes(b"something else")
    with pytest.raises(HashMismatchError, match="driftlake release build metrics"):
        read_built(world.checkout.root, built.deployable)
    world.build("metrics")
    assert read_built(world.checkout.root, built.deployable).manifest == built.manifest


def test_names_and_folders_that_are_none_are_told(world: World, tmp_path: Path):
    with pytest.raises(
        UnknownDeployableError, match="there are metrics, bronze, silver, gold, drift, functions"
    ):
        chosen(["platinum"])
    with pytest.raises(CheckoutError, match="is in no checkout of Driftlake"):
        Checkout.around(tmp_path)
    with pytest.raises(NotBuiltError, match="driftlake release build bronze"):
        read_built(tmp_path, chosen(["bronze"])[0])


def test_stages_come_in_the_order_of_a_rollout():
    assert tuple(each.name for each in deployables() if each.kind == "stage") == STAGES
    assert [each.name for each in chosen(["drift", "bronze"])] == ["bronze", "drift"]


def test_keys_and_pins_are_those_of_the_stage_job_module():
    text = (ROOT / "infra/modules/stage-job/main.tf").read_text("utf-8")
    said = dict(re.findall(r'^  (\w+)_key += "(.+)"$', text, flags=re.MULTILINE))
    hashes = {"artifact": "a" * 64, "manifest": "b" * 64, "launcher": "c" * 64}
    for stage in chosen(STAGES):
        names = {"local.release_prefix": f"stages/{stage.name}", "var.stage": stage.name}
        names |= {f"var.release.{pin}": hashes[part] for part, pin in stage.pins.items()}
        for part, word in (("artifact", "pex"), ("manifest", "manifest"), ("launcher", "launcher")):
            key = re.sub(r"\$\{(.+?)\}", lambda found, names=names: names[found[1]], said[word])
            assert stage.key(part, hashes) == key
