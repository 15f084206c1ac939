"""Decisions about findings: drift run with the setting `action`, with the warehouse held as a run holds it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftlake import exit_codes
from driftlake.drift_list import SHORT_ID, actions_of, devices_told, one_finding
from driftlake.pipeline import Observers, RunRequest, run_pipeline
from driftlake.query_engine import open_duckdb
from driftlake.requesting_user import requesting_user

if TYPE_CHECKING:
    from rich.console import Console

WHAT_FOLLOWS = {
    ("acknowledged", "structural"): "It raises no more alerts until it is resolved and comes back.",
    ("acknowledged", "statistical"): "It raises no more alerts until it is resolved and comes back.",
    ("accepted", "structural"): "Its entry of drift.drift_log is DISMISSED, and it raises no more alerts.",
    ("accepted", "statistical"): "The next run learns a new normal for it, from its onset on.",
    ("resolved", "structural"): "It opens again if it comes back.",
    ("resolved", "statistical"): "It opens again if it comes back.",
}


@dataclass(frozen=True)
class Decision:
    """What to do to which finding, and the Spark to do it with."""

    warehouse: str
    event: str
    action: str
    note: str | None
    master: str
    driver_memory: str


def decide_and_show(decision: Decision, out: Console, err: Console, *, dry_run: bool) -> int:
    """Do it, and say what became of the finding; the exit code.

    Raises:
        FindingNotFoundError: If no finding, or more than one, has such an id.
        DriftlakeError: If it cannot be done to a finding of its status, or the warehouse is in use.
    """
    with open_duckdb(decision.warehouse) as connection:
        finding = one_finding(connection, decision.event)
    name = f"{finding['event_id'][:SHORT_ID]} {finding['kind']} {finding['field']}, {devices_told(finding)}"
    follows = WHAT_FOLLOWS[decision.action, finding["channel"]]
    if dry_run:
        said = f"{name}: is {finding['status']}, would be {decision.action}. {follows} Nothing was written."
        out.print(said, markup=False, highlight=False, soft_wrap=True)
        return exit_codes.OK
    asked = {"event": finding["event_id"], "action": decision.action} | _who_and_why(decision)
    request = RunRequest(
        decision.warehouse, None, ["drift"], {("drift", "action"): json.dumps(asked)},
        decision.master, decision.driver_memory,
    )  # fmt: skip
    observers = Observers(on_step=lambda _, text: err.print(f"drift: {text}", markup=False, highlight=False))
    outcome = run_pipeline(request, observers)
    for error in outcome.failures:
        raise error
    with open_duckdb(decision.warehouse) as connection:
        finding = one_finding(connection, finding["event_id"])
        done = actions_of(connection, finding["event_id"])
    since = f" since {done[-1]['action_time']:%Y-%m-%d %H:%M}" if done else ""
    out.print(f"{name}: {finding['status']}{since}. {follows}", markup=False, highlight=False, soft_wrap=True)
    return exit_codes.OK


def _who_and_why(decision: Decision) -> dict[str, str]:
    given = {"note": decision.note, "requested_by": requesting_user()}
    return {key: value for key, value in given.items() if value}
