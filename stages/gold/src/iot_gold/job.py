"""Gold job: touched windows → `gold.device_window_5min` → `gold.place_hour` and `gold.daily_summary`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.stage import run_stage
from iot_gold import __version__
from iot_gold.settings import GoldSettings

if TYPE_CHECKING:
    from iot_common.io.stream import QueryReport, StageContext


def run(context: StageContext[GoldSettings]) -> list[QueryReport]:
    """Recompute the windows silver has touched since the last run, and what follows from them.

    Without `silver.touched_window` (silver never ran) there is nothing to do, and no error.
    With the setting `maintain` it maintains its tables and does nothing else.

    Raises:
        StageFailedError: If a batch failed; running again continues with that batch.
    """
    from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
    from iot_common.io.first_batch import with_all_rows
    from iot_common.io.iceberg import ensure_table, stream_table, table_exists
    from iot_common.io.maintenance import maintain
    from iot_common.io.stream import run_query
    from iot_gold import batches
    from iot_gold.contract import WRITES

    if context.settings.maintain:
        return maintain(context, WRITES)
    for table in WRITES:
        ensure_table(context.spark, table)
    if not table_exists(context.spark, TOUCHED_WINDOW.name):
        context.on_step(f"{TOUCHED_WINDOW.name} is not there yet: nothing to do")
        return []
    touched = stream_table(context.spark, TOUCHED_WINDOW.name)
    work = with_all_rows(context, "windows", TOUCHED_WINDOW.name, batches.recompute(context))
    return [run_query(context, "windows", touched, work)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run gold as a process of its own."""
    return run_stage("gold", __version__, GoldSettings, run, argv, takes="silver.touched_window")


if __name__ == "__main__":
    sys.exit(main())
