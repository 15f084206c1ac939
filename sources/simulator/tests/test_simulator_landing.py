"""Landing objects: the same bytes again, named and dated as the pipeline expects, whole or absent."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from iot_simulator.config import SimulationConfig
from iot_simulator.errors import LandingError, SettingError
from iot_simulator.landing_writer import LandingWriter
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

Settings = Callable[..., SimulationConfig]
LinesOf = Callable[[Path], list[bytes]]


def fingerprint(landing: Path) -> dict[str, tuple[str, float]]:
    return {
        str(path.relative_to(landing)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            os.stat(path).st_mtime,
        )
        for path in landing.rglob("*")
        if path.is_file()
    }


def test_same_settings_give_the_same_objects_to_the_byte(tmp_path: Path) -> None:
    config = SimulationConfig(devices=40, events=6_000, scenario=load_scenario("demo"))
    first = simulate(config, tmp_path / "a" / "landing")
    second = simulate(config, tmp_path / "b" / "landing")
    assert fingerprint(first.landing) == fingerprint(second.landing)
    assert first.ground_truth == second.ground_truth
    other = simulate(SimulationConfig(devices=40, events=6_000, seed=43), tmp_path / "c" / "landing")
    assert fingerprint(first.landing) != fingerprint(other.landing)


def test_exactly_the_asked_number_of_lines_is_written(tmp_path: Path, lines_of: LinesOf) -> None:
    # With re-deliveries, corrections and damaged lines among them.
    result = simulate(SimulationConfig(devices=30, events=4_321), tmp_path / "landing")
    assert len(lines_of(tmp_path / "landing")) == result.totals.lines == 4_321
    assert not result.stopped


def test_objects_are_named_by_gateway_day_and_hour_and_dated_by_their_last_arrival(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    simulate(a_small_fleet(), tmp_path / "landing")
    objects = [path for path in (tmp_path / "landing").rglob("*") if path.is_file()]
    for path in objects:
        named = re.fullmatch(
            r"gateway-\d\d/(\d{4}-\d\d-\d\d)/(\d\d)00-\d{4}\.ndjson\.gz",
            str(path.relative_to(tmp_path / "landing")),
        )
        assert named
        opened = datetime.fromisoformat(f"{named[1]}T{named[2]}:00:00Z").timestamp()
        assert opened <= os.stat(path).st_mtime <= opened + 3_600
    assert len({path.parts[-3] for path in objects}) == 4


def test_a_line_never_arrives_before_its_reading(tmp_path: Path) -> None:
    simulate(SimulationConfig(devices=30, events=3_000, malformed_share=0.0), tmp_path / "landing")
    for path in (tmp_path / "landing").rglob("*.gz"):
        arrived = os.stat(path).st_mtime
        for line in gzip.decompress(path.read_bytes()).splitlines():
            assert datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp() <= arrived


@pytest.mark.parametrize("compression", ["gz", "zst", "ndjson", "json"])
def test_every_form_of_object_holds_the_same_lines(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf, compression: str
) -> None:
    simulate(a_small_fleet(), tmp_path / "reference" / "landing")
    result = simulate(a_small_fleet(compression=compression), tmp_path / "landing")
    assert lines_of(tmp_path / "landing") == lines_of(tmp_path / "reference" / "landing")
    suffix = {"gz": ".ndjson.gz", "zst": ".ndjson.zst", "ndjson": ".ndjson", "json": ".json"}[compression]
    assert all(path.name.endswith(suffix) for path in result.landing.rglob("*") if path.is_file())


def test_a_folder_with_objects_is_refused_and_kept_unless_appending(
    tmp_path: Path, a_small_fleet: Settings, lines_of: LinesOf
) -> None:
    landing = tmp_path / "landing"
    simulate(a_small_fleet(), landing)
    before = fingerprint(landing)
    with pytest.raises(LandingError, match="holds landing objects already"):
        simulate(a_small_fleet(seed=2), landing)
    assert fingerprint(landing) == before
    simulate(a_small_fleet(seed=2), landing, append=True)
    after = fingerprint(landing)
    assert {name: after[name] for name in before} == before
    assert len(lines_of(landing)) == 1_440


def test_a_refusing_disk_is_an_error_and_leaves_nothing_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LandingError, match=r"No space left on device.*Free space"):
        LandingWriter(tmp_path / "landing").write("gateway-01", 0, 1, [b"{}"])
    assert [path for path in (tmp_path / "landing").rglob("*") if path.is_file()] == []


def test_a_landing_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("")
    with pytest.raises(LandingError, match="Name a folder"):
        LandingWriter(tmp_path / "landing")


def test_ground_truth_inside_the_landing_folder_is_refused(tmp_path: Path, a_small_fleet: Settings) -> None:
    with pytest.raises(SettingError, match="outside the landing folder"):
        simulate(a_small_fleet(), tmp_path / "landing", tmp_path / "landing" / "truth.json")
    assert not (tmp_path / "landing").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("devices", 0),
        ("events", 0),
        ("events", None),
        ("interval_seconds", 0.01),
        ("anomaly_share", 1.5),
        ("compression", "rar"),
        ("start", datetime(2026, 3, 2)),
        ("seed", -1),
        ("rate", 0.0),
    ],
)
def test_impossible_settings_are_named(setting: str, value: object) -> None:
    with pytest.raises(SettingError, match=setting):
        SimulationConfig(**{setting: value})  # type: ignore[arg-type]


def test_a_number_of_events_that_silence_makes_unreachable_is_an_error(
    tmp_path: Path, a_small_fleet: Settings
) -> None:
    with pytest.raises(SettingError, match="silent"):
        simulate(a_small_fleet(missing_share=1.0), tmp_path / "landing")


def test_progress_counts_up_to_all_lines(tmp_path: Path, a_small_fleet: Settings) -> None:
    seen: list[tuple[int, int | None]] = []
    simulate(
        a_small_fleet(), tmp_path / "landing", on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert seen[-1] == (720, 720)
