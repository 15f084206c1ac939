"""Stretches of time: what a batch reads of tables that hold months."""

from __future__ import annotations

from datetime import timedelta

from iot_common.testing.silver_tables import at
from iot_gold.spans import Span, joined_spans, within, within_days


def a_span(start: str, end: str, day: str = "2025-06-01") -> Span:
    return Span(at(start, day), at(end, day))


def test_spans_of_following_days_are_one_and_a_late_reading_is_its_own() -> None:
    today, yesterday = a_span("00:00:00", "01:00:00"), a_span("20:00:00", "21:00:00", "2025-05-31")
    late = a_span("10:00:00", "10:05:00", "2025-05-01")
    assert joined_spans([today, late, yesterday]) == [late, Span(yesterday.start, today.end)]


def test_whole_hours_and_days_hold_the_span_and_no_more() -> None:
    span = a_span("10:55:00", "11:00:00")
    assert span.in_whole_hours() == a_span("10:00:00", "11:00:00")
    assert span.in_whole_days() == Span(at("00:00:00"), at("00:00:00") + timedelta(days=1))


def test_conditions_are_half_open_and_false_without_spans() -> None:
    span = a_span("10:55:00", "11:00:00")
    assert (
        within("t", [span])
        == "(t >= TIMESTAMP '2025-06-01 10:55:00Z' AND t < TIMESTAMP '2025-06-01 11:00:00Z')"
    )
    assert within_days("day", [span]) == "(day >= DATE '2025-06-01' AND day < DATE '2025-06-02')"
    assert within("t", []) == within_days("day", []) == "false"
