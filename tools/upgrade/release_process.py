"""A process that runs stages of one release, as often as it is told to."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.upgrade.trees import Tree

SECONDS_PER_RUN = 600

_LOOP = """
import importlib, json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a stage prints is no answer
for line in sys.stdin:
    stage, arguments = json.loads(line)
    code = importlib.import_module(f"iot_{stage}.job").main(arguments)
    print(code, file=answers, flush=True)
"""


class ReleaseProcess:
    """Runs stages by their own front doors. One start of Spark serves all: a stage keeps nothing between two runs."""

    def __init__(self, tree: Tree, log: Path) -> None:
        """Start it.

        Args:
            tree: The sources of the release: it imports no other.
            log: File for what the stages print.
        """
        self._log = log
        with log.open("w") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LOOP], cwd=tree.folder, env=tree.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink,
            )  # fmt: skip

    def run(self, stage: str, arguments: Sequence[str]) -> str:
        """Run a stage; empty if it ended well, else how it ended and the end of what it printed."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked
        assert answers
        try:
            print(json.dumps([stage, list(arguments)]), file=asked, flush=True)
        except BrokenPipeError:
            return f"its process has ended:\n{self._told()}"
        if not select.select([answers], [], [], SECONDS_PER_RUN)[0]:
            self._process.kill()
            return f"no end within {SECONDS_PER_RUN} s:\n{self._told()}"
        code = answers.readline().strip()
        return "" if code == "0" else f"exit code {code or 'of a crash'}:\n{self._told()}"

    def close(self) -> None:
        """End it."""
        self._process.communicate()  # closes its input

    def _told(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]
