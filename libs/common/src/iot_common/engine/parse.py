"""Exact bytes to a record, once: duplicate keys seen, numbers as written, hostile input bounded.

Two parsers that agree. The fast one (orjson) is believed only where it provably hides nothing; the exact one
(the standard library's scanner with every hook set) serves the rest and is the reference of the property tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

import orjson

from iot_common.engine.events import EventCode
from iot_common.engine.exact_number import ExactNumber, read_decimal, read_integer


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Bounds of one record (behaviour.md, row 23); one more than the limit is refused."""

    payload_bytes: int = 1_000_000
    depth: int = 32


DEFAULT_LIMITS: Final = ParseLimits()


class ParseFailure(NamedTuple):
    """Why the bytes are no record. `code` is the event, `reason` a short sentence for quarantine."""

    code: EventCode
    reason: str


class DuplicateKey(NamedTuple):
    """A key that one object spells more than once. The record holds the last value, as most parsers would."""

    path: str
    equal: bool
    values: tuple[Any, ...]


class Record(NamedTuple):
    """A parsed JSON object. `canonical` is its text with sorted keys and exact numbers."""

    value: dict[str, Any]
    canonical: bytes
    duplicates: tuple[DuplicateKey, ...] = ()


_LONG_NUMBER: Final = b"0" * 16
_BEYOND_INT64: Final = b"0" * 19
_TINY_EXPONENT: Final = b"e-000"
_NUMBER_MARKS: Final = bytes(
    48 if chr(byte) in "0123456789." else 101 if chr(byte) in "eE" else 45 if byte == 45 else 32
    for byte in range(256)
)
"""Maps digits and dots to `0`, exponent letters to `e`: one C pass then finds numbers that may lose digits."""

_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Possessive, so that an unterminated string costs linear time."""
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def parse_record(payload: bytes, limits: ParseLimits = DEFAULT_LIMITS) -> Record | ParseFailure:
    """Parse one record; never raises for any bytes.

    Returns:
        The record, or a failure coded MALFORMED_JSON, OVERSIZE, ENCODING or NONFINITE.
    """
    if len(payload) > limits.payload_bytes:
        return ParseFailure(EventCode.OVERSIZE, f"more than {limits.payload_bytes} bytes: {len(payload)}")
    fast = parse_fast(payload, limits.depth)
    return fast if fast is not None else parse_exact(payload, limits)


def parse_fast(payload: bytes, depth_limit: int = DEFAULT_LIMITS.depth) -> Record | None:
    """The record, where orjson is proven to lose nothing; None sends the payload to the exact parser.

    Duplicate keys: without a backslash every colon of a string stands in the payload as itself, so the colons of
    the payload are the members plus the colons within strings. Writing the parsed value again has the same count
    unless a member was dropped. Numbers: at most 15 digits survive a float64, but for those next to zero, whose
    exponents have three digits (orjson refuses the infinite ones); longer ones only where writing them again
    gives the same text. Depth: not deeper than opening brackets.
    """
    if b"\\" in payload:
        return None
    marks = payload.translate(_NUMBER_MARKS)
    long = _LONG_NUMBER in marks or _TINY_EXPONENT in marks
    if long and _BEYOND_INT64 in marks:
        return None
    try:
        value = orjson.loads(payload)
        canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (ValueError, TypeError, RecursionError):
        return None
    if type(value) is not dict or payload.count(b":") != canonical.count(b":"):
        return None
    if canonical.count(b"{") + canonical.count(b"[") > depth_limit or (
        long and not _is_as_written(payload, value)
    ):
        return None
    return Record(value, canonical)


def _is_as_written(payload: bytes, value: Any) -> bool:
    """True where the payload, but for one blank after a comma or colon, is what writing the value gives.

    Then each number token is its own shortest text. Blanks within strings make it False: no wrong answer.
    """
    return payload.replace(b": ", b":").replace(b", ", b",") == orjson.dumps(value)


def parse_exact(payload: bytes, limits: ParseLimits = DEFAULT_LIMITS) -> Record | ParseFailure:
    """The reference parser: RFC 8259 to the letter, slower, and the one that explains failures."""
    value = decode_exact(payload, limits.depth, _DECODER)
    if isinstance(value, ParseFailure):
        return value
    if not isinstance(value, dict):
        return ParseFailure(EventCode.MALFORMED_JSON, f"top level is {json_type(value)}, not object")
    return _as_record(value)


def decode_exact(payload: bytes, depth_limit: int, decoder: json.JSONDecoder) -> Any:
    """What a decoder of `exact_decoder` makes of the bytes, or a ParseFailure."""
    refused = _refuse_bytes(payload) or _refuse_depth(payload, depth_limit)
    if refused is not None:
        return refused
    try:
        return decoder.decode(payload.decode("utf-8"))
    except UnicodeDecodeError as error:
        return ParseFailure(EventCode.ENCODING, f"not UTF-8 at byte {error.start}: {error.reason}")
    except _NonFiniteTokenError as token:
        return ParseFailure(EventCode.NONFINITE, f"{token} is not JSON")
    except json.JSONDecodeError as error:
        return ParseFailure(EventCode.MALFORMED_JSON, f"{error.msg} at character {error.pos}")
    except RecursionError:
        return ParseFailure(EventCode.MALFORMED_JSON, "nested too deep to parse")


def exact_decoder(build_object: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    """The standard library's scanner with every hook set."""
    return json.JSONDecoder(
        object_pairs_hook=build_object,
        parse_int=read_integer,
        parse_float=read_decimal,
        parse_constant=_refuse_constant,
        strict=True,
    )


