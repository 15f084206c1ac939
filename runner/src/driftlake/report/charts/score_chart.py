"""How scores and sizes are spread, with the limits they must pass; counts on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from driftlake.report.scales import LinearScale, LogScale, readable_number
from driftlake.report.svg import drawing, element, line, text

WIDTH, HEIGHT = 540.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 526.0, 30.0, 192.0
LIMITS_DRAWN = 4


@dataclass(frozen=True, slots=True)
class Bin:
    """Windows whose value lies in one stretch of the axis."""

    low: float
    high: float
    reference: int = 0
    ordinary: int = 0
    deviating: int = 0

    @property
    def most(self) -> int:
        """Of the three."""
        return max(self.reference, self.ordinary, self.deviating)


def score_chart(bins: Sequence[Bin], thresholds: Sequence[float]) -> Markup:
    """Windows by the forest's score."""
    low = min((found.low for found in bins), default=0.3)
    high = max([found.high for found in bins] + list(thresholds), default=1.0)
    scale = LinearScale(low, min(high + 0.02, 1.0), LEFT, RIGHT)
    marked = [(value, f"{value:.3f}") for value in list(thresholds)[-LIMITS_DRAWN:]]
    return _histogram(
        bins, scale, marked, "score of the IsolationForest (higher is stranger)",
        "Windows by score, with the threshold", lambda value: f"{value:.2g}",
    )  # fmt: skip


def size_chart(bins: Sequence[Bin], limits: Sequence[float]) -> Markup:
    """Windows by their largest residual; `low` and `high` of the bins are powers of two."""
    low, high = min(found.low for found in bins), max(found.high for found in bins)
    scale = LinearScale(low, max(high, 4.0), LEFT, RIGHT)
    marked = [(math.log2(value), f"{value:.3g}") for value in list(limits)[:LIMITS_DRAWN] if value > 0]
    return _histogram(
        bins, scale, marked, "largest residual of a window, in robust standard deviations",
        "Windows by their largest residual, with the limits", lambda value: readable_number(2.0**value),
    )  # fmt: skip


def _histogram(
    bins: Sequence[Bin], scale: LinearScale, limits: Sequence[tuple[float, str]], axis: str, label: str,
    tick_label: Callable[[float], str],
) -> Markup:  # fmt: skip
    most = max((found.most for found in bins), default=1)
    count = LogScale(most, BOTTOM, TOP)
    drawn = []
    for y, power in count.ticks():
        drawn += [line(LEFT, y, RIGHT, y, "grid"), text(LEFT - 6, y + 4, f"{power:,}", anchor="end")]
    drawn += [
        element("path", d=_outline(bins, scale, count, which), class_=f"bars-{which}")
        for which in ("reference", "ordinary", "deviating")
    ]
    for x, value in scale.ticks(7):
        drawn += [
            line(x, BOTTOM, x, BOTTOM + 4, "axis"),
            text(x, BOTTOM + 18, tick_label(value), anchor="middle"),
        ]
    for value, words in limits:
        x = scale.at(value)
        drawn += [line(x, TOP - 8, x, BOTTOM, "limit"), text(x, TOP - 13, words, "accent", anchor="middle")]
    drawn += [
        line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis"),
        text((LEFT + RIGHT) / 2, BOTTOM + 38, axis, "soft", anchor="middle"),
        text(4, TOP - 14, "windows", "soft"),
    ]
    return drawing(WIDTH, HEIGHT, f"{label}; the table below has the counts", *drawn)


def _outline(bins: Sequence[Bin], scale: LinearScale, count: LogScale, which: str) -> str:
    """The steps of a histogram, down to the axis where a bin is empty."""
    parts = []
    for found in bins:
        number = getattr(found, which)
        if number:
            x, wide, y = scale.at(found.low), scale.at(found.high) - scale.at(found.low), count.at(number)
            parts.append(f"M{x:.1f} {BOTTOM:.1f}V{y:.1f}h{wide:.1f}V{BOTTOM:.1f}z")
    return "".join(parts)


def bins_of(rows: Sequence[dict[str, Any]], width: float) -> list[Bin]:
    """Rows of (`low`, `is_reference`, `is_anomalous`, `windows`) as bins of a width."""
    counts: dict[float, dict[str, int]] = {}
    for row in rows:
        which = "reference" if row["is_reference"] else "deviating" if row["is_anomalous"] else "ordinary"
        own = counts.setdefault(row["low"], {})
        own[which] = own.get(which, 0) + row["windows"]
    return [Bin(low, low + width, **own) for low, own in sorted(counts.items())]
