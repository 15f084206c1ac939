"""Drift job: observations and touched windows → `drift.window_score` and `drift.event`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iot_common.stage import run_stage
from iot_drift import __version__
from iot_drift.settings import DriftSettings

if TYPE_CHECKING:
    from iot_common.io.stream import QueryReport, StageContext


def run(context: StageContext[DriftSettings]) -> list[QueryReport]:
    """Find what changed in structure and what changed in values, either with a checkpoint of its own; then alert.

    With the setting `action` or `maintain` it does that alone.

    Raises:
        SettingsError: If an alert channel lacks its address, or the action cannot be done; nothing was written.
        StageFailedError: If a batch failed; running again continues with that batch.
    """
    from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
    from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
    from iot_common.io.alert_channels import open_channels
    from iot_common.io.first_batch import with_all_rows
    from iot_common.io.iceberg import ensure_table, stream_table, table_exists
    from iot_common.io.maintenance import maintain
    from iot_common.io.stream import run_queries
    from iot_drift import life_batch, statistical_batch, structural_batch
    from iot_drift.contract import WRITES

    if context.settings.maintain:
        return maintain(context, WRITES)
    channels = open_channels(
        context.settings.alert_channels,
        context.on_step,
        webhook_url=context.settings.alert_webhook_url,
        topic_arn=context.settings.alert_sns_topic_arn,
    )
    for table in WRITES:
        ensure_table(context.spark, table)
    if context.settings.action:
        return life_batch.act(context)
    queries = (
        ("structural", SCHEMA_OBSERVATION, structural_batch.work(context)),
        ("statistical", TOUCHED_WINDOW, statistical_batch.work(context)),
    )
    present = [each for each in queries if table_exists(context.spark, each[1].name)]
    if len(present) < len(queries):
        context.on_step("silver has not run yet: not all of its tables are there")
    settled = life_batch.Settling(context, channels)
    reports = run_queries(
        context,
        [
            (
                name,
                stream_table(context.spark, source.name),
                settled.after(with_all_rows(context, name, source.name, work)),
            )
            for name, source, work in present
        ],
    )
    return [*reports, *settled.at_end()]


def main(argv: Sequence[str] | None = None) -> int:
    """Run drift as a process of its own."""
    return run_stage("drift", __version__, DriftSettings, run, argv, takes="silver.touched_window")


if __name__ == "__main__":
    sys.exit(main())
