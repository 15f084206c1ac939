"""The data files of the cost model: prices, assumptions, and how long a stage computes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

STAGE_SECONDS_FILE = "stage_seconds.json"
"""Holds assumptions until each stage is measured on one cold batch, and says so."""

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
        start_seconds: From process start to the first row: interpreter, Java, session.
        batch_seconds: The whole process with a batch of `batch_mb`.
        batch_mb: Uncompressed megabytes of that batch.
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
        stages: Stage -> what a run of it takes.
        seconds_basis: Whether its seconds are measured or assumed, in words.
        requests_basis: The same of its requests.
    """

    prices: Mapping[str, Price]
    as_of: date
    assumed: Mapping[str, float]
    stages: Mapping[str, StageCosts]
    seconds_basis: str
    requests_basis: str

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
    return Inputs(
        prices={name: Price(**entry) for name, entry in prices.items()},
        as_of=as_of,
        assumed={name: entry["value"] for name, entry in read_assumptions().items()},
        stages={
            stage: StageCosts(
                entry["start_seconds"],
                entry["batch_seconds"],
                seconds["batch_mb"],
                requests["stages"][stage]["s3_writes"],
                requests["stages"][stage]["s3_reads"],
                requests["stages"][stage]["catalog"],
            )
            for stage, entry in seconds["stages"].items()
        },
        seconds_basis=f"{seconds['basis']}: {seconds['says']}",
        requests_basis=f"{requests['basis']}: {requests['says']}",
    )


def read_assumptions() -> dict[str, dict[str, Any]]:
    """Each assumption with its value and reason."""
    return tomllib.loads(_text("assumptions.toml"))


def _text(name: str) -> str:
    return resources.files("driftlake.cost").joinpath(name).read_text("utf-8")
