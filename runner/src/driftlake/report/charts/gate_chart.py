"""What came in and what became of it, per stage and query, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from driftlake.report.scales import LinearScale
from driftlake.report.svg import drawing, element, line, shortened, text

WIDTH = 1100.0
LEFT, RIGHT, TOP = 170.0, 800.0, 6.0
ROW, BAR = 38.0, 12.0
FATES = ("kept", "quarantined", "duplicate", "superseded")


def gate_chart(rows: Sequence[dict[str, Any]]) -> Markup:
    """A hollow bar for what came in, below it filled ones for its fates, with the small ones in words."""
    queries = list(dict.fromkeys((row["stage"], row["query"]) for row in rows))
    scale = LinearScale(0.0, max(_most(rows), 1), LEFT, RIGHT)
    bottom = TOP + ROW * len(queries)
    body = [line(x, TOP, x, bottom, "grid") for x, _ in scale.ticks(5)]
    for place, query in enumerate(queries):
        body += _query(query, rows, TOP + ROW * place, scale)
    body += [text(x, bottom + 18, f"{value:,.0f}", anchor="middle") for x, value in scale.ticks(5)]
    label = "Rows into and out of each stage; the table below has the numbers"
    return drawing(WIDTH, bottom + 26, label, *body, line(LEFT, TOP, LEFT, bottom, "axis"))


def _most(rows: Sequence[dict[str, Any]]) -> int:
    drawn = [row for row in rows if row["disposition"] in ("in", *FATES)]
    return max((row["rows"] or 0 for row in drawn), default=0)


def _query(
    query: tuple[str, str], rows: Sequence[dict[str, Any]], top: float, scale: LinearScale
) -> list[Markup]:
    def count(fate: str) -> int:
        return sum(
            row["rows"] or 0 for row in rows if (row["stage"], row["query"], row["disposition"]) == (*query, fate)
        )  # fmt: skip

    middle, left = top + ROW / 2, LEFT
    drawn = [
        text(LEFT - 10, middle + 4, shortened(".".join(query), 26), anchor="end"),
        element("rect", x=LEFT, y=middle - BAR - 1, width=scale.at(count("in")) - LEFT, height=BAR, class_="came-in"),
    ]  # fmt: skip
    for fate in FATES:
        if wide := scale.at(count(fate)) - LEFT:
            drawn.append(element("rect", x=left, y=middle + 1, width=wide, height=BAR, class_=fate))
            left += wide
    words = [f"{count(fate):,} {fate}" for fate in FATES if count(fate)]
    drawn += [
        text(scale.at(count("in")) + 8, middle - 3, f"{count('in'):,} in", "soft"),
        text(left + 8, middle + 12, ", ".join(words) or "nothing kept", "soft"),
    ]
    return drawn
