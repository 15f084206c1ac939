"""Stretches of event time a batch touches: what lets Iceberg skip the files of all other days. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in UTC: start inclusive, end exclusive."""

    start: datetime
    end: datetime

    def in_whole_hours(self) -> Span:
        """The span widened to full hours."""
        return Span(_hour_of(self.start), _hour_of(self.end - timedelta.resolution) + timedelta(hours=1))

    def in_whole_days(self) -> Span:
        """The span widened to full days."""
        return Span(_day_of(self.start), _day_of(self.end - timedelta.resolution) + _DAY)


def _hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _day_of(time: datetime) -> datetime:
    return _hour_of(time).replace(hour=0)


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those less than a day apart joined.

    One reading that is a month late thus costs its own day, not the month between.
    """
    joined: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start):
        if joined and span.start - joined[-1].end < _DAY:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def within(column: str, spans: Sequence[Span]) -> str:
    """SQL condition: the timestamp lies in one of the spans."""
    pieces = [f"({column} >= {_literal(span.start)} AND {column} < {_literal(span.end)})" for span in spans]
    return " OR ".join(pieces) or "false"


def within_days(column: str, spans: Sequence[Span]) -> str:
    """SQL condition: the date is a day that one of the spans touches."""
    whole = [span.in_whole_days() for span in spans]
    pieces = [
        f"({column} >= DATE '{s.start:%Y-%m-%d}' AND {column} < DATE '{s.end:%Y-%m-%d}')" for s in whole
    ]
    return " OR ".join(pieces) or "false"


def _literal(time: datetime) -> str:
    return f"TIMESTAMP '{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z'"
