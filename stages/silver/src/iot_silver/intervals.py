"""Time intervals of a batch, so that look-ups in `silver.reading` read only the files they need. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pyspark.sql import Column
from pyspark.sql import functions as F

HOUR = timedelta(hours=1)

MAX_INTERVALS = 50
"""More would make a predicate longer than the files it prunes: the whole range is taken instead."""

Interval = tuple[datetime, datetime]


def merged_intervals(hours: Iterable[datetime], slack_before: timedelta = timedelta(0)) -> list[Interval]:
    """Intervals [from, to) that cover the given full hours and what lies up to `slack_before` before each.

    Args:
        hours: Starts of hours in UTC, in any order.
        slack_before: How far each interval reaches back.
    """
    merged: list[Interval] = []
    for hour in sorted(set(hours)):
        start, end = hour - slack_before, hour + HOUR
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    if len(merged) > MAX_INTERVALS:
        return [(merged[0][0], merged[-1][1])]
    return merged


def within(column: str, intervals: Iterable[Interval]) -> Column:
    """Condition: the timestamp column lies in one of the intervals; false for none."""
    condition = F.lit(False)
    for start, end in intervals:
        condition = condition | ((F.col(column) >= _literal(start)) & (F.col(column) < _literal(end)))
    return condition


def within_sql(column: str, intervals: Iterable[Interval]) -> str:
    """The same condition as SQL text, for a MERGE."""
    parts = [
        f"({column} >= TIMESTAMP '{_text(a)}' AND {column} < TIMESTAMP '{_text(b)}')" for a, b in intervals
    ]
    return "(" + " OR ".join(parts) + ")" if parts else "FALSE"


def _literal(moment: datetime) -> Column:
    return F.expr(f"TIMESTAMP '{_text(moment)}'")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")
