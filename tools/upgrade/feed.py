"""Landing objects that arrive while stages run."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iot_simulator.config import SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

SIMULATED = SimulationConfig(
    events=3000, devices=24, object_minutes=15, scenario=load_scenario("demo"),
    malformed_share=0.02, duplicate_share=0.02, conflict_share=0.01, late_share=0.02,
)  # fmt: skip
"""Ten hours of a small fleet in about 170 objects: every way out of silver is taken in every round."""

SECONDS_BETWEEN_OBJECTS = 2.0


class Feed:
    """A simulated fleet's objects, put into the landing folder one by one in the order of their arrival."""

    def __init__(self, work: Path) -> None:
        """Simulate the fleet.

        Args:
            work: Folder for the simulated objects and, in it, `landing`.
        """
        self.landing = work / "landing"
        self.landing.mkdir(parents=True)
        self._simulated = work / "simulated"
        simulate(SIMULATED, self._simulated)
        objects = (file for file in self._simulated.rglob("*.gz"))
        self._waiting = sorted(objects, key=lambda file: (file.parent.name, file.name, file.parts))
        self._lock = threading.Lock()
        self._lines: dict[str, int] = {}

    @property
    def lines(self) -> dict[str, int]:
        """Lines of each object that has landed, by its name relative to the landing folder."""
        with self._lock:
            return dict(self._lines)

    def deliver(self, count: int) -> None:
        """Let the next objects land."""
        for _ in range(count):
            with self._lock:
                self._land(self._waiting.pop(0))

    def _land(self, file: Path) -> None:
        name = file.relative_to(self._simulated)
        target = self.landing / name
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = target.with_name(f".{target.name}")
        shutil.copyfile(file, hidden)
        hidden.rename(target)  # whole or not at all
        self._lines[str(name)] = len(gzip.decompress(file.read_bytes()).splitlines())

    @contextmanager
    def flowing(self, keep_back: int) -> Iterator[None]:
        """One object every two seconds meanwhile, as long as more than `keep_back` are left."""
        stop = threading.Event()

        def flow() -> None:
            while not stop.wait(SECONDS_BETWEEN_OBJECTS):
                if len(self._waiting) > keep_back:
                    self.deliver(1)

        thread = threading.Thread(target=flow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
