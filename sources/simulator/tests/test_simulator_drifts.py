"""Each kind of drift: seen on exactly its devices, from its start, and on nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from iot_simulator.cohorts import inject
from iot_simulator.config import SimulationConfig
from iot_simulator.drifts import KINDS
from iot_simulator.errors import ScenarioError
from iot_simulator.fleet import SITES, build_fleet
from iot_simulator.scenario import parse_scenario
from iot_simulator.simulation import simulate

Settings = Callable[..., SimulationConfig]
LinesOf = Callable[[Path], list[bytes]]
Record = dict[str, Any]

DEVICES = ("sensor_2", "sensor_5")


def one_drift(kind: str, more: str = "") -> str:
    return f'[[drift]]\nid = "it"\nkind = "{kind}"\ndevices = ["sensor_2", "sensor_5"]\nstart = 0.5\n{more}'


def temperature(record: Record) -> Any:
    return record["readings"]["temperature"]["value"]


def unit(record: Record) -> Any:
    return record["readings"]["temperature"]["unit"]


def shifted(record: Record) -> datetime:
    return datetime.fromisoformat(record["timestamp"])


# What a line of a drifted device looks like: (healthy record, drifted record, drifted text) -> as expected.
SEEN: dict[str, Callable[[Record, Record, str], bool]] = {
    "field_added": lambda was, now, text: isinstance(now["signal_strength_dbm"], float),
    "field_added_nested": lambda was, now, text: now["readings"]["pressure"]["unit"] == "hPa",
    "field_removed": lambda was, now, text: "humidity" not in now["readings"],
    "type_changed": lambda was, now, text: temperature(now) == str(temperature(was)),
    "field_renamed": lambda was, now, text: (
        "humidity" not in now["readings"]
        and now["readings"]["relative_humidity"] == was["readings"]["humidity"]
    ),
    "enum_added": lambda was, now, text: now["status"] == "degraded",
    "version_minor": lambda was, now, text: now["schema_version"] == "1.1.0" and now["firmware"] == "2.4.1",
    "version_major": lambda was, now, text: now["schema_version"] == "2.0.0",
    "version_malformed": lambda was, now, text: now["schema_version"] == "v1",
    "null_value": lambda was, now, text: now["readings"]["humidity"]["value"] is None,
    "key_case": lambda was, now, text: list(now["readings"]) == ["temperature", "Humidity", "battery_level"],
    "array_wrap": lambda was, now, text: temperature(now) == [temperature(was)],
    "duplicate_key": lambda was, now, text: (
        text.count('"status":"operational"') in (0, 2) and text.count('"status":') == 2
    ),
    "nonfinite": lambda was, now, text: '"value":NaN,' in text,
    "timestamp_epoch": lambda was, now, text: now["timestamp"] == shifted(was).timestamp(),
    "timestamp_without_zone": lambda was, now, text: now["timestamp"] + "Z" == was["timestamp"],
    "device_id_pattern": lambda was, now, text: now["device_id"] == was["device_id"].title(),
    "coordinates_swapped": lambda was, now, text: now["location"]["latitude"] == was["location"]["longitude"],
    "unit_changed": lambda was, now, text: (
        unit(now) == "Fahrenheit" and abs(temperature(now) - temperature(was) * 1.8 - 32) < 0.02
    ),
    "unit_unknown": lambda was, now, text: (
        unit(now) == "Kelvin" and abs(temperature(now) - temperature(was) - 273.15) < 0.02
    ),
    "unit_flip_undeclared": lambda was, now, text: (
        unit(now) == "Celsius" and abs(temperature(now) - temperature(was) * 1.8 - 32) < 0.02
    ),
    "value_offset": lambda was, now, text: abs(temperature(now) - temperature(was) - 5.0) < 0.02,
    "value_scale": lambda was, now, text: abs(temperature(now) - temperature(was) * 100) < 0.6,
    "clock_ahead": lambda was, now, text: shifted(now) - shifted(was) == timedelta(hours=3),
}
# Kinds that show over time rather than on each line have tests of their own below.
OVER_TIME = {"stuck", "noise_increase", "slow_drift", "battery_runaway", "silent", "weather_front"}


def healthy_and_drifted(
    tmp_path: Path, settings: Settings, lines_of: LinesOf, scenario: str, **changes: object
) -> tuple[list[bytes], list[bytes]]:
    simulate(settings(fahrenheit_share=0.0, **changes), tmp_path / "healthy" / "landing")
    drifting = settings(fahrenheit_share=0.0, scenario=parse_scenario(scenario, "a test"), **changes)
    simulate(drifting, tmp_path / "drifted" / "landing")
    return lines_of(tmp_path / "healthy" / "landing"), lines_of(tmp_path / "drifted" / "landing")


def is_concerned(record: Record) -> bool:
    # 720 lines of 12 devices every 5 minutes are five hours; the drift starts in the middle.
    return record["device_id"] in DEVICES and record["timestamp"] >= "2026-03-02T02:30:00"


def test_every_kind_has_its_expectation_here() -> None:
    assert set(SEEN) | OVER_TIME == set(KINDS)


@pytest.mark.parametrize("kind", sorted(SEEN))
def test_drift_shows_from_its_start_on_exactly_its_devices(
    kind: str, tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    healthy, drifted = healthy_and_drifted(tmp_path, a_small_fleet, lines_of, one_drift(kind))
    concerned = 0
    for was_line, now_line in zip(healthy, drifted, strict=True):
        was = json.loads(was_line)
        if not is_concerned(was):
            assert now_line == was_line
            continue
        concerned += 1
        assert SEEN[kind](was, json.loads(now_line), now_line.decode()), now_line
    assert concerned > 40


@pytest.mark.parametrize("kind", sorted(OVER_TIME - {"silent"}))
def test_drift_over_time_leaves_all_other_lines_alone(
    kind: str, tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    healthy, drifted = healthy_and_drifted(tmp_path, a_small_fleet, lines_of, one_drift(kind))
    changed = [json.loads(was) for was, now in zip(healthy, drifted, strict=True) if was != now]
    assert changed
    assert all(is_concerned(record) for record in changed)


def drifted_temperatures(
    tmp_path: Path, settings: Settings, lines_of: LinesOf, drift: str
) -> tuple[list[float], list[float]]:
    """Temperatures of sensor_2 since the drift's start, healthy and drifted."""
    pair = healthy_and_drifted(tmp_path, settings, lines_of, drift)
    healthy, drifted = (
        [
            temperature(record)
            for record in map(json.loads, lines)
            if is_concerned(record) and record["device_id"] == "sensor_2"
        ]
        for lines in pair
    )
    return healthy, drifted


