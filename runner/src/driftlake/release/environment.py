"""An environment: the folder of its units, and the names of its places, as `infra/live/root.hcl` makes them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driftlake.aws import AwsUnreachableError
from driftlake.environments import ACCOUNT_VARIABLE
from driftlake.release.deployables import Deployable
from driftlake.release.errors import WrongEnvironmentError

REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
PLACEHOLDERS = {"123456789012", "111122223333"}
"""Account numbers of AWS's documentation; one of equal digits is none either."""


@dataclass(frozen=True)
class Environment:
    """Where an environment is; `folder` holds its units."""

    name: str
    account: str
    region: str
    folder: Path

    @property
    def name_prefix(self) -> str:
        """Start of the names of all it has."""
        return f"driftlake-{self.name}-{self.account}"

    @property
    def artifacts(self) -> str:
        """Bucket of its releases."""
        return f"{self.name_prefix}-artifacts"

    @property
    def warehouse(self) -> str:
        """Prefix of its tables."""
        return f"s3://{self.name_prefix}-lake/warehouse"

    def unit(self, deployable: Deployable) -> Path:
        """Folder of a unit."""
        return self.folder / deployable.unit

    def job(self, deployable: Deployable) -> str:
        """Name of a stage's Glue job."""
        return f"{self.name_prefix}-{deployable.name}"


def find_environment(root: Path, name: str, variables: Mapping[str, str] | None = None) -> Environment:
    """The environment of a name, from the folders of `infra/live/<account>/<region>/<environment>`.

    Raises:
        WrongEnvironmentError: If there is none, the account number is missing, or another region is set.
    """
    said = os.environ if variables is None else variables
    live = root / "infra/live"
    folders = {path.parent.name: path.parent for path in sorted(live.glob("*/*/*/environment.hcl"))}
    if name not in folders:
        raise WrongEnvironmentError(
            f"there is no environment {name!r} under infra/live; there are {', '.join(sorted(folders))}."
        )
    region = folders[name].parent.name
    for variable in REGION_VARIABLES:
        if said.get(variable, region) != region:
            raise WrongEnvironmentError(
                f"{name} is in {region}, but {variable} says {said[variable]}. Unset it, or set it to {region}."
            )
    return Environment(name, _account(name, said.get(ACCOUNT_VARIABLE, "")), region, folders[name])


def _account(environment: str, number: str) -> str:
    if not re.fullmatch("[0-9]{12}", number) or len(set(number)) == 1:
        raise WrongEnvironmentError(
            f"{environment} needs its account: set {ACCOUNT_VARIABLE} to the account's twelve digits"
            f"{f', not {number!r}' if number else ''}."
        )
    return number


def connect(environment: Environment) -> Any:
    """A boto3 session in the environment's region, with credentials that are seen to be those of its account.

    Raises:
        WrongEnvironmentError: If they belong to another account.
        AwsUnreachableError: If there are none, or they have expired.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(region_name=environment.region)
    try:
        found = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise AwsUnreachableError(f"reach the account of {environment.name}", str(error)) from error
    if found != environment.account:
        documented = (
            " That is a number of AWS's documentation." if environment.account in PLACEHOLDERS else ""
        )
        raise WrongEnvironmentError(
            f"the credentials belong to account {found}, but {ACCOUNT_VARIABLE} says {environment.account}."
            f"{documented} Log in to the account of {environment.name}, or name its number."
        )
    return session
