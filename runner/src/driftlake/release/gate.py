"""The gate of a stage: its canary run, judged by what metrics counted of it.

It passes if every batch of the run balances, and nothing new was quarantined: no batch a larger share than any batch of
the stage had in the week before, and silver for no reason that was not among those of that week. A fleet always sends
some junk; a release must not make more of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from driftlake.release.deployables import Deployable
from driftlake.release.environment import Environment

LOOK_BACK_DAYS = 7

Rows = Sequence[Sequence[Any]]
Query = Callable[[str], Rows]
"""SQL -> its rows, from the tables of the environment."""

_RUN = """
run AS (SELECT DISTINCT query, query_id, batch_id FROM ops.stage_metric
        WHERE run_id = '{run}' AND stage = '{stage}' AND disposition = 'in' AND query_id IS NOT NULL),
old AS (SELECT c.* FROM ops.conservation c ANTI JOIN run USING (query, query_id, batch_id)
        WHERE c.stage = '{stage}' AND c.checked_time > now() - INTERVAL {days} DAYS)
"""

_BATCHES = (
    "WITH"
    + _RUN
    + """
SELECT run.query, run.batch_id, c.rows_in, c.rows_quarantined, c.difference,
       (SELECT max(old.rows_quarantined / old.rows_in) FROM old WHERE old.query = run.query AND old.rows_in > 0)
FROM run LEFT JOIN ops.conservation c
     ON c.stage = '{stage}' AND c.query = run.query AND c.query_id = run.query_id AND c.batch_id = run.batch_id
ORDER BY run.query, run.batch_id
"""
)

_REASONS = (
    "WITH"
    + _RUN
    + """
SELECT reason_code, count(*) FROM silver.quarantine q
WHERE q.batch IN (SELECT query_id || '/' || batch_id FROM run)
  AND reason_code NOT IN (SELECT reason_code FROM silver.quarantine b WHERE reason_code IS NOT NULL
                          AND b.batch IN (SELECT query_id || '/' || batch_id FROM old))
GROUP BY ALL ORDER BY ALL
"""
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says: whether the rollout may go on, and what was seen."""

    passed: bool
    seen: str


@dataclass(frozen=True, slots=True)
class CanaryBatch:
    """One batch of the canary run; the numbers are None where metrics has not checked it.

    Attributes:
        highest_share_before: Largest share of its rows that a batch of this query quarantined in the week before; None
            if there was no batch.
    """

    query: str
    number: int
    rows_in: int | None
    rows_quarantined: int | None
    difference: int | None
    highest_share_before: float | None

    @property
    def failure(self) -> str | None:
        """Why the gate does not let it pass; None if it does."""
        named = f"batch {self.number} of {self.query}"
        if self.difference is None or self.rows_in is None:
            return f"{named} was counted, but metrics has not checked it"
        if self.difference:
            return f"{named} does not balance: {self.difference:+,} of {self.rows_in:,} rows"
        share = (self.rows_quarantined or 0) / self.rows_in if self.rows_in else 0.0
        if share > (self.highest_share_before or 0.0):
            before = (
                f"at most {self.highest_share_before:.2%} in the {LOOK_BACK_DAYS} days before"
                if self.highest_share_before is not None
                else f"and there was no batch in the {LOOK_BACK_DAYS} days before to compare with"
            )
            return f"{named} quarantined {self.rows_quarantined:,} of {self.rows_in:,} rows ({share:.2%}; {before})"
        return None


def judge(batches: Sequence[CanaryBatch], new_reasons: Rows = ()) -> Verdict:
    """The verdict over a canary run that ended well."""
    failures = [each.failure for each in batches if each.failure]
    failures += [
        f"{count:,} rows quarantined for {code}, which nothing was before" for code, count in new_reasons
    ]
    if failures:
        return Verdict(False, "; ".join(failures))
    if not batches:
        return Verdict(True, "it ran, but nothing new was there to work on: no row proves it")
    rows = sum(each.rows_in or 0 for each in batches)
    refused = sum(each.rows_quarantined or 0 for each in batches)
    return Verdict(
        True, f"{len(batches)} balanced, {rows:,} rows in, {refused:,} quarantined, none of them new"
    )


def read_gate(query: Query, stage: str, run_id: str) -> Verdict:
    """The verdict over a canary run, from the ops tables, after metrics has gathered."""
    filled = {"run": run_id, "stage": stage, "days": LOOK_BACK_DAYS}
    batches = [CanaryBatch(*row) for row in query(_BATCHES.format(**filled))]
    refused = stage == "silver" and any(each.rows_quarantined for each in batches)
    return judge(batches, query(_REASONS.format(**filled)) if refused else ())


def pass_gate(
    environment: Environment, deployable: Deployable, metrics: Deployable, run_id: str,
    run_job: Callable[[str, str], None], query: Query,
) -> Verdict:  # fmt: skip
    """Run a stage once, let metrics gather what it counted, and judge.

    Raises:
        CanaryError: If a job fails.
    """
    if deployable.gate != "canary":
        return Verdict(True, "no gate: it has no batches of its own")
    run_job(environment.job(deployable), run_id)
    run_job(environment.job(metrics), f"{run_id}-metrics")
    return read_gate(query, deployable.name, run_id)
