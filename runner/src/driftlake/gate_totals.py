"""Ingress and egress of a run, summed per stage and gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from iot_common.io.stream import QueryReport
from iot_common.metrics import balance


@dataclass(frozen=True, slots=True)
class GateTotal:
    """All batches of one gate; `files` and `bytes` are None where the gate counts none."""

    stage: str
    query: str
    side: str
    disposition: str
    target: str
    files: int | None
    bytes: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class StageReports:
    """What one stage did in this run."""

    stage: str
    reports: Sequence[QueryReport]


def gate_totals(stages: Iterable[StageReports]) -> list[GateTotal]:
    """One total per (stage, query, side, disposition, target), in the order in which they were met.

    Quality checks are no ingress and no egress: `quality_totals` has them.
    """
    totals: dict[tuple[str, str, str, str, str], list[int | None]] = {}
    for stage in stages:
        for report in stage.reports:
            for gate in (each for each in report.gates if each.disposition != "checked"):
                key = (stage.stage, report.query, gate.side, gate.disposition, gate.target)
                files, size, rows = totals.setdefault(key, [None, None, 0])
                totals[key] = [_sum(files, gate.files), _sum(size, gate.bytes), _sum(rows, gate.rows)]
    return [GateTotal(*key, files, size, rows or 0) for key, (files, size, rows) in totals.items()]


@dataclass(frozen=True, slots=True)
class QualityTotal:
    """One quality check over the batches of a run; `failing_rows` are those of the batches in which it failed."""

    check: str
    batches: int
    failed_batches: int
    failing_rows: int


def quality_totals(stages: Iterable[StageReports]) -> list[QualityTotal]:
    """One total per check (suite and expectation), in the order in which they were met."""
    totals: dict[str, list[int]] = {}
    for gate in (each for stage in stages for report in stage.reports for each in report.gates):
        if gate.disposition == "checked" and gate.detail is not None:
            failed = not gate.detail["success"]
            counts = totals.setdefault(gate.target, [0, 0, 0])
            totals[gate.target] = [counts[0] + 1, counts[1] + failed, counts[2] + failed * gate.rows]
    return [QualityTotal(check, *counts) for check, counts in totals.items()]


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more


def unbalanced_batches(stages: Iterable[StageReports]) -> Mapping[str, int]:
    """`<stage>.<query> batch <n>` to its difference, of the batches of this run that lost or doubled rows."""
    differences = {
        f"{stage.stage}.{report.query} batch {batch.batch_id}": balance(gates)
        for stage in stages
        for report in stage.reports
        for batch, gates in report.batches
    }
    return {name: difference for name, difference in differences.items() if difference}


def batch_count(stages: Iterable[StageReports]) -> int:
    """Batches of this run."""
    return sum(len(report.batches) for stage in stages for report in stage.reports)
