"""What a command about an environment begins with: the checkout, the environment, its account, its bucket."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from driftlake.aws import AwsUnreachableError
from driftlake.errors import QueryError
from driftlake.release.artifacts import ArtifactBucket
from driftlake.release.build import read_built
from driftlake.release.canary import GlueJobs
from driftlake.release.checkout import Checkout
from driftlake.release.deployables import Deployable
from driftlake.release.environment import Environment, connect, find_environment
from driftlake.release.errors import NotBuiltError
from driftlake.release.gate import Rows
from driftlake.release.lock import rollout_lock
from driftlake.release.manifest import Manifest
from driftlake.release.pins import read_pin
from driftlake.release.publish import manifest_like
from driftlake.release.rollout import Place
from driftlake.release.terragrunt import Terragrunt, Units
from driftlake.stage_views import STAGES, ViewError, apply_views
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.errors import WarehouseNotFoundError


def tell(text: str) -> None:
    """Progress goes to standard error, as everywhere."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Session:
    """An environment that was reached: its account and region are seen to be those that are meant."""

    checkout: Checkout
    environment: Environment
    aws: Any
    bucket: ArtifactBucket

    @classmethod
    def open(cls, name: str, folder: Path | None = None) -> Session:
        """Reach an environment from the checkout that a folder (default: the working one) lies in.

        Raises:
            CheckoutError, WrongEnvironmentError, AwsUnreachableError: If it cannot be.
        """
        checkout = Checkout.around(folder or Path.cwd())
        environment = find_environment(checkout.root, name)
        aws = connect(environment)
        return cls(checkout, environment, aws, ArtifactBucket(aws.client("s3"), environment.artifacts))

    def built(self, order: Sequence[Deployable], *, all_of_them: bool) -> dict[str, Manifest]:
        """The newest builds on this machine; what was not built is an error only where all must be.

        Raises:
            NotBuiltError: If one that must be there, or every one, was not built.
        """
        found, missed = {}, None
        for deployable in order:
            try:
                found[deployable.name] = read_built(self.checkout.root, deployable).manifest
            except NotBuiltError as error:
                missed = error
        if missed and (all_of_them or not found):
            raise missed
        return found

    def pinned_in(self, source: str, order: Sequence[Deployable]) -> dict[str, Manifest]:
        """What another environment pins, by the manifests that are published in this one.

        Raises:
            NotPublishedError: If one of them is not published here.
        """
        other = find_environment(self.checkout.root, source)
        pins = ((each, read_pin(other.unit(each), each)) for each in order)
        return {each.name: manifest_like(self.bucket, each, pin) for each, pin in pins if pin}

    def make_views(self, unit: str) -> None:
        """Make the views over a stage's tables in Athena; what is no stage has none.

        Where Athena refuses, that is told and the rollout goes on: nothing but people asks the views.
        """
        if unit not in STAGES:
            return
        try:
            apply_views(self.environment.name_prefix, [unit], tell, self.aws.client("athena"))
        except (ViewError, AwsUnreachableError) as error:
            tell(f"{unit}: {error}")
            tell(
                f"{unit}: `driftlake views apply --env {self.environment.name} --stage {unit}` makes its views later"
            )

    @contextmanager
    def place(self, what: str, *, commit: bool, units: Units | None = None) -> Iterator[Place]:
        """All that a rollout works with, under the environment's lock.

        Raises:
            RolloutBusyError: If another rollout works on it.
        """
        with rollout_lock(self.bucket, self.environment, what, datetime.now(UTC)):
            yield Place(
                environment=self.environment,
                checkout=self.checkout,
                bucket=self.bucket,
                units=units or Terragrunt(),
                run_job=GlueJobs(self.aws.client("glue")).run,
                query=ops_query(self.environment.warehouse),
                say=tell,
                make_views=self.make_views,
                commit=commit,
            )


GATE_TABLES = frozenset({STAGE_METRIC.name, CONSERVATION.name, QUARANTINE.name})
"""All that a gate reads: whoever rolls out may be allowed no other table."""


def ops_query(warehouse: str) -> Callable[[str], Rows]:
    """SQL over the tables that gates read; one that is not there yet holds no row."""

    def rows(sql: str) -> Rows:
        import duckdb

        from driftlake.query_engine import one_line, open_duckdb

        try:
            return open_duckdb(warehouse, only=GATE_TABLES).execute(sql).fetchall()
        except (WarehouseNotFoundError, duckdb.CatalogException):
            return []
        except duckdb.Error as error:
            raise QueryError(
                one_line(str(error)), "Mend the cause and run the same command again."
            ) from error

    return rows


def hashes_said(hashes: Mapping[str, str]) -> str:
    """A pin in one line."""
    return ", ".join(f"{part} {sha256[:12]}" for part, sha256 in hashes.items())
