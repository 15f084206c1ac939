"""Rows that Spark collected, with times that say their zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def in_utc(value: Any) -> Any:
    """A time in UTC, a map of times too, any other value as it is.

    Spark hands times out in the process's zone, without saying so.
    """
    if isinstance(value, dict):
        return row_in_utc(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def row_in_utc(row: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a row, `Row.asDict()` for instance."""
    return {name: in_utc(value) for name, value in row.items()}
