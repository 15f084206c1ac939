"""From one row of a table to the text of its record, compiled once from the mapping's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from iot_simulator.mapping import FieldRule, ReplayMapping

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4})(-\d\d-\d\d)[ Tt](\d\d:\d\d:\d\d(?:\.\d+)?)[ ]?([Zz]|[+-]\d\d:\d\d)?\Z", re.ASCII
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Values by column; columns without a value are absent.
Row = dict[str, str]


class UnmappableRowError(ValueError):
    """A row has a value that the mapping cannot use; the row becomes a line that quarantine keeps."""


def time_of(row: Row, mapping: ReplayMapping) -> tuple[int, str]:
    """The row's time, shifted by whole years.

    Returns:
        Microseconds since 1970, and RFC 3339 text with the digits of the source.

    Raises:
        UnmappableRowError: There is no time, it cannot be read, or its day does not exist in the shifted year.
    """
    try:
        text = " ".join(row[column] for column in mapping.time_columns)
    except KeyError as error:
        raise UnmappableRowError(f"no time in column {error}") from error
    if mapping.time_format != "rfc3339":
        text = _epoch_as_text(text, mapping.time_format)
    match = _DATE_TIME.match(text)
    if match is None:
        raise UnmappableRowError(f"time {text!r} is no date and time")
    shifted = f"{int(match[1]) + mapping.shift_years:04d}{match[2]}T{match[3]}{(match[4] or 'Z').upper()}"
    try:
        moment = datetime.fromisoformat(shifted)
    except ValueError as error:
        raise UnmappableRowError(f"time {text!r} does not exist {mapping.shift_years} years on") from error
    return (moment - _EPOCH) // _MICROSECOND, shifted


def _epoch_as_text(text: str, time_format: str) -> str:
    try:
        seconds = Decimal(text) / (1000 if time_format == "epoch_milliseconds" else 1)
        return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (InvalidOperation, ValueError, OverflowError, OSError) as error:
        raise UnmappableRowError(f"time {text!r} is no {time_format}") from error


# A composer of a part of the record: its JSON text, or None where the part is left out.
_Part = Callable[[Row, str], str | None]


def composer(mapping: ReplayMapping) -> Callable[[Row, str], bytes]:
    """Compile the mapping once: from a row and its timestamp to the line, keys in the order of the rules."""
    tree: dict[str, object] = {}
    for rule in mapping.fields:
        *folders, key = rule.path.split(".")
        branch = tree
        for folder in folders:
            # No path lies inside another: the mapping was refused otherwise.
            branch = branch.setdefault(folder, {})  # type: ignore[assignment]
        branch[key] = _leaf(rule)
    record = _branch(tree)
    return lambda row, timestamp: (record(row, timestamp) or "{}").encode()


def _branch(tree: dict[str, object]) -> _Part:
    members: list[tuple[str, _Part]] = [
        (f"{json.dumps(key)}:", _branch(part) if isinstance(part, dict) else part)  # type: ignore[misc]
        for key, part in tree.items()
    ]

    def compose(row: Row, timestamp: str) -> str | None:
        texts = [(key, part(row, timestamp)) for key, part in members]
        present = [key + text for key, text in texts if text is not None]
        # An object with nothing to say is left out like a field without a value.
        return "{" + ",".join(present) + "}" if present else None

    return compose


def _leaf(rule: FieldRule) -> _Part:
    value_of = _value_of(rule)
    columns = rule.columns

    def compose(row: Row, timestamp: str) -> str | None:
        for column in columns:
            if column not in row:
                return None
        return value_of(row, timestamp)

    return compose


def _value_of(rule: FieldRule) -> _Part:
    if rule.origin == "constant":
        constant = _json_text(rule.value)
        return lambda row, timestamp: constant
    if rule.origin == "timestamp":
        return lambda row, timestamp: f'"{timestamp}"'
    if rule.origin == "template":
        return lambda row, timestamp: json.dumps(rule.value.format(**row))
    if rule.origin == "lookup":
        table = {key: _json_text(value) for key, value in rule.value.items()}
        return lambda row, timestamp: _looked_up(table, row[rule.columns[0]], rule.path)
    if rule.is_number:
        return lambda row, timestamp: _number_text(row[rule.value], rule)
    return lambda row, timestamp: json.dumps(row[rule.value])


def _json_text(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _looked_up(table: dict[str, str], key: str, path: str) -> str:
    if key not in table:
        raise UnmappableRowError(f"no {path} is known for {key!r}")
    return table[key]


def _number_text(text: str, rule: FieldRule) -> str:
    """The number as the source writes it; where it is changed, decimal arithmetic adds no digits."""
    unchanged = rule.scale is None and rule.offset is None and rule.clip is None
    if unchanged and _JSON_NUMBER.match(text):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise UnmappableRowError(f"{rule.path}: {text!r} is no number") from error
    if not number.is_finite():
        raise UnmappableRowError(f"{rule.path}: {text!r} is no finite number")
    if rule.scale is not None:
        number *= rule.scale
    if rule.offset is not None:
        number += rule.offset
    if rule.clip is not None:
        number = min(max(number, rule.clip[0]), rule.clip[1])
    return f"{number.normalize():f}" if number else "0"
