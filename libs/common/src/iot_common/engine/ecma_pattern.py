r"""ECMA-262 patterns, as draft-07 means them, on Python's `re`.

The differences that matter: the search is unanchored; `$` matches only at the very end (Python's also before a
final newline); `\d`, `\w` and `\b` are ASCII; `\s` is ECMA's own list of blanks; `.` stops at four line ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from iot_common.errors import DriftlakeError

_BLANKS: Final = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES: Final = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": _BLANKS,
}
_ASSERTIONS: Final = {"b": r"(?a:\b)", "B": r"(?a:\B)"}
_GROUPS: Final = ("(?:", "(?=", "(?!", "(?<=", "(?<!")
_SAME_ESCAPES: Final = frozenset("tnvfr^$\\.*+?()[]{}|/-")


class UnsupportedPatternError(DriftlakeError):
    """A pattern of a contract that this engine cannot give its ECMA-262 meaning."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(
            f"pattern {pattern!r} cannot be used in a contract: {reason}. Write it with plain classes, "
            "groups and quantifiers."
        )
        self.pattern = pattern
        self.reason = reason


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """The unanchored search of an ECMA-262 pattern.

    Raises:
        UnsupportedPatternError: the pattern is malformed or uses what Python's engine lacks.
    """
    translated = _translate(pattern)
    try:
        return re.compile(translated).search
    except (re.error, RecursionError, OverflowError) as error:
        raise UnsupportedPatternError(pattern, str(error)) from error


def _translate(pattern: str) -> str:
    parts: list[str] = []
    position, in_class = 0, False
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            text, position = _escape(pattern, position, in_class)
            parts.append(text)
            continue
        if in_class:
            in_class = char != "]"
            # Python reads `[`, `&&`, `~~` and `||` in a class as set operations to come.
            parts.append("\\" + char if char in "[&~|" else char)
        elif char == "[":
            text, position, in_class = _open_class(pattern, position)
            parts.append(text)
            continue
        else:
            parts.append(_plain(pattern, position))
        position += 1
    return "".join(parts)


def _plain(pattern: str, position: int) -> str:
    char = pattern[position]
    if char == "$":
        return r"\Z"
    if char == "^":
        return r"\A"
    if char == ".":
        return r"[^\n\r\u2028\u2029]"
    if pattern.startswith("(?", position) and not pattern.startswith(_GROUPS, position):
        raise UnsupportedPatternError(pattern, "group syntax that ECMA-262 and Python do not share")
    if char == "+" and position > 0 and pattern[position - 1] in "+*?}":
        raise UnsupportedPatternError(pattern, "a possessive quantifier is no ECMA-262")
    return char


def _open_class(pattern: str, position: int) -> tuple[str, int, bool]:
    if pattern.startswith("[^]", position):
        return r"(?s:.)", position + 3, False
    if pattern.startswith("[]", position):
        return r"(?!)", position + 2, False
    if pattern.startswith("[^", position):
        return "[^", position + 2, True
    return "[", position + 1, True


def _escape(pattern: str, position: int, in_class: bool) -> tuple[str, int]:
    if position + 1 >= len(pattern):
        raise UnsupportedPatternError(pattern, "ends in a backslash")
    char = pattern[position + 1]
    after = position + 2
    if char.lower() in _CLASSES:
        return _shorthand(pattern, char, in_class), after
    if char in _ASSERTIONS:
        return (r"\x08" if char == "b" else char) if in_class else _ASSERTIONS[char], after
    if char in _SAME_ESCAPES:
        return "\\" + char, after
    if char in "ux":
        width = 4 if char == "u" else 2
        digits = pattern[after : after + width]
        if len(digits) == width and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            return f"\\{char}{digits}", after + width
    if char == "0" and not pattern[after : after + 1].isdigit():
        return r"\x00", after
    raise UnsupportedPatternError(pattern, f"escape \\{char} is not supported")


def _shorthand(pattern: str, char: str, in_class: bool) -> str:
    members = _CLASSES[char.lower()]
    if not in_class:
        return f"[{members}]" if char.islower() else f"[^{members}]"
    if char.islower():
        return members
    raise UnsupportedPatternError(pattern, f"\\{char} inside a class is not supported")
