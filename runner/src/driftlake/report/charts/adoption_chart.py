"""Small multiples of adoption curves: one panel per field, one line per departure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from driftlake.report.adoption import Adoption, Curve
from driftlake.report.scales import LinearScale, TimeScale, round_step
from driftlake.report.svg import drawing, element, line, polyline, shortened, text

WIDTH, HEIGHT = 400.0, 170.0
WIDE = 1100.0
LEFT, TOP, BOTTOM = 46.0, 14.0, 142.0
LINES_PER_PANEL = 5
PANELS_DRAWN = 24
MARKS = ("circle", "square", "triangle", "diamond", "cross")
MARKS_PER_LINE = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One field's picture, with what a reader needs beside it."""

    path: str
    svg: Markup
    lines: tuple[tuple[Markup, Curve], ...]
    more: int


def panels(adoption: Adoption, extent: tuple[datetime, datetime], onsets: dict[str, datetime]) -> list[Panel]:
    """One panel per path, in the order of the curves.

    Args:
        adoption: From `driftlake.report.adoption`.
        extent: What the time axes span.
        onsets: Path to the onset of its first finding, drawn as a marked line.
    """
    by_path: dict[str, list[Curve]] = {}
    for curve in adoption.curves:
        by_path.setdefault(curve.path, []).append(curve)
    return [
        panel(path, curves, extent, onsets.get(path)) for path, curves in list(by_path.items())[:PANELS_DRAWN]
    ]


def panel(
    path: str,
    curves: Sequence[Curve],
    extent: tuple[datetime, datetime],
    onset: datetime | None,
    *,
    wide: bool = False,
) -> Panel:
    """The curves of one path; its own scale, since five percent of a fleet matter as much as all of it."""
    shown = list(curves[:LINES_PER_PANEL])
    peak = max((max(curve.record_shares, default=0.0) for curve in shown), default=0.0)
    step = round_step(max(peak, 0.001) / 4)
    top = min(1.0, step * -(-peak // step)) or step
    width = WIDE if wide else WIDTH
    time, share = TimeScale(*extent, LEFT, width - 12), LinearScale(0.0, top, BOTTOM, TOP)
    drawn = drawing(
        width, HEIGHT, f"Share of records over time at {shortened(path, 80)}; the table of curves has the values",
        *_axes(time, share), *([] if onset is None else [_onset(time.x(onset))]),
        *(part for place, curve in enumerate(shown) for part in _curve(place, curve, time, share)),
    )  # fmt: skip
    return Panel(
        path, drawn, tuple((key(place), curve) for place, curve in enumerate(shown)), len(curves) - len(shown)
    )


def _axes(time: TimeScale, share: LinearScale) -> list[Markup]:
    drawn = []
    for y, value in share.ticks(4):
        drawn += [line(LEFT, y, time.right, y, "grid"), text(LEFT - 6, y + 4, _percent(value), anchor="end")]
    for x, label in time.ticks(5 if time.right < WIDTH else 9):
        drawn += [line(x, BOTTOM, x, BOTTOM + 4, "axis"), text(x, BOTTOM + 18, label, anchor="middle")]
    return [*drawn, line(LEFT, BOTTOM, time.right, BOTTOM, "axis")]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _onset(x: float) -> Markup:
    mark = element("path", d=f"M{x - 4:.1f} {TOP - 8}h8l-4 7z", class_="onset-mark")
    return element("g", line(x, TOP, x, BOTTOM, "onset"), mark)


def _curve(place: int, curve: Curve, time: TimeScale, share: LinearScale) -> list[Markup]:
    points = [
        (time.x(at), share.at(value)) for at, value in zip(curve.times, curve.record_shares, strict=True)
    ]
    every = max(1, len(points) // MARKS_PER_LINE)
    # The marks of the lines of a panel stand at different times, so that equal lines are seen.
    marked = points[place * every // LINES_PER_PANEL :: every]
    return [
        polyline(points, f"curve c{place}"),
        *(
            mark(MARKS[place], x, y, f"mark c{place}")
            for x, y in marked
            if y < BOTTOM - 1 or len(points) < MARKS_PER_LINE
        ),
    ]


def key(place: int) -> Markup:
    """The line and mark of a curve, for a legend beside words."""
    return element(
        "svg", line(0, 6, 30, 6, f"curve c{place}"), mark(MARKS[place], 15, 6, f"mark c{place}"),
        view_box="0 0 30 12", width=30, height=12, class_="key", aria_hidden="true",
    )  # fmt: skip


def mark(shape: str, x: float, y: float, class_: str, size: float = 3.4) -> Markup:
    """A mark whose shape can be told without its colour."""
    half = size
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=half, class_=class_)
    paths = {
        "square": f"M{x - half:.1f} {y - half:.1f}h{2 * half:.1f}v{2 * half:.1f}h-{2 * half:.1f}z",
        "triangle": f"M{x:.1f} {y - half * 1.2:.1f}l{half * 1.2:.1f} {half * 2.1:.1f}h-{half * 2.4:.1f}z",
        "diamond": f"M{x:.1f} {y - half * 1.3:.1f}l{half * 1.3:.1f} {half * 1.3:.1f}l-{half * 1.3:.1f} "
        f"{half * 1.3:.1f}l-{half * 1.3:.1f} -{half * 1.3:.1f}z",
        "cross": f"M{x - half:.1f} {y - half:.1f}l{2 * half:.1f} {2 * half:.1f}m0 -{2 * half:.1f}"
        f"l-{2 * half:.1f} {2 * half:.1f}",
    }
    return element("path", d=paths[shape], class_=class_ + (" open" if shape == "cross" else ""))
