"""Fixtures of the simulator's tests: a small fleet without troubles, and landing objects read back."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from iot_simulator.config import SimulationConfig

Settings = Callable[..., SimulationConfig]
LinesOf = Callable[[Path], list[bytes]]

UNTROUBLED = {
    "anomaly_share": 0.0,
    "late_share": 0.0,
    "duplicate_share": 0.0,
    "conflict_share": 0.0,
    "malformed_share": 0.0,
    "missing_share": 0.0,
}


@pytest.fixture
def a_small_fleet() -> Settings:
    """Settings of twelve devices and sixty readings each, without troubles unless asked for."""

    def settings(**changes: object) -> SimulationConfig:
        return SimulationConfig(**{"devices": 12, "events": 720, **UNTROUBLED, **changes})  # type: ignore[arg-type]

    return settings


@pytest.fixture
def lines_of() -> LinesOf:
    """All lines of a landing folder, objects by time and name."""
    return read_landing


def read_landing(landing: Path) -> list[bytes]:
    """All lines of a landing folder, objects by time and name."""
    objects = sorted(
        (path for path in landing.rglob("*") if path.is_file()),
        key=lambda path: (os.stat(path).st_mtime, path),
    )
    return [line for path in objects for line in unpacked(path).removesuffix(b"\n").split(b"\n")]


def unpacked(path: Path) -> bytes:
    """The lines of one object, whatever its compression."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(content)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return content
