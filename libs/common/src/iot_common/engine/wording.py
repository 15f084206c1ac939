"""Values and lists as the short texts of events: bounded work, however large or deep the value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from iot_common.engine.events import FOUND_TEXT_LIMIT, shorten
from iot_common.engine.parse import json_text

_LISTED_LIMIT: Final = 20
"""Most members of a list that a text names; the text would be cut soon after."""


def brief(value: Any) -> str:
    """The JSON text of a value, cut to what an event carries. Never visits more than the text shows."""
    if type(value) is float or type(value) is int:
        return json_text(value)
    parts: list[str] = []
    _write(value, parts, FOUND_TEXT_LIMIT)
    return shorten("".join(parts))


def one_of(values: Iterable[Any]) -> str:
    """`one of 1, "a"`, cut to what an event carries."""
    texts = [brief(value) for value, _ in zip(values, range(_LISTED_LIMIT), strict=False)]
    return shorten("one of " + ", ".join(texts))


def _write(value: Any, parts: list[str], room: int) -> int:
    """Appends texts until the room is used up; returns what is left. Each level of nesting takes room."""
    if isinstance(value, dict):
        return _write_members(value, parts, room)
    if isinstance(value, list):
        opening = "["
        for item in value:
            parts.append(opening)
            room = _write(item, parts, room - 1)
            opening = ","
            if room < 0:
                return room
        return _append("]" if value else "[]", parts, room)
    return _append(_scalar_text(value[:room] if isinstance(value, str) and room >= 0 else value), parts, room)


def _write_members(members: dict[str, Any], parts: list[str], room: int) -> int:
    opening = "{"
    for key, item in members.items():
        parts.append(opening)
        room = _append(_scalar_text(key[: max(room, 1)]) + ":", parts, room - 1)
        room = _write(item, parts, room) if room >= 0 else room
        opening = ","
        if room < 0:
            return room
    return _append("}" if members else "{}", parts, room)


def _scalar_text(value: Any) -> str:
    try:
        return json_text(value)
    except TypeError:
        # A schema may hold what no record can: half of a surrogate pair.
        return json.dumps(value)


def _append(text: str, parts: list[str], room: int) -> int:
    parts.append(text)
    return room - len(text)
