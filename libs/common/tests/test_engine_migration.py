"""Migrations: each rule both ways, and the files that declare them."""

import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_common.engine.draft07.equality import is_equal
from iot_common.engine.exact_number import ExactNumber, read_number
from iot_common.engine.migration_file import MigrationError, read_migration
from iot_common.engine.migration_rules import Rule

EXAMPLE = "[[examples]]\nbefore = '{}'\nafter = '{}'\n"
SECOND_MAJOR = """
to = "1.0.0"

[[rules]]
kind = "rename"
path = "deviceId"
to = "device_id"

[[rules]]
kind = "move"
path = "env.temp_k"
to = "readings.temperature.value"

[[rules]]
kind = "unit"
path = "readings.temperature.value"
add = -273.15
multiply = 1
divide = 1

[[rules]]
kind = "default"
path = "readings.temperature.unit"
value = "Celsius"

[[rules]]
kind = "cast"
path = "readings.humidity.value"
from = "string"
to = "number"

[[rules]]
kind = "cast"
path = "readings.samples[].code"
from = "number"
to = "string"

[[examples]]
before = '{"deviceId":"sensor_1","env":{"temp_k":294.65},"readings":{"humidity":{"value":"40.50"}}}'
after = '''{"device_id":"sensor_1","readings":{"humidity":{"value":40.5},
            "temperature":{"value":21.5,"unit":"Celsius"}}}'''
"""


def rule_of(text: str) -> Rule:
    (rule,) = read_migration("2.0.0", f'to = "1.0.0"\n[[rules]]\n{text}\n{EXAMPLE}').rules
    return rule


def upgraded(rule: Rule, record: dict) -> tuple[dict, dict]:
    value, aside = deepcopy(record), {}
    rule.upgrade(value, aside)
    return value, aside


def both_ways(rule: Rule, before: dict) -> dict:
    """The record after the rule, once its way back is proven."""
    value, _ = upgraded(rule, before)
    back = deepcopy(value)
    rule.downgrade(back, {})
    assert is_equal(back, before)
    return value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2}, "d": {"e": 1}}),
        ({"a": {"b": None}}, {"d": {"e": None}}),
        ({"a": {"b": 1}, "d": {"f": 2}}, {"d": {"e": 1, "f": 2}}),
        ({"a": {"c": 1}}, {"a": {"c": 1}}),
        ({"a": [1]}, {"a": [1]}),
        ({"a": {"b": 1}, "d": "no object"}, {"a": {"b": 1}, "d": "no object"}),
    ],
)
def test_a_move_makes_and_removes_the_objects_on_its_way(before, after):
    assert both_ways(rule_of('kind = "move"\npath = "a.b"\nto = "d.e"'), before) == after


def test_a_value_in_the_way_of_a_move_is_set_aside():
    rule = rule_of('kind = "rename"\npath = "deviceId"\nto = "device_id"')
    assert upgraded(rule, {"deviceId": 1, "device_id": 2}) == ({"device_id": 1}, {"device_id": 2})
    assert upgraded(rule, {"device_id": 2}) == ({"device_id": 2}, {})


def test_a_rename_works_in_each_element_of_an_array():
    rule = rule_of('kind = "rename"\npath = "s[].t"\nto = "s[].u"')
    record = {"s": [{"t": 1}, {"x": 2}, 3, {"t": 4}]}
    assert both_ways(rule, record) == {"s": [{"u": 1}, {"x": 2}, 3, {"u": 4}]}
    crowded = {"s": [{"t": 1, "u": 2}, {"t": 3, "u": 4}]}
    assert upgraded(rule, crowded)[1] == {"s[].u": [2, 4]}, "elements share a path, so theirs are a list"


def test_a_key_that_looks_like_a_path_is_quoted():
    rule = rule_of("""kind = "rename"\npath = '["a.b"]'\nto = "c" """)
    assert both_ways(rule, {"a.b": 1, "a": {"b": 2}}) == {"c": 1, "a": {"b": 2}}


