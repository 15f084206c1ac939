"""The observed shape of a record: which paths it has, of which types, and the values of its enums.

Shapes are what drift compares with the contract, whether or not the record is valid.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from iot_common.engine.contract import Contract, Node
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


class Shape(NamedTuple):
    """Entries in path order, and a hash of them that is the same in every process."""

    shape_id: int
    entries: tuple[ShapeEntry, ...]


def shape_of(record: Record, contract: Contract) -> Shape:
    """The shape of a record: paths as spelled, array elements as `x[]`, numbers as written.

    Independent of the order of keys. Bounded: `SHAPE_PATH_LIMIT` paths, then one `OVERFLOW_PATH`.
    """
    entries: set[ShapeEntry] = set()
    complete = _observe(record.value, contract.root, "", entries)
    if not complete:
        entries.add(ShapeEntry(OVERFLOW_PATH, "object", None))
    return _as_shape(entries)


def _as_shape(entries: set[ShapeEntry]) -> Shape:
    ordered = tuple(sorted(entries, key=lambda entry: (entry.path, entry.json_type, entry.enum_value or "")))
    return Shape(_shape_id(ordered), ordered)


def extended_shape(base: Shape, extras: Iterable[tuple[str, Any]]) -> Shape | None:
    """The shape of a record that has undeclared fields (path, value) beside those of `base`.

    None where the bounds of `shape_of` would show: it alone says what is left out.
    """
    entries = set(base.entries)
    if not all(_observe(value, None, path, entries) for path, value in extras):
        return None
    return None if len(entries) > SHAPE_PATH_LIMIT else _as_shape(entries)


def _observe(value: Any, node: Node | None, path: str, entries: set[ShapeEntry]) -> bool:
    """Adds the entries of a value and of all below it; False once there are too many."""
    if path:
        if len(entries) >= SHAPE_PATH_LIMIT:
            return False
        entries.add(ShapeEntry(bounded_path(path), json_type(value), _enum_value(value, node)))
    if isinstance(value, dict):
        declared = node.properties if node is not None else {}
        return all(
            _observe(value[key], declared.get(key), child_path(path, key), entries) for key in sorted(value)
        )
    if isinstance(value, list):
        item_node = node.items if node is not None else None
        return all(_observe(item, item_node, path + "[]", entries) for item in value)
    return True


def _enum_value(value: Any, node: Node | None) -> str | None:
    if node is None or node.enum is None or value is None:
        return None
    text = value if isinstance(value, str) else json_text(value)
    return text if value in node.enum else text[:ENUM_VALUE_LENGTH_LIMIT]


def bounded_path(path: str) -> str:
    """A path as observations and violations carry it: long ones cut, with a hash that tells them apart."""
    if len(path) <= PATH_LENGTH_LIMIT:
        return path
    digest = blake2b(path.encode(), digest_size=8).hexdigest()
    return f"{path[: PATH_LENGTH_LIMIT - len(digest) - 1]}~{digest}"


def _shape_id(entries: tuple[ShapeEntry, ...]) -> int:
    text = "\n".join(f"{path}\t{kind}\t{value}" for path, kind, value in entries)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
