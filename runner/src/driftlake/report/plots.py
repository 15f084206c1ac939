"""The report's figures as inline SVG. Readable without colour: marks, line styles and hatches carry the meaning."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from driftlake.matching import Truth
from driftlake.rendering import printable
from driftlake.report.collect import READING_COLUMNS, Adoption, Series

STYLE = {
    "svg.fonttype": "none",  # text stays text: smaller, searchable, and in the reader's font
    "svg.hashsalt": "driftlake",  # equal figures give equal bytes
    "text.parse_math": False,  # a field name with two dollar signs is no formula
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
}
INK = "#1f3b57"
ACCENT = "#b3541e"
SHADE = "#c9d6e2"
GREY = "#777"
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
# Without a date, creator or type matplotlib writes no metadata, which would hold links.
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}

TIMELINE_ROWS = 60
"""More would not fit a screen: the most severe findings are drawn."""

MARKS = {"structural": "s", "statistical": "o"}
COLUMN_LABELS = {
    "temperature_celsius": "temperature, °C",
    "humidity_percent": "humidity, %",
    "battery_percent": "battery, %",
}


def as_svg(width: float, height: float, draw: Callable[[Axes], None]) -> str:
    """A figure of the given size in inches as an `<svg>` element."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that only the measuring font lacks
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        draw(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _label(text: object, longest: int = 44) -> str:
    plain = printable(str(text))
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def _time_axis(axes: Axes) -> None:
    first, last = axes.get_xlim()
    # Over weeks, ticks on "multiples" crowd at the first of a month.
    locator = AutoDateLocator(minticks=4, maxticks=9, interval_multiples=last - first < 10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def finding_title(row: dict[str, Any]) -> str:
    """Kind and field, with the device where it is one device's."""
    devices = row["devices"] or []
    of = f" · {devices[0]}" if row["channel"] == "statistical" and len(devices) == 1 else ""
    return f"{row['kind']} {row['field'] or ''}{of}"


def timeline(findings: Sequence[dict[str, Any]], truth: Truth | None) -> str:
    """Each finding from its onset to when it was last seen; injected starts, where known, as dashed lines."""
    dated = [row for row in findings if row["onset"]][:TIMELINE_ROWS]
    rows = sorted(dated, key=lambda row: row["onset"], reverse=True)

    def draw(axes: Axes) -> None:
        for place, row in enumerate(rows):
            axes.plot(
                [row["onset"], row["last_seen"] or row["onset"]], [place, place], color=SHADE, lw=5, zorder=1
            )
            axes.plot(row["onset"], place, MARKS.get(row["channel"], "D"), color=_ink_of(row), ms=6, zorder=3,
                      mfc=_ink_of(row) if row["severity"] in ("ERROR", "CRITICAL", "WARN") else "white")  # fmt: skip
        for drift in truth.drifts if truth else ():
            axes.axvline(drift.start, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)  # type: ignore[arg-type]
        axes.set_yticks(range(len(rows)), [_label(finding_title(row)) for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.grid(axis="y", visible=False)
        _time_axis(axes)

    return as_svg(11, 0.8 + 0.27 * max(len(rows), 2), draw)


def _ink_of(row: dict[str, Any]) -> str:
    return ACCENT if row["severity"] in ("ERROR", "CRITICAL") else INK


def device_plot(series: Series, extent: tuple[datetime, datetime]) -> str:
    """Median line, least-to-greatest band, and a vertical mark at each onset of a finding."""

    def draw(axes: Axes) -> None:
        times: Any = series.times  # matplotlib takes times; its types know only numbers
        axes.fill_between(times, series.lows, series.highs, color=SHADE, lw=0, label="least to greatest")
        axes.plot(times, series.medians, color=INK, lw=1.3, label="median")
        for number, (row, style) in enumerate(zip(_shown(series), ("--", ":", "-.", "-"), strict=False)):
            at = row["onset"]
            axes.axvline(at, color=ACCENT, lw=1.5, ls=style)
            axes.plot(at, 1 - 0.09 * number, "v", color=ACCENT, ms=7, transform=axes.get_xaxis_transform(),
                      clip_on=False)  # fmt: skip
            axes.text(at, 0.98 - 0.09 * number, f"  {_label(row['kind'], 34)}  ", color=ACCENT, bbox=PAPER,
                      transform=axes.get_xaxis_transform(), va="top", ha=_side(at, extent), fontsize=9)  # fmt: skip
        axes.set_ylabel(COLUMN_LABELS[series.column])
        axes.set_title(_label(series.device_id), loc="left", fontsize=11, fontweight="bold")
        axes.set_xlim(*extent)  # type: ignore[arg-type]
        axes.margins(y=0.15)
        _time_axis(axes)

    return as_svg(6.2, 2.5, draw)


def _shown(series: Series) -> list[dict[str, Any]]:
    """The findings about this column, four at most; those about no plotted column stand on the temperature."""
    is_first = series.column == READING_COLUMNS[0]
    own = [
        row
        for row in series.findings
        if row["onset"]
        and (row["field"] == series.column or (is_first and row["field"] not in READING_COLUMNS))
    ]
    return own[:4]


def _side(at: datetime, extent: tuple[datetime, datetime]) -> str:
    return "right" if at - extent[0] > 0.6 * (extent[1] - extent[0]) else "left"


def adoption(curves: Sequence[Adoption]) -> str:
    """Share of the devices that send each added field, hour by hour."""
    styles = ("-", "--", "-.", ":")
    marks = ("o", "s", "^", "D", "v", "P", "X")

    def draw(axes: Axes) -> None:
        for number, curve in enumerate(curves):
            axes.plot(curve.hours, curve.shares, ls=styles[number % 4], marker=marks[number % 7], ms=4,  # type: ignore[arg-type]
                      markevery=max(1, len(curve.hours) // 12), lw=1.5, label=_label(curve.path),
                      color=(INK, ACCENT, "#4d7c4a", GREY)[number % 4])  # fmt: skip
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylim(bottom=0)
        axes.set_ylabel("devices of that hour")
        axes.legend(loc="upper left")
        _time_axis(axes)

    return as_svg(11, 3, draw)


def scores(rows: Sequence[dict[str, Any]], thresholds: Sequence[float]) -> str:
    """Windows by score, reference and later ones apart, on a logarithmic scale, with the threshold."""
    kinds = (
        (
            True,
            0.0,
            {"color": SHADE, "hatch": "////", "edgecolor": GREY},
            "reference windows (trained the model)",
        ),
        (False, 0.0045, {"color": INK, "edgecolor": INK}, "later windows"),
    )

    def draw(axes: Axes) -> None:
        for is_reference, shift, style, label in kinds:
            bars = [
                (row["score_from"] + shift, row["windows"])
                for row in rows
                if bool(row["is_reference"]) is is_reference
            ]
            if bars:
                places, counts = zip(*bars, strict=True)
                axes.bar(places, counts, width=0.0045, align="edge", lw=0.4, label=label, **style)
        for number, threshold in enumerate(thresholds[-4:]):
            shown = None if number else "threshold"
            axes.axvline(threshold, color=ACCENT, lw=1.6, ls="--", label=shown)
            axes.text(threshold, 0.97, f" {threshold:.3f}", color=ACCENT, va="top", bbox=PAPER,
                      transform=axes.get_xaxis_transform())  # fmt: skip
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("IsolationForest score (0 ordinary, 1 strange)")
        axes.set_ylabel("windows")
        axes.legend(loc="lower left", ncols=3, bbox_to_anchor=(0.0, 1.0))

    return as_svg(11, 3.2, draw)


def gates(rows: Sequence[dict[str, Any]]) -> str:
    """What came in and what left, per stage and query, as horizontal bars of rows."""
    fates = (("in", "#eceff2", ""), ("kept", INK, ""), ("quarantined", ACCENT, "xxx"), ("duplicate", SHADE, "..."),
             ("superseded", GREY, "\\\\\\"))  # fmt: skip
    queries = list(dict.fromkeys((row["stage"], row["query"]) for row in rows))[::-1]

    def rows_of(stage: str, query: str, fate: str) -> int:
        return sum(
            r["rows"] or 0 for r in rows if (r["stage"], r["query"], r["disposition"]) == (stage, query, fate)
        )

    def draw(axes: Axes) -> None:
        for place, (stage, query) in enumerate(queries):
            left = 0
            for fate, colour, hatch in fates:
                count, is_in = rows_of(stage, query, fate), fate == "in"
                axes.barh(place + (0.19 if is_in else -0.19), count, 0.34, left=0 if is_in else left, color=colour,
                          edgecolor="#222", lw=0.7, hatch=hatch, label=None if place else fate)  # fmt: skip
                left += 0 if is_in else count
            minor = [f"{n:,} {fate}" for fate, *_ in fates[2:] if (n := rows_of(stage, query, fate))]
            if minor:  # too narrow to be seen in a bar
                axes.annotate(", ".join(minor), (left, place - 0.19), (5, 0), textcoords="offset points",
                              va="center", fontsize=9)  # fmt: skip
        axes.set_yticks(range(len(queries)), [f"{stage}.{query}" for stage, query in queries])
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, 1.25 * max(row["rows"] or 0 for row in rows) or 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("rows, windows or observations: above what came in, below what became of it")
        axes.legend(
            loc="upper center", ncols=5, bbox_to_anchor=(0.5, 1.0 + 0.5 / math.sqrt(len(queries) + 1))
        )

    return as_svg(11, 1.4 + 0.4 * len(queries), draw)
