"""Which of several schemas a value comes closest to, told in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from iot_common.engine.events import Event, EventCode, Source, shorten

_TOLD_DIFFERENCES: Final = 3
_OTHER_TYPE: Final = frozenset(
    {EventCode.TYPE_CHANGED, EventCode.NULL_VALUE, EventCode.ARRAY_SCALAR, EventCode.NONFINITE}
)


def told_differences(tried: Sequence[tuple[str, Sequence[Event]]], path: str) -> str:
    """The nearest schema by name, and the first differences from it.

    Args:
        tried: each schema's name with the events that it alone gives.
        path: where the value is.
    """
    broken = [(name, [each for each in events if each.source is Source.CONTRACT]) for name, events in tried]
    if not broken:
        return "fits none"
    name, events = min(broken, key=lambda each: _distance(each[1], path))
    told = [f"{each.path or 'the value'}: {_words(each)}" for each in events[:_TOLD_DIFFERENCES]]
    more = len(events) - len(told)
    return shorten(f"nearest is {name}: {'; '.join(told)}" + (f"; and {more} more" if more else ""))


def _distance(events: Sequence[Event], path: str) -> tuple[bool, int, int]:
    """Another type is furthest; then another constant, which is what tells the variants of a record apart."""
    other_type = any(each.code in _OTHER_TYPE and each.path == path for each in events)
    return other_type, sum(map(_is_about_constant, events)), len(events)


def _is_about_constant(event: Event) -> bool:
    return event.code is EventCode.ENUM_ADDED or event.expected.startswith("const ")


def _words(event: Event) -> str:
    return f"{event.code} (expected {event.expected}, found {event.found})"
