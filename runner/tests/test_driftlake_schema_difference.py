"""The observed schema's difference: every change by name, and how exact the answer for one device is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from driftlake.schema_difference import (
    Change,
    Group,
    Observation,
    cohort_of,
    differences,
    newest_instant,
    observed_schema,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERYONE = Group()


def seen(
    path: str, json_type: str | None = "object", hours: tuple[float, float] = (0, 9), **changes: Any
) -> Observation:
    usual = {
        "device_cohort": "c00", "record_count": 100, "device_examples": ("sensor_1",), "schema_version": "1.0.0",
        "first_event_time": NOON + hours[0] * HOUR, "last_event_time": NOON + hours[1] * HOUR, "json_type": json_type,
    }  # fmt: skip
    return Observation(path=path, **(usual | changes))


def between(
    *rows: Observation, at: float = 1.0, versus: float = 8.0, group: Group = EVERYONE
) -> list[tuple[Any, ...]]:
    every = [seen("$"), *rows]
    one, other = (observed_schema(every, group, NOON + hour * HOUR, HOUR) for hour in (at, versus))
    return [(c.change, c.path, c.before, c.after) for c in differences(one, other, with_shares=True)]


@pytest.mark.parametrize(
    ("rows", "change"),
    [
        ([seen("firmware", "string", (5, 9))], ("FIELD_ADDED", "firmware", None, "string")),
        ([seen("readings.pressure", "object", (5, 9))], ("FIELD_ADDED_NESTED", "readings.pressure", None, "object")),
        ([seen("battery", "number", (0, 4))], ("FIELD_REMOVED", "battery", "number", None)),
        (
            [seen("x", "number"), seen("x", "string", (5, 9))],
            ("TYPE_CHANGED", "x", "number", "number, string"),
        ),
        ([seen("x", "integer", (0, 4)), seen("x", "number", (5, 9))], ("TYPE_WIDENED", "x", "integer", "number")),
        ([seen("x", "number"), seen("x", "null", (5, 9))], ("NULL_VALUE", "x", "number", "null, number")),
        ([seen("x", "number"), seen("x", "array", (5, 9))], ("ARRAY_SCALAR", "x", "number", "array, number")),
        (
            [seen("unit", "string", (0, 4), enum_value="Celsius"), seen("unit", "string", (5, 9), enum_value="Kelvin")],
            ("VALUES", "unit", "Celsius", "Kelvin"),
        ),
        ([seen("$", hours=(5, 9), schema_version="1.1.0")], ("VERSIONS", "$", "1.0.0", "1.0.0, 1.1.0")),
        ([seen("readings.Humidity", None, (5, 9), code="KEY_CASE")], ("EVENTS", "readings.Humidity", None, "KEY_CASE")),
        (
            [seen("x", "number", (0, 4)), seen("x", "number", (5, 9), record_count=60)],
            ("SHARE", "x", "100% of the records", "60% of the records"),
        ),
    ],
)  # fmt: skip
def test_each_change_is_named(rows: list[Observation], change: tuple[Any, ...]) -> None:
    assert between(*rows) == [change]


def test_what_is_below_a_new_object_is_not_told_apart() -> None:
    new = [seen(path, "object", (5, 9)) for path in ("readings.pressure", "readings.pressure.value")]
    assert [path for _, path, *_ in between(*new)] == ["readings.pressure"]
    assert [path for _, path, *_ in between(*new, at=8.0, versus=1.0)] == ["readings.pressure"]


def test_an_instant_is_the_time_up_to_it() -> None:
    early = seen("x", "number", (0, 3))
    assert observed_schema([early], EVERYONE, NOON + 3.9 * HOUR, HOUR).keys() == {"x"}
    assert observed_schema([early], EVERYONE, NOON + 4 * HOUR, HOUR) == {}
    assert observed_schema([early], EVERYONE, NOON - 0.1 * HOUR, HOUR) == {}
    assert observed_schema([seen("x", first_event_time=None)], EVERYONE, NOON, HOUR) == {}


def test_the_same_instant_has_no_difference() -> None:
    assert between(seen("x", "number", (5, 9)), at=8.0, versus=8.0) == []


def test_cohort_of_a_device_is_its_crc32_as_silver_computes_it() -> None:
    assert cohort_of("123456789") == f"c{0xCBF43926 % 16:02d}", "the check value of CRC-32"


DEVICES = sorted((f"sensor_{number}" for number in range(2000)), key=str)
MINE = [device for device in DEVICES if cohort_of(device) == "c00"]


def of_device(device: str, *rows: Observation, rest: bool = False) -> dict[str, bool]:
    schema = observed_schema(rows, Group((device,), rest=rest), None, HOUR)
    return {path: each.is_exact for path, each in schema.items()}


def test_a_device_is_told_exactly_as_far_as_the_list_reaches() -> None:
    first, last = MINE[0], MINE[-1]
    short = seen("short", device_examples=(first,))
    full = seen("full", device_examples=tuple(MINE[1:51]))
    assert of_device(first, short, full) == {"short": True}, "not among the first 50 in order: not there"
    assert of_device(MINE[5], short, full) == {"full": True}
    assert of_device(last, short, full) == {"full": False}, (
        "beyond the list: its cohort is told, and it is said"
    )
    assert of_device(last, seen("elsewhere", device_cohort="c01", device_examples=(last,))) == {}


def test_the_rest_is_everybody_else() -> None:
    alone = seen("alone", device_examples=(MINE[0],))
    both = seen("both", device_examples=tuple(MINE[:2]))
    other = seen("other", device_cohort="c01", device_examples=("x",))
    assert of_device(MINE[0], alone, both, other, rest=True) == {"both": True, "other": True}
    rest = observed_schema([alone, both, other], Group(cohorts=("c00",), rest=True), None, HOUR)
    assert rest.keys() == {"other"}


def test_a_clock_years_ahead_is_not_the_newest_instant() -> None:
    ahead = seen("$", hours=(0, 90_000), device_cohort="c01")
    assert newest_instant([seen("$"), seen("$", device_cohort="c02"), ahead]) == NOON + 9 * HOUR
    assert newest_instant([]) is None


def test_a_change_says_whether_it_is_exact() -> None:
    assert Change("FIELD_ADDED", "x", None, "string", False).as_row()[-1] == "cohort"
