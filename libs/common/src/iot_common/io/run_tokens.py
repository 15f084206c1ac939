"""Writes the token of a run on AWS, under the warehouse. A local run hands its reports over in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_common.io.iceberg import current_commit, table_exists
from iot_common.io.objects import put_object
from iot_common.run_token import PREFIX, token_of

if TYPE_CHECKING:
    from iot_common.io.stream import QueryReport, StageContext, StageWork


def leaving_token(work: StageWork[Any], takes: str, gives: str) -> StageWork[Any]:
    """The work of a stage, and after it a token of the run.

    Args:
        work: The `run` function of a stage.
        takes: Table that the stage streams from; empty for none.
        gives: Table that the next stages stream from; empty for none.
    """

    def run(context: StageContext[Any]) -> list[QueryReport]:
        started = context.clock()
        # Before the work: whatever is committed to the source meanwhile may not have been read.
        taken = _newest_snapshot(context, takes)
        reports = work(context)
        token = token_of(
            context.run,
            [batch for report in reports for batch in report.batches],
            started=started,
            ended=context.clock(),
            taken_snapshot_id=taken,
            given_snapshot_id=_newest_snapshot(context, gives),
        )
        put_object(f"{context.settings.warehouse_uri}/{PREFIX}/{token.name}", token.as_json())
        return reports

    return run


def _newest_snapshot(context: StageContext[Any], table: str) -> str:
    if not table or not table_exists(context.spark, table):
        return ""
    commit = current_commit(context.spark, table)
    return str(commit.snapshot_id) if commit else ""
