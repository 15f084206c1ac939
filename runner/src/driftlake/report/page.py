"""Puts the report together: content, figures, template, file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from driftlake import __version__
from driftlake.matching import Truth, match, read_truth, readable_delay
from driftlake.rendering import counted, printable, table_cell
from driftlake.report import plots
from driftlake.report.collect import ReportContent, collect, found_of
from driftlake.summary import BALANCE_RULE, readable_bytes, shortened

EVIDENCE_CHARACTERS = 300
"""Longest single value of an evidence shown; the table `drift.event` has it whole."""

FINDINGS_SHOWN = 300
"""Most findings in the table, the most severe first; `drift.event` has them all."""

_SAID_ELSEWHERE = ("largest", "limit", "unit_of_largest", "model_id", "feature")


def write_report(warehouse: str, out: Path, truth_path: Path | None = None) -> None:
    """Write the report of a warehouse as one HTML file, whole or not at all.

    Args:
        warehouse: Folder of the tables.
        out: The file; its folder is made.
        truth_path: Ground truth of a simulation, for the part *found against injected*.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
        TruthError: If the ground truth cannot be read.
    """
    truth = read_truth(truth_path) if truth_path else None
    html = render(collect(warehouse), truth, warehouse, datetime.now(UTC))
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    unfinished.write_text(html, "utf-8")
    unfinished.replace(out)


def render(content: ReportContent, truth: Truth | None, warehouse: str, now: datetime) -> str:
    """The page as text; every string of the tables is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("driftlake.report", "."), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "cell": _cell, "moment": _moment, "bytes": readable_bytes, "shortened": shortened, "delay": readable_delay,
        "counted": counted, "number": lambda value: "–" if value is None else f"{value:,}",
    }  # fmt: skip
    return environment.get_template("template.html.j2").render(
        content=content,
        figures=_figures(content, truth),
        matched=match(truth, found_of(content.findings)) if truth else None,
        balance_rule=BALANCE_RULE,
        findings_shown=FINDINGS_SHOWN,
        timeline_rows=plots.TIMELINE_ROWS,
        evidence_lines=evidence_lines,
        passed_lines=passed_lines,
        warehouse=printable(str(warehouse)),
        now=now,
        version=__version__,
    )


def _figures(content: ReportContent, truth: Truth | None) -> Mapping[str, Any]:
    """SVG by name; only matplotlib's own output is marked as safe, and it escapes what it is given."""
    figures: dict[str, Any] = dict.fromkeys(("gates", "timeline", "scores", "adoption"), "") | {"devices": []}
    if content.gates:
        figures["gates"] = plots.gates(content.gates)
    if any(row["onset"] for row in content.findings):
        figures["timeline"] = plots.timeline(content.findings, truth)
    if content.scores:
        figures["scores"] = plots.scores(content.scores, content.thresholds)
    if content.adoptions:
        figures["adoption"] = plots.adoption(content.adoptions)
    if content.series:
        extent = (content.extent["first_time"], content.extent["last_time"])
        figures["devices"] = [
            markupsafe.Markup(plots.device_plot(s, extent)) for s in content.series if s.times
        ]
    return {name: markupsafe.Markup(svg) if isinstance(svg, str) else svg for name, svg in figures.items()}


def _cell(value: Any) -> str:
    return table_cell(value)


def _moment(value: datetime | None) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}" if value else "–"


def evidence_lines(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Evidence as (name, value), each short enough for a table; what `passed_lines` says is left out."""
    lines = []
    for name, value in evidence.items():
        if name in _SAID_ELSEWHERE:
            continue
        parts = (
            [f"{key} {table_cell(item)}" for key, item in value.items()] if isinstance(value, dict) else None
        )
        text = printable(", ".join(parts)) if parts is not None else table_cell(value)
        shown = text if len(text) <= EVIDENCE_CHARACTERS else text[:EVIDENCE_CHARACTERS] + "…"
        lines.append((printable(str(name)).replace("_", " "), shown))
    return lines


def passed_lines(row: Mapping[str, Any]) -> list[str]:
    """What a finding had to pass, and by how much it did."""
    score, threshold, share = row["score"], row["threshold"], row["device_share"]
    lines = []
    if score is not None:
        lines.append(f"score {score:.3f}, limit {_limit(threshold)}")
    elif share is not None and row["channel"] == "structural":
        lines.append(f"share {share:.1%}, limit {_limit(threshold, '.1%')}")
    largest, limit = row["evidence"].get("largest"), row["evidence"].get("limit")
    if isinstance(largest, int | float) and isinstance(limit, int | float):
        lines.append(f"residual {largest:.3g}, limit ±{limit:.3g}")
    return lines or ["–"]


def _limit(threshold: float | None, form: str = ".3f") -> str:
    return "–" if threshold is None else format(threshold, form)
