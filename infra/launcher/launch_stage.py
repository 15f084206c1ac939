"""Runs one stage from its PEX under an interpreter that has only what Glue's image has: the script of a Glue job.

Everything else comes out of the PEX. See `iot_common.pex` for why a PEX is not simply run.

As a Glue job it finds all it needs in the job's arguments, and passes over those that are Glue's own:

    --pex s3://BUCKET/KEY --pex-sha256 HEX --setting-warehouse s3://BUCKET/PREFIX --setting-catalog glue ...

`--setting-NAME VALUE` becomes the stage's `--NAME VALUE`. By hand, the stage's arguments follow after `--`:

    python3.11 infra/launcher/launch_stage.py --pex dist/bronze.pex -- --landing DIR --warehouse DIR
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USAGE = "usage: launch_stage.py --pex URI [--pex-sha256 HEX] (-- STAGE-ARGUMENT... | --setting-NAME VALUE...)"
OWN_OPTIONS = ("--pex", "--pex-sha256")
SETTING = "--setting-"


class LaunchRefusedError(Exception):
    """The stage was not started: nothing was read or written. The message says what to do."""


@dataclass(frozen=True)
class Launch:
    """What to run: where the PEX is, the SHA-256 it is pinned to (empty: any), and the stage's arguments."""

    pex: str
    sha256: str
    arguments: Sequence[str]


def parse_launch(argv: Sequence[str]) -> Launch:
    """The launch that arguments ask for.

    Raises:
        LaunchRefusedError: If no PEX is named, an option has no value, or a PEX from afar is not pinned.
    """
    if "--" in argv:
        end = list(argv).index("--")
        own, _ = _named_values(argv[:end])
        arguments = list(argv[end + 1 :])
    else:
        own, settings = _named_values(argv)
        # A job's cluster is its own; a test names a master, and the last one counts.
        arguments = ["--master", "", *settings]
    if not own.get("--pex"):
        raise LaunchRefusedError(f"no --pex. {USAGE}")
    sha256 = own.get("--pex-sha256", "").lower()
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise LaunchRefusedError(f"--pex-sha256 is 64 hexadecimal digits, not {sha256!r}")
    if own["--pex"].startswith("s3://") and not sha256:
        raise LaunchRefusedError(f"{own['--pex']} is not pinned: name its hash with --pex-sha256")
    return Launch(own["--pex"], sha256, arguments)


def _named_values(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Values of our own options, and the stage's arguments made of settings; Glue's arguments are left out."""
    own: dict[str, str] = {}
    settings: list[str] = []
    rest = list(argv)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name not in OWN_OPTIONS and not name.startswith(SETTING):
            continue
        if not equals:
            if not rest:
                raise LaunchRefusedError(f"{name} has no value. {USAGE}")
            value = rest.pop(0)
        if name in OWN_OPTIONS:
            own[name] = value
        else:
            settings.append(f"--{name.removeprefix(SETTING)}={value}")
    return own, settings


def fetch(uri: str, folder: Path) -> Path:
    """The PEX as a `.zip` file, a name that Python's and Spark's import of zip files accept.

    Raises:
        LaunchRefusedError: If it cannot be had.
    """
    archive = folder / f"{Path(uri).stem}.zip"
    if uri.startswith("s3://"):
        _download(uri, archive)
        return archive
    path = Path(uri.removeprefix("file://")).resolve()
    if not path.is_file():
        raise LaunchRefusedError(f"there is no PEX at {path}; `make pex` builds them")
    try:
        os.link(path, archive)
    except OSError:  # another file system
        shutil.copyfile(path, archive)
    return archive


def _download(uri: str, target: Path) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        boto3.client("s3").download_file(bucket, key, str(target))
    except (BotoCoreError, ClientError) as error:
        raise LaunchRefusedError(
            f"cannot fetch {uri}: {error}. Check that this release was published whole, and that the job's role may "
            "read it."
        ) from error


def check(archive: Path, launch: Launch) -> None:
    """Refuse what is not the pinned file, or no PEX.

    Raises:
        LaunchRefusedError: If it is not.
    """
    if launch.sha256:
        with archive.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != launch.sha256:
            raise LaunchRefusedError(
                f"{launch.pex} has SHA-256 {found}, but the job is pinned to {launch.sha256}. It was not run: publish "
                "that release again, or pin the one you mean."
            )
    if not zipfile.is_zipfile(archive) or "PEX-INFO" not in zipfile.ZipFile(archive).namelist():
        raise LaunchRefusedError(f"{launch.pex} is no PEX file; `make pex` builds them")


def entry_point(archive: Path) -> tuple[str, str]:
    """Module and function the PEX was built to run, e.g. `iot_bronze.job` and `main`."""
    with zipfile.ZipFile(archive) as pex:
        named: str = json.loads(pex.read("PEX-INFO"))["entry_point"]
    module, _, function = named.partition(":")
    return module, function


def load_stage(archive: Path) -> Callable[[Sequence[str]], int]:
    """The stage's `main`, imported from the unpacked PEX."""
    sys.path.insert(0, str(archive))
    bootstrap: Any = importlib.import_module("iot_common.pex")
    bootstrap.activate()
    os.environ[bootstrap.ARCHIVE_VARIABLE] = str(archive)
    # From here on our own code too comes from the unpacked files: some of it is read by Java, which sees no zip.
    for name in [name for name in sys.modules if name.partition(".")[0] == "iot_common"]:
        del sys.modules[name]
    module, function = entry_point(archive)
    loaded: Callable[[Sequence[str]], int] = getattr(importlib.import_module(module), function)
    return loaded


def main(argv: Sequence[str]) -> int:
    """Run the stage; the exit code is the stage's, or 2 if it was not started."""
    with tempfile.TemporaryDirectory(prefix="driftlake-stage-") as folder:
        try:
            launch = parse_launch(argv)
            archive = fetch(launch.pex, Path(folder))
            check(archive, launch)
        except LaunchRefusedError as refusal:
            print(f"launch_stage: {refusal}", file=sys.stderr)
            return 2
        return load_stage(archive)(launch.arguments)


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    if exit_code:  # a script that comes to its end has succeeded; a SystemExit is for failures
        sys.exit(exit_code)
