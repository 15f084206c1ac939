"""A parsed pattern in the notation of Python's `re`, or of RE2."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from iot_common.engine.pattern.code_points import EVERYTHING, SURROGATES, Ranges, subtract
from iot_common.engine.pattern.syntax import (
    Assertion,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    members,
)

_RE2_MOST_REPEATS: Final = 1000
_NOTHING: Final = r"[^\x00-\x{10FFFF}]"


class Notation(Enum):
    """The engine that reads what is written."""

    PYTHON = "re"
    RE2 = "re2"


def emit(node: Node, notation: Notation) -> str:
    """The pattern's text; no captures, no laziness, as neither changes whether a text matches.

    Raises:
        LookupError: a Unicode property whose members are not known here.
    """
    match node:
        case Chars():
            return _chars(members(node), notation)
        case Assertion(kind):
            return _ASSERTIONS[notation][kind]
        case Group(body):
            return f"(?:{emit(body, notation)})"
        case Look(body, False, negative) if notation is Notation.PYTHON:
            return f"(?{'!' if negative else '='}{emit(body, notation)})"
        case Sequence(parts):
            return "".join(_grouped(part, notation, (Choice,)) for part in parts)
        case Choice(branches):
            return "|".join(emit(branch, notation) for branch in branches)
        case Repeat(body, minimum, maximum):
            text = _grouped(body, notation, (Choice, Sequence, Repeat, Assertion))
            return "".join(text + count for count in _counts(minimum, maximum, notation)) or "(?:)"
    raise TypeError(f"{type(node).__name__} is not regular")


def _grouped(node: Node, notation: Notation, loose: tuple[type, ...]) -> str:
    text = emit(node, notation)
    return f"(?:{text})" if isinstance(node, loose) else text


def _counts(minimum: int, maximum: int | None, notation: Notation) -> list[str]:
    """The quantifiers, one after the other, that together repeat so often: RE2 takes at most 1,000 in one."""
    if (minimum, maximum) in _SHORT:
        return [_SHORT[minimum, maximum]]
    if notation is Notation.PYTHON:
        return [_braces(minimum, maximum)]
    counts = []
    while minimum > _RE2_MOST_REPEATS or (maximum or 0) > _RE2_MOST_REPEATS:
        low, high = min(minimum, _RE2_MOST_REPEATS), min(maximum or minimum, _RE2_MOST_REPEATS)
        counts.append(_braces(low, high))
        minimum, maximum = minimum - low, None if maximum is None else maximum - high
    return [*counts, _braces(minimum, maximum)]


_ASSERTIONS: Final = {
    # Python's own \B does not hold in an empty text.
    Notation.PYTHON: {"^": r"\A", "$": r"\Z", "b": r"\b", "B": r"(?!\b)"},
    Notation.RE2: {"^": r"\A", "$": r"\z", "b": r"\b", "B": r"\B"},
}


def _braces(minimum: int, maximum: int | None) -> str:
    return f"{{{minimum},{'' if maximum is None else maximum}}}"


_SHORT: Final[dict[tuple[int, int | None], str]] = {(0, None): "*", (1, None): "+", (0, 1): "?"}


def _chars(ranges: Ranges, notation: Notation) -> str:
    escape = _ESCAPES[notation]
    if notation is Notation.RE2:
        # A text that reaches RE2 is UTF-8, which has no surrogates.
        ranges = EVERYTHING if ranges == EVERYTHING else subtract(ranges, SURROGATES)
    if not ranges:
        return r"(?!)" if notation is Notation.PYTHON else _NOTHING
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return escape(ranges[0][0])
    return "[" + "".join(escape(low) + ("-" + escape(high)) * (high > low) for low, high in ranges) + "]"


def _python_escape(code: int) -> str:
    if code < 0x80 and chr(code).isalnum():
        return chr(code)
    return re.escape(chr(code)) if 0x20 < code < 0x7F else f"\\U{code:08x}"


def _re2_escape(code: int) -> str:
    return chr(code) if code < 0x80 and chr(code).isalnum() else f"\\x{{{code:x}}}"


_ESCAPES: Final[dict[Notation, Callable[[int], str]]] = {
    Notation.PYTHON: _python_escape,
    Notation.RE2: _re2_escape,
}