def test_stuck_device_repeats_one_value(tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf) -> None:
    healthy, drifted = drifted_temperatures(tmp_path, a_small_fleet, lines_of, one_drift("stuck"))
    assert len(set(drifted)) == 1
    assert abs(drifted[0] - healthy[0]) < 1.5


def test_noise_increases(tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf) -> None:
    healthy, drifted = drifted_temperatures(tmp_path, a_small_fleet, lines_of, one_drift("noise_increase"))
    differences = [now - was for was, now in zip(healthy, drifted, strict=True)]
    assert 1.5 < (sum(d * d for d in differences) / len(differences)) ** 0.5 < 5.0


def test_slow_drift_rises_to_its_change_and_stays(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    drift = one_drift("slow_drift", "parameters = { change = 8.0, hours = 1 }")
    healthy, drifted = drifted_temperatures(tmp_path, a_small_fleet, lines_of, drift)
    rise = [now - was for was, now in zip(healthy, drifted, strict=True)]
    assert rise[0] < 1.0
    assert all(later >= earlier - 0.02 for earlier, later in pairwise(rise))
    assert rise[-1] == pytest.approx(8.0, abs=0.02)


def test_battery_runaway_empties_the_battery_while_the_temperature_runs_away(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    drift = one_drift("battery_runaway", "parameters = { hours = 2, change = 95.0 }")
    _, drifted = healthy_and_drifted(tmp_path, a_small_fleet, lines_of, drift)
    last = [record for record in map(json.loads, drifted) if record["device_id"] == "sensor_2"][-1]
    assert last["readings"]["battery_level"]["value"] == 0.0
    assert temperature(last) > 80.0


def test_weather_front_comes_and_goes(tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf) -> None:
    drift = one_drift("weather_front", "parameters = { change = 4.0, hours = 2 }")
    healthy, drifted = drifted_temperatures(tmp_path, a_small_fleet, lines_of, drift)
    rise = [now - was for was, now in zip(healthy, drifted, strict=True)]
    assert max(rise) == pytest.approx(4.0, abs=0.1)
    assert rise[-1] == pytest.approx(0.0, abs=0.02)


def test_silent_device_sends_nothing_from_its_start(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    simulate(a_small_fleet(scenario=parse_scenario(one_drift("silent"), "a test")), tmp_path / "landing")
    records = [json.loads(line) for line in lines_of(tmp_path / "landing")]
    assert not any(is_concerned(record) for record in records)
    assert {record["device_id"] for record in records} == {f"sensor_{n}" for n in range(1, 13)}


def test_drift_ends(tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf) -> None:
    drift = one_drift("enum_added", 'end = "+3h"')
    _, drifted = healthy_and_drifted(tmp_path, a_small_fleet, lines_of, drift)
    times = [r["timestamp"] for r in map(json.loads, drifted) if r["status"] == "degraded"]
    assert min(times) >= "2026-03-02T02:30" and max(times) < "2026-03-02T03:00"
    assert max(times) > "2026-03-02T02:50"


def test_record_share_changes_a_part_of_the_readings(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    drift = one_drift("enum_added", "record_share = 0.5")
    healthy, drifted = healthy_and_drifted(tmp_path, a_small_fleet, lines_of, drift)
    concerned = [now for was, now in zip(healthy, drifted, strict=True) if is_concerned(json.loads(was))]
    assert 0.25 < sum(b"degraded" in line for line in concerned) / len(concerned) < 0.75


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("type_changed", '{ path = "readings.humidity.value", to = "bool" }', '"humidity":{"value":true,'),
        ("timestamp_epoch", '{ unit = "milliseconds" }', '"timestamp":17724'),
        ("duplicate_key", '{ path = "status", conflicting = true }', ',"status":null}'),
        ("field_added", '{ path = "vendor", value = "acme" }', ',"vendor":"acme"}'),
        ("value_offset", '{ reading = "humidity", offset = 50000 }', '"humidity":{"value":500'),
    ],
)
def test_parameters_of_a_drift_are_followed(
    kind: str, parameters: str, expected: str, tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    drift = one_drift(kind, f"parameters = {parameters}")
    healthy, drifted = healthy_and_drifted(tmp_path, a_small_fleet, lines_of, drift)
    for was, now in zip(healthy, drifted, strict=True):
        assert (expected in now.decode()) == is_concerned(json.loads(was))


COHORTS = {
    'devices = ["sensor_7"]': {7},
    "id_range = [3, 5]": {3, 4, 5},
    "id_share = [0.0, 0.1]": {1, 2, 3, 4},
    'place = "lisbon"': set(range(2, 41, 6)),
}


@pytest.mark.parametrize("cohort", sorted(COHORTS))
def test_cohort_named_in_the_scenario_is_the_one_that_drifts(cohort: str) -> None:
    scenario = parse_scenario(f'[[drift]]\nid = "it"\nkind = "silent"\nstart = 0.5\n{cohort}', "a test")
    [injected] = inject(scenario, build_fleet(40, 4, 0.0, 1), 0, 1_000, 1)
    assert {number + 1 for number in injected.devices.nonzero()[0].tolist()} == COHORTS[cohort]


def test_drawn_cohorts_share_no_device_and_units_change_only_from_celsius() -> None:
    text = "".join(
        f'[[drift]]\nid = "{number}"\nkind = "{kind}"\nstart = 0.5\n{cohort}\n'
        for number, (kind, cohort) in enumerate(
            [("unit_changed", "share = 0.2"), ("stuck", "count = 5"), ("silent", "id_range = [1, 4]")]
        )
    )
    fleet = build_fleet(40, 4, 0.3, 1)
    injected = inject(parse_scenario(text, "a test"), fleet, 0, 1_000, 1)
    assert [int(drift.devices.sum()) for drift in injected] == [8, 5, 4]
    assert sum(drift.devices.astype(int) for drift in injected).max() == 1
    assert not (injected[0].devices & fleet.is_fahrenheit).any()


@pytest.mark.parametrize(
    ("cohort", "message"),
    [
        ('devices = ["sensor_99"]', "sensor_99.*not in the fleet.*sensor_1 to sensor_40"),
        ("id_range = [50, 60]", "no device of this fleet of 40"),
        ('place = "atlantis"', f"unknown place.*{SITES[0].name}"),
        ("count = 41", "asks for 41 devices and 40 are free"),
    ],
)
def test_cohort_that_does_not_fit_the_fleet_is_an_error(cohort: str, message: str) -> None:
    scenario = parse_scenario(f'[[drift]]\nid = "it"\nkind = "silent"\nstart = 0.5\n{cohort}', "a test")
    with pytest.raises(ScenarioError, match=message):
        inject(scenario, build_fleet(40, 4, 0.0, 1), 0, 1_000, 1)


def test_drift_that_ends_before_it_starts_is_an_error() -> None:
    scenario = parse_scenario(one_drift("silent", "end = 0.4"), "a test")
    with pytest.raises(ScenarioError, match="ends before it starts"):
        inject(scenario, build_fleet(40, 4, 0.0, 1), 0, 1_000, 1)
