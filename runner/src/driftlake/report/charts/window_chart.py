"""One reading of one device over time: observed and usual values, and which windows deviated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from driftlake.report.scales import LinearScale, TimeScale, readable_number
from driftlake.report.svg import band, drawing, element, line, polyline, squares, text

WIDTH, HALF_WIDTH, HEIGHT = 1100.0, 540.0, 300.0
LEFT, RIGHT_MARGIN, TOP, BOTTOM = 56.0, 12.0, 34.0, 250.0


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class WindowSeries:
    """Values of one reading in equal stretches of time; None where there were none.

    Attributes:
        usual: What the device's own baseline expects; None while learning.
        deviating: Stretches with a deviating window.
    """

    device_id: str
    column: str
    times: tuple[datetime, ...]
    observed: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    usual: tuple[float | None, ...]
    deviating: tuple[bool, ...]


def window_chart(series: WindowSeries, onset: datetime | None, axis: str, width: float = WIDTH) -> Markup:
    """Observed as a solid line with its spread, usual as a dashed one, deviating windows as marks below."""
    values = [v for part in (series.low, series.high, series.usual) for v in part if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.08 * (high - low) or 1.0
    time = TimeScale(series.times[0], series.times[-1], LEFT, width - RIGHT_MARGIN)
    value = LinearScale(low - room, high + room, BOTTOM, TOP)
    return drawing(
        width, HEIGHT, f"{axis} of {series.device_id} over time, observed and usual",
        *_axes(time, value, axis),
        *_spread(series, time, value),
        polyline(_points(series.times, series.usual, time, value), "usual"),
        polyline(_points(series.times, series.observed, time, value), "observed"),
        squares(
            ((time.x(at), BOTTOM + 6, 4.0) for at, is_so in zip(series.times, series.deviating, strict=True) if is_so),
            "heat2",
        ),
        *([] if onset is None else _onset(time.x(onset), time)),
    )  # fmt: skip


def _axes(time: TimeScale, value: LinearScale, axis: str) -> list[Markup]:
    drawn = []
    for y, number in value.ticks(5):
        drawn += [
            line(LEFT, y, time.right, y, "grid"),
            text(LEFT - 6, y + 4, readable_number(number), anchor="end"),
        ]
    for x, label in time.ticks(8 if time.right > HALF_WIDTH else 5):
        drawn += [
            line(x, BOTTOM + 12, x, BOTTOM + 16, "axis"),
            text(x, BOTTOM + 30, label, anchor="middle"),
        ]
    return [
        *drawn,
        line(LEFT, BOTTOM + 12, time.right, BOTTOM + 12, "axis"),
        text(4, 14, axis, "soft"),
    ]


def _points(
    times: Sequence[datetime], numbers: Sequence[float | None], time: TimeScale, value: LinearScale
) -> list[Point | None]:
    return [
        None if number is None else (time.x(at), value.at(number))
        for at, number in zip(times, numbers, strict=True)
    ]


def _spread(series: WindowSeries, time: TimeScale, value: LinearScale) -> list[Markup]:
    """The band from least to greatest, broken where there was no reading."""
    drawn, upper, lower = list[Markup](), list[Point](), list[Point]()
    for at, low, high in [*zip(series.times, series.low, series.high, strict=True), (None, None, None)]:
        if at is None or low is None or high is None:
            drawn.append(band(upper, lower, "spread"))
            upper, lower = [], []
        else:
            upper.append((time.x(at), value.at(high)))
            lower.append((time.x(at), value.at(low)))
    return drawn


def _onset(x: float, time: TimeScale) -> list[Markup]:
    anchor = "end" if x > (time.left + time.right) / 2 else "start"
    return [
        line(x, TOP - 8, x, BOTTOM + 12, "onset"),
        element("path", d=f"M{x - 5:.1f} {TOP - 16}h10l-5 8z", class_="onset-mark"),
        text(x + (-9 if anchor == "end" else 9), TOP - 9, "onset", "accent", anchor=anchor),
    ]
