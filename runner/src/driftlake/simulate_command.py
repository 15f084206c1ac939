"""`driftlake simulate`: a fleet, or recorded tables through a mapping, as landing objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftlake.progress import CountProgress
from driftlake.rendering import counted
from driftlake.summary import readable_bytes
from iot_common.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from iot_simulator.replay import ReplayResult
    from iot_simulator.simulation import SimulationResult


@dataclass(frozen=True)
class SimulateRequest:
    """What to write where.

    Attributes:
        landing: Folder of the objects.
        truth: File of the ground truth; None: beside the landing folder.
        scenario: Bundled name or file of the drifts; None for a healthy fleet.
        append: Add to objects that are there already.
        replay: Tables to replay instead of a simulation.
        mapping: Bundled name or file, for a replay.
        settings: Fields of SimulationConfig that were given.
    """

    landing: Path
    truth: Path | None = None
    scenario: str | None = None
    append: bool = False
    replay: Sequence[Path] = ()
    mapping: str | None = None
    settings: tuple[tuple[str, Any], ...] = ()


def simulate_and_show(request: SimulateRequest, err: Console) -> None:
    """Simulate or replay, with progress, and say what was written.

    Raises:
        SettingsError: If options contradict one another.
        SimulatorError: If a setting, file or folder cannot be used.
    """
    if request.replay:
        _replay(request, err)
    elif request.mapping:
        raise SettingsError("--mapping belongs to --replay FILE: name the files to replay")
    else:
        simulate(request, err)


def simulate(request: SimulateRequest, err: Console) -> SimulationResult:
    """Simulate a fleet; Ctrl-C ends it with whole objects and a ground truth."""
    from iot_simulator.config import SimulationConfig
    from iot_simulator.scenario import load_scenario
    from iot_simulator.simulation import simulate as write_simulation
    from iot_simulator.simulation import stop_on_interrupt

    scenario = load_scenario(request.scenario) if request.scenario else None
    config = SimulationConfig(scenario=scenario, **dict(request.settings))
    with CountProgress("simulate", "lines", err) as progress, stop_on_interrupt() as should_stop:
        result = write_simulation(
            config, request.landing, request.truth,
            on_progress=progress.update, should_stop=should_stop, append=request.append,
        )  # fmt: skip
    drifts = len(result.ground_truth["drifts"])
    _say(err, result)
    err.print(
        f"  ground truth of {counted(drifts, 'drift')}: {result.ground_truth_path}",
        markup=False,
        highlight=False,
    )
    return result


def _replay(request: SimulateRequest, err: Console) -> None:
    from iot_simulator.mapping import bundled_mappings, load_mapping
    from iot_simulator.replay import replay
    from iot_simulator.simulation import stop_on_interrupt

    if not request.mapping:
        raise SettingsError(
            f"--replay needs --mapping: a TOML file or one of {', '.join(bundled_mappings())}"
        )
    given = dict(request.settings)
    foreign = sorted(set(given) - {"rate", "compression"})
    if foreign:
        raise SettingsError(f"--{foreign[0].replace('_', '-')} belongs to a simulation, not to --replay")
    with CountProgress("replay", "lines", err) as progress, stop_on_interrupt() as should_stop:
        result = replay(
            request.replay, load_mapping(request.mapping), request.landing,
            on_progress=progress.update, should_stop=should_stop, append=request.append, **given,
        )  # fmt: skip
    _say(err, result)
    err.print(
        f"  {result.rows:,} rows read, {result.unmapped_rows:,} kept as text because they could not be mapped",
        markup=False, highlight=False,
    )  # fmt: skip


def _say(err: Console, result: SimulationResult | ReplayResult) -> None:
    totals = result.totals
    err.print(
        f"wrote {counted(totals.lines, 'line')} in {counted(totals.objects, 'object')} "
        f"({readable_bytes(totals.object_bytes)}) to {result.landing} in {result.duration_seconds:.1f} s",
        markup=False, highlight=False,
    )  # fmt: skip
