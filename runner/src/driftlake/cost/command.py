"""`driftlake cost`: a profile's bill of a month, its neighbours' totals, and what a budget carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from driftlake.cost.bill import bill, largest_gb_per_day, total_usd
from driftlake.cost.inputs import Inputs
from driftlake.cost.options import OPTIONS
from driftlake.cost.profile import Line, Profile
from iot_common.errors import SettingsError

CADENCES_MINUTES = (5, 15)
VOLUME_FACTORS = (1, 10, 100)


@dataclass(frozen=True)
class Estimate:
    """All that the command says.

    Attributes:
        profile: What was asked.
        lines: Its bill.
        budget_usd: The budget it is held against.
        largest_gb_per_day: What the budget carries, all else equal; None if it carries nothing.
        grid: Total by minutes of the tick and gigabytes a day.
        devices: Size of the measured fleet it is for.
        fleets: Total by measured size of the fleet.
        options: Option -> what it adds to this profile.
        seconds_basis: Whether the stages' seconds are measured or assumed.
        requests_basis: The same of their requests.
        prices_as_of: Day of the prices.
    """

    profile: Profile
    lines: Sequence[Line]
    budget_usd: float
    largest_gb_per_day: float | None
    grid: dict[tuple[int, float], float]
    devices: int
    fleets: dict[int, float]
    options: dict[str, Line]
    seconds_basis: str
    requests_basis: str
    prices_as_of: str

    @property
    def total_usd(self) -> float:
        """The month's sum."""
        return total_usd(list(self.lines))

    @property
    def within_budget(self) -> bool:
        """True if the sum is no larger than the budget."""
        return self.total_usd <= self.budget_usd

    def as_json(self) -> dict[str, Any]:
        """The estimate as JSON can say it, dollars to the cent."""
        return {
            "profile": asdict(self.profile) | {"options": sorted(self.profile.options)},
            "total_usd": round(self.total_usd, 2),
            "budget_usd": self.budget_usd,
            "within_budget": self.within_budget,
            "largest_gb_per_day": self.largest_gb_per_day,
            "lines": [asdict(line) | {"usd": round(line.usd, 2)} for line in self.lines],
            "totals": [
                {"tick_minutes": tick, "gb_per_day": gb, "usd": round(usd, 2)}
                for (tick, gb), usd in self.grid.items()
            ],
            "devices": self.devices,
            "fleets": [{"devices": size, "usd": round(usd, 2)} for size, usd in self.fleets.items()],
            "options": {name: round(line.usd, 2) for name, line in self.options.items()},
            "stage_seconds": self.seconds_basis,
            "stage_requests": self.requests_basis,
            "prices_as_of": self.prices_as_of,
        }


def a_profile(
    gb_per_day: float, tick_minutes: int, options: Sequence[str], billed_seconds: float | None
) -> Profile:
    """The profile that options of the command line name.

    Raises:
        SettingsError: If a value is impossible or an option unknown.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise SettingsError(f"--with {unknown[0]} is unknown; there are {', '.join(sorted(OPTIONS))}")
    if gb_per_day < 0 or not gb_per_day < float("inf"):
        raise SettingsError(f"--gb-per-day is 0 or more, not {gb_per_day}")
    if not 1 <= tick_minutes <= 1440:
        raise SettingsError(f"--tick-minutes is from 1 to 1440, not {tick_minutes}")
    if billed_seconds is not None and billed_seconds <= 0:
        raise SettingsError(f"--billed-seconds is above 0, not {billed_seconds}")
    return Profile(gb_per_day, tick_minutes, options=frozenset(options), billed_seconds=billed_seconds)


def estimate(profile: Profile, budget_usd: float, inputs: Inputs) -> Estimate:
    """The bill of a profile and its neighbours."""
    grid = {
        (tick, profile.gb_per_day * factor): total_usd(
            bill(replace(profile, tick_minutes=tick, gb_per_day=profile.gb_per_day * factor), inputs)
        )
        for tick in sorted({*CADENCES_MINUTES, profile.tick_minutes})
        for factor in VOLUME_FACTORS
    }
    return Estimate(
        profile=profile,
        lines=bill(profile, inputs),
        budget_usd=budget_usd,
        largest_gb_per_day=largest_gb_per_day(profile, inputs, budget_usd),
        grid=grid,
        devices=inputs.devices,
        fleets={size: total_usd(bill(profile, inputs.of_fleet(size))) for size in sorted(inputs.fleets)},
        options={name: OPTIONS[name](profile, inputs) for name in sorted(OPTIONS)},
        seconds_basis=inputs.seconds_basis,
        requests_basis=inputs.requests_basis,
        prices_as_of=inputs.as_of.isoformat(),
    )
