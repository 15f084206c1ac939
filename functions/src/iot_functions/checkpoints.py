"""All checkpoints of the flow in one call: what has landed, how far each stage is, which contracts are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from iot_common.run_token import RunToken
from iot_functions.settings import FlowSettings
from iot_functions.tokens import list_tokens

RUN_ID_FORMAT = "%Y%m%dT%H%M%SZ"
"""As stages name their runs by themselves: names of runs sort by time."""

HOURLY = ("gold", "metrics")
"""Stages that run in the flow when due."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Whom the functions ask; each only where it is needed."""

    s3: Any
    sqs: Any
    states: Any
    cloudwatch: Any


@dataclass(frozen=True, slots=True)
class Contract:
    """Whether the records of the last curation have a contract.

    Attributes:
        exists: False if none of them has: there is nothing the strict stage could serve.
        missing: Versions that nobody registered, a few of them.
        missing_count: How many.
        records: Records without a contract.
    """

    exists: bool
    missing: tuple[str, ...]
    missing_count: int
    records: int


def get_checkpoints(
    event: Mapping[str, Any], settings: FlowSettings, clients: Clients, clock: Callable[[], datetime]
) -> dict[str, Any]:
    """Where the flow stands, as its states read it.

    Args:
        event: `execution` and `state_machine` (ARNs of this one), and `state`, the execution's so far: it may hold
            `continues` (ARN of the execution whose backlog this one goes on with) and the checkpoints of the last pass.
        settings: The places.
        clients: Whom to ask.
        clock: The time of now.
    """
    now = clock()
    tokens = list_tokens(clients.s3, settings.warehouse)
    newest = {stage: tokens.newest(stage) for stage in ("bronze", "silver", "gold", "drift", "metrics")}
    bronze, silver = newest["bronze"], newest["silver"]
    waiting = objects_waiting(clients.sqs, settings.landing_queue_url)
    has_raw = waiting > 0 or bronze is None
    is_behind = bronze is not None and (
        silver is None or silver.taken_snapshot_id != bronze.given_snapshot_id
    )
    due = {stage: is_due(newest[stage], stage, settings.cadence_minutes, now) for stage in HOURLY}
    curated = _given(silver)
    served, watched = (_taken(newest[stage]) for stage in ("gold", "drift"))
    gold_has_work = bool(due["gold"] and curated and curated != served)
    return {
        "run_id": now.strftime(RUN_ID_FORMAT),
        "began": now.isoformat(),
        "pass": event["state"].get("checkpoints", {}).get("pass", 0) + 1,
        "busy": _another_works(event, clients.states, now),
        "idle": not (
            has_raw or is_behind or gold_has_work or due["metrics"] or (curated and curated != watched)
        ),
        "raw": {"objects_waiting": waiting, "new": has_raw},
        "curated": {"snapshot_id": curated, "behind": is_behind},
        "semantic": {"snapshot_id": served, "due": due["gold"]},
        "drift": {"snapshot_id": watched},
        "metrics": {"due": due["metrics"]},
        "contract": asdict(contract_state(silver)),
    }


def _given(token: RunToken | None) -> str:
    return token.given_snapshot_id if token else ""


def _taken(token: RunToken | None) -> str:
    return token.taken_snapshot_id if token else ""


def objects_waiting(sqs: Any, queue_url: str) -> int:
    """Landed objects that no pass has settled: SQS's own estimate, those being handled counted in."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def is_due(token: RunToken | None, stage: str, cadence_minutes: Mapping[str, int], now: datetime) -> bool:
    """True if a stage's last run began a cadence ago; half a tick early counts, as ticks are never quite on time."""
    if token is None:
        return True
    wait = timedelta(minutes=cadence_minutes[stage] - cadence_minutes["flow"] / 2)
    return now - datetime.fromisoformat(token.started_time) >= wait


def contract_state(silver: RunToken | None) -> Contract:
    """What the last curation says of contracts that are missing; a registered one is seen by the next."""
    if silver is None or not silver.records_without_contract:
        return Contract(True, (), 0, 0)
    missing = silver.unregistered_versions
    return Contract(silver.records_written > 0, missing, len(missing), silver.records_without_contract)


def _another_works(event: Mapping[str, Any], states: Any, now: datetime) -> bool:
    """True if an execution that began before this one still runs. The one that started this one is about to end."""
    running = states.list_executions(stateMachineArn=event["state_machine"], statusFilter="RUNNING")[
        "executions"
    ]
    began = {each["executionArn"]: each["startDate"] for each in running}
    mine = began.get(event["execution"], now)
    passed_over = (event["execution"], event["state"].get("continues", ""))
    return any(
        (start, arn) < (mine, event["execution"]) for arn, start in began.items() if arn not in passed_over
    )
