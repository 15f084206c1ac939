"""A bound on the work of one comparison: whatever the schemas are, the answer comes in seconds."""

from __future__ import annotations

import time
from typing import Final

_STEPS_PER_CLOCK_LOOK: Final = 64


class BudgetExceededError(Exception):
    """The bound is reached; whoever catches it must answer "unknown"."""


class Budget:
    """Counts steps, and looks at the clock now and then: steps alone would not bound slow ones."""

    def __init__(self, *, steps: int, seconds: float) -> None:
        self._steps_left = steps
        self._deadline = time.monotonic() + seconds

    def spend(self, steps: int = 1) -> None:
        """Raises BudgetExceededError once nothing is left."""
        before = self._steps_left
        self._steps_left = before - steps
        looks = before // _STEPS_PER_CLOCK_LOOK != self._steps_left // _STEPS_PER_CLOCK_LOOK
        if self._steps_left < 0 or (looks and time.monotonic() > self._deadline):
            self._steps_left = -1
            raise BudgetExceededError

    def share(self, *, steps: int) -> Budget:
        """A smaller budget with the same end: one hard question must not starve the others."""
        part = Budget(steps=min(steps, max(self._steps_left, 0)), seconds=0)
        part._deadline = self._deadline
        return part
