"""Runs stages of chosen releases on one warehouse, no process with two of them, and notes who met whom."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.upgrade.feed import Feed
from tools.upgrade.trees import Tree

FLOW = ("bronze", "silver", "gold", "drift", "metrics")

EDGES = (
    ("bronze", "silver"),
    ("silver", "gold"),
    ("silver", "drift"),
    ("bronze", "metrics"),
    ("silver", "metrics"),
    ("gold", "metrics"),
    ("drift", "metrics"),
)
"""Who writes what whom reads: tables, and the metric inbox."""

SETTINGS: Mapping[str, Mapping[str, str]] = {
    # Every run promotes: rows of the table are of both releases, and silver meets blocks that are gone.
    "bronze": {"promote-bytes": "1", "max-files-per-batch": "24"},
    # A few hours train the model and score the rest.
    "drift": {"reference-hours": "2", "reference-min-windows": "4"},
}

OBJECTS_PER_RUN = 6
"""Objects that land before each run of bronze, whatever else arrives meanwhile."""


_RUN_EACH = """
import importlib, json, sys
for stage, arguments in json.loads(sys.argv[1]):
    code = importlib.import_module(f"iot_{stage}.job").main(arguments)
    if code:
        print(f"{stage} ended with {code}")
        sys.exit(code)
"""
"""Stages of one release one after the other, each by its own front door: a start of Spark for all of them."""


class StageRunError(Exception):
    """A stage of some release failed on what another one left."""


@dataclass
class Deployment:
    """One warehouse, and what has run on it.

    Attributes:
        warehouse: Folder of the tables.
        feed: What lands.
        runs: Stage and release of every run, in order.
        due: Objects that had landed before the last run of bronze, with their lines.
    """

    warehouse: Path
    feed: Feed
    runs: list[tuple[str, str]] = field(default_factory=list)
    due: dict[str, int] = field(default_factory=dict)

    def run(self, stages: Sequence[str], tree: Tree) -> None:
        """Run stages of a release, one after the other, on what is there.

        Raises:
            StageRunError: If one ends with another code than 0; the message ends with what was printed.
        """
        if "bronze" in stages:
            self.feed.deliver(OBJECTS_PER_RUN)
            self.due = self.feed.lines
        given = json.dumps([(stage, self._arguments(stage)) for stage in stages])
        done = subprocess.run(
            [sys.executable, "-c", _RUN_EACH, given], cwd=tree.folder, env=tree.environment, timeout=600,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        self.runs += [(stage, tree.name) for stage in stages]
        if done.returncode:
            raise StageRunError(f"{self.told()} ended with {done.returncode}:\n{done.stdout[-3000:]}")

    def _arguments(self, stage: str) -> list[str]:
        given = {"warehouse": str(self.warehouse), "driver-memory": "1g", **SETTINGS.get(stage, {})}
        if stage == "bronze":
            given["landing"] = str(self.feed.landing)
        return [part for name, value in given.items() for part in (f"--{name}", value)]

    def told(self) -> str:
        """All runs in one line."""
        return " ".join(f"{stage}-{release}" for stage, release in self.runs)

    def met(self) -> set[tuple[str, str, str, str]]:
        """Producer, its release, consumer, its release: whenever a consumer ran on what the producer wrote since."""
        found = set()
        for producer, consumer in EDGES:
            writing: set[str] = set()
            for stage, release in self.runs:
                if stage == producer:
                    writing.add(release)
                elif stage == consumer:
                    found |= {(producer, each, consumer, release) for each in writing}
                    writing.clear()
        return found
