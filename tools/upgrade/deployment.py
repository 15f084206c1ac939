"""Runs stages of chosen releases on one warehouse, no process with two of them, and notes who met whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tools.upgrade.feed import Feed
from tools.upgrade.release_process import ReleaseProcess
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
        processes: One per release, as long as this is entered.
    """

    warehouse: Path
    feed: Feed
    runs: list[tuple[str, str]] = field(default_factory=list)
    due: dict[str, int] = field(default_factory=dict)
    processes: dict[str, ReleaseProcess] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Processes start when they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        while self.processes:
            self.processes.popitem()[1].close()

    def run(self, stage: str, tree: Tree) -> None:
        """Run a stage of a release on what is there.

        Raises:
            StageRunError: If it does not end well; the message ends with what it printed.
        """
        if stage == "bronze":
            self.feed.deliver(OBJECTS_PER_RUN)
            self.due = self.feed.lines
        if tree.name not in self.processes:
            log = self.warehouse.with_name(f"release-{tree.name}.log")
            self.processes[tree.name] = ReleaseProcess(tree, log)
        failed = self.processes[tree.name].run(stage, self._arguments(stage))
        self.runs.append((stage, tree.name))
        if failed:
            raise StageRunError(f"{self.told()}: {failed}")

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
