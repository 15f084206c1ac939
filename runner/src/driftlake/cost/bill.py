"""What a month costs, line by line, and how much data a budget carries. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from driftlake.cost.inputs import Inputs
from driftlake.cost.options import OPTIONS
from driftlake.cost.parts import PARTS
from driftlake.cost.profile import Line, Profile
from driftlake.cost.stage_runs import stage_line

LARGEST_GB_PER_DAY = 100_000.0
"""Where the search for the largest volume ends."""


def bill(profile: Profile, inputs: Inputs) -> list[Line]:
    """All lines of a month in a steady state: every layer has reached its retention."""
    stages = [stage_line(stage, profile, inputs) for stage in inputs.stages]
    fixed = [part(profile, inputs) for part in PARTS]
    chosen = [OPTIONS[name](profile, inputs) for name in sorted(profile.options)]
    return stages + fixed + chosen


def total_usd(lines: list[Line]) -> float:
    """The sum of a bill."""
    return sum(line.usd for line in lines)


def largest_gb_per_day(profile: Profile, inputs: Inputs, budget_usd: float) -> float | None:
    """The largest daily volume within a budget, to 0.01 GB; None if not even an empty day is."""

    def fits(gb_per_day: float) -> bool:
        return total_usd(bill(replace(profile, gb_per_day=gb_per_day), inputs)) <= budget_usd

    low, high = 0.0, LARGEST_GB_PER_DAY
    if not fits(low):
        return None
    while high - low > 0.005:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return math.floor(low * 100) / 100
