"""Puts the report together: content, pictures, template, file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2

from driftlake import __version__
from driftlake.matching import Truth, match, read_truth, readable_delay
from driftlake.rendering import counted, printable, table_cell
from driftlake.report import figures
from driftlake.report.collect import ReportContent, collect, found_of
from driftlake.report.evidence import passed_lines
from driftlake.report.explanation import who_lines
from driftlake.report.finding_groups import LINKS_SHOWN, grouped
from driftlake.summary import BALANCE_RULE, readable_bytes, shortened

LINES_SHOWN = 300
"""Most lines of a table of findings, the most severe first; `drift.event` has them all."""


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
        loader=jinja2.PackageLoader("driftlake.report"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "cell": table_cell, "moment": moment, "bytes": readable_bytes, "shortened": shortened,
        "delay": readable_delay, "counted": counted, "number": number, "share": share, "duration": duration,
        "moment_exact": moment_exact,
    }  # fmt: skip
    shown = figures.Figures.of(content, truth)
    groups = grouped(content.findings)
    return environment.get_template("page.html.j2").render(
        content=content,
        extent=content.extent,
        figures=shown,
        matched=match(truth, found_of(content.findings)) if truth else None,
        balance_rule=BALANCE_RULE,
        lines_shown=LINES_SHOWN,
        groups=groups,
        links_shown=LINKS_SHOWN,
        who_lines=who_lines,
        passed_lines=passed_lines,
        warehouse=printable(str(warehouse)),
        now=now,
        version=__version__,
        by_severity=by_severity(content.findings),
    )


def by_severity(findings: list[dict[str, Any]]) -> Mapping[str, int]:
    """How many findings have each severity, the gravest first."""
    order = ("CRITICAL", "ERROR", "WARN", "INFO")
    counts = {name: sum(row["severity"] == name for row in findings) for name in order}
    return {name: count for name, count in counts.items() if count}


def moment(value: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}" if value else "–"


def moment_exact(value: datetime | None) -> str:
    """A time to the millisecond, in UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}" if value else "–"


def number(value: float | None) -> str:
    """A count with separators."""
    return "–" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """A share as a percentage with three digits."""
    return "–" if value is None else f"{100 * value:.3g} %"


def duration(seconds: float | timedelta) -> str:
    """`15 min`, `2 h`, `3 days`."""
    minutes = (seconds.total_seconds() if isinstance(seconds, timedelta) else seconds) / 60
    if minutes < 120:
        return f"{minutes:.0f} min" if minutes != 60 else "hour"
    return f"{minutes / 60:.3g} h" if minutes < 72 * 60 else f"{minutes / 1440:.3g} days"
