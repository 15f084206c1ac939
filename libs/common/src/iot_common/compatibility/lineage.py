"""Which columns of which tables read a path of the raw contract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.table import Column, TableContract

_MARKS: Final = re.compile(r"<[^<>]*>")
_IDENTITY: Final = ("device_id", "timestamp", "schema_version")


def is_raw_contract(schema: Any) -> bool:
    """True for a schema that declares what identifies a record: then its paths are those the tables read."""
    declared = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    return all(name in declared for name in _IDENTITY)


def columns_reading(path: str) -> tuple[str, ...]:
    """`table.column` of all that is computed from the path, from what is below it, or from what holds it."""
    plain = _MARKS.sub("", path)
    return tuple(
        f"{table.name}.{column.name}"
        for table, column in all_columns()
        if any(_overlap(plain, source) for source in raw_sources(column))
    )


def all_columns() -> Iterable[tuple[TableContract, Column]]:
    """Every column with its table, in the order of the catalogue."""
    return ((table, column) for table in TABLES.values() for column in table.columns)


def raw_sources(column: Column) -> tuple[str, ...]:
    """Paths of the raw contract that a column depends on, through other tables too."""
    found: dict[str, None] = {}
    waiting, seen = list(column.source), set()
    while waiting:
        source = waiting.pop(0)
        if source in seen:
            continue
        seen.add(source)
        upstream = column_named(source)
        if upstream is None:
            found[source] = None
        else:
            waiting.extend(upstream.source)
    return tuple(found)


def column_named(source: str) -> Column | None:
    """The column that a source of the form `namespace.table.column` names; None for a path of the raw contract."""
    table_name, _, column_name = source.rpartition(".")
    table = TABLES.get(table_name)
    if table is None:
        return None
    return next((column for column in table.columns if column.name == column_name), None)


def _overlap(path: str, source: str) -> bool:
    if source == "$" or not path:
        return False
    return (
        path == source
        or path.startswith((source + ".", source + "["))
        or source.startswith((path + ".", path + "["))
    )
