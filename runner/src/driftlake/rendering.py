r"""Writes query results as a table, JSON or CSV; every format streams, the table up to its limit.

Times are ISO 8601 in UTC. Bytes are UTF-8 text in the table, with what is no UTF-8 or no printable character as
`\xNN`, and base64 in JSON and CSV, so that nothing is lost there. NaN and infinities are null in JSON, which has none.
"""

from __future__ import annotations

import base64
import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TextIO
from uuid import UUID

if TYPE_CHECKING:
    from rich.console import Console

Format = Literal["table", "json", "csv"]

NARROWEST_COLUMN = 9
"""Characters a column must have to be readable; below that each row is shown as a list of its values."""


def json_value(value: Any) -> Any:
    """A value of an engine as one that JSON can say."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dict):
        return {_key(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [json_value(item) for item in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, UUID) else repr(value)


def _key(key: Any) -> str:
    named = json_value(key)
    return named if isinstance(named, str) else json.dumps(named, ensure_ascii=False)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`; a time without a zone is taken as it stands, without one."""
    return (
        moment.isoformat()
        if moment.tzinfo is None
        else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    )


def write_json(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: TextIO) -> None:
    """One array of objects, one object a line."""
    out.write("[")
    for number, row in enumerate(rows):
        record = {name: json_value(value) for name, value in zip(columns, row, strict=True)}
        out.write((",\n " if number else "\n ") + json.dumps(record, ensure_ascii=False, allow_nan=False))
    out.write("\n]\n")


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: TextIO) -> None:
    """RFC 4180: CRLF, a header, quotes where needed. Null is empty; nested values are JSON text."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    said = json_value(value)
    return json.dumps(said, ensure_ascii=False) if isinstance(said, dict | list) else said


def printable(text: str) -> str:
    r"""The text with control characters as `\xNN`: a value must not steer the terminal."""
    return "".join(
        c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in text
    )


def table_cell(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return printable(bytes(value).decode("utf-8", errors="backslashreplace"))
    if isinstance(value, datetime):
        return iso(value).replace("T", " ")
    said = json_value(value)
    return printable(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))


def write_table(columns: Sequence[str], rows: Iterator[Sequence[Any]], console: Console, limit: int) -> None:
    """Up to `limit` rows (0: all) as a table, or as lists of values where the columns would not fit."""
    shown = list(islice(rows, limit)) if limit else list(rows)
    more = next(rows, None) is not None if limit else False
    cells = [[table_cell(value) for value in row] for row in shown]
    if len(columns) * (NARROWEST_COLUMN + 3) > console.width and len(columns) > 1:
        _write_records(columns, cells, console)
    else:
        _write_grid(columns, shown, cells, console)
    noted = (
        f"first {len(shown)} rows; --limit 0 shows all, --format json or csv streams all" if more else None
    )
    console.print(f"({noted or counted(len(shown), 'row')})", style="dim", highlight=False)


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,234 rows`, `2 batches`."""
    plural = "es" if noun.endswith(("ch", "s", "x")) else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def _write_grid(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], cells: Sequence[Sequence[str]], console: Console
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for index, name in enumerate(columns):
        numeric = any(isinstance(row[index], int | float | Decimal) for row in rows)
        table.add_column(Text(printable(name)), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _write_records(columns: Sequence[str], cells: Sequence[Sequence[str]], console: Console) -> None:
    from rich.text import Text

    widest = max(len(name) for name in columns)
    for number, row in enumerate(cells, 1):
        console.rule(Text(f"row {number}"), align="left", style="dim")
        for name, cell in zip(columns, row, strict=True):
            console.print(Text(f"{printable(name):<{widest}}  {cell}"))
