"""Paths of migration rules: the same spelling as events have (`a.b`, `a["b.c"]`, `a[]`), as steps to walk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from iot_common.engine.events import MISSING
from iot_common.engine.parse import child_path

Steps = tuple[str | None, ...]
"""Keys from the top level down; None stands for every element of an array."""
Keys = tuple[str, ...]

_STEP: Final = re.compile(
    r'(?:(?P<dot>\.)?(?P<key>[^.\[\]"\\\x00-\x1f]+))|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|(?P<array>\[\])'
)


def parse_path(text: str) -> Steps:
    """The steps of a path.

    Raises:
        ValueError: the text is no path.
    """
    steps: list[str | None] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or (match["key"] and bool(match["dot"]) != bool(steps)):
            raise ValueError(f'{text!r} is no path; write a.b, a[].b or a["b.c"]')
        if match["key"]:
            steps.append(match["key"])
        else:
            steps.append(json.loads(match["quoted"]) if match["quoted"] else None)
        position = match.end()
    if not steps:
        raise ValueError("an empty path names nothing")
    return tuple(steps)


def path_text(steps: Steps) -> str:
    """The path as events spell it."""
    path = ""
    for step in steps:
        path = f"{path}[]" if step is None else child_path(path, step)
    return path


def split_at_array(steps: Steps) -> tuple[Steps, Keys]:
    """(the way to the objects that a rule works in, the keys within each): cut behind the last array."""
    cut = max((index + 1 for index, step in enumerate(steps) if step is None), default=0)
    return steps[:cut], tuple(step for step in steps[cut:] if step is not None)


def objects_at(value: Any, scope: Steps) -> Iterator[dict[str, Any]]:
    """The objects that the steps lead to; none where the record is shaped otherwise."""
    if not scope:
        if isinstance(value, dict):
            yield value
    elif scope[0] is None:
        if isinstance(value, list):
            for item in value:
                yield from objects_at(item, scope[1:])
    elif isinstance(value, dict) and scope[0] in value:
        yield from objects_at(value[scope[0]], scope[1:])


def holder(within: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
    """The object that holds the last key, or None where there is no such object; the key itself may be missing."""
    found: Any = within
    for key in keys[:-1]:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def value_at(within: dict[str, Any], keys: Keys) -> Any:
    """The value, or MISSING."""
    found = holder(within, keys)
    return MISSING if found is None else found.get(keys[-1], MISSING)


def take(within: dict[str, Any], keys: Keys) -> Any:
    """Remove a value and the objects that this leaves empty; MISSING where it is not there."""
    parents = [within]
    for key in keys[:-1]:
        below = parents[-1].get(key)
        if not isinstance(below, dict):
            return MISSING
        parents.append(below)
    value = parents[-1].pop(keys[-1], MISSING)
    if value is not MISSING:
        for depth in range(len(parents) - 1, 0, -1):
            if parents[depth]:
                break
            parents[depth - 1].pop(keys[depth - 1])
    return value


def place(within: dict[str, Any], keys: Keys, value: Any) -> tuple[bool, Any]:
    """Set a value, making the objects on the way.

    Returns:
        (True, the value that stood there or MISSING); (False, MISSING) where something on the way is no object.
    """
    parent: Any = within
    for key in keys[:-1]:
        parent = parent.setdefault(key, {})
        if not isinstance(parent, dict):
            return False, MISSING
    displaced = parent.get(keys[-1], MISSING)
    parent[keys[-1]] = value
    return True, displaced


def within_one_element(path: Steps, other: Steps) -> bool:
    """True where both paths lie in the same element of the same arrays, and end in a key."""
    scope, keys = split_at_array(path)
    other_scope, other_keys = split_at_array(other)
    return scope == other_scope and bool(keys) and bool(other_keys)


def last_keys(path: Steps) -> Keys:
    """The keys behind the last array."""
    return split_at_array(path)[1]
