"""Runs the stages in order, in one process and one Spark session, as the deployed jobs run them one by one."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from driftlake import exit_codes
from driftlake.gate_totals import StageReports, batch_count, unbalanced_batches
from driftlake.warehouse_lock import java_lock, warehouse_lock
from iot_common.errors import DriftlakeError, LandingNotFoundError, SettingsError
from iot_common.metrics import StageRun
from iot_common.settings import StageSettings, as_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STAGES = ("bronze", "silver", "gold", "drift", "metrics")
"""In the order of the flow. Metrics is last and runs whatever happened before it: it tells what happened."""

OnStep = Callable[[str, str], None]
OnStage = Callable[[str, str], None]
Clock = Callable[[], datetime]
OpenSession = Callable[[StageSettings], "SparkSession"]


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Attributes:
        warehouse: Folder of the tables.
        landing: Folder of the landing objects; only bronze reads it.
        stages: Names of stages; run in the order of the flow.
        overrides: Setting by stage and name, as text.
        contracts: Folder with further versions of the raw contract; empty for none.
        maintain: True for the daily maintenance of the stages' tables in place of what they else do.
        dry_run: Of a maintenance only say what it would do.
        master: Spark master.
        driver_memory: Heap of the Java process.
    """

    warehouse: str
    landing: str | None
    stages: Sequence[str] = STAGES
    overrides: Mapping[tuple[str, str], str] = field(default_factory=dict)
    master: str = "local[2]"
    driver_memory: str = "2g"
    contracts: str = ""
    maintain: bool = False
    dry_run: bool = False


@dataclass
class RunOutcome:
    """What happened: the reports of the stages that ended, and the error of the one that did not."""

    run_id: str
    completed: list[StageReports] = field(default_factory=list)
    failures: list[DriftlakeError] = field(default_factory=list)

    @property
    def batches(self) -> int:
        """Batches that ended."""
        return batch_count(self.completed)

    @property
    def unbalanced(self) -> Mapping[str, int]:
        """Batches of this run that do not balance."""
        return unbalanced_batches(self.completed)


@dataclass(frozen=True)
class Observers:
    """Who wants to know: `on_step(stage, text)`, and `on_stage(stage, state)` at running, done, failed, skipped."""

    on_step: OnStep = lambda _stage, _text: None
    on_stage: OnStage = lambda _stage, _state: None


def spark_session(settings: StageSettings) -> SparkSession:
    """The session in which all stages of a run work; from now on Ctrl-C ends the process at once."""
    from iot_common.io.session import build_session

    session = build_session(settings, "driftlake")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end_at_once)
    return session


def _end_at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    # PySpark's own handler calls into Java in the middle of another call, which breaks both; and an exception would
    # leave a streaming query at work. A run may be killed at any moment, so that is what Ctrl-C does.
    print("driftlake: interrupted; the same command goes on where it stopped", file=sys.stderr, flush=True)
    os._exit(exit_codes.INTERRUPTED)


def run_pipeline(
    request: RunRequest,
    observers: Observers | None = None,
    clock: Clock = lambda: datetime.now(UTC),
    open_session: OpenSession = spark_session,
) -> RunOutcome:
    """Run stages; after a failure only metrics still runs, so that the failure is in the tables.

    Raises:
        SettingsError: If a stage or setting is unknown, or the landing folder is not there; nothing was touched.
        ContractError: If the contract folder holds what is no contract; nothing was touched.
        WarehouseBusyError: If another run holds the warehouse.
        JavaNotFoundError: If there is no Java 17.
        JarsNotFoundError: If the jars are not there.
    """
    settings = {stage: stage_settings(request, stage) for stage in ordered(request.stages)}
    _require_landing(request)
    _require_contracts(settings.values())
    observers = observers or Observers()
    outcome = RunOutcome(f"{clock():%Y%m%dT%H%M%SZ}")
    with warehouse_lock(request.warehouse):
        observers.on_step("", "starting Spark")
        spark = open_session(next(iter(settings.values())))
        with java_lock(spark, request.warehouse):
            for stage, chosen in settings.items():
                _run_unless_pointless(spark, stage, chosen, outcome, observers, clock)
    return outcome


