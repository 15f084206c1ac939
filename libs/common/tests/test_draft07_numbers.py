"""Numbers by exact value: against Python's fractions, which share no code with the engine."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_common.engine.draft07.compiler import compile_schema, read_schema
from iot_common.engine.draft07.equality import has_equal_items, is_equal
from iot_common.engine.exact_number import (
    ExactNumber,
    compare,
    is_integral,
    is_multiple,
    normal_form,
    read_number,
)
from iot_common.testing.draft07_cases import NUMBER_TEXTS

integers = st.one_of(st.integers(-20, 20), st.integers(-(2**70), 2**70), st.integers(2**53 - 3, 2**53 + 3))
texts = st.one_of(
    st.sampled_from(NUMBER_TEXTS),
    integers.map(str),
    st.builds(
        lambda whole, fraction: f"{whole}.{fraction}", integers, st.from_regex(r"[0-9]{1,25}", fullmatch=True)
    ),
    st.builds(lambda whole, power: f"{whole}e{power}", integers, st.integers(-30, 30)),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


def number(text):
    found = read_number(text)
    assert found is not None
    return found


@given(texts, texts)
def test_compares_as_fractions_do(left, right):
    exact_left, exact_right = Fraction(left), Fraction(right)
    assert compare(number(left), number(right)) == (exact_left > exact_right) - (exact_left < exact_right)
    assert is_equal(number(left), number(right)) == (exact_left == exact_right)
    assert is_equal([{"a": number(left)}], [{"a": number(right)}]) == (exact_left == exact_right)
    assert has_equal_items([number(left), number(right)]) == (exact_left == exact_right)


@given(texts, texts)
def test_divides_as_fractions_do(dividend, divisor):
    if Fraction(divisor) > 0:
        expected = (Fraction(dividend) / Fraction(divisor)).denominator == 1
        assert is_multiple(number(dividend), number(divisor)) == expected


@given(texts)
def test_an_integer_is_a_number_without_a_fractional_part(text):
    assert is_integral(number(text)) == (Fraction(text).denominator == 1)


@given(texts)
def test_a_number_has_one_normal_form(text):
    negative, digits, exponent = normal_form(number(text))
    assert Fraction(int(digits)) * Fraction(10) ** exponent * (-1 if negative else 1) == Fraction(text)
    assert digits == "0" or (digits[0] != "0" and digits[-1] != "0")


@given(texts, texts)
def test_compiled_bounds_and_multiples_are_exact(value, bound):
    exact_value, exact_bound = Fraction(value), Fraction(bound)
    expected = {
        "minimum": exact_value >= exact_bound,
        "maximum": exact_value <= exact_bound,
        "exclusiveMinimum": exact_value > exact_bound,
        "exclusiveMaximum": exact_value < exact_bound,
        "const": exact_value == exact_bound,
    }
    if exact_bound > 0:
        expected["multipleOf"] = (exact_value / exact_bound).denominator == 1
    for keyword, valid in expected.items():
        schema = {keyword: number(bound)}
        assert compile_schema(schema, name="test").is_valid(number(value)) == valid, keyword


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ('{"multipleOf": 0.0001}', "0.0075", True),
        ('{"multipleOf": 0.0001}', "0.00751", False),
        ('{"multipleOf": 0.01}', "0.07", True),
        ('{"multipleOf": 0.1}', "0.30000000000000000001", False),
        ('{"multipleOf": 0.123456789}', "1e308", False),
        ('{"multipleOf": 0.5}', "1e308", True),
        ('{"multipleOf": 3}', "1e400", False),
        ('{"multipleOf": 2}', "1e400", True),
        ('{"multipleOf": 1e-400}', "1", True),
        ('{"type": "integer"}', "1e400", True),
        ('{"type": "integer"}', "1e-400", False),
        ('{"type": "integer"}', "1.000000000000000000000", True),
        ('{"type": "integer"}', "1.0000000000000000000001", False),
        ('{"maximum": 0.3}', "0.30000000000000000000001", False),
        ('{"exclusiveMinimum": 0}', "1e-400", True),
        ('{"maximum": 9007199254740992}', "9007199254740993.0", False),
        ('{"minimum": 1e400}', "1e401", True),
        ('{"minimum": 1e400}', "9e399", False),
        ('{"const": 100000000000000000000}', "1e20", True),
        ('{"const": 9007199254740993}', "9007199254740992.0", False),
        ('{"enum": [1]}', "1.0000000000000000000001", False),
    ],
)
def test_numbers_count_as_they_are_written(schema, value, valid):
    compiled = compile_schema(read_schema(schema, name="test"), name="test")
    assert compiled.is_valid(number(value)) is valid
    assert compiled.reference().is_valid(number(value)) is valid


@pytest.mark.parametrize(
    "text",
    ["9" * 1_000_000, "0." + "9" * 1_000_000, "1e999999999999", "-1e-999999999999", "1e" + "9" * 100_000],
)
@pytest.mark.parametrize("divisor", ["0.07", "7", "1e999999999", "1." + "7" * 1_000])
def test_a_number_of_any_length_is_judged_in_bounded_time(text, divisor):
    schema = {
        "multipleOf": number(divisor),
        "type": "integer",
        "minimum": number("-1e5"),
        "not": {"const": 1},
    }
    started = time.process_time()
    compile_schema(schema, name="test").is_valid(number(text))
    assert time.process_time() - started < 5


def test_booleans_are_no_numbers():
    assert not is_equal(True, 1) and not is_equal(0, False) and not is_equal([True], [1])
    assert not has_equal_items([1, True, 0, False])


def test_a_plain_text_of_an_exact_number_equals_the_plain_number():
    assert is_equal(ExactNumber("1.5e-3"), 0.0015) and is_equal(ExactNumber("1.0"), 1)
