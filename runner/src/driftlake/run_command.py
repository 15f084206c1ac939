"""`driftlake run`: the stages with progress, then the tables of what passed, then the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftlake import exit_codes
from driftlake.gate_totals import batch_count, gate_totals, quality_totals
from driftlake.pipeline import RunOutcome, RunRequest, ordered, run_pipeline
from driftlake.progress import PipelineProgress
from driftlake.status import Conservation, Findings, conservation, findings
from driftlake.status_view import show_findings
from driftlake.summary import show_conservation, show_failures, show_gates, show_quality

if TYPE_CHECKING:
    from rich.console import Console


def run_and_show(request: RunRequest, out: Console, err: Console) -> tuple[RunOutcome, int]:
    """Run stages and show what happened.

    Returns:
        The outcome and the exit code: 0, 1 if a stage failed, 3 if a batch does not balance.
    """
    stages = ordered(request.stages)
    with PipelineProgress(stages, err) as progress:
        outcome = run_pipeline(request, progress.observers)
    show_gates(gate_totals(outcome.completed), out)
    show_quality(quality_totals(outcome.completed), out)
    metrics_ran = any(done.stage == "metrics" for done in outcome.completed)
    balanced = show_conservation(outcome, _conservation(request.warehouse) if metrics_ran else None, out)
    if any(done.stage == "drift" and batch_count([done]) for done in outcome.completed):
        show_findings(_findings(request.warehouse), out)
    show_failures(outcome, err)
    if outcome.failures:
        return outcome, exit_codes.FAILED
    return outcome, exit_codes.OK if balanced else exit_codes.NOT_BALANCED


def _conservation(warehouse: str) -> Conservation:
    from driftlake.query_engine import open_duckdb

    with open_duckdb(warehouse) as connection:
        return conservation(connection)


def _findings(warehouse: str) -> Findings:
    from driftlake.query_engine import open_duckdb

    with open_duckdb(warehouse) as connection:
        return findings(connection)
