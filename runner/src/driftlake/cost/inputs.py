"""The data files of the cost model: prices, assumptions, and how long a stage computes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from typing import Any

from iot_common.errors import SettingsError

STAGE_SECONDS_FILE = "stage_seconds.json"
"""`make bench-batch` writes it."""

STAGE_REQUESTS_FILE = "stage_requests.json"
"""`make bench-requests` writes it."""


@dataclass(frozen=True)
class Price:
    """One price of AWS: dollars for a unit, where it is published, how sure it is, and the units free each month."""

    usd: float
    unit: str
    source: str
    sure: str
    free: float = 0.0


@dataclass(frozen=True)
class StageCosts:
    """What one run of a stage takes: seconds on two cores, and requests.

    Attributes:
        start_seconds: The whole process where there is nothing new, without the start of the session.
        batch_seconds: The whole process with a batch of `batch_mb`, without the start of the session.
        batch_mb: Uncompressed megabytes of that batch: of a quarter of an hour, or an hour for hourly stages.
        s3_writes: PUT, COPY, POST and LIST requests of a run.
        s3_reads: GET and HEAD requests of a run.
        catalog_requests: Requests of a run to the Glue catalog.
    """

    start_seconds: float
    batch_seconds: float
    batch_mb: float
    s3_writes: float
    s3_reads: float
    catalog_requests: float

    @property
    def seconds_per_mb(self) -> float:
        """What each further megabyte takes."""
        return max(0.0, self.batch_seconds - self.start_seconds) / self.batch_mb


@dataclass(frozen=True)
class Inputs:
    """All numbers the model works with.

    Attributes:
        prices: Price by name.
        as_of: Day on which the prices were written down.
        assumed: Assumed figure by name.
        stages: Stage -> what a run of it takes, for the fleet of `devices`.
        devices: Size of the measured fleet; the same volume from more devices is more windows of fewer readings.
        fleets: Size of each fleet that was measured -> its stages, and how they were measured, in words.
        seconds_basis: Whether its seconds are measured or assumed, in words.
        requests_basis: The same of its requests.
    """

    prices: Mapping[str, Price]
    as_of: date
    assumed: Mapping[str, float]
    stages: Mapping[str, StageCosts]
    devices: int
    fleets: Mapping[int, tuple[Mapping[str, StageCosts], str]]
    seconds_basis: str
    requests_basis: str

    def of_fleet(self, devices: int) -> Inputs:
        """The same, with the seconds of the smallest measured fleet that has as many devices.

        Raises:
            SettingsError: If no measured fleet has.
        """
        large_enough = [size for size in self.fleets if size >= devices]
        if devices < 1 or not large_enough:
            raise SettingsError(f"--devices is from 1 to {max(self.fleets)}, the largest fleet measured")
        size = min(large_enough)
        stages, basis = self.fleets[size]
        return replace(self, stages=stages, devices=size, seconds_basis=basis)

    def usd(self, price: str) -> float:
        """A price in dollars."""
        return self.prices[price].usd

    def usd_beyond_free(self, price: str, units: float) -> float:
        """Dollars for a month's units, less those that are free."""
        return max(0.0, units - self.prices[price].free) * self.prices[price].usd


def read_inputs() -> Inputs:
    """The inputs that are packed with this program."""
    prices = tomllib.loads(_text("prices.toml"))
    as_of = prices.pop("as_of")
    prices.pop("region")
    seconds, requests = (json.loads(_text(name)) for name in (STAGE_SECONDS_FILE, STAGE_REQUESTS_FILE))
    fleets = {
        fleet["devices"]: (
            _stages(fleet["stages"], requests["stages"], fleet["session_seconds"]),
            f"{seconds['basis']}: {fleet['says']}",
        )
        for fleet in seconds["fleets"]
    }
    smallest = min(fleets)
    return Inputs(
        prices={name: Price(**entry) for name, entry in prices.items()},
        as_of=as_of,
        assumed={name: entry["value"] for name, entry in read_assumptions().items()},
        stages=fleets[smallest][0],
        devices=smallest,
        fleets=fleets,
        seconds_basis=fleets[smallest][1],
        requests_basis=f"{requests['basis']}: {requests['says']}",
    )


def _stages(
    seconds: Mapping[str, Any], requests: Mapping[str, Any], session_seconds: float
) -> dict[str, StageCosts]:
    """A fleet's stages. The start of a session is part of the overhead that each run is billed anyway."""
    return {
        stage: StageCosts(
            max(0.0, entry["start_seconds"] - session_seconds),
            max(0.0, entry["batch_seconds"] - session_seconds),
            entry["batch_mb"],
            requests[stage]["s3_writes"],
            requests[stage]["s3_reads"],
            requests[stage]["catalog"],
        )
        for stage, entry in seconds.items()
    }


def read_assumptions() -> dict[str, dict[str, Any]]:
    """Each assumption with its value and reason."""
    return tomllib.loads(_text("assumptions.toml"))


def _text(name: str) -> str:
    return resources.files("driftlake.cost").joinpath(name).read_text("utf-8")
