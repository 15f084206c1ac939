"""The naming rule of evolved columns, and what they hold."""

from __future__ import annotations

import re
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_common.contracts.silver_reading import READING
from iot_common.engine.evolved_column import (
    NAME_LENGTH_LIMIT,
    EvolvedColumns,
    column_doc,
    column_name,
    folded,
    may_have_column,
    path_of_doc,
)
from iot_common.engine.parse import child_path, json_text

TAKEN = READING.column_names
SAFE = re.compile(r"[a-z][a-z0-9_]*")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("firmware", "firmware"),
        ("Firmware", "firmware"),
        ("readings.pressure", "readings__pressure"),
        ("readings.Pressure", "readings__pressure"),
        ("readings.temperature.accuracy_percent", "readings__temperature__accuracy_percent"),
    ],
)
def test_a_plain_path_is_its_segments_in_lower_case_joined_by_two_underscores(path: str, name: str) -> None:
    assert column_name(path, TAKEN) == name


NOT_PLAIN = (
    "latitude", "_rescued", "a__b", "_id", "9axis", 'a["b.c"]', "CO₂", "größe", "x" * 80, "a_x0123abcd", '[""]',
)  # fmt: skip


@pytest.mark.parametrize("path", NOT_PLAIN)
def test_a_name_that_could_be_anothers_ends_in_the_hash_of_its_path(path: str) -> None:
    name = column_name(path, TAKEN)
    assert re.search(r"_x[0-9a-f]{8}$", name), name
    assert SAFE.fullmatch(name), name
    assert len(name) <= NAME_LENGTH_LIMIT
    assert name not in TAKEN


def test_what_looks_alike_gets_columns_of_its_own() -> None:
    paths = ["a.b", "a__b", 'a["b.c"]', "a.b.c", "a_b", "a-b", "a b", "ab"]
    assert len({column_name(path, TAKEN) for path in paths}) == len(paths)


def test_the_name_is_the_same_whatever_was_named_before() -> None:
    assert (
        column_name("größe", TAKEN)
        == column_name("GRÖSSE", TAKEN)
        == "gr_sse_x" + column_name("größe", ())[-8:]
    )


def test_a_column_is_traced_by_its_comment() -> None:
    for path in ("readings.pressure", 'a["it\'s \\"b\\""]', "größe"):
        assert path_of_doc(column_doc(path)) == path
    assert path_of_doc("Temperature, canonical [°C]") is None
    assert path_of_doc(None) is None


def test_elements_of_an_array_have_no_column() -> None:
    assert may_have_column("readings.pressure")
    assert may_have_column('a["x[]"]')
    assert not may_have_column("samples[].value")


def test_a_string_is_itself_and_all_else_its_exact_json() -> None:
    columns = EvolvedColumns({"a": "a", "b": "b", "c": "c", "d": "d", "e": "readings.e", "f": "f"})
    rescued = '{"a":"12","b":12345678901234567890.50,"c":[{"x":1},{"x":2}],"d":true,"readings.e":{"v":1.5},"f":null}'
    assert columns.values(rescued) == {
        "a": "12",
        "b": "12345678901234567890.50",
        "c": '[{"x":1},{"x":2}]',
        "d": "true",
        "e": '{"v":1.5}',
    }


def test_the_columns_own_spelling_wins_and_else_the_first() -> None:
    columns = EvolvedColumns({"readings__pressure": "readings.pressure"})
    assert columns.values('{"readings.Pressure":1,"readings.pressure":2}') == {"readings__pressure": "2"}
    assert columns.values('{"readings.pressurE":1,"readings.Pressure":3}') == {"readings__pressure": "3"}
    assert columns.values('{"status":1}') == {}


def test_an_object_whose_fields_a_later_contract_declares_is_put_together() -> None:
    columns = EvolvedColumns({"readings__pressure": "readings.Pressure"})
    parts = '{"readings.pressure.value":1.5,"readings.pressure.range.low":1,"readings.pressure.range[\\"a.b\\"]":2}'
    assert columns.values(parts) == {"readings__pressure": '{"value":1.5,"range":{"low":1,"a.b":2}}'}
    assert columns.values('{"readings.pressures":1,"readings.temperature.value":"x"}') == {}


KEYS = st.text(max_size=12).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text))
PATHS = st.lists(KEYS, min_size=1, max_size=4).map(lambda keys: reduce(child_path, keys, ""))


@given(PATHS, PATHS)
def test_two_paths_share_a_name_only_if_they_differ_by_case(one: str, other: str) -> None:
    first, second = column_name(one, TAKEN), column_name(other, TAKEN)
    assert SAFE.fullmatch(first)
    assert len(first) <= NAME_LENGTH_LIMIT
    assert first not in TAKEN
    assert (first == second) == (folded(one) == folded(other))
    assert path_of_doc(column_doc(one)) == one


INTEGERS = st.integers(-(2**63), 2**63 - 1)


@given(st.dictionaries(st.sampled_from("abcd"), st.text(max_size=5) | INTEGERS | st.booleans(), min_size=1))
def test_values_are_those_of_the_record(values: dict[str, object]) -> None:
    columns = EvolvedColumns({name: name for name in "abcd"})
    expected = {k: v if isinstance(v, str) else json_text(v) for k, v in values.items()}
    assert columns.values(json_text(values)) == expected
