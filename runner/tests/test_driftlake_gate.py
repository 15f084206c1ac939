"""The gate of a rollout, on real Iceberg tables of hand-made rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from driftlake.release.gate import read_gate
from driftlake.release.session import ops_query
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.contracts.silver_quarantine import QUARANTINE

NOW = datetime.now(UTC)
RUN = "canary-1-silver"


def ran(
    hand_made: Any, run_id: str, batch: int, *, rows: int = 1000, days_ago: float = 0, **counts: Any
) -> None:
    """One batch of silver, as metrics has it; `reasons` of its quarantined rows."""
    when = NOW - timedelta(days=days_ago)
    reasons = counts.pop("reasons", ())
    shared = {"stage": "silver", "query": "blocks", "query_id": "q", "batch_id": batch}
    metric = {
        "run_id": run_id,
        "side": "ingress",
        "disposition": "in",
        "outcome": "success",
        "recorded_time": when,
    }
    hand_made.append(STAGE_METRIC, [shared | metric])
    checked = {"rows_in": rows, "rows_quarantined": len(reasons), "difference": 0, "checked_time": when}
    if counts.pop("checked", True):
        hand_made.append(CONSERVATION, [shared | checked | counts])
    refused = {"batch": f"q/{batch}", "ingest_time": when}
    hand_made.append(
        QUARANTINE,
        [refused | {"row_id": f"{batch}-{n}", "reason_code": code} for n, code in enumerate(reasons)],
    )


def judged(hand_made: Any) -> tuple[bool, str]:
    found = read_gate(ops_query(str(hand_made.folder)), "silver", RUN)
    return found.passed, found.seen


def test_a_balanced_run_passes_with_the_junk_there_always_was(hand_made: Any):
    ran(hand_made, "scheduled", 1, reasons=["MALFORMED_JSON"] * 3, days_ago=1)
    ran(hand_made, RUN, 2, reasons=["MALFORMED_JSON"] * 2)
    ran(hand_made, RUN, 3)
    assert judged(hand_made) == (True, "2 balanced, 2,000 rows in, 2 quarantined, none of them new")


def test_a_larger_share_of_quarantine_fails(hand_made: Any):
    ran(hand_made, "scheduled", 1, reasons=["MALFORMED_JSON"] * 3, days_ago=1)
    ran(hand_made, RUN, 2, reasons=["MALFORMED_JSON"] * 4)
    passed, seen = judged(hand_made)
    assert (passed, "4 of 1,000 rows (0.40%; at most 0.30% in the 7 days before)" in seen) == (False, True)


def test_a_reason_that_was_not_there_fails_however_few(hand_made: Any):
    ran(hand_made, "scheduled", 1, reasons=["MALFORMED_JSON"] * 3, days_ago=1)
    ran(hand_made, RUN, 2, reasons=["UNKNOWN_VERSION"])
    assert judged(hand_made) == (False, "1 rows quarantined for UNKNOWN_VERSION, which nothing was before")


def test_older_batches_excuse_nothing(hand_made: Any):
    ran(hand_made, "scheduled", 1, reasons=["MALFORMED_JSON"] * 3, days_ago=8)
    ran(hand_made, RUN, 2, reasons=["MALFORMED_JSON"])
    passed, seen = judged(hand_made)
    assert not passed
    assert "there was no batch in the 7 days before to compare with" in seen


def test_a_lost_row_fails(hand_made: Any):
    ran(hand_made, RUN, 1, difference=1)
    assert judged(hand_made) == (False, "batch 1 of blocks does not balance: +1 of 1,000 rows")


def test_a_batch_that_metrics_has_not_checked_fails(hand_made: Any):
    ran(hand_made, RUN, 1, checked=False)
    ran(hand_made, "scheduled", 2)
    assert judged(hand_made) == (False, "batch 1 of blocks was counted, but metrics has not checked it")


def test_a_run_without_rows_passes_and_says_so(hand_made: Any):
    assert judged(hand_made)[0]
    ran(hand_made, "scheduled", 1)
    assert judged(hand_made) == (True, "it ran, but nothing new was there to work on: no row proves it")
