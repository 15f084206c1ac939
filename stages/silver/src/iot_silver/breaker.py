"""The circuit breaker of each claimed schema version: closed, open, half open. Pure; `breakers.py` reads and writes.

One bad firmware must not stop the fleet, nor fill the tables with what nobody can use. What a batch shows counts from
the next batch on, so a repeated batch treats its records as it did the first time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from iot_common.contracts.silver_circuit_breaker import CLOSED, HALF_OPEN, OPEN
from iot_silver.policy import BreakerRules

LONGEST_VERSION: Final = 64
"""Longer texts are no versions: they get no breaker."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker that is not closed, as the newest row of `silver.circuit_breaker` has it."""

    schema_version: str
    state: str
    checked_rows: int
    failed_rows: int
    transition_time: datetime


@dataclass(frozen=True, slots=True)
class Count:
    """Records of one version in a batch that were not held, and how many of them failed."""

    rows: int
    failed: int


def let_through(breakers: Mapping[str, Breaker], now: datetime, rules: BreakerRules) -> dict[str, float]:
    """Version -> share of its records that this batch lets through: 0 where open, a sample where half open.

    An open breaker becomes half open when its cool-down is over.
    """
    return {
        version: rules.sample_share if is_half_open(breaker, now, rules) else 0.0
        for version, breaker in breakers.items()
    }


def is_half_open(breaker: Breaker, now: datetime, rules: BreakerRules) -> bool:
    """True where a sample is let through at this time."""
    cooled = breaker.transition_time + timedelta(minutes=rules.cool_down_minutes) <= now
    return breaker.state == HALF_OPEN or (breaker.state == OPEN and cooled)


def changes(
    breakers: Mapping[str, Breaker], counts: Mapping[str, Count], now: datetime, rules: BreakerRules
) -> list[Breaker]:
    """What a batch changes, in the order of the versions; `transition_time` is the batch's.

    Args:
        breakers: Those that were not closed before the batch.
        counts: Records of each version that were not held.
        now: Time of the batch.
        rules: Shares and minimums.
    """
    changed = []
    for version, count in sorted(counts.items()):
        before = breakers.get(version)
        after = _of_closed(version, count, now, rules) if before is None else _of(before, count, now, rules)
        if after is not None:
            changed.append(after)
    return changed


def _of_closed(version: str, count: Count, now: datetime, rules: BreakerRules) -> Breaker | None:
    if len(version) > LONGEST_VERSION or count.rows < rules.minimum_rows or not _fails(count, rules):
        return None
    return Breaker(version, OPEN, count.rows, count.failed, now)


def _of(before: Breaker, count: Count, now: datetime, rules: BreakerRules) -> Breaker | None:
    if not count.rows or not is_half_open(before, now, rules):
        return None
    earlier = before if before.state == HALF_OPEN else None
    # Samples of a version that sends little add up over batches, or it would stay half open for ever.
    so_far = Count(
        count.rows + (earlier.checked_rows if earlier else 0),
        count.failed + (earlier.failed_rows if earlier else 0),
    )
    judged = OPEN if _fails(so_far, rules) else CLOSED
    state = judged if so_far.rows >= rules.sample_minimum_rows else HALF_OPEN
    return Breaker(before.schema_version, state, so_far.rows, so_far.failed, now)


def _fails(count: Count, rules: BreakerRules) -> bool:
    return count.failed > rules.failing_share * count.rows
