"""The verdict on one line: draft-07's yes or no, and every difference from the contract."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

import orjson

from driftlake.ndjson_lines import TooLong
from iot_common.engine.classify import examine_value
from iot_common.engine.contract import Contract
from iot_common.engine.ecma_pattern import PatternTimeoutError
from iot_common.engine.errors import ContractError
from iot_common.engine.events import Event, EventCode, Source
from iot_common.engine.fast_check import compile_fast_check
from iot_common.engine.json_value import VALUE_LIMITS, JsonValue, parse_value_exact
from iot_common.engine.parse import DEFAULT_LIMITS, ParseFailure, parse_fast

_QUOTED_OR_ITEM: Final = re.compile(r'\["(?:[^"\\]|\\.)*"\]|(\[\])', re.DOTALL)


class LineVerdict(NamedTuple):
    """What is told of one line.

    Attributes:
        valid: the draft-07 verdict; None where there is none (a pattern beyond its step budget).
        omitted: events beyond those listed.
    """

    valid: bool | None
    events: list[Event]
    omitted: int = 0

    def as_json(self, line: int) -> bytes:
        """One NDJSON line."""
        if self.valid and not self.events:
            return b'{"line":%d,"valid":true,"events":[]}\n' % line
        told: dict[str, Any] = {
            "line": line,
            "valid": self.valid,
            "events": list(map(_event_json, self.events)),
        }
        if self.omitted:
            told["events_omitted"] = self.omitted
        try:
            return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            # A key of the schema may hold half of a surrogate pair, which UTF-8 cannot carry, but an escape can.
            return json.dumps(told).encode() + b"\n"


class LineJudge:
    """Judges line after line by one contract; flawless ones by generated code alone."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._flawless = compile_fast_check(contract, contract.leaf_paths)

    def judge(self, line: bytes | TooLong) -> LineVerdict:
        """The verdict on one line; never raises for any bytes."""
        if isinstance(line, TooLong):
            limit = f"more than {VALUE_LIMITS.payload_bytes} bytes: {line.byte_count}"
            return _refused(ParseFailure(EventCode.OVERSIZE, limit))
        record = parse_fast(line)
        if record is not None and self._flawless is not None and len(line) <= DEFAULT_LIMITS.payload_bytes:
            leaves = self._flawless(record.value)
            if leaves is not None and leaves[-1] is None:
                return _FLAWLESS
        parsed = JsonValue(record.value) if record is not None else parse_value_exact(line)
        if isinstance(parsed, ParseFailure):
            return _refused(parsed)
        try:
            valid: bool | None = self._contract.compiled.is_valid(parsed.value)
        except PatternTimeoutError:
            valid = None
        except ContractError as error:
            return _refused(ParseFailure(EventCode.MALFORMED_JSON, error.reason))
        found = examine_value(parsed.value, self._contract, parsed.duplicates)
        return LineVerdict(valid, [*_beyond_record_limits(line, parsed.value), *found.events], found.omitted)


_FLAWLESS: Final = LineVerdict(True, [])


def _refused(failure: ParseFailure) -> LineVerdict:
    """What is no JSON, or too large or deep to judge."""
    return LineVerdict(False, [Event("", failure.code, "one JSON value", failure.reason, Source.CONTRACT)])


def _beyond_record_limits(line: bytes, value: Any) -> list[Event]:
    """The pipeline takes smaller records than draft-07 knows: such a line would be quarantined."""
    found = []
    size, depth = DEFAULT_LIMITS.payload_bytes, DEFAULT_LIMITS.depth
    if len(line) > size:
        expected = f"at most {size} bytes in a record"
        found.append(Event("", EventCode.OVERSIZE, expected, str(len(line)), Source.ENGINE))
    if line.count(b"{") + line.count(b"[") > depth and (levels := _levels(value)) > depth:
        expected = f"at most {depth} levels in a record"
        found.append(Event("", EventCode.MALFORMED_JSON, expected, str(levels), Source.ENGINE))
    return found


def _levels(value: Any) -> int:
    """Arrays and objects within each other, counted without recursion."""
    levels, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        levels += 1
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
    return levels


def _event_json(event: Event) -> dict[str, Any]:
    told = {
        "path": event.path,
        "code": event.code.value,
        "expected": event.expected,
        "found": event.found,
        "source": event.source.value,
    }
    if event.indexes:
        told["at"] = _with_indexes(event.path, event.indexes)
    return told


def _with_indexes(path: str, indexes: tuple[int, ...]) -> str:
    """`a[].b` as `a[3].b`; a path that was cut has fewer places than indexes."""
    remaining = iter(indexes)
    return _QUOTED_OR_ITEM.sub(
        lambda found: f"[{next(remaining, '')}]" if found[1] else found[0],
        path,
    )