@pytest.mark.parametrize(
    ("source", "to", "before", "after"),
    [
        ("string", "number", "21.5", 21.5),
        ("string", "number", "1e3", 1000.0),
        ("string", "number", "007", "007"),
        ("string", "number", " 1", " 1"),
        ("string", "number", "NaN", "NaN"),
        ("string", "number", False, False),
        ("string", "number", None, None),
        ("string", "integer", "5", 5),
        ("string", "integer", "5.5", "5.5"),
        ("string", "boolean", "true", True),
        ("string", "boolean", "True", "True"),
        ("number", "string", 21.5, "21.5"),
        ("number", "string", 5, "5"),
        ("integer", "string", 5.5, 5.5),
        ("boolean", "string", False, "false"),
        ("boolean", "string", 0, 0),
    ],
)
def test_a_cast_changes_what_it_can_without_loss(source, to, before, after):
    rule = rule_of(f'kind = "cast"\npath = "v"\nfrom = "{source}"\nto = "{to}"')
    found = both_ways(rule, {"v": before})["v"]
    assert (type(found), found) == (type(after), after) or isinstance(found, ExactNumber)


def test_a_cast_keeps_digits_that_no_float_holds():
    rule = rule_of('kind = "cast"\npath = "v"\nfrom = "string"\nto = "number"')
    for text in ("21.50", "0.1000000000000000055511151231257827", "1e400", "-0"):
        assert both_ways(rule, {"v": text})["v"] == read_number(text)


KELVIN = 'kind = "unit"\npath = "v"\nadd = -273.15\nmultiply = 1\ndivide = 1'
FAHRENHEIT = 'kind = "unit"\npath = "v"\nadd = -32\nmultiply = 5\ndivide = 9'


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (KELVIN, 294.65, 21.5),
        (KELVIN, 0, -273.15),
        (FAHRENHEIT, 70.7, 21.5),
        (FAHRENHEIT, 68, 20),
        (FAHRENHEIT, 98.7, (98.7 - 32) * 5 / 9),
        (FAHRENHEIT, None, None),
    ],
)
def test_a_unit_rule_converts_numbers(rule, before, after):
    found = both_ways(rule_of(rule), {"v": before})["v"]
    assert float(found) == after if isinstance(after, float) else (type(found), found) == (type(after), after)


def test_a_unit_rule_with_a_unit_path_asks_for_the_unit_and_replaces_it():
    rule = rule_of(FAHRENHEIT + '\nunit_path = "unit"\nfrom = "F"\nto = "C"')
    assert both_ways(rule, {"v": 68, "unit": "F"}) == {"v": 20, "unit": "C"}
    assert both_ways(rule, {"v": 68, "unit": "K"}) == {"v": 68, "unit": "K"}
    assert upgraded(rule, {"v": 68}) == ({"v": 68}, {})


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.decimals(-1000, 1000, places=3).map(float),
    st.from_regex(r"-?[1-9][0-9]{0,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,12})?", fullmatch=True).map(
        read_number
    ),
)


kept_numbers = st.one_of(
    st.floats(1e-20, 1e20),
    st.floats(-1e20, -1e-20),
    st.integers(-(2**63), 2**63 - 1),
    st.decimals(-1000, 1000, places=3).map(float),
    st.decimals(-(10**12), 10**12, places=20).map(lambda number: read_number(f"{number:f}")),
)
"""Short enough, and not lost beside an offset of hundreds: what the way back gives exactly."""


@settings(max_examples=400, deadline=None)
@given(
    kept_numbers,
    st.sampled_from([KELVIN, FAHRENHEIT, 'kind = "unit"\npath = "v"\nadd = 0\nmultiply = 1\ndivide = 3.6']),
)
def test_a_unit_rule_gives_the_number_back(number, rule):
    both_ways(rule_of(rule), {"v": number})


@given(numbers)
def test_a_unit_rule_takes_any_number(number):
    found, aside = upgraded(rule_of(KELVIN), {"v": number})
    assert float(found["v"]) == pytest.approx(float(number) - 273.15)
    assert not aside


