"""The parsers: exact bytes to a record, or a failure with a code."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_common.engine.events import EventCode
from iot_common.engine.exact_number import ExactNumber, compare, is_integral, read_number
from iot_common.engine.parse import (
    ParseFailure,
    ParseLimits,
    Record,
    child_path,
    json_text,
    parse_exact,
    parse_fast,
    parse_record,
)
from iot_common.testing.evaluation_data import evaluation_data
from iot_common.testing.mutations import json_texts, mutated_readings
from iot_common.testing.readings import a_reading, as_payload


def code_of(payload: bytes) -> EventCode | None:
    parsed = parse_record(payload)
    return parsed.code if isinstance(parsed, ParseFailure) else None


def record_of(payload: bytes) -> Record:
    parsed = parse_record(payload)
    assert isinstance(parsed, Record), parsed
    return parsed


def test_reads_a_conforming_reading_on_the_fast_path():
    assert parse_fast(as_payload(a_reading())) == parse_exact(as_payload(a_reading()))


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", EventCode.MALFORMED_JSON),
        (b" \t\r\n", EventCode.MALFORMED_JSON),
        (b"[]", EventCode.MALFORMED_JSON),
        (b'"text"', EventCode.MALFORMED_JSON),
        (b'{"a":1}}', EventCode.MALFORMED_JSON),
        (b'{"a":1} {"a":2}', EventCode.MALFORMED_JSON),
        (b"{'a':1}", EventCode.MALFORMED_JSON),
        (b'{"a":01}', EventCode.MALFORMED_JSON),
        (b'{"a":"tab\tinside"}', EventCode.MALFORMED_JSON),
        (b'{"a":"x\x00"}', EventCode.MALFORMED_JSON),
        (b'{"a":1}\x00', EventCode.MALFORMED_JSON),
        (b'{"a":"trunca', EventCode.MALFORMED_JSON),
        (b'{"a":NaN}', EventCode.NONFINITE),
        (b'{"a":-Infinity}', EventCode.NONFINITE),
        (b'\xef\xbb\xbf{"a":1}', EventCode.ENCODING),
        ('{"a":1}'.encode("utf-16"), EventCode.ENCODING),
        ('{"a":1}'.encode("utf-16-le"), EventCode.ENCODING),
        ('{"a":1}'.encode("utf-32-be"), EventCode.ENCODING),
        (b'{"a":"\xff"}', EventCode.ENCODING),
        (b'{"a":"\xc0\xaf"}', EventCode.ENCODING),
        (b'{"a":"\xed\xa0\x80"}', EventCode.ENCODING),
        (b'{"a":"\\ud800"}', EventCode.ENCODING),
        (b'{"\\udc00":1}', EventCode.ENCODING),
    ],
)
def test_names_why_bytes_are_no_record(payload, code):
    assert code_of(payload) is code


def test_keeps_numbers_as_written_where_a_float_would_lose_them():
    value = record_of(
        b'{"a":1.00000000000000000001,"b":123456789012345678901234567890,"c":1e400,"d":1e-400}'
    ).value
    assert [json_text(each) for each in value.values()] == [
        "1.00000000000000000001",
        "123456789012345678901234567890",
        "1e400",
        "1e-400",
    ]


def test_plain_numbers_stay_plain_at_the_limits_of_int64_and_of_float64_digits():
    value = record_of(
        b'{"a":9223372036854775807,"b":9223372036854775808,"c":0.1,"d":21.300000000000001}'
    ).value
    assert [type(each) for each in value.values()] == [int, ExactNumber, float, ExactNumber]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_fast_path_takes_17_digits_that_are_a_float_s_own_text(separators):
    reading = a_reading(temperature=21.300000000000004, humidity=2**53 + 1)
    payload = json.dumps(reading, separators=separators).encode()
    assert parse_fast(payload) == parse_exact(payload)
    assert parse_fast(payload.replace(b"0004", b"0001")) is None
    assert parse_fast(payload.replace(b"9007199254740993", b"9223372036854775808")) is None


def test_sees_duplicate_keys_with_equal_and_with_different_values():
    record = record_of(b'{"a":1,"a":1,"b":{"c":[1],"c":[2]},"d":[{"e":null,"\\u0065":null}]}')
    assert [(each.path, each.equal) for each in record.duplicates] == [
        ("a", True),
        ("b.c", False),
        ("d[].e", True),
    ]
    assert record.value == {"a": 1, "b": {"c": [2]}, "d": [{"e": None}]}


def test_a_colon_in_a_string_hides_no_duplicate_key():
    assert record_of(b'{"a":"x:y","a":"z"}').duplicates[0].path == "a"
    assert record_of(b'{"a":"x:y","b":"z"}').duplicates == ()


def test_canonical_text_ignores_blanks_and_order_but_not_numbers():
    spaced = record_of(b'{ "b" : [1, 2.50] , "a":1 }')
    assert spaced.canonical == record_of(b'{"a":1,"b":[1,2.5]}').canonical == b'{"a":1,"b":[1,2.5]}'


def test_accepts_depth_32_and_refuses_33():
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert code_of(nested(32)) is None
    assert code_of(nested(33)) is EventCode.MALFORMED_JSON
    assert "32 levels" in parse_record(nested(33)).reason


def test_brackets_within_strings_are_no_depth():
    assert code_of(b'{"a":"' + b"[{" * 100 + b'"}') is None
    assert code_of(b'{"a":"\\"' + b"[{" * 100 + b'"}') is None


def test_accepts_the_size_limit_and_refuses_one_byte_more():
    limits = ParseLimits(payload_bytes=16)
    assert isinstance(parse_record(b'{"a":"12345678"}', limits), Record)
    assert parse_record(b'{"a":"123456789"}', limits).code is EventCode.OVERSIZE


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"a":' * 1_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 900_000 + b"}",
        b'{"a":0.' + b"1" * 900_000 + b"}",
        b'{"a":1e' + b"9" * 900_000 + b"}",
        b'{"a":"' + b"\\" * 900_000,
        b'{"a":"' + b"[\\" * 400_000,
        b'{"a":[' + b"1," * 400_000 + b"1]}",
        b"{" + b'"a":1,' * 150_000 + b'"a":2}',
        b'{"' + b"k" * 900_000 + b'":1}',
    ],
    ids=lambda payload: payload[:12].decode(),
)
def test_hostile_payloads_cost_bounded_time(payload):
    started = time.process_time()
    parse_record(payload)
    assert time.process_time() - started < 2


@settings(max_examples=400, deadline=None)
@given(json_texts())
def test_fast_parser_never_differs_from_the_exact_one(text):
    assert_parsers_agree(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(mutated_readings(), st.integers(0, 400), st.binary(max_size=2))
def test_fast_parser_never_differs_on_damaged_bytes(reading, position, damage):
    payload = as_payload(reading)
    assert_parsers_agree(payload)
    assert_parsers_agree(payload[:position] + damage + payload[position + 1 :])


def assert_parsers_agree(payload: bytes) -> None:
    fast = parse_fast(payload)
    if fast is not None:
        exact = parse_exact(payload)
        assert exact == fast
        assert repr(exact) == repr(fast)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,2})?", fullmatch=True))
def test_number_comparison_is_exact(text):
    number, exact = read_number(text), Decimal(text)
    for bound in (0, 1, 100, -50, 0.1):
        as_written = Decimal(repr(bound))
        expected = (exact > as_written) - (exact < as_written)
        assert compare(number, bound) == expected
    assert is_integral(number) == (exact == exact.to_integral_value())


def test_paths_quote_keys_that_would_be_ambiguous():
    assert child_path("a", "b") == "a.b"
    assert child_path("", "a.b") == '["a.b"]'
    assert child_path("a", "") == 'a[""]'


JSON_FILES = sorted(found.glob("*.json")) if (found := evaluation_data("json_parsing/test_parsing")) else []


@pytest.mark.skipif(not JSON_FILES, reason="evaluation data json_parsing is absent")
def test_every_file_of_the_parsing_suite_is_judged_rightly():
    sensible = {EventCode.MALFORMED_JSON, EventCode.ENCODING, EventCode.NONFINITE}
    outcomes = {path.name: parse_record(path.read_bytes()) for path in JSON_FILES}
    accepted = {name for name, parsed in outcomes.items() if isinstance(parsed, Record)}
    codes = {name: parsed.code for name, parsed in outcomes.items() if isinstance(parsed, ParseFailure)}
    reasons = {name: parsed.reason for name, parsed in outcomes.items() if isinstance(parsed, ParseFailure)}
    assert len(outcomes) == 318
    assert not {name for name in accepted if name.startswith("n_")}
    assert {name for name in codes if name.startswith("y_") and "top level" not in reasons[name]} == set()
    assert {name: code for name, code in codes.items() if code not in sensible} == {}
    assert {codes[name] for name in codes if "NaN" in name or "nfinity" in name} == {
        EventCode.NONFINITE,
        EventCode.MALFORMED_JSON,
    }


@pytest.mark.skipif(not JSON_FILES, reason="evaluation data json_parsing is absent")
def test_values_of_the_parsing_suite_parse_within_an_object():
    for path in JSON_FILES:
        content = path.read_bytes()
        parsed = parse_record(b'{"a":' + content + b"}")
        if path.name.startswith("y_"):
            assert isinstance(parsed, Record), path.name
