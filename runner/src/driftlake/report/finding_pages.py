"""The pages of findings, ready for the template: everything in words or drawn, every string escaped there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from driftlake.report.charts.adoption_chart import Panel, panel
from driftlake.report.charts.window_chart import WindowSeries, window_chart
from driftlake.report.collect import ReportContent
from driftlake.report.evidence import evidence_lines
from driftlake.report.examples import Example
from driftlake.report.explanation import (
    HELD_BACK,
    FeatureLine,
    feature_lines,
    hypothesis_lines,
    repair_line,
    tested_line,
    who_lines,
)
from driftlake.report.fields import AXES, path_of
from driftlake.report.headlines import headline
from driftlake.report.page_content import PageContent
from driftlake.report.payload_marks import marked

PAYLOAD_CHARACTERS = 1200
"""Most of one raw record that a page shows; bronze has it whole."""


RELATED_SHOWN = 8
SAME_TIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class ShownExample:
    """A raw record as the page shows it; `text` is None where its bytes were not read."""

    when: str
    place: Mapping[str, Any]
    text: Markup | None
    is_cut: bool
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class FindingPage:
    """One finding. `previous` and `next` are anchors."""

    anchor: str
    row: Mapping[str, Any]
    headline: str
    plots: tuple[tuple[WindowSeries, Markup], ...]
    panel: Panel | None
    features: list[FeatureLine]
    who: list[str]
    hypotheses: list[str]
    tested: str
    repair: str
    others: list[tuple[str, str]]
    before: list[ShownExample]
    after: list[ShownExample]
    related: list[tuple[str, str]]
    previous: str | None
    next: str | None


def finding_pages(
    content: ReportContent, pages: Mapping[str, str], extent: tuple[Any, Any] | None
) -> list[FindingPage]:
    """A page for each finding that has an anchor, in the order of the table."""
    rows = [row for row in content.findings if row["event_id"] in pages]
    names = [pages[row["event_id"]] for row in rows]
    around = zip([None, *names], rows, [*names[1:], None], strict=False)
    return [
        _page(row, content, pages[row["event_id"]], extent, (previous, following), related(row, rows, pages))
        for previous, row, following in around
    ]


def related(
    row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], pages: Mapping[str, str]
) -> list[tuple[str, str]]:
    """(anchor, words) of findings that share a device and began within two hours: often one cause."""
    own = set(row["devices"] or ())
    if row["onset"] is None:
        return []
    return [
        (pages[each["event_id"]], headline(each))
        for each in rows
        if each["event_id"] != row["event_id"]
        and each["onset"] is not None
        and abs(each["onset"] - row["onset"]) <= SAME_TIME
        and own.intersection(each["devices"] or ())
    ][:RELATED_SHOWN]


def _page(
    row: Mapping[str, Any], content: ReportContent, anchor: str, extent: tuple[Any, Any] | None,
    beside: tuple[str | None, str | None], others: list[tuple[str, str]],
) -> FindingPage:  # fmt: skip
    evidence, own = row["evidence"], content.pages.get(row["event_id"], PageContent())
    raw = [shown_example(each, _paths(row)) for each in own.examples]
    return FindingPage(
        anchor=anchor,
        row=row,
        headline=headline(row),
        plots=tuple(
            (series, window_chart(series, row["onset"], AXES[series.column])) for series in own.series
        ),
        panel=_panel(row, content, extent),
        features=feature_lines(evidence),
        who=who_lines(evidence),
        hypotheses=hypothesis_lines(evidence),
        tested=tested_line(evidence),
        repair=repair_line(evidence),
        others=evidence_lines(evidence, HELD_BACK),
        before=[each for each in raw if each.when == "before"],
        after=[each for each in raw if each.when != "before"],
        related=others,
        previous=beside[0],
        next=beside[1],
    )


def _panel(row: Mapping[str, Any], content: ReportContent, extent: tuple[Any, Any] | None) -> Panel | None:
    if row["channel"] != "structural" or extent is None:
        return None
    curves = [curve for curve in content.adoption.curves if curve.path == row["field"]]
    return panel(row["field"], curves, extent, row["onset"], wide=True) if curves else None


def _paths(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What to mark in a record: the value the finding is about, and the field that seems to replace it."""
    named = (path_of(row["field"]), row["evidence"].get("new_field"))
    return tuple(str(path) for path in named if path and path != "$")


def shown_example(example: Example, paths: tuple[str, ...]) -> ShownExample:
    """The record with its paths marked, cut to what a page shows."""
    if example.payload is None:
        return ShownExample(example.when, example.place, None, False, 0)
    text, is_cut = marked(bytes(example.payload), paths, PAYLOAD_CHARACTERS)
    return ShownExample(example.when, example.place, text, is_cut, len(example.payload))