@pytest.mark.parametrize("value", ["68", True, [68], {"x": 1}])
def test_what_is_no_number_is_set_aside_lest_it_be_read_in_the_new_unit(value):
    assert upgraded(rule_of(FAHRENHEIT), {"v": value}) == ({}, {"v": value})


def test_usual_numbers_are_converted_and_are_plain_floats():
    rule = rule_of(FAHRENHEIT)
    for tenth in range(-1000, 2000):
        found = both_ways(rule, {"v": tenth / 10})["v"]
        assert type(found) is float
        assert found == pytest.approx((tenth / 10 - 32) * 5 / 9, abs=1e-12)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"a": 1}, {"a": 1}),
        ({"a": {}}, {"a": {"b": "x"}}),
        ({"a": {"b": None}}, {"a": {"b": None}}),
    ],
)
def test_a_default_fills_a_missing_key_of_an_object_that_is_there(before, after):
    assert both_ways(rule_of('kind = "default"\npath = "a.b"\nvalue = "x"'), before) == after


def test_the_way_back_of_a_default_drops_an_equal_value_unless_it_is_one_way():
    text = 'to = "1.0.0"\n[[rules]]\nkind = "default"\npath = "a"\nvalue = 1\n'
    example = "[[examples]]\nbefore = '{}'\nafter = '{\"a\":1}'\n"
    assert read_migration("2.0.0", text + example).downgrade({"a": 1.0}) == {}
    assert read_migration("2.0.0", text + "one_way = true\n" + example).downgrade({"a": 1}) == {"a": 1}


def test_a_migration_says_what_it_changed_and_keeps_what_was_sent():
    migration = read_migration("2.0.0", SECOND_MAJOR)
    sent = {
        "deviceId": "sensor_1",
        "device_id": "other",
        "env": {"temp_k": 294.65},
        "readings": {"humidity": {"value": "40.50"}, "samples": [{"code": 7}, {"code": 8}]},
    }
    result = migration.upgrade(deepcopy(sent))
    assert result.value == {
        "device_id": "sensor_1",
        "readings": {
            "humidity": {"value": 40.5},
            "samples": [{"code": "7"}, {"code": "8"}],
            "temperature": {"value": 21.5, "unit": "Celsius"},
        },
    }
    assert result.changed == [
        "readings.temperature.value",
        "readings.temperature.unit",
        "readings.humidity.value",
        "readings.samples[].code",
    ]
    assert result.as_sent == {
        "env.temp_k": 294.65,
        "readings.humidity.value": "40.50",
        "readings.samples": [{"code": 7}, {"code": 8}],
    }
    assert result.aside == {"device_id": "other"}
    assert migration.target_path("env.temp_k") == "readings.temperature.value"
    assert migration.target_path("env.other") == "env.other"
    assert migration.target_path('"') == '"'


others = st.one_of(st.none(), st.booleans())
texts = st.one_of(st.text(max_size=5), st.sampled_from(["1.0", "20", "-0", "1e5", "5e400"]), others)
scalars = st.one_of(others, kept_numbers, st.text(max_size=5), st.sampled_from(["1.0", "20"]))


@st.composite
def second_major_records(draw):
    """Records of version 2: declared fields may be missing or of another type (but for that which a cast gives)."""

    def maybe(strategy, record, key):
        if draw(st.booleans()):
            record[key] = draw(strategy)

    record: dict = draw(st.dictionaries(st.sampled_from(["x", "y", "a.b"]), scalars, max_size=2))
    maybe(scalars, record, "deviceId")
    environment: dict = {}
    maybe(kept_numbers, environment, "temp_k")
    maybe(scalars, environment, "other")
    record |= {"env": environment} if draw(st.booleans()) else {}
    readings: dict = {"kept": 1}
    maybe(st.fixed_dictionaries({"value": texts}), readings, "humidity")
    maybe(
        st.lists(
            st.one_of(scalars, st.fixed_dictionaries({"code": st.one_of(kept_numbers, others)})), max_size=3
        ),
        readings,
        "samples",
    )
    return record | ({"readings": readings} if draw(st.booleans()) else {})


