"""CPU time and memory of a process with all its descendants, from Linux's /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.5


def process_tree(root: int) -> list[int]:
    """The process and its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for pid in _all_pids():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, []))
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time of the tree so far; descendants that ended count, once their parent has waited for them."""
    ticks = 0
    for pid in process_tree(root):
        # utime, stime, and the same of children that were waited for (proc(5); the name before them is cut off).
        ticks += sum(int(value) for value in _stat(pid)[11:15])
    return ticks / _TICKS_PER_SECOND


class PeakMemory:
    """Largest proportional set size of a tree, sampled: pages that forked workers share are counted once."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes = 0
        self.peak_python_bytes = 0
        """Of the tree without the JVM, whose heap grows as far as it is allowed to."""

    def __enter__(self) -> PeakMemory:
        """Begin to sample."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            sizes = {pid: _proportional_bytes(pid) for pid in process_tree(self._root)}
            without_java = sum(size for pid, size in sizes.items() if _command(pid) != "java")
            self.peak_bytes = max(self.peak_bytes, sum(sizes.values()))
            self.peak_python_bytes = max(self.peak_python_bytes, without_java)


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on; none if the process has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _proportional_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
