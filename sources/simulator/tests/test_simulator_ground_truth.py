"""Ground truth: every count is found again in the landing folder, by someone who only reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_simulator.config import SimulationConfig
from iot_simulator.drifts import KINDS
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import SimulationResult, simulate

LinesOf = Callable[[Path], list[bytes]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> SimulationResult:
    config = SimulationConfig(
        devices=60,
        events=15_000,
        scenario=load_scenario("demo"),
        duplicate_share=0.02,
        conflict_share=0.02,
        malformed_share=0.01,
    )
    return simulate(config, tmp_path_factory.mktemp("demo") / "landing")


def is_readable(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_totals_are_those_of_the_landing_folder(demo: SimulationResult, lines_of: LinesOf) -> None:
    lines = lines_of(demo.landing)
    totals = demo.ground_truth["totals"]
    readable = [line for line in lines if is_readable(line)]
    repeated = Counter(readable)
    identities = Counter((json.loads(line)["device_id"], json.loads(line)["timestamp"]) for line in repeated)
    objects = [path for path in demo.landing.rglob("*") if path.is_file()]
    assert totals["lines"] == len(lines) == 15_000
    assert totals["malformed"] == len(lines) - len(readable) > 50
    assert totals["duplicates"] == len(readable) - len(repeated) > 100
    assert totals["conflicts"] == len(repeated) - len(identities) > 100
    assert totals["objects"] == len(objects)
    assert totals["object_bytes"] == sum(path.stat().st_size for path in objects)
    assert totals["line_bytes"] == sum(len(line) + 1 for line in lines)


def test_late_lines_are_counted(tmp_path: Path) -> None:
    result = simulate(
        SimulationConfig(devices=30, events=6_000, late_share=0.1, conflict_share=0), tmp_path / "landing"
    )
    assert 400 < result.ground_truth["totals"]["late"] < 750


def test_each_drift_counts_its_lines_and_names_its_devices(demo: SimulationResult, lines_of: LinesOf) -> None:
    drifts = {drift["drift_id"]: drift for drift in demo.ground_truth["drifts"]}
    records = [json.loads(line) for line in lines_of(demo.landing) if is_readable(line)]
    signs: dict[str, Callable[[dict], bool]] = {  # type: ignore[type-arg]
        "pressure-sensor-rollout": lambda record: "pressure" in record["readings"],
        "firmware-1.1.0": lambda record: record["schema_version"] == "1.1.0",
        "temperature-as-text": lambda record: isinstance(record["readings"]["temperature"]["value"], str),
        "humidity-renamed": lambda record: "relative_humidity" in record["readings"],
        "status-degraded": lambda record: record["status"] == "degraded",
    }
    for drift_id, has_sign in signs.items():
        drifted = [record for record in records if has_sign(record)]
        truth = drifts[drift_id]
        assert len(drifted) == truth["lines"] > 0
        assert {record["device_id"] for record in drifted} == set(truth["devices"])
        assert (
            min(record["timestamp"] for record in drifted) == truth["first_event_time"] >= truth["start_time"]
        )
        assert max(record["timestamp"] for record in drifted) == truth["last_event_time"]


def test_demo_drifts_are_of_several_kinds_late_enough_and_on_devices_of_their_own(
    demo: SimulationResult,
) -> None:
    drifts = demo.ground_truth["drifts"]
    devices = [device for drift in drifts for device in drift["devices"]]
    starts = [drift["start_time"] for drift in drifts]
    assert 8 <= len(drifts) == len({drift["kind"] for drift in drifts})
    assert len(devices) == len(set(devices)) < 60
    assert len(set(starts)) == len(starts)
    # 15,000 lines of 60 devices are 20.8 hours; the last 40 % begin after 12.5.
    assert min(starts) >= "2026-03-02T12:30"
    assert {code for drift in drifts for code in drift["expected_codes"]} >= {
        "VALUE_SHIFT",
        "STUCK",
        "TYPE_CHANGED",
    }


def test_ground_truth_lies_beside_the_landing_folder(demo: SimulationResult) -> None:
    assert demo.ground_truth_path == demo.landing.parent / "ground_truth.json"
    assert json.loads(demo.ground_truth_path.read_text("utf-8")) == demo.ground_truth


def test_every_kind_says_what_a_right_finding_is_called() -> None:
    for kind in KINDS.values():
        assert kind.expected_codes or kind.name == "weather_front"
        assert kind.paths(kind.parameters)
