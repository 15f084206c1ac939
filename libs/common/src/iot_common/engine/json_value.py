"""Any JSON value from exact bytes, not only a record: what validation by an arbitrary schema is about.

Within wider bounds than a record's, and with the same eyes: duplicate keys seen, numbers as written.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from iot_common.engine.draft07.equality import value_key
from iot_common.engine.events import EventCode
from iot_common.engine.parse import (
    DEFAULT_LIMITS,
    DuplicateKey,
    ParseFailure,
    ParseLimits,
    child_path,
    decode_exact,
    exact_decoder,
    parse_fast,
)
from iot_common.engine.shape import bounded_path

VALUE_LIMITS: Final = ParseLimits(payload_bytes=16 * 1024 * 1024, depth=2_000)
"""Beyond these a line is refused: a value takes about ten times its bytes in memory, and some frames a level."""

_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonValue(NamedTuple):
    """A parsed value; an object that spells a key twice holds the last one, as with most parsers."""

    value: Any
    duplicates: tuple[DuplicateKey, ...] = ()


def parse_value(payload: bytes, limits: ParseLimits = VALUE_LIMITS) -> JsonValue | ParseFailure:
    """Parse one JSON text; never raises for any bytes.

    Deep values need frames: the caller's recursion limit must leave some for `limits.depth` levels.

    Returns:
        The value, or a failure coded MALFORMED_JSON, OVERSIZE, ENCODING or NONFINITE.
    """
    if len(payload) > limits.payload_bytes:
        return ParseFailure(EventCode.OVERSIZE, f"more than {limits.payload_bytes} bytes: {len(payload)}")
    fast = parse_fast(payload, min(limits.depth, DEFAULT_LIMITS.depth))
    return JsonValue(fast.value) if fast is not None else parse_value_exact(payload, limits.depth)


def parse_value_exact(payload: bytes, depth_limit: int = VALUE_LIMITS.depth) -> JsonValue | ParseFailure:
    """As `parse_value`, for what the fast parser has already left."""
    repeating: list[_Repeating] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        repeating.append(_Repeating(members))
        repeating[-1].pairs = pairs
        return repeating[-1]

    value = decode_exact(payload, depth_limit, exact_decoder(build))
    if isinstance(value, ParseFailure):
        return value
    if _ESCAPED_SURROGATE.search(payload) is not None and _has_lone_surrogate(value):
        return ParseFailure(EventCode.ENCODING, "a string holds a lone surrogate")
    duplicates: list[DuplicateKey] = []
    if repeating:
        value = _without_marks(value, "", duplicates)
    return JsonValue(value, tuple(duplicates))


class _Repeating(dict[str, Any]):
    """An object whose text spelled a key more than once; exists only while parsing."""

    pairs: list[tuple[str, Any]]


def _without_marks(value: Any, path: str, duplicates: list[DuplicateKey]) -> Any:
    path = bounded_path(path)
    if isinstance(value, dict):
        if isinstance(value, _Repeating):
            duplicates.extend(_repeated(value, path))
        return {key: _without_marks(item, child_path(path, key), duplicates) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_marks(item, path + "[]", duplicates) for item in value]
    return value


def _repeated(members: _Repeating, path: str) -> list[DuplicateKey]:
    spelled: dict[str, list[Any]] = {}
    for key, value in members.pairs:
        spelled.setdefault(key, []).append(value)
    return [
        DuplicateKey(child_path(path, key), len({value_key(each) for each in values}) == 1, tuple(values))
        for key, values in spelled.items()
        if len(values) > 1
    ]


def _has_lone_surrogate(value: Any) -> bool:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending.extend(each)
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
        elif isinstance(each, str) and not _is_utf8(each):
            return True
    return False


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
