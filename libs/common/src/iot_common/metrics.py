"""What a gate of a stage is. Pure; `iot_common.io.metric_inbox` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from iot_common.batch import BatchIdentity

Side = Literal["ingress", "egress"]
Disposition = Literal[
    "in",
    "kept",
    "quarantined",
    "duplicate",
    "superseded",
    "replaced",
    "read",
    "promoted",
    "written",
    "checked",
    "maintained",
]

CONSERVED: tuple[Disposition, ...] = ("kept", "quarantined", "duplicate", "superseded")
"""Whatever came `in` leaves by exactly one of these; the other dispositions stand outside the balance."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate a batch passed: what came in, or what left for one target.

    `files` and `bytes` are None where the gate has none of its own (a duplicate leaves no file). A quality check is a
    gate too: disposition `checked`, the rows that failed it, and its whole result as `detail`; so is the maintenance of
    a table, disposition `maintained`.
    """

    side: Side
    disposition: Disposition
    target: str
    rows: int
    files: int | None = None
    bytes: int | None = None
    detail: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class StageRun:
    """Who reports: one run of one stage."""

    run_id: str
    stage: str
    stage_version: str


def metric_rows(
    run: StageRun,
    query: str,
    batch: BatchIdentity | None,
    gates: Sequence[Gate],
    *,
    duration_ms: int,
    recorded_time: datetime,
    error: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of `ops.stage_metric` for one batch; a failure is one row, with the error and no counts."""
    shared = {
        **asdict(run),
        "query": query,
        "query_id": batch.query_id if batch else None,
        "batch_id": batch.batch_id if batch else None,
        "duration_ms": duration_ms,
        "outcome": "failure" if error else "success",
        "error": error,
        "recorded_time": recorded_time.isoformat(),
    }
    if error:
        empty = {
            "side": "egress",
            "disposition": None,
            "target": None,
            "files": None,
            "bytes": None,
            "rows": None,
            "detail": None,
        }
        return [{**shared, **empty}]
    return [{**shared, **asdict(gate), "detail": _as_text(gate.detail)} for gate in gates]


def _as_text(detail: Mapping[str, Any] | None) -> str | None:
    return None if detail is None else json.dumps(detail, ensure_ascii=False)


def balance(gates: Sequence[Gate]) -> int:
    """`in − kept − quarantined − duplicate − superseded`: 0 if nothing was lost and nothing doubled."""
    came = sum(gate.rows for gate in gates if gate.disposition == "in")
    left = sum(gate.rows for gate in gates if gate.disposition in CONSERVED)
    return came - left
