"""All pictures of a report, from what was collected. A part that is empty has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from driftlake.matching import Truth
from driftlake.report.charts.adoption_chart import Panel, panels
from driftlake.report.charts.gate_chart import gate_chart
from driftlake.report.charts.heat_map_chart import heat_map_chart, legend
from driftlake.report.charts.score_chart import bins_of, score_chart, size_chart
from driftlake.report.charts.timeline_chart import timeline_chart
from driftlake.report.charts.window_chart import HALF_WIDTH, WindowSeries, window_chart
from driftlake.report.collect import ReportContent
from driftlake.report.fields import AXES
from driftlake.report.finding_pages import FindingPage, finding_pages
from driftlake.report.page_content import PAGES

_PLAIN_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Figures:
    """SVG by name. `pages` is event id to the anchor of its page."""

    pages: dict[str, str]
    timeline: Markup
    panels: list[Panel]
    heat_map: Markup
    heat_legend: Markup
    scores: Markup
    sizes: Markup
    gates: Markup
    fleet: list[tuple[WindowSeries, Markup]]
    finding_pages: list[FindingPage]

    @classmethod
    def of(cls, content: ReportContent, truth: Truth | None) -> Figures:
        """Draw what there is."""
        extent = content.span
        pages = anchors(content)
        none = Markup()
        starts = [(drift.start, drift.drift_id) for drift in truth.drifts] if truth else []
        dated = any(row["onset"] for row in content.findings)
        return cls(
            pages=pages,
            timeline=(
                timeline_chart(content.findings, timeline_extent(content, extent), pages, starts)
                if extent and dated
                else none
            ),
            panels=panels(content.adoption, extent, _onsets(content)) if extent else [],
            heat_map=heat_map_chart(content.heat_map) if content.heat_map and content.heat_map.rows else none,
            heat_legend=legend(),
            scores=score_chart(bins_of(content.scores, 0.01), content.thresholds) if content.scores else none,
            sizes=size_chart(bins_of(content.sizes, 0.25), content.limits) if content.sizes else none,
            gates=gate_chart(content.gates) if content.gates else none,
            fleet=[
                (series, window_chart(series, None, AXES[series.column], HALF_WIDTH))
                for series in content.fleet
            ],
            finding_pages=finding_pages(content, pages, extent),
        )


def timeline_extent(content: ReportContent, extent: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
    """From a little before the first onset: a long history without findings would press all bars to the border."""
    onset = min(row["onset"] for row in content.findings if row["onset"])
    last = max(extent[1], onset + timedelta(hours=1))
    return max(extent[0], onset - (last - onset) / 6), last


def anchors(content: ReportContent) -> dict[str, str]:
    """Anchors of the pages; an id that is no plain word gets its number instead."""
    return {
        row["event_id"]: f"finding-{row['event_id'] if _PLAIN_ID.fullmatch(row['event_id']) else place}"
        for place, row in enumerate(content.findings[:PAGES], 1)
    }


def _onsets(content: ReportContent) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for row in content.findings:
        if row["channel"] == "structural" and row["field"] and row["onset"]:
            found[row["field"]] = min(row["onset"], found.get(row["field"], row["onset"]))
    return found
