"""Judging values nested so deep that Python's recursion limit ends the first attempt."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final

FRAMES_LIMIT: Final = 1_000_000
"""Most calls within calls: about 200 MB."""
_lock: Final = threading.Lock()


def depth_of(value: Any) -> int:
    """Levels of arrays and objects, counted without recursion."""
    depth, level = 0, [value]
    while level:
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        depth += 1
    return depth


def is_judging_deep() -> bool:
    """Whether the recursion limit is raised beyond what the C stack of a thread can take."""
    return _lock.locked()


def judge_deep(check: Callable[[Any], bool], value: Any, frames_per_level: int) -> bool:
    """Run a check with as many frames as it may need. Generated functions call each other without the C stack.

    Raises:
        RecursionError: even `FRAMES_LIMIT` does not do.
    """
    needed = min((depth_of(value) + 2) * frames_per_level, FRAMES_LIMIT)
    with _lock:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + needed)
        try:
            return check(value)
        finally:
            sys.setrecursionlimit(limit)
