"""From values to places: time, share and count axes with round ticks. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = 3600
DAY = 24 * HOUR

ROUND_SECONDS = (
    60, 300, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY,
    91 * DAY, 364 * DAY,
)  # fmt: skip
"""Widths of bins and distances of ticks that a person reads without counting."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def round_width(span_seconds: float, most: int, least: float = 0) -> int:
    """The smallest round width, not below `least`, that divides a span into at most so many parts."""
    for width in ROUND_SECONDS:
        if width >= least and span_seconds / width <= most:
            return width
    return math.ceil(span_seconds / most / ROUND_SECONDS[-1]) * ROUND_SECONDS[-1]


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Times from left to right. A time outside stands at the border."""

    first: datetime
    last: datetime
    left: float
    right: float

    @property
    def span_seconds(self) -> float:
        """Length of what is shown; never 0."""
        return max((self.last - self.first).total_seconds(), 1.0)

    def x(self, moment: datetime) -> float:
        """Where a time stands."""
        share = (moment - self.first).total_seconds() / self.span_seconds
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def ticks(self, most: int = 8) -> Iterator[tuple[float, str]]:
        """Places and labels at round times: the date where a day begins, else hour and minute."""
        width = round_width(self.span_seconds, most)
        # Weeks begin on Mondays; 1970-01-01 was a Thursday.
        origin = 4 * DAY if width % (7 * DAY) == 0 else 0
        at = math.ceil((self.first.timestamp() - origin) / width) * width + origin
        while at <= self.last.timestamp():
            moment = EPOCH + timedelta(seconds=at)
            yield self.x(moment), _time_label(moment, width, self.span_seconds)
            at += width


def _time_label(moment: datetime, width: int, span_seconds: float) -> str:
    if width < DAY and moment.hour + moment.minute:
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d}" if span_seconds > 300 * DAY else f"{moment:%b} {moment.day}"


@dataclass(frozen=True, slots=True)
class LinearScale:
    """Numbers along a line; up the page if `start` is below `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a number stands; outside it stands at the border."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 5) -> Iterator[tuple[float, float]]:
        """Places and values at round numbers."""
        step = round_step((self.high - self.low) / most)
        at = math.ceil(self.low / step - 1e-9)
        while at * step <= self.high + step * 1e-9:
            yield self.at(at * step), at * step
            at += 1


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below; 1 for nothing."""
    if not math.isfinite(least) or least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class LogScale:
    """Counts from 1 on, each tenfold equally far; 0 stands half a decade below 1."""

    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a count stands."""
        decades = math.log10(max(self.high, 10.0)) + 0.5
        share = (math.log10(value) + 0.5) / decades if value >= 1 else 0.0
        return self.start + min(share, 1.0) * (self.end - self.start)

    def ticks(self) -> Iterator[tuple[float, int]]:
        """Places and values at powers of ten."""
        for power in range(math.floor(math.log10(max(self.high, 10.0))) + 1):
            yield self.at(10**power), 10**power


def readable_number(value: float) -> str:
    """`0.05`, `12`, `1,500`: short, as an axis says it."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
