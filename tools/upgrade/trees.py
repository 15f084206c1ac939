"""Source trees of releases: an earlier commit, this checkout, and this checkout with one expand step more."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from iot_common.io.session import jar_folder

ROOT = Path(__file__).resolve().parents[2]
PREVIOUS_RELEASE = Path(__file__).with_name("previous_release.toml")
NEXT_RELEASE = Path(__file__).with_name("next_release.toml")

CODE = ("libs", "stages")
"""Folders that hold what a stage runs."""

SOURCE_ROOTS = ("libs/*/src", "stages/*/src")


class TreeError(Exception):
    """A tree cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Tree:
    """The sources of one release of every stage.

    Attributes:
        name: How it is called in what is printed.
        folder: Where the sources are.
    """

    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which a stage, and its executors, import this tree alone."""
        roots = sorted(str(root) for pattern in SOURCE_ROOTS for root in self.folder.glob(pattern))
        # A tree has no jars of its own: it takes this checkout's.
        shared = {"PYSPARK_PYTHON": sys.executable, "DRIFTLAKE_JARS": str(jar_folder())}
        return os.environ | shared | {"PYTHONPATH": os.pathsep.join(roots)}


def previous_commit() -> str:
    """The commit of `previous_release.toml`."""
    return str(tomllib.loads(PREVIOUS_RELEASE.read_text())["commit"])


def why_no_previous() -> str:
    """Why the previous release cannot be had here; empty if it can."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        return "the previous release is a commit of the repository, and this folder is no git checkout"
    commit = previous_commit()
    asked = subprocess.run(["git", "-C", ROOT, "cat-file", "-e", f"{commit}^{{commit}}"], capture_output=True)
    if asked.returncode == 0:
        return ""
    return f"commit {commit[:12]}, the previous release, is not in this clone: `git fetch --unshallow`"


def previous_release(folder: Path) -> Tree:
    """The tree of the previous release, extracted into a folder.

    Raises:
        TreeError: If the commit is not in this clone.
    """
    why = why_no_previous()
    if why:
        raise TreeError(why)
    packed = subprocess.run(
        ["git", "-C", ROOT, "archive", previous_commit(), *CODE], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return Tree("1", folder)


def unchanged(folder: Path) -> Tree:
    """This checkout as it is, in a folder."""
    leave_out = shutil.ignore_patterns("__pycache__", "tests")
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
    return Tree("1", folder)


def next_release(folder: Path) -> Tree:
    """This checkout with the expand step of `next_release.toml`, in a folder.

    Raises:
        TreeError: If the step does not fit this checkout.
    """
    unchanged(folder)
    step = tomllib.loads(NEXT_RELEASE.read_text())
    for file in folder.glob("stages/*/src/iot_*/__init__.py"):
        file.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{step["version"]}"', file.read_text()))
    for module, constant in step["tables"].items():
        _widen(folder / "libs/common/src/iot_common/contracts" / f"{module}.py", constant, step["column"])
    for edit in step["producers"]:
        _replace(folder / edit["file"], edit["find"], edit["replace"])
    return Tree("2", folder)


def _widen(contract: Path, constant: str, column: str) -> None:
    text = contract.read_text()
    if not re.search(rf"^{constant} = TableContract\(", text, re.MULTILINE):
        raise TreeError(f"{contract.name} defines no table {constant}: mend {NEXT_RELEASE.name}")
    contract.write_text(
        f"{text}\n\nfrom dataclasses import replace\n\n"
        f'{constant} = replace({constant}, columns=(*{constant}.columns, Column("{column}", "string", "New.")))\n'
    )


def _replace(file: Path, find: str, replacement: str) -> None:
    text = file.read_text() if file.is_file() else ""
    if text.count(find) != 1:
        raise TreeError(
            f"{file.name} holds {find!r} {text.count(find)} times, not once: mend {NEXT_RELEASE.name}"
        )
    file.write_text(text.replace(find, replacement))