def json_type(value: Any) -> str:
    """The JSON type as written: `integer` is a number token without fraction and exponent."""
    if isinstance(value, ExactNumber):
        return "integer" if value.written_as_integer else "number"
    return _JSON_TYPES.get(type(value), "object")


def json_text(value: Any) -> str:
    """The value's JSON text with numbers as they were written; strings and blanks are normalised."""
    return orjson.dumps(value, default=_number_text).decode()


def canonical_bytes(value: Any) -> bytes:
    """JSON with sorted keys, no blanks and exact numbers: equal for equal records, however they were spaced."""
    return orjson.dumps(value, default=_number_text, option=orjson.OPT_SORT_KEYS)


class _NonFiniteTokenError(Exception):
    """NaN, Infinity or -Infinity stands where a value is due."""


class _ObjectWithDuplicates(dict[str, Any]):
    """An object whose text spelled a key more than once; exists only between parsing and `_as_record`."""

    repeated: dict[str, list[Any]]


_JSON_TYPES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
}


def _number_text(value: Any) -> orjson.Fragment:
    if isinstance(value, ExactNumber):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is no JSON value")


_WIDE_ENCODINGS: Final = frozenset({b"\1\0\1\0", b"\0\1\0\1", b"\1\1\1\0", b"\0\1\1\1"})
"""Where NULs stand in the first four bytes of UTF-16 and UTF-32, since JSON begins with two ASCII characters (RFC 4627,
section 3)."""


def _refuse_bytes(payload: bytes) -> ParseFailure | None:
    if not payload.strip(b" \t\r\n"):
        return ParseFailure(EventCode.MALFORMED_JSON, "empty line")
    if payload.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return ParseFailure(
            EventCode.ENCODING, "starts with a byte order mark; UTF-8 without one is required"
        )
    if bytes(byte == 0 for byte in payload[:4]) in _WIDE_ENCODINGS:
        return ParseFailure(EventCode.ENCODING, "looks like UTF-16 or UTF-32; UTF-8 is required")
    if b"\0" in payload:
        return ParseFailure(EventCode.MALFORMED_JSON, f"raw NUL at byte {payload.index(0)}")
    return None


def _refuse_depth(payload: bytes, limit: int) -> ParseFailure | None:
    """Bounds recursion before the scanner starts: linear time, and no stack whatever the input."""
    if payload.count(b"{") + payload.count(b"[") <= limit:
        return None
    depth = 0
    for bracket in _STRINGS.sub(b"", payload).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"{[" else -1
        if depth > limit:
            return ParseFailure(EventCode.MALFORMED_JSON, f"nested deeper than {limit} levels")
    return None


def _refuse_constant(token: str) -> NoReturn:
    raise _NonFiniteTokenError(token)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    spelled: dict[str, list[Any]] = {}
    for key, value in pairs:
        spelled.setdefault(key, []).append(value)
    marked = _ObjectWithDuplicates(members)
    marked.repeated = {key: values for key, values in spelled.items() if len(values) > 1}
    return marked


_DECODER: Final = exact_decoder(_build_object)


def _as_record(value: dict[str, Any]) -> Record | ParseFailure:
    duplicates: list[DuplicateKey] = []
    try:
        plain = _without_marks(value, "", duplicates)
        return Record(plain, canonical_bytes(plain), tuple(duplicates))
    except (ValueError, TypeError):
        # orjson refuses what UTF-8 cannot carry: an escaped surrogate without its pair.
        return ParseFailure(EventCode.ENCODING, "a string holds a lone surrogate")


def _without_marks(value: Any, path: str, duplicates: list[DuplicateKey]) -> Any:
    """Collects duplicate keys with their paths; at most `ParseLimits.depth` calls deep."""
    if isinstance(value, dict):
        if isinstance(value, _ObjectWithDuplicates):
            for key, values in value.repeated.items():
                texts = {canonical_bytes(each) for each in values}
                duplicates.append(DuplicateKey(child_path(path, key), len(texts) == 1, tuple(values)))
        return {key: _without_marks(item, child_path(path, key), duplicates) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_marks(item, path + "[]", duplicates) for item in value]
    return value


_PLAIN_KEY: Final = re.compile(r'[^.\[\]"\\\x00-\x1f]+')
_KNOWN_PATHS_LIMIT: Final = 10_000
_KNOWN_PATH_LENGTH: Final = 128
_known_paths: dict[tuple[str, str], str] = {}


def child_path(path: str, key: str) -> str:
    """`a.b`; a key that would be ambiguous is quoted: `a["b.c"]`."""
    known = _known_paths.get((path, key))
    if known is not None:
        return known
    if _PLAIN_KEY.fullmatch(key) is None:
        child = f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    else:
        child = f"{path}.{key}" if path else key
    if len(child) <= _KNOWN_PATH_LENGTH and len(_known_paths) < _KNOWN_PATHS_LIMIT:
        _known_paths[path, key] = child
    return child
