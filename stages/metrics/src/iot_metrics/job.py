"""Metrics job: the stages' metric rows → `ops.stage_metric` → `ops.conservation`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.stage import run_stage
from iot_metrics import __version__
from iot_metrics.settings import MetricsSettings

if TYPE_CHECKING:
    from iot_common.io.stream import QueryReport, StageContext


def run(context: StageContext[MetricsSettings]) -> list[QueryReport]:
    """Gather what the stages have reported since the last run, and check the balance of each batch.

    With the setting `maintain` it maintains its tables and does nothing else.

    Raises:
        StageFailedError: If a batch failed; running again continues with that batch.
    """
    from iot_common.io.iceberg import ensure_table
    from iot_common.io.maintenance import maintain
    from iot_common.io.stream import run_query
    from iot_metrics import batches
    from iot_metrics.contract import WRITES
    from iot_metrics.inbox import stream_inbox

    if context.settings.maintain:
        return maintain(context, WRITES)
    for table in WRITES:
        ensure_table(context.spark, table)
    lines = stream_inbox(context.spark, context.settings.metric_inbox)
    return [run_query(context, "inbox", lines, batches.gather(context))]


def main(argv: Sequence[str] | None = None) -> int:
    """Run metrics as a process of its own."""
    return run_stage("metrics", __version__, MetricsSettings, run, argv)


if __name__ == "__main__":
    sys.exit(main())
