"""Keys of gold's tables and the statement that replaces rows of them. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iot_common.contracts.gold_daily_summary import DAILY_SUMMARY
from iot_common.contracts.gold_device_window_5min import DEVICE_WINDOW_5MIN
from iot_common.contracts.gold_place_hour import PLACE_HOUR
from iot_common.contracts.table import TableContract
from iot_common.settings import CATALOG_NAME
from iot_gold.spans import Span, within, within_days

KEYS: Mapping[str, tuple[str, str, str]] = {
    DEVICE_WINDOW_5MIN.name: ("device_id", "window_start", "reading"),
    PLACE_HOUR.name: ("place", "hour_start", "reading"),
    DAILY_SUMMARY.name: ("device_id", "day", "reading"),
}
"""What makes a row of each table unique: its grain."""

WINDOWS_VANISHED = "driftlake.windows-vanished"
"""Summary key of `gold.device_window_5min`: touched windows in which no reading is left."""


def in_spans(contract: TableContract, spans: Sequence[Span], prefix: str = "") -> str:
    """SQL condition: a row of the table lies in one of the spans, widened to the table's own grain of time.

    Args:
        contract: One of gold's tables.
        spans: Spans of event time.
        prefix: Alias of the table in the statement, with its dot.
    """
    if contract is DAILY_SUMMARY:
        return within_days(f"{prefix}day", spans)
    if contract is PLACE_HOUR:
        return within(f"{prefix}hour_start", [span.in_whole_hours() for span in spans])
    return within(f"{prefix}window_start", spans)


def merge_statement(contract: TableContract, changes_view: str, spans: Sequence[Span]) -> str:
    """The MERGE that replaces rows by key, and deletes those marked `is_gone`.

    Columns are listed, not `*`: a table that a newer version has widened still takes this version's rows.

    Args:
        contract: The table.
        changes_view: View with the contract's columns and the boolean `is_gone`.
        spans: Where all changes lie in time: lets Iceberg skip files.
    """
    keys = KEYS[contract.name]
    on = " AND ".join(f"t.`{key}` = s.`{key}`" for key in keys)
    updates = ", ".join(f"t.`{name}` = s.`{name}`" for name in contract.column_names if name not in keys)
    names = ", ".join(f"`{name}`" for name in contract.column_names)
    values = ", ".join(f"s.`{name}`" for name in contract.column_names)
    return (
        f"MERGE INTO {CATALOG_NAME}.{contract.name} t USING {changes_view} s "
        f"ON {on} AND ({in_spans(contract, spans, 't.')}) "
        "WHEN MATCHED AND s.is_gone THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {updates} "
        f"WHEN NOT MATCHED AND NOT s.is_gone THEN INSERT ({names}) VALUES ({values})"
    )
