"""Hand-made rows in Trino, which Athena is made of: tables of the contracts in its memory connector.

Only where somebody has started one, with that connector as the catalog `memory`, and set DRIFTLAKE_TRINO_URL to its
address: it takes 200 MB and a minute to start.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from driftlake.query_engine import QueryResult
from driftlake.stage_views import views_named_in
from iot_common.contracts.table import REASONS_TYPE, TableContract

_TYPES = {
    "string": "varchar",
    "int": "integer",
    "binary": "varbinary",
    "timestamp": "timestamp(6) with time zone",
    REASONS_TYPE: "array(row(path varchar, code varchar, expected varchar, found varchar))",
}


def _type(of_contract: str) -> str:
    if of_contract in _TYPES:
        return _TYPES[of_contract]
    nested = re.fullmatch(r"(array|map)<(.+)>", of_contract)
    return f"{nested[1]}({', '.join(map(_type, nested[2].split(',')))})" if nested else of_contract


def _literal(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value)
        case datetime():
            return f"timestamp '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC'"
        case date():
            return f"date '{value}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case bytes():
            return f"X'{value.hex()}'"
        case float():
            return f"{value!r}e0"
        case list():
            return f"ARRAY[{', '.join(map(_literal, value))}]"
    return str(value)


def _value(said: Any, kind: str) -> Any:
    if said is None or not kind.startswith(("timestamp", "date")):
        return said
    if kind == "date":
        return date.fromisoformat(said)
    time = datetime.fromisoformat(said.removesuffix(" UTC"))
    return time.replace(tzinfo=UTC) if said.endswith(" UTC") else time


@dataclass
class TrinoLake:
    """Empty tables of all contracts that are appended to; `query` makes the views that a statement names."""

    url: str

    def append(self, contract: TableContract, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = ", ".join(f'"{column.name}" {_type(column.type)}' for column in contract.columns)
        self._run(f"CREATE SCHEMA IF NOT EXISTS {contract.name.partition('.')[0]}")
        self._run(f"DROP TABLE IF EXISTS {contract.name}")
        self._run(f"CREATE TABLE {contract.name} ({columns})")
        for row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            self._run(
                f"INSERT INTO {contract.name} ({names}) VALUES ({', '.join(map(_literal, row.values()))})"
            )

    def query(self, sql: str) -> QueryResult:
        for view in views_named_in(sql):
            self._run(f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}")
        return self._run(sql)

    def _run(self, sql: str) -> QueryResult:
        headers = {"X-Trino-User": "test", "X-Trino-Catalog": "memory", "X-Trino-Time-Zone": "UTC"}
        request: Any = urllib.request.Request(f"{self.url}/v1/statement", sql.encode(), headers)
        columns: list[tuple[str, str]] = []
        rows: list[tuple[Any, ...]] = []
        while request:
            with urllib.request.urlopen(request) as answer:
                said = json.load(answer)
            assert "error" not in said, f"{said['error']['message']}\n{sql}"
            columns = [(each["name"], each["type"]) for each in said.get("columns", [])] or columns
            for row in said.get("data", []):
                rows.append(tuple(_value(value, kind) for value, (_, kind) in zip(row, columns, strict=True)))
            request = said.get("nextUri")
        return QueryResult([name for name, _ in columns], iter(rows))
