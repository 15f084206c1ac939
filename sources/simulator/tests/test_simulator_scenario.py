"""Scenario files: forms of a start, and errors that say what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_simulator.drifts import KINDS
from iot_simulator.errors import ScenarioError
from iot_simulator.scenario import bundled_scenarios, load_scenario, moment_ms, parse_scenario

DRIFT = '[[drift]]\nid = "it"\nkind = "silent"\nshare = 0.1\n'


def test_bundled_scenarios_can_be_read() -> None:
    assert "demo" in bundled_scenarios()
    assert all(load_scenario(name).drifts for name in bundled_scenarios())


def test_scenario_is_read_from_a_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f'name = "own"\n{DRIFT}start = 0.5', "utf-8")
    assert load_scenario(tmp_path / "own.toml").name == "own"


@pytest.mark.parametrize(
    ("start", "expected_ms"),
    [
        ("0.25", 1_000_250),
        ('"+90m"', 1_000_000 + 5_400_000),
        ('"+1.5h"', 1_000_000 + 5_400_000),
        ('"+2d"', 1_000_000 + 172_800_000),
        ("2026-03-02T00:00:00Z", round(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)),
    ],
)
def test_start_is_a_share_an_offset_or_an_instant(start: str, expected_ms: int) -> None:
    [drift] = parse_scenario(f"{DRIFT}start = {start}", "a test").drifts
    assert moment_ms(drift.start, 1_000_000, 1_000) == expected_ms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name =", "no TOML"),
        ('colour = "red"', "top level: unknown key 'colour'.*Known here: description, drift, name"),
        (f"{DRIFT}start = 0.5\nspeed = 3", "drift 'it': unknown key 'speed'"),
        (f"{DRIFT}start = 0.5\nparameters = {{ depth = 3 }}", "parameters of silent: unknown key 'depth'"),
        (DRIFT, "'start' is missing"),
        (f"{DRIFT}start = 1.5", "start is 1.5.*share of the time range"),
        (f"{DRIFT}start = 2026-03-02T00:00:00", "instant with a zone"),
        (f'{DRIFT}start = "36h"', "start is '36h'"),
        (f"{DRIFT}start = 0.5\ncount = 3", "it has share and count.*exactly one of"),
        (f"{DRIFT}start = 0.5\nrecord_share = 0.0", "record_share is 0.0"),
        ('[[drift]]\nid = "it"\nkind = "silent"\nstart = 0.5', "it has none of them"),
        ('[[drift]]\nid = "it"\nkind = "gremlins"\nstart = 0.5\ncount = 1', "unknown kind 'gremlins'.*stuck"),
        ('drift = "silent"', "no list of tables"),
        (f"{DRIFT}start = 0.5".replace("share = 0.1", "share = 2"), "share is 2. Give a number above 0"),
        (f"{DRIFT}start = 0.5".replace("share = 0.1", "count = true"), "count is True. Give a whole number"),
        (f"{DRIFT}start = 0.5".replace("share = 0.1", "id_range = [5, 3]"), "the smaller first"),
        (f"{DRIFT}start = 0.5".replace("share = 0.1", 'devices = "sensor_1"'), "Give device ids"),
        (f"{DRIFT}start = 0.5\nparameters = 3", "Write parameters = "),
        (f"{DRIFT}start = 0.5\n{DRIFT}start = 0.6", "id is used twice"),
        (
            f'{DRIFT.replace("silent", "type_changed")}start = 0.5\nparameters = {{ to = "date" }}',
            "parameter 'to' is 'date'.*string, bool, object",
        ),
        (
            f'{DRIFT.replace("silent", "value_offset")}start = 0.5\nparameters = {{ offset = "5" }}',
            "parameter 'offset' is '5'. Give it a number",
        ),
    ],
)
def test_errors_say_where_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        parse_scenario(text, "own.toml")
    assert "own.toml" in str(caught.value)


def test_missing_scenario_names_the_bundled_ones() -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.toml.*bundled scenarios: .*demo"):
        load_scenario("nowhere.toml")


def test_readme_lists_every_kind_with_its_parameters() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    for kind in KINDS.values():
        [row] = [line for line in readme.splitlines() if line.startswith(f"| `{kind.name}` |")]
        assert all(f"`{parameter} = " in row for parameter in kind.parameters)
        assert all(code in row for code in kind.expected_codes)
