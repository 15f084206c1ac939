"""RFC 3339 date-times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_common.engine.timestamps import parse_fast, parse_timestamp
from iot_common.testing.evaluation_data import evaluation_data

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def test_reads_utc_with_either_case_and_truncates_below_microseconds():
    noon = micros_of(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert parse_timestamp("2026-01-01T12:00:00Z").micros == noon
    assert parse_timestamp("2026-01-01t12:00:00.1234567899z").micros == noon + 123_456
    assert parse_timestamp("2026-01-01T13:30:00+01:30").micros == noon


def test_no_zone_is_invalid_yet_read_as_utc():
    parsed = parse_timestamp("2026-01-01T12:00:00")
    assert (parsed.valid, parsed.micros) == (False, parse_timestamp("2026-01-01T12:00:00Z").micros)
    assert "no zone" in parsed.issue


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("2016-12-31T23:59:60Z", True),
        ("2016-12-31T15:59:60.5-08:00", True),
        ("2017-01-01T00:59:60+01:00", True),
        ("2016-12-30T23:59:60Z", False),
        ("2016-12-31T23:58:60Z", False),
        ("2016-12-31T23:59:61Z", False),
        ("9999-12-31T23:59:60Z", True),
    ],
)
def test_leap_second_only_ends_a_month_in_utc(text, valid):
    assert parse_timestamp(text).valid is valid


def test_leap_second_is_the_instant_of_the_next_second():
    assert parse_timestamp("2016-12-31T23:59:60Z").micros == parse_timestamp("2017-01-01T00:00:00Z").micros


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "0000-02-29T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_years_beyond_the_tables_are_valid_without_an_instant(text):
    parsed = parse_timestamp(text)
    assert (parsed.valid, parsed.micros) == (True, None)
    assert "0001 to 9999" in parsed.issue


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026-01-01", "2026-01-01 12:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T12:00:00+24:00", "2026-01-01T12:00:00+00:60", "2026-01-01T12:00:00+01", "2026-01-01T12:00:00Z\n",
        "2026-01-01T12:00:00.Z", "2026-W01-4T00:00:00Z", "20260101T120000Z", "٢٠٢٦-01-01T00:00:00Z",
        "2026-01-01T12:00:00,5Z", "0000-13-01T00:00:00Z", "+2026-01-01T12:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_date_time_has_no_instant(text):
    parsed = parse_timestamp(text)
    assert (parsed.micros, parsed.valid) == (None, False)
    assert parsed.issue


@settings(max_examples=300, deadline=None)
@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-1439, 1439))
def test_agrees_with_the_standard_library_on_valid_times(moment, offset_minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    assert parse_timestamp(aware.isoformat()).micros == micros_of(aware)


@settings(max_examples=500, deadline=None)
@given(
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9][Tt][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,8})?[Zz]?")
)
def test_fast_path_never_differs(text):
    for _ in range(2):
        fast = parse_fast(text)
        slow = parse_timestamp(text)
        assert fast is None or (slow.valid and fast == slow.micros)


def test_fast_path_takes_plain_times_also_when_minute_and_second_were_seen_apart():
    for text in ("2026-01-01T12:00:01Z", "2026-01-01T12:01:02.500Z", "2026-01-01T12:00:02.500Z"):
        assert parse_fast(text) == parse_timestamp(text).micros


SUITE = evaluation_data("json_schema_test_suite/tests/draft7/optional/format/date-time.json")


@pytest.mark.skipif(SUITE is None, reason="evaluation data json_schema_test_suite is absent")
def test_agrees_with_the_schema_test_suite_on_date_time():
    cases = [case for group in json.loads(SUITE.read_text()) for case in group["tests"]]
    texts = [case for case in cases if isinstance(case["data"], str)]
    assert len(texts) > 20
    assert [case["data"] for case in texts if parse_timestamp(case["data"]).valid is not case["valid"]] == []
