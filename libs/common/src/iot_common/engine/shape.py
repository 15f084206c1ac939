"""The observed shape of a record: which paths it has, of which types, and the values of its enums.

Shapes are what drift compares with the contract, whether or not the record is valid.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from iot_common.engine.contract import Contract
from iot_common.engine.location import Location
from iot_common.engine.parse import Record, child_path, json_text, json_type

SHAPE_PATH_LIMIT: Final = 256
"""Most paths a shape names. The given contract has 17; a record of thousands is a fault, not a shape."""
PATH_LENGTH_LIMIT: Final = 256
"""Longest path; a longer one is cut and told apart by a hash."""
ENUM_VALUE_LENGTH_LIMIT: Final = 64
"""An undeclared enum value may be any text; its first characters are enough to count it by."""
OVERFLOW_PATH: Final = "*overflow*"
"""The path that stands for those beyond `SHAPE_PATH_LIMIT`."""


class ShapeEntry(NamedTuple):
    """One path with one type; `enum_value` only where the contract declares an enum there."""

    path: str
    json_type: str
    enum_value: str | None


_Observed = tuple[str, str, str | None]


class Shape(NamedTuple):
    """Entries in path order, and a hash of them that is the same in every process."""

    shape_id: int
    entries: tuple[ShapeEntry, ...]


_MEMO_LIMIT: Final = 1_000
"""Shapes remembered: a fleet has few, and sorting and hashing the entries costs more than walking a record."""
_MEMO_ENTRIES_LIMIT: Final = 64
_memo: dict[tuple[_Observed, ...], Shape] = {}


def shape_of(record: Record, contract: Contract) -> Shape:
    """The shape of a record: paths as spelled, array elements as `x[]`, numbers as written.

    Independent of the order of keys. Bounded: `SHAPE_PATH_LIMIT` paths, then one `OVERFLOW_PATH`.
    """
    seen: dict[_Observed, None] = {}
    if not _observe(record.value, contract.top, "", seen):
        seen[OVERFLOW_PATH, "object", None] = None
    return _as_shape(seen)


def extended_shape(base: Shape, extras: Iterable[tuple[str, Any]]) -> Shape | None:
    """The shape of a record that has undeclared fields (path, value) beside those of `base`.

    None where the bounds of `shape_of` would show: it alone says what is left out.
    """
    seen: dict[_Observed, None] = dict.fromkeys(base.entries)
    if not all(_observe(value, None, path, seen) for path, value in extras):
        return None
    return None if len(seen) > SHAPE_PATH_LIMIT else _as_shape(seen)


def _as_shape(seen: dict[_Observed, None]) -> Shape:
    key = tuple(seen)
    known = _memo.get(key)
    if known is not None:
        return known
    ordered = sorted(seen, key=lambda entry: (entry[0], entry[1], entry[2] or ""))
    entries = tuple(ShapeEntry(*entry) for entry in ordered)
    shape = Shape(_shape_id(entries), entries)
    if len(_memo) < _MEMO_LIMIT and len(key) <= _MEMO_ENTRIES_LIMIT:
        _memo[key] = shape
    return shape


def _observe(value: Any, place: Location | None, path: str, seen: dict[_Observed, None]) -> bool:
    """Adds the entries of a value and of all below it; False once there are too many."""
    if path:
        if len(seen) >= SHAPE_PATH_LIMIT:
            return False
        seen[bounded_path(path), json_type(value), _enum_value(value, place)] = None
    if isinstance(value, dict):
        declared = place.names if place is not None else {}
        for key in sorted(value):
            below = place.below(key) if place is not None and key in declared else None
            if not _observe(value[key], below, child_path(path, key), seen):
                return False
    elif isinstance(value, list):
        below = place.items if place is not None else None
        return all(_observe(item, below, path + "[]", seen) for item in value)
    return True


def _enum_value(value: Any, place: Location | None) -> str | None:
    if place is None or place.enum is None or value is None:
        return None
    text = value if isinstance(value, str) else json_text(value)
    return text if value in place.enum else text[:ENUM_VALUE_LENGTH_LIMIT]


def bounded_path(path: str) -> str:
    """A path as observations and violations carry it: long ones cut, with a hash that tells them apart."""
    if len(path) <= PATH_LENGTH_LIMIT:
        return path
    digest = blake2b(path.encode(), digest_size=8).hexdigest()
    return f"{path[: PATH_LENGTH_LIMIT - len(digest) - 1]}~{digest}"


def _shape_id(entries: tuple[ShapeEntry, ...]) -> int:
    text = "\n".join(f"{path}\t{kind}\t{value}" for path, kind, value in entries)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