@settings(max_examples=400, deadline=None)
@given(second_major_records())
def test_upgrade_then_downgrade_gives_the_record_back(record):
    migration = read_migration("2.0.0", SECOND_MAJOR)
    before = deepcopy(record)
    result = migration.upgrade(record)
    assert record == before, "the record as sent is not touched"
    assert is_equal(migration.downgrade(result.value), record)
    assert not result.aside


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("to = ", "not TOML"),
        (SECOND_MAJOR + "\n[more]\n", "unknown key more"),
        (SECOND_MAJOR.replace('to = "1.0.0"', "to = 1"), "to must be a text"),
        (SECOND_MAJOR.replace("294.65", "294"), "example 1: the rules give"),
        ('to = "1.0.0"\n' + EXAMPLE, r"at least one \[\[rules\]\]"),
        ('to = "1.0.0"\n[[rules]]\nkind = "rename"\npath = "a"\nto = "b"', r"at least one \[\[examples\]\]"),
        ('to = "1.0.0"\nrules = 3\n' + EXAMPLE, r"at least one \[\[rules\]\]"),
    ],
)
def test_a_wrong_file_is_an_error(text, message):
    with pytest.raises(MigrationError, match=message) as raised:
        read_migration("2.0.0", text)
    assert raised.value.exit_code == 2
    assert "migration of 2.0.0" in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('kind = "drop"\npath = "a"', "none of rename, move, cast, unit, default"),
        ('path = "a"', "kind must be a text"),
        ('kind = "rename"\npath = "a"\nto = "b.c"', "stays within its object"),
        ('kind = "move"\npath = "a"\nto = "a"', "must differ"),
        ('kind = "move"\npath = "a[].b"\nto = "b"', "same element"),
        ('kind = "move"\npath = "a[]"\nto = "b[]"', "must end in a key"),
        ('kind = "move"\npath = "a..b"\nto = "b"', "no path"),
        ('kind = "move"\npath = "a"\nto = "b"\nform = 1', "unknown key form"),
        ('kind = "move"\npath = "a"\nto = "b"\none_way = 1', "one_way must be"),
        ('kind = "cast"\npath = "a"\nfrom = "number"\nto = "integer"', "casts between string and"),
        ('kind = "cast"\npath = "a"\nfrom = "text"\nto = "number"', "casts between string and"),
        ('kind = "unit"\npath = "a"\nadd = 1\nmultiply = 0\ndivide = 1', "must not be 0"),
        ('kind = "unit"\npath = "a"\nadd = inf\nmultiply = 1\ndivide = 1', "add must be a number"),
        ('kind = "unit"\npath = "a"\nadd = 0\nmultiply = 1\ndivide = 1\nfrom = "K"', "need unit_path"),
        ('kind = "unit"\npath = "a"\nadd = 0\nmultiply = 1\ndivide = 1\nunit_path = "b"', "from must be"),
        ('kind = "default"\npath = "a"', "value must be"),
        ('kind = "default"\npath = "a"\nvalue = 2026-01-01', "value must be"),
        (f'kind = "default"\npath = "a"\nvalue = {10**400}', "value must be"),
    ],
)
def test_a_wrong_rule_is_an_error_that_names_it(rule, message):
    with pytest.raises(MigrationError, match=f"rule 1.*{message}"):
        rule_of(rule)


def test_an_example_that_does_not_come_back_is_an_error():
    text = 'to = "1.0.0"\n[[rules]]\nkind = "default"\npath = "a"\nvalue = 1\n'
    examples = "[[examples]]\nbefore = '{\"a\":1}'\nafter = '{\"a\":1}'\n"
    with pytest.raises(MigrationError, match="way back"):
        read_migration("2.0.0", text + examples)
    assert (
        json.dumps(read_migration("2.0.0", text + "one_way = true\n" + examples).upgrade({}).value)
        == '{"a": 1}'
    )
