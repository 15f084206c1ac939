"""Hypothesis strategies: readings as devices and their faults make them, and hostile JSON text."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from iot_common.testing.readings import a_reading

DECLARED_PATHS: Final = (
    "schema_version", "device_id", "timestamp", "location", "location.latitude", "location.longitude",
    "readings", "readings.temperature", "readings.temperature.value", "readings.temperature.unit",
    "readings.humidity", "readings.humidity.value", "readings.humidity.unit", "readings.battery_level",
    "readings.battery_level.value", "readings.battery_level.unit", "status",
)  # fmt: skip

_TELLING: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 1.0, -0.0, 90, -90, 90.000001, 100, 100.0, 100.5, -50, -50.5, 180, 180.5, 2**53 + 1,
    2**63, 2**64, "", "21.5", "021", " 1", "1e400", "NaN", "-Infinity", "1e2", "0.1000000000000000055", [], [1],
    [21.5], ["21.5"], [[1]], [1, 2], [{}], {}, {"value": 1}, {"unit": "Celsius"}, {"value": 1, "unit": "percent"},
    "Celsius", "celsius", "Fahrenheit", "Kelvin", "percent", "operational", "degraded", "sensor_1", "sensor_1\n",
    "xsensor_1", "sensor_١٢", "Sensor_1", "1.0.0", "1.0.0\n", "1.0.1", "1.1.0", "2.0.0", "0.9.0", "01.0.0", "v1",
    "١.0.0", "2026-01-01T12:00:00Z", "2026-01-01t12:00:00.5z", "2026-01-01T12:00:00", "2026-01-01 12:00:00Z",
    "2026-01-01T12:00:60Z", "2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "0000-01-01T00:00:00Z",
    "2026-01-01T12:00:00+24:00", "2026-01-01T12:00:00-23:59", "yesterday", 1767268800, "2026-01-01T12:00:00Z\n",
    "2026-01-01T12:00:00.1234567891Z",
)  # fmt: skip

_SCALARS: Final = st.one_of(
    st.sampled_from(_TELLING),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
JSON_VALUES: Final = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["value", "unit", "x", "a.b"]), inner, max_size=3),
    ),
    max_leaves=4,
)


_TEXTS: Final = tuple(value for value in _TELLING if isinstance(value, str))
_NUMBERS: Final = tuple(value for value in _TELLING if isinstance(value, int | float))


def _of_same_type(value: Any) -> st.SearchStrategy[Any]:
    """Values that may well be valid in the place of this one."""
    if isinstance(value, str):
        return st.sampled_from(_TEXTS)
    if isinstance(value, int | float):
        return st.one_of(st.sampled_from(_NUMBERS), st.floats(-200, 200), st.integers(-200, 200))
    return st.just(value)


@st.composite
def mutated_readings(draw: st.DrawFn) -> dict[str, Any]:
    """A reading with up to three faults: a value replaced, a field lost, added, re-spelled or wrapped."""
    reading = a_reading()
    for _ in range(draw(st.integers(0, 3))):
        _mutate(draw, reading)
    return reading


def _mutate(draw: st.DrawFn, reading: dict[str, Any]) -> None:
    *parents, last = draw(st.sampled_from(DECLARED_PATHS)).split(".")
    place: Any = reading
    for parent in parents:
        place = place.get(parent) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        return
    kind = draw(
        st.sampled_from(["replace", "replace", "replace", "remove", "add", "respell", "twin", "wrap"])
    )
    if kind == "replace":
        place[last] = draw(JSON_VALUES)
    elif kind == "remove":
        del place[last]
    elif kind == "add":
        place[draw(st.sampled_from(["firmware", "pressure", "a.b", "", "K\u212a", "X" * 300]))] = draw(
            JSON_VALUES
        )
    elif kind == "respell":
        place[draw(st.sampled_from([last.upper(), last.title()]))] = place.pop(last)
    elif kind == "twin":
        place[last.upper()] = draw(JSON_VALUES)
    else:
        place[last] = [place[last]]


_NUMBER_TEXTS: Final = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["1e400", "-1e-400", "1e-310", "5e-324", "-0", "-0.0", "0e9", "1E5", "01", "1.", ".5", "NaN"]
    ),
)


@st.composite
def json_texts(draw: st.DrawFn, depth: int = 3) -> str:
    """JSON text as hand-written: blanks, escapes, duplicate keys, numbers of every length; at times broken."""
    blank = draw(st.sampled_from(["", "", " ", "\t", "\r\n"]))
    kind = draw(
        st.sampled_from(["number", "string", "word", "array", "object", "object"] if depth else ["number"])
    )
    if kind == "number":
        return blank + draw(_NUMBER_TEXTS)
    if kind == "string":
        return blank + json.dumps(draw(st.text(max_size=5)), ensure_ascii=draw(st.booleans()))
    if kind == "word":
        return blank + draw(st.sampled_from(["null", "true", "false", "nul", "Infinity"]))
    items = [draw(json_texts(depth=depth - 1)) for _ in range(draw(st.integers(0, 3)))]
    if kind == "array":
        return f"{blank}[{','.join(items)}{blank}]"
    keys = ['"a"', '"b"', '"a:b"', '"\\u0061"', '""']
    return blank + "{" + ",".join(f"{draw(st.sampled_from(keys))}{blank}:{item}" for item in items) + "}"
