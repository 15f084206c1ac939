"""What the runs of a stage cost. Pure.

A stage is a Glue job that starts at each tick, works through what has arrived, and ends. It is billed by the second,
a minute at least. Where the work no longer fits the tick it gets more workers, all of which pay the overhead.
"""

from __future__ import annotations

import math

from driftlake.cost.inputs import Inputs
from driftlake.cost.profile import Line, Profile, batch_mb, runs_per_month


def billed_run(stage: str, profile: Profile, inputs: Inputs) -> tuple[float, int]:
    """Seconds a run of a stage is billed, and by how many times the smallest cluster."""
    assumed, measured = inputs.assumed, inputs.stages[stage]
    every_minutes = profile.every_minutes(stage)
    speed = assumed["speed_of_glue_cores"]
    start = measured.start_seconds / speed
    work = measured.seconds_per_mb * batch_mb(profile.gb_per_day, every_minutes) / speed
    usable = every_minutes * 60 * assumed["usable_share_of_tick"] - assumed["billed_overhead_seconds"] - start
    clusters = max(1, math.ceil(work / usable))
    seconds = assumed["billed_overhead_seconds"] + start + work / clusters
    return max(seconds, profile.billed_seconds or assumed["minimum_billed_seconds"]), clusters


def stage_line(stage: str, profile: Profile, inputs: Inputs) -> Line:
    """One stage's Glue job."""
    runs = runs_per_month(profile.every_minutes(stage), inputs)
    seconds, clusters = billed_run(stage, profile, inputs)
    dpu = inputs.assumed["stage_dpu"] * clusters
    usd = runs * seconds * dpu / 3600 * inputs.usd("glue_dpu_hour")
    return Line(f"stage {stage}", usd, f"{runs:,.0f} runs × {seconds:.0f} s × {dpu:g} DPU")
