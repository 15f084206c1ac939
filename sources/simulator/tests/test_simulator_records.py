"""Records: valid under the contract to the letter, and worth the name of a sensor's readings."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from iot_simulator.config import SimulationConfig
from iot_simulator.fleet import SITES, build_fleet
from iot_simulator.simulation import simulate

Settings = Callable[..., SimulationConfig]
LinesOf = Callable[[Path], list[bytes]]


@pytest.fixture
def contract() -> jsonschema.Draft7Validator:
    text = (resources.files("iot_common.contracts") / "raw-iot-data-1.0.0.schema.json").read_text("utf-8")
    return jsonschema.Draft7Validator(json.loads(text))


def test_every_record_of_a_healthy_fleet_is_valid(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf, contract: jsonschema.Draft7Validator
) -> None:
    # Spikes and Fahrenheit included: they are unusual, not invalid.
    simulate(
        a_small_fleet(devices=40, events=6_000, anomaly_share=0.05, fahrenheit_share=0.3),
        tmp_path / "landing",
    )
    records = [json.loads(line) for line in lines_of(tmp_path / "landing")]
    assert len(records) == 6_000
    assert [error.message for record in records for error in contract.iter_errors(record)] == []
    assert {record["readings"]["temperature"]["unit"] for record in records} == {"Celsius", "Fahrenheit"}


def test_text_of_a_record_is_compact_json_in_the_order_of_the_contract(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    simulate(a_small_fleet(), tmp_path / "landing")
    for line in lines_of(tmp_path / "landing"):
        record = json.loads(line)
        assert json.dumps(record, separators=(",", ":")).encode() == line
        assert list(record) == ["schema_version", "device_id", "timestamp", "location", "readings", "status"]
        assert list(record["readings"]) == ["temperature", "humidity", "battery_level"]


def test_rounded_coordinates_name_the_site() -> None:
    fleet = build_fleet(60, 4, 0.0, seed=1)
    for number in range(60):
        site = SITES[fleet.site[number]]
        assert (round(fleet.latitude[number], 2), round(fleet.longitude[number], 2)) == (
            site.latitude,
            site.longitude,
        )


def test_devices_follow_the_day_and_humidity_moves_against_temperature() -> None:
    fleet = build_fleet(24, 4, 0.0, seed=3)
    hours = np.arange(0, 96, 0.25)
    for number in range(24):
        device = np.full(len(hours), number)
        event_ms = (hours * 3_600_000).astype(np.int64)
        temperature = fleet.temperature_celsius(device, event_ms)
        humidity = fleet.humidity_percent(device, event_ms, temperature)
        assert 3.0 < temperature.max() - temperature.min() < 25.0
        assert np.corrcoef(temperature, humidity)[0, 1] < -0.7


def test_batteries_run_down_and_are_replaced() -> None:
    fleet = build_fleet(50, 4, 0.0, seed=3)
    event_ms = np.arange(0, 30 * 86_400_000, 3_600_000)
    levels = np.array([fleet.battery_percent(np.full(len(event_ms), n), event_ms, 0) for n in range(50)])
    steps = np.diff(levels, axis=1)
    assert levels.min() >= 0.0 and levels.max() <= 100.0
    # Down by the hour, and up only where a full one was put in.
    assert ((steps < 0) | (steps > 60)).all()
    assert (steps > 60).any()


def test_devices_miss_readings_and_fall_out_for_a_while(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    simulate(a_small_fleet(devices=20, events=8_000, missing_share=0.002), tmp_path / "landing")
    times: dict[str, list[np.datetime64]] = {}
    for line in lines_of(tmp_path / "landing"):
        record = json.loads(line)
        times.setdefault(record["device_id"], []).append(np.datetime64(record["timestamp"].rstrip("Z")))
    gaps = [
        np.diff(np.sort(np.array(of_device))).max() / np.timedelta64(1, "m") for of_device in times.values()
    ]
    assert max(gaps) > 14
    assert np.median(gaps) < 60
