"""A checkout, an account and a Terragrunt to release into. None is real: the checkout is a small one with the real
contracts and units, the account is moto's server, and what stands in for Pants and Terragrunt is named `RecordedPants`
and `RecordedTerragrunt`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import duckdb
from simulated_aws import simulated_aws

from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.build import Built, build
from driftlake.release.canary import GlueJobs
from driftlake.release.checkout import Checkout
from driftlake.release.deployables import chosen, deployables
from driftlake.release.environment import Environment, find_environment
from driftlake.release.errors import UnitFailedError
from driftlake.release.plan import Plan
from driftlake.release.publish import publish
from driftlake.release.rollout import Place, apply, plan_rollout

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
STAGES = ("metrics", "bronze", "silver", "gold", "drift")
FIRST_DAY = "2026-03-02T12:00:00+00:00"

_COPIED = (
    "functions",
    "infra/live",
    "infra/launcher",
    "libs/common/src/iot_common/contracts",
    "pants.toml",
    "stages/macros.py",
)
_ALONE = ("libs/common/src/iot_common/__init__.py", "libs/common/src/iot_common/places.py")


@dataclass
class RecordedPants:
    """Stands in for Pants: zips a stage's files and those of the common library, the same bytes for the same source."""

    asked: list[list[str]] = field(default_factory=list)

    def package(self, root: Path, targets: Sequence[str]) -> None:
        self.asked.append(list(targets))
        (root / "dist").mkdir(exist_ok=True)
        for target in targets:
            folder = target.partition(":")[0]
            folders = (root / folder / "src", root / "libs/common/src")
            artifact = next(each.artifact for each in deployables() if each.target == target)
            files = sorted((path.relative_to(f).as_posix(), path) for f in folders for path in f.rglob("*.*"))
            with zipfile.ZipFile(root / "dist" / artifact, "w") as pex:
                pex.writestr(zipfile.ZipInfo("PEX-INFO"), "{}")
                for name, path in files:
                    if path.suffix in (".py", ".json"):
                        pex.writestr(zipfile.ZipInfo(name), path.read_bytes())


