"""How a line of the inbox is read, and the statement that keeps `ops.conservation`. No input or output."""

from __future__ import annotations

from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.settings import CATALOG_NAME

UNREADABLE = "_corrupt_record"
"""Column that holds the text of a line that is no metric row; null for all others."""

INBOX_DDL = (
    ", ".join(
        f"`{column.name}` {'string' if column.name == 'recorded_time' else column.type}"
        for column in STAGE_METRIC.columns
    )
    + f", `{UNREADABLE}` string"
)
"""Columns of an inbox line: those of `ops.stage_metric`, the time as ISO 8601 text."""

BATCH_KEY = ("stage", "query", "query_id", "batch_id")
"""What makes a row of `ops.conservation` unique: its grain."""


def merge_statement(checks_view: str) -> str:
    """The MERGE that puts the newest check of each batch into `ops.conservation`."""
    on = " AND ".join(f"t.`{key}` = s.`{key}`" for key in BATCH_KEY)
    measured = [name for name in CONSERVATION.column_names if name not in BATCH_KEY]
    updates = ", ".join(f"t.`{name}` = s.`{name}`" for name in measured)
    names = ", ".join(f"`{name}`" for name in CONSERVATION.column_names)
    values = ", ".join(f"s.`{name}`" for name in CONSERVATION.column_names)
    return (
        f"MERGE INTO {CATALOG_NAME}.{CONSERVATION.name} t USING {checks_view} s ON {on} "
        f"WHEN MATCHED THEN UPDATE SET {updates} WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )
