"""Time line of the findings: a lane per kind and field, a bar per finding from its onset to when it was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from driftlake.report.charts.adoption_chart import mark
from driftlake.report.scales import TimeScale
from driftlake.report.svg import drawing, element, line, shortened, text

WIDTH = 1100.0
LEFT, RIGHT, TOP = 222.0, 1056.0, 20.0
BAR = 7.0
LANE_GAP = 8.0
BARS_PER_LANE = 16
LANES_DRAWN = 40

MARKS = {"structural": "square", "statistical": "circle"}
OPEN = ("open", None)


@dataclass(frozen=True, slots=True)
class Lane:
    """Findings of one kind and field, by onset."""

    kind: str
    field: str
    findings: tuple[Mapping[str, Any], ...]

    @property
    def height(self) -> float:
        """Of its bars, but at least of two lines of text."""
        return max(min(len(self.findings), BARS_PER_LANE) * BAR, 27.0)


def lanes_of(findings: Sequence[Mapping[str, Any]]) -> list[Lane]:
    """Dated findings in lanes; the lane whose first finding began first stands on top."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in sorted((row for row in findings if row["onset"]), key=lambda row: row["onset"]):
        grouped.setdefault((row["kind"], row["field"] or ""), []).append(row)
    return [Lane(kind, field, tuple(rows)) for (kind, field), rows in grouped.items()]


def timeline_chart(
    findings: Sequence[Mapping[str, Any]],
    extent: tuple[datetime, datetime],
    pages: Mapping[str, str],
    starts: Sequence[tuple[datetime, str]] = (),
) -> Markup:
    """The lanes; bars are links to the pages of their findings.

    Args:
        findings: Rows of `drift.event`.
        extent: What the axis spans.
        pages: Finding to the anchor of its page, for those that have one.
        starts: True starts of injected drifts with their names, where known: dashed lines.
    """
    lanes = lanes_of(findings)[:LANES_DRAWN]
    time = TimeScale(*extent, LEFT, RIGHT)
    bottom = TOP + sum(lane.height + LANE_GAP for lane in lanes)
    body = [line(x, TOP - 4, x, bottom, "grid") for x, _ in time.ticks(9)]
    body += [
        element("g", element("title", f"injected: {name}"), line(time.x(at), TOP - 4, time.x(at), bottom, "injected"))
        for at, name in starts
    ]  # fmt: skip
    top = TOP
    for lane in lanes:
        body += _lane(lane, top, time, pages)
        top += lane.height + LANE_GAP
    body += [text(x, bottom + 18, label, anchor="middle") for x, label in time.ticks(9)]
    label = "Time line of the findings; the table below has the times"
    return drawing(WIDTH, bottom + 28, label, *body, line(LEFT, bottom, RIGHT, bottom, "axis"))


def _lane(lane: Lane, top: float, time: TimeScale, pages: Mapping[str, str]) -> list[Markup]:
    middle = top + lane.height / 2
    count = f" ({len(lane.findings)})" if len(lane.findings) > 1 else ""
    shown = lane.findings[:BARS_PER_LANE]
    bars = min(len(shown) * BAR, lane.height)
    first = middle - bars / 2 + bars / len(shown) / 2
    drawn = [
        line(0, top + lane.height + LANE_GAP / 2, RIGHT, top + lane.height + LANE_GAP / 2, "grid"),
        text(LEFT - 12, middle - (3 if lane.field else -4), shortened(lane.kind + count, 30), "strong", anchor="end"),
        text(LEFT - 12, middle + 11, shortened(lane.field, 30), "soft", anchor="end"),
        *(
            _bar(row, first + place * bars / len(shown), BAR if len(shown) > 1 else 11.0, time, pages)
            for place, row in enumerate(shown)
        ),
    ]  # fmt: skip
    if len(lane.findings) > len(shown):
        drawn.append(text(RIGHT + 4, middle + 4, f"+{len(lane.findings) - len(shown)}", "soft"))
    return drawn


def _bar(
    row: Mapping[str, Any], y: float, height: float, time: TimeScale, pages: Mapping[str, str]
) -> Markup:
    first, last = time.x(row["onset"]), time.x(row["last_seen"] or row["onset"])
    is_open, is_mild = row.get("status") in OPEN, row["severity"] == "INFO"
    severe = "severe" if row["severity"] in ("ERROR", "CRITICAL") else ""
    devices = row["devices"] or []
    who = devices[0] if len(devices) == 1 else f"{row['device_count'] or 0:,} devices"
    what = f"{row['kind']} {row['field'] or ''}, {who}, {row['severity']}, {row.get('status') or 'open'}"
    words = f"{what}: since {row['onset']:%Y-%m-%d %H:%M}"
    drawn = element(
        "g",
        element("title", words),
        element("rect", x=first, y=y - height * 0.3, width=max(last - first, 1.0), height=height * 0.6,
                class_=f"bar {'' if is_open else 'settled'}"),
        mark(
            MARKS.get(row["channel"], "diamond"), first, y, f"onset-of {severe} {'open' if is_mild else ''}",
            5.0 if severe else 3.2,
        ),
    )  # fmt: skip
    page = pages.get(row["event_id"])
    # The table below has the same links for the keyboard.
    return element("a", drawn, href=f"#{page}", tabindex=-1) if page else drawn