@dataclass
class RecordedTerragrunt:
    """Stands in for Terragrunt: keeps what was applied, and which program each unit pinned at that moment."""

    applied: list[tuple[str, str]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def apply(self, unit: Path) -> None:
        found = re.search(
            r'(?:pex|functions)_sha256\s+= "([^"]+)"', (unit / "version.hcl").read_text("utf-8")
        )
        assert found
        self.applied.append((unit.name, found[1]))
        if found[1] in self.refuses:
            raise UnitFailedError(unit.name, "ExpiredToken: the security token has expired")


@dataclass
class OpsTables:
    """`ops.*` and `silver.quarantine` as the gate's SQL meets them, in DuckDB; a canary's rows come as its job runs."""

    connection: duckdb.DuckDBPyConnection
    seen: list[str] = field(default_factory=list)
    quarantined: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> OpsTables:
        connection = duckdb.connect()
        connection.execute("CREATE SCHEMA ops; CREATE SCHEMA silver")
        connection.execute(
            "CREATE TABLE ops.stage_metric (run_id TEXT, stage TEXT, query TEXT, query_id TEXT, batch_id BIGINT, "
            "disposition TEXT)"
        )
        connection.execute(
            "CREATE TABLE ops.conservation (stage TEXT, query TEXT, query_id TEXT, batch_id BIGINT, rows_in BIGINT, "
            "rows_quarantined BIGINT, difference BIGINT, checked_time TIMESTAMPTZ)"
        )
        connection.execute("CREATE TABLE silver.quarantine (batch TEXT, reason_code TEXT)")
        return cls(connection)

    def ran(self, stage: str, run_id: str) -> None:
        """A run of a stage took 1,000 rows."""
        self.seen.append(run_id)
        batch = len(self.seen)
        self.connection.execute(
            "INSERT INTO ops.stage_metric VALUES (?, ?, 'q', 'id', ?, 'in')", [run_id, stage, batch]
        )
        refused, lost = self.quarantined.get(stage, 0), self.lost.get(stage, 0)
        row = [stage, batch, refused, lost, datetime.now(UTC)]
        self.connection.execute("INSERT INTO ops.conservation VALUES (?, 'q', 'id', ?, 1000, ?, ?, ?)", row)

    def rows(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()


@dataclass
class World:
    """Everything of a test, and short ways to do what a team does."""

    checkout: Checkout
    environment: Environment
    bucket: ArtifactBucket
    pants: RecordedPants = field(default_factory=RecordedPants)
    terragrunt: RecordedTerragrunt = field(default_factory=RecordedTerragrunt)
    ops: OpsTables = field(default_factory=OpsTables.empty)
    said: list[str] = field(default_factory=list)
    viewed: list[tuple[str, int]] = field(default_factory=list)

    def write(self, path: str, change: Callable[[str], str], message: str) -> str:
        """Change a file and commit; the commit."""
        file = self.checkout.root / path
        file.write_text(change(file.read_text("utf-8")), "utf-8")
        self.checkout.git("add", "--all")
        self.checkout.git("commit", "--quiet", "--message", message)
        return self.checkout.git("rev-parse", "HEAD")

    def edit_stage(self, stage: str, message: str) -> str:
        """A commit that changes a stage's program."""
        return self.write(
            f"stages/{stage}/src/iot_{stage}/__init__.py", lambda t: f"{t}# {message}\n", message
        )

    def set_table_version(self, module: str, version: str) -> str:
        """A commit that gives a table contract another version."""
        path = f"libs/common/src/iot_common/contracts/{module}.py"
        return self.write(
            path, lambda t: re.sub(r'version="[\d.]+"', f'version="{version}"', t), f"{module} {version}"
        )

    def declare(self, stage: str, **ranges: str) -> str:
        """A commit that says which schema versions a stage works with: `bronze_block=">=1.0.0,<3.0.0"`."""
        said = {table.replace("_", ".", 1): each for table, each in ranges.items()}
        path = f"stages/{stage}/src/iot_{stage}/contract.py"
        return self.write(path, lambda t: f"{t}\nWORKS_WITH = {said!r}\n", f"{stage} declares {said}")

    def build(self, *stages: str) -> dict[str, Built]:
        made = build(self.checkout, chosen(stages or STAGES), self.pants, lambda _: None)
        return {each.deployable.name: each for each in made}

    def release(self, *stages: str) -> dict[str, Built]:
        """Build and publish."""
        built = self.build(*stages)
        for each in built.values():
            publish(self.bucket, each)
        return built

    def plan(self, built: dict[str, Built], only: Sequence[str] = ()) -> Plan:
        wanted = {name: each.manifest for name, each in built.items()}
        return plan_rollout(self.environment, self.checkout, self.bucket, wanted, chosen(only or STAGES))

    @property
    def place(self) -> Place:
        return Place(
            environment=self.environment,
            checkout=self.checkout,
            bucket=self.bucket,
            units=self.terragrunt,
            run_job=self.run_job,
            query=self.ops.rows,
            say=self.said.append,
            make_views=lambda stage: self.viewed.append((stage, len(self.ops.seen))),
        )

    def run_job(self, job: str, run_id: str) -> None:
        GlueJobs(boto3.client("glue"), pause=lambda _: None).run(job, run_id)
        self.ops.ran(job.rpartition("-")[2], run_id)

    def roll_out(self, *stages: str) -> dict[str, Built]:
        """Release and apply, each through its gate."""
        built = self.release(*stages)
        apply(self.place, self.plan(built), f"canary-{len(self.ops.seen)}")
        return built

    def pin(self, stage: str, environment: str = "dev") -> str:
        text = (self.environment.folder.parent / environment / stage / "version.hcl").read_text("utf-8")
        found = re.search(r'pex_sha256\s+= "([^"]+)"', text)
        assert found
        return found[1]


@contextmanager
def release_world(folder: Path) -> Iterator[World]:
    """A world in which nothing was released yet."""
    root = folder / "checkout"
    _copy_sources(root)
    with simulated_aws(), mock.patch.dict(os.environ, {"DRIFTLAKE_AWS_ACCOUNT_ID": ACCOUNT}):
        environment = find_environment(root, "dev")
        boto3.client("s3").create_bucket(Bucket=environment.artifacts)
        for stage in deployables():
            boto3.client("glue").create_job(
                Name=environment.job(stage), Role="role", Command={"Name": "gluestreaming"}
            )
        yield World(Checkout(root), environment, ArtifactBucket(boto3.client("s3"), environment.artifacts))


def _copy_sources(root: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".terra*", "README.md")
    for path in _COPIED:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        source = ROOT / path
        if source.is_dir():
            shutil.copytree(source, root / path, ignore=ignored)
        else:
            shutil.copyfile(source, root / path)
    files = [f"stages/{s}/src/iot_{s}/{m}.py" for s in STAGES for m in ("__init__", "contract")]
    for path in (*_ALONE, *files):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, root / path)
    unpin(root)
    (root / ".gitignore").write_text("/dist/\n")
    dates = {"GIT_AUTHOR_DATE": FIRST_DAY, "GIT_COMMITTER_DATE": FIRST_DAY}
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (["init", "--quiet"], ["add", "--all"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=root, check=True, env={**os.environ, **dates})
    for name, value in (("user.name", "test"), ("user.email", "test@example.org")):
        subprocess.run(["git", "config", name, value], cwd=root, check=True)


def unpin(root: Path) -> None:
    """The world begins before the first release, whatever the repository pins."""
    for path in root.glob("infra/live/*/*/*/*/version.hcl"):
        path.write_text(re.sub(r'"[0-9a-f]{64}"', '"not-published"', path.read_text("utf-8")), "utf-8")
