"""Runs one stage from its PEX under an interpreter that has only what Glue's image has; also the script of a Glue job.

    python3.11 tools/launch_stage.py --pex dist/bronze.pex -- --landing DIR --warehouse DIR

Everything else comes out of the PEX. See `iot_common.pex` for why a PEX is not simply run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def entry_point(archive: Path) -> tuple[str, str]:
    """Module and function the PEX was built to run, e.g. `iot_bronze.job` and `main`."""
    with zipfile.ZipFile(archive) as pex:
        named: str = json.loads(pex.read("PEX-INFO"))["entry_point"]
    module, _, function = named.partition(":")
    return module, function


def as_zip(pex: Path, folder: Path) -> Path:
    """The PEX under a name that Python's and Spark's import of zip files accept."""
    archive = folder / f"{pex.stem}.zip"
    try:
        os.link(pex, archive)
    except OSError:  # another file system
        shutil.copyfile(pex, archive)
    return archive


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; the exit code is the stage's, or 2 if there is no such PEX."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pex", required=True, type=Path, help="the stage's PEX, e.g. dist/bronze.pex")
    parser.add_argument("arguments", nargs="*", help="after `--`: arguments of the stage")
    options = parser.parse_args(argv)
    if not zipfile.is_zipfile(options.pex):
        parser.error(f"{options.pex} is no PEX file; `make pex` builds them")
    with tempfile.TemporaryDirectory(prefix="driftlake-stage-") as folder:
        return load_stage(as_zip(options.pex.resolve(), Path(folder)))(options.arguments)


if __name__ == "__main__":
    sys.exit(main())
