"""The one thing a rollout asks of Terragrunt: apply one unit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

from driftlake.release.errors import UnitFailedError

APPLY = ("terragrunt", "run", "--non-interactive", "--", "apply", "-auto-approve", "-input=false")
"""Of the unit whose folder it runs in; without `--all` its dependencies are left alone."""


class Units(Protocol):
    """What makes an environment agree with its files."""

    def apply(self, unit: Path) -> None:
        """Apply one unit; UnitFailedError if that fails."""


class Terragrunt:
    """The program, as `mise install` or tools/install_infra_tools put it there."""

    def apply(self, unit: Path) -> None:
        """Apply one unit; what Terragrunt says goes to standard error as it comes."""
        tools = next(
            (p / ".cache/infra-tools/bin" for p in unit.parents if (p / "pants.toml").is_file()), None
        )
        path = os.pathsep.join([*([str(tools)] if tools else []), os.environ.get("PATH", "")])
        environment = {**os.environ, "PATH": path, "TF_IN_AUTOMATION": "true"}
        try:
            ended = subprocess.run(["env", *APPLY], cwd=unit, env=environment, stdout=2)
        except OSError as error:
            raise UnitFailedError(str(unit), str(error)) from error
        if ended.returncode == 127:
            raise UnitFailedError(
                str(unit), "it is not installed. `mise install` or `make infra-tools` gets it."
            )
        if ended.returncode:
            raise UnitFailedError(
                str(unit), f"it ended with {ended.returncode}; its messages above say why. Log in again if the "
                "credentials have expired."
            )  # fmt: skip
