"""What is deployed, a line of its bill, and the counts both are made from. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from driftlake.cost.inputs import Inputs

MINUTES_PER_DAY = 1440
HOURLY_STAGES = ("gold", "metrics")
"""Run once an hour whatever the tick is, unless the profile says otherwise."""


@dataclass(frozen=True)
class Profile:
    """What is deployed.

    Attributes:
        gb_per_day: Readings of a day, uncompressed.
        tick_minutes: How often bronze, silver and drift run.
        hourly_minutes: How often gold and metrics run.
        options: Names of OPTIONS that are on.
        billed_seconds: Seconds each run is billed at least, overhead included; None: as the inputs say.
    """

    gb_per_day: float = 10.0
    tick_minutes: int = 15
    hourly_minutes: int = 60
    options: frozenset[str] = frozenset()
    billed_seconds: float | None = None

    def every_minutes(self, stage: str) -> int:
        """Minutes between two runs of a stage."""
        return max(self.tick_minutes, self.hourly_minutes) if stage in HOURLY_STAGES else self.tick_minutes


@dataclass(frozen=True)
class Line:
    """One line of the bill: what for, dollars a month, and the multiplication behind them."""

    component: str
    usd: float
    how: str


def runs_per_month(every_minutes: float, inputs: Inputs) -> float:
    """Runs of a job in a month."""
    return inputs.assumed["days_per_month"] * MINUTES_PER_DAY / every_minutes


def batch_mb(gb_per_day: float, every_minutes: float) -> float:
    """Megabytes that arrive between two runs."""
    return gb_per_day * 1000 * every_minutes / MINUTES_PER_DAY


def landing_objects(profile: Profile, inputs: Inputs) -> float:
    """Landing objects of a month."""
    assumed = inputs.assumed
    by_time = assumed["landing_objects_per_minute"] * MINUTES_PER_DAY
    by_size = profile.gb_per_day * 1000 / assumed["landing_object_mb"]
    return assumed["days_per_month"] * max(by_time, by_size)


def events_per_month(profile: Profile, inputs: Inputs) -> float:
    """Readings of a month."""
    return inputs.assumed["days_per_month"] * profile.gb_per_day * 1e9 / inputs.assumed["event_bytes"]
