"""Runs programs under a Python that has only what Glue's image has. `make pex` makes it; nothing is built here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from iot_common.io.java import find_java_home
from iot_common.io.session import jar_folder

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = ROOT / "infra/launcher/launch_stage.py"
GLUE_PYTHON = ROOT / ".cache/glue-image/bin/python"
AWS_JARS = ROOT / ".jars-aws"
STAGES = ("bronze", "silver", "gold", "drift", "metrics")


def built(path: Path) -> Path:
    """A file that `make pex` makes; skips by name where it is absent, and fails in CI."""
    if path.exists():
        return path
    missing = f"{path.relative_to(ROOT)} is absent: `make pex` makes it"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def pex_of(stage: str) -> Path:
    return built(ROOT / f"dist/{stage}.pex")


def run_bare(
    arguments: Sequence[str | Path], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the Glue image's Python with nothing of our environment: no PYTHONPATH, no `.venv`, no home."""
    bare = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),  # PEX files are unpacked here, and Spark's scratch files go here
        "JAVA_HOME": str(find_java_home()),
        "DRIFTLAKE_JARS": str(jar_folder().resolve()),
        "SPARK_HOME": str(spark_home(folder)),
    }
    command = [str(part) for part in (built(GLUE_PYTHON), "-I", *arguments)]
    return subprocess.run(
        command,
        env=bare | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def spark_home(folder: Path) -> Path:
    """The image's Spark, by links: executors of a local cluster leave copies of every jar under their SPARK_HOME."""
    home = folder / "spark"
    (origin,) = built(GLUE_PYTHON).parents[1].glob("lib/python3.*/site-packages/pyspark")
    home.mkdir(exist_ok=True)
    for part in ("bin", "jars", "python"):
        if not (home / part).exists():
            (home / part).symlink_to(origin / part)
    return home


def spark_defaults(folder: Path, options: Mapping[str, str]) -> Path:
    """A configuration folder for SPARK_CONF_DIR: what a cluster's administrator sets, and no setting of ours."""
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
    return folder
