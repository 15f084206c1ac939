"""What a migration can do to a record: move (and rename), cast, default; units are in `migration_units`.

Each rule and its inverse. A rule that does not fit a record leaves it as it is. It works in place, on a copy that
`Migration` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from iot_common.engine.draft07.equality import is_equal
from iot_common.engine.events import MISSING
from iot_common.engine.exact_number import ExactNumber, is_integral, read_number
from iot_common.engine.migration_paths import (
    Steps,
    holder,
    objects_at,
    path_text,
    place,
    split_at_array,
    take,
    value_at,
)
from iot_common.engine.parse import json_text, json_type

TYPES: Final = ("string", "number", "integer", "boolean")
"""What a cast knows. One side is always a string: between number and integer nothing needs to change."""


class Rule:
    """One step of a migration. `one_way`: the way back leaves it out."""

    one_way: bool

    def upgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> bool:
        """Apply to a record; True if a value was converted or added. What had to make room goes to `aside`."""
        raise NotImplementedError

    def downgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> None:
        """Undo."""
        raise NotImplementedError

    @property
    def target(self) -> Steps:
        """Where the value is after the rule."""
        raise NotImplementedError

    def moved(self, path: Steps) -> Steps:
        """Where a value at a path is after the rule."""
        return path

    def origin(self, path: Steps) -> Steps:
        """Where a value at a path was before the rule."""
        return path


@dataclass(frozen=True)
class Move(Rule):
    """Rename and move: a value goes to another path, within the same element of an array.

    Objects on the way are made, objects left empty go. A value that stands at the target makes room.
    """

    path: Steps
    to: Steps
    one_way: bool = False

    @property
    def target(self) -> Steps:
        """The new path."""
        return self.to

    def upgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> bool:
        """Path to target; a move converts nothing."""
        _relocate(record, self.path, self.to, aside)
        return False

    def downgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> None:
        """Target to path."""
        _relocate(record, self.to, self.path, aside)

    def moved(self, path: Steps) -> Steps:
        """The path with its beginning replaced."""
        return _rebased(path, self.path, self.to)

    def origin(self, path: Steps) -> Steps:
        """The other way round."""
        return _rebased(path, self.to, self.path)


def _rebased(path: Steps, old: Steps, new: Steps) -> Steps:
    return new + path[len(old) :] if path[: len(old)] == old else path


def _relocate(record: dict[str, Any], source: Steps, target: Steps, aside: dict[str, Any]) -> None:
    scope, keys = split_at_array(source)
    _, target_keys = split_at_array(target)
    for within in objects_at(record, scope):
        value = take(within, keys)
        if value is MISSING:
            continue
        done, displaced = place(within, target_keys, value)
        if not done:
            place(within, keys, value)
        elif displaced is not MISSING:
            set_aside(aside, target, displaced)


def set_aside(aside: dict[str, Any], path: Steps, value: Any) -> None:
    """Elements of an array share one path, so theirs are gathered in a list, as are values that two rules set aside."""
    name = path_text(path)
    if None in path:
        aside.setdefault(name, []).append(value)
    else:
        aside[name] = [aside[name], value] if name in aside else value


@dataclass(frozen=True)
class Cast(Rule):
    """A value becomes another JSON type, where that loses nothing: `"21.50"` and 21.50, `"true"` and true."""

    path: Steps
    source: str
    to: str
    one_way: bool = False

    @property
    def target(self) -> Steps:
        """It stays where it is."""
        return self.path

    def upgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> bool:
        """Source type to the other; values of any other type stay."""
        return _replace(record, self.path, lambda value: cast(value, self.source, self.to))

    def downgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> None:
        """Back."""
        _replace(record, self.path, lambda value: cast(value, self.to, self.source))


def _replace(record: dict[str, Any], path: Steps, convert: Callable[[Any], Any]) -> bool:
    scope, keys = split_at_array(path)
    changed = False
    for within in objects_at(record, scope):
        value = value_at(within, keys)
        converted = MISSING if value is MISSING else convert(value)
        if converted is not MISSING:
            place(within, keys, converted)
            changed = True
    return changed


def cast(value: Any, source: str, to: str) -> Any:
    """The value as the other type, or MISSING where it is not of the source type or would not come back."""
    converted = _cast(value, source, to)
    if converted is MISSING:
        return MISSING
    back = _cast(converted, to, source)
    return converted if back is not MISSING and is_equal(back, value) else MISSING


def _cast(value: Any, source: str, to: str) -> Any:
    if not _is_of(value, source):
        return MISSING
    if to == "string":
        return json_text(value)
    if to == "boolean":
        return {"true": True, "false": False}.get(value, MISSING)
    number = read_number(value)
    if number is None or (to == "integer" and not is_integral(number)):
        return MISSING
    # "21.50" is 21.5, and with its text it finds the way back.
    return number if json_text(number) == value else ExactNumber(value)


def _is_of(value: Any, wanted: str) -> bool:
    kind = json_type(value)
    return kind == wanted or (kind == "integer" and wanted == "number") or _integral(value, kind, wanted)


def _integral(value: Any, kind: str, wanted: str) -> bool:
    return kind == "number" and wanted == "integer" and is_integral(value)


@dataclass(frozen=True)
class Default(Rule):
    """A value for a key that is missing, in an object that is there. The way back drops the value if it is this."""

    path: Steps
    value: Any = field(hash=False)
    one_way: bool = False

    @property
    def target(self) -> Steps:
        """Where it is put."""
        return self.path

    def upgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> bool:
        """Add where missing."""
        added = False
        for parent, key in self._places(record):
            if key not in parent:
                parent[key] = copied(self.value)
                added = True
        return added

    def downgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> None:
        """Drop where equal."""
        for parent, key in self._places(record):
            if key in parent and is_equal(parent[key], self.value):
                del parent[key]

    def _places(self, record: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
        scope, keys = split_at_array(self.path)
        for within in objects_at(record, scope):
            parent = holder(within, keys)
            if parent is not None:
                yield parent, keys[-1]


def copied(value: Any) -> Any:
    """A copy that shares no object and no array."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
