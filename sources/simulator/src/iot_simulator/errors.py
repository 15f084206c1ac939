"""What can go wrong before or while landing objects are written; each says what, where and what to do."""

from __future__ import annotations

from iot_common.errors import DriftlakeError


class SimulatorError(DriftlakeError):
    """Base of every error of the simulator."""


class SettingError(SimulatorError):
    """A setting of the simulation is impossible.

    Attributes:
        setting: The name of the setting.
        found: Its value as given.
    """

    exit_code = 2

    def __init__(self, setting: str, found: object, remedy: str) -> None:
        self.setting = setting
        self.found = found
        super().__init__(f"simulation setting '{setting}' is {found!r}: {remedy}")


class ScenarioError(SimulatorError):
    """A drift scenario file cannot be used as written.

    Attributes:
        source: The file, or the name of the bundled scenario.
        place: Where in it: the drift's id or the key.
    """

    exit_code = 2

    def __init__(self, source: str, place: str, problem: str, remedy: str) -> None:
        self.source = source
        self.place = place
        super().__init__(f"drift scenario {source}, {place}: {problem}. {remedy}")


class MappingError(SimulatorError):
    """A replay mapping file cannot be used as written.

    Attributes:
        source: The mapping file.
        place: Where in it.
    """

    exit_code = 2

    def __init__(self, source: str, place: str, problem: str, remedy: str) -> None:
        self.source = source
        self.place = place
        super().__init__(f"replay mapping {source}, {place}: {problem}. {remedy}")


class ReplayInputError(SimulatorError):
    """An input of a replay cannot be read to its end.

    Attributes:
        path: The input file.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"replay input {path}: {problem}. {remedy}")


class LandingError(SimulatorError):
    """A landing object or the ground truth could not be written.

    Attributes:
        path: The folder or file.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"cannot write {path}: {problem}. {remedy}")