def ordered(stages: Sequence[str]) -> list[str]:
    """The stages in the order of the flow, each once.

    Raises:
        SettingsError: If a name is no stage.
    """
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise SettingsError(f"no stage {unknown[0]!r}: choose among {', '.join(STAGES)}")
    return [stage for stage in STAGES if stage in stages]


def stage_settings(request: RunRequest, stage: str) -> StageSettings:
    """The settings of one stage: the request's, and what was overridden.

    Raises:
        SettingsError: If an overridden setting is unknown or has a wrong value.
    """
    module = importlib.import_module(f"iot_{stage}.settings")
    settings_class: type[StageSettings] = getattr(module, f"{stage.capitalize()}Settings")
    known = {item.name: item for item in fields(settings_class)}
    given: dict[str, Any] = {
        "warehouse": request.warehouse, "landing": request.landing or "",
        "master": request.master, "driver_memory": request.driver_memory,
        "contracts": request.contracts, "maintain": request.maintain, "dry_run": request.dry_run,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if name in known}
    for (owner, name), text in request.overrides.items():
        if owner == stage:
            if name not in known:
                raise SettingsError(
                    f"stage {stage} has no setting {name!r}: it has {', '.join(sorted(known))}"
                )
            given[name] = _converted(stage, name, str(known[name].type), text)
    return settings_class(**given)


def _converted(stage: str, name: str, kind: str, text: str) -> Any:
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        return {"int": int, "float": float}.get(kind, str)(text)
    except (ValueError, KeyError) as error:
        raise SettingsError(f"setting {stage}.{name} is a {kind}, not {text!r}") from error


def _require_landing(request: RunRequest) -> None:
    if "bronze" not in request.stages or request.maintain:
        return
    from iot_common.io.objects import exists

    if not request.landing:
        raise SettingsError("stage bronze reads a landing folder: name it with --landing")
    if not exists(as_uri(request.landing)):
        raise LandingNotFoundError(request.landing)


def _require_contracts(settings: Iterable[StageSettings]) -> None:
    from iot_common.io.contract_folder import contract_files

    for folder in {getattr(each, "contracts", "") for each in settings}:
        contract_files(folder)


def _run_unless_pointless(
    spark: SparkSession,
    stage: str,
    settings: StageSettings,
    outcome: RunOutcome,
    observers: Observers,
    clock: Clock,
) -> None:
    if outcome.failures and stage != "metrics":
        observers.on_stage(stage, "skipped")
        return
    observers.on_stage(stage, "running")
    try:
        outcome.completed.append(_run_stage(spark, stage, settings, outcome.run_id, observers, clock))
    except DriftlakeError as error:
        outcome.failures.append(error)
        observers.on_stage(stage, "failed")
    else:
        observers.on_stage(stage, "done")


def _run_stage(
    spark: SparkSession,
    stage: str,
    settings: StageSettings,
    run_id: str,
    observers: Observers,
    clock: Clock,
) -> StageReports:
    from iot_common.io.stream import StageContext, perform

    run = StageRun(run_id, stage, importlib.import_module(f"iot_{stage}").__version__)

    def on_step(text: str) -> None:
        observers.on_step(stage, text)

    context = StageContext(spark=spark, settings=settings, run=run, clock=clock, on_step=on_step)
    return StageReports(stage, perform(context, importlib.import_module(f"iot_{stage}.job").run))


def parse_overrides(given: Sequence[str]) -> dict[tuple[str, str], str]:
    """`stage.name=value` texts as a mapping from (stage, name) to value.

    Raises:
        SettingsError: If a text has another form or names no stage.
    """
    overrides = {}
    for text in given:
        name, equals, value = text.partition("=")
        stage, dot, setting = name.partition(".")
        if not (equals and dot and setting):
            raise SettingsError(
                f"--set {text!r} is not of the form STAGE.NAME=VALUE, e.g. bronze.promote_minutes=5"
            )
        ordered([stage])
        overrides[stage, setting.replace("-", "_")] = value
    return overrides
