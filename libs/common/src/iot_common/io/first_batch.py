"""The first batch of a new checkpoint, over a table whose first snapshots have expired.

Iceberg's stream begins with the oldest snapshot that is there, and would pass over the rows of those that are gone: a
stage rebuilt from a new checkpoint would lack them. So that batch reads the table as it was at the batch's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_common.io import iceberg
from iot_common.io.checkpoints import planned_snapshot
from iot_common.io.stream import BatchWork, StageContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from iot_common.batch import BatchIdentity
    from iot_common.metrics import Gate


def with_all_rows(context: StageContext[Any], query: str, table: str, work: BatchWork) -> BatchWork:
    """The work of a query over an append-only table; its batch 0 gets every row, also of expired snapshots.

    Repeated, that batch gets the same: until it has ended, maintenance lets no snapshot go.
    """

    def from_the_first_row(frame: DataFrame, batch: BatchIdentity) -> list[Gate]:
        spark = frame.sparkSession
        if batch.batch_id == 0 and iceberg.first_snapshots_expired(spark, table):
            end = planned_snapshot(context.settings.checkpoint(context.run.stage, query), 0)
            frame = iceberg.read_table(spark, table, end)
        return list(work(frame, batch))

    return from_the_first_row
