"""`--env NAME` in place of `--warehouse`: the warehouse of a deployed environment, by the names Terraform gives."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from iot_common.errors import SettingsError

ACCOUNT_VARIABLE = "DRIFTLAKE_AWS_ACCOUNT_ID"
"""As for Terragrunt: the account number stands in no file."""

WITHOUT_WAREHOUSE = ("release", "rollout", "rollback")
"""Commands whose `--env` is their own: they work on what runs there, not on its tables."""


def warehouse_of(environment: str, account: str) -> str:
    """Where `infra/live/root.hcl` puts the tables of an environment.

    Raises:
        SettingsError: If the name or the account number is none.
    """
    if not re.fullmatch("[a-z][a-z0-9-]{0,30}", environment):
        raise SettingsError(f"--env is the name of an environment such as dev or prod, not {environment!r}")
    if not re.fullmatch("[0-9]{12}", account):
        raise SettingsError(
            f"--env {environment} needs the account number: set {ACCOUNT_VARIABLE} to its twelve digits"
        )
    return f"s3://driftlake-{environment}-{account}-lake/warehouse"


def workgroup_of(warehouse: str) -> str:
    """Athena's workgroup of a deployed environment, as `infra/modules/query` names it.

    Raises:
        SettingsError: If it is no warehouse that Terraform makes.
    """
    found = re.fullmatch("s3://(driftlake-[a-z0-9-]+-[0-9]{12})-lake/warehouse", warehouse)
    if not found:
        raise SettingsError(f"{warehouse} has no Athena: give --env with the name of a deployed environment")
    return found[1]


def with_warehouse(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command with `--env NAME` or `--env=NAME` turned into `--warehouse URI`.

    Raises:
        SettingsError: If it has no name, or `--warehouse` is given too.
    """
    if arguments and arguments[0] in WITHOUT_WAREHOUSE:
        return list(arguments)
    turned: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if name != "--env":
            turned.append(argument)
            continue
        if not equals and not rest:
            raise SettingsError("--env needs the name of an environment")
        turned += [
            "--warehouse",
            warehouse_of(value if equals else rest.pop(0), os.environ.get(ACCOUNT_VARIABLE, "")),
        ]
    if (
        turned != list(arguments)
        and sum(each.partition("=")[0] in ("--warehouse", "-w") for each in turned) > 1
    ):
        raise SettingsError("--env stands in place of --warehouse: give one of them, once")
    return turned
