"""The regular part of ECMA-262 patterns, as a tree that an automaton can be built from.

What is not regular (back references) or needs more than one automaton (look-around, word boundaries) is refused:
such a pattern is then only ever tested on strings, never reasoned about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Interval = tuple[int, int]
LAST_CODE_POINT: Final = 0x10FFFF
_LARGEST_REPEAT: Final = 1_000


class NotRegularError(Exception):
    """The pattern uses what this module does not know."""


@dataclass(frozen=True, slots=True)
class Char:
    """One character out of sorted, disjoint intervals of code points."""

    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after another; none is the empty string."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`least` to `most` times; None is without end."""

    part: Tree
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^` or `$`."""

    at_start: bool


Tree = Char | Sequence | Choice | Repeat | Anchor

_DIGITS: Final = ((0x30, 0x39),)
_WORD: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_BLANKS: Final = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_LINE_ENDS: Final = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_SHORTHANDS: Final = {"d": _DIGITS, "w": _WORD, "s": _BLANKS}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SYNTAX: Final = frozenset("^$\\.*+?()[]{}|/-")


def complement(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """All other code points."""
    gaps, start = [], 0
    for low, high in intervals:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST_CODE_POINT:
        gaps.append((start, LAST_CODE_POINT))
    return tuple(gaps)


def union(intervals: list[Interval]) -> tuple[Interval, ...]:
    """Sorted and merged."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


ANY_BUT_LINE_ENDS: Final = complement(_LINE_ENDS)


def parse_pattern(pattern: str) -> Tree:
    """The tree of a pattern.

    Raises:
        NotRegularError: it is malformed, or uses what is not known here.
    """
    parser = _Parser(pattern)
    tree = parser.choice()
    if not parser.at_end:
        raise NotRegularError(f"unexpected {parser.peek()!r}")
    return tree


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._position >= len(self._text)

    def peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self) -> str:
        char = self.peek()
        if not char:
            raise NotRegularError("ends too early")
        self._position += 1
        return char

    def _accept(self, text: str) -> bool:
        found = self._text.startswith(text, self._position)
        self._position += len(text) if found else 0
        return found

    def choice(self) -> Tree:
        parts = [self._sequence()]
        while self._accept("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while not self.at_end and self.peek() not in "|)":
            parts.append(self._quantified(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Tree:
        char = self._take()
        if char in "^$":
            return Anchor(char == "^")
        if char == ".":
            return Char(ANY_BUT_LINE_ENDS)
        if char == "(":
            return self._group()
        if char == "[":
            return Char(self._class())
        if char == "\\":
            return Char(self._escape(in_class=False))
        if char in "*+?{}]":
            raise NotRegularError(f"{char!r} out of place")
        return Char(((ord(char), ord(char)),))

    def _group(self) -> Tree:
        self._depth += 1
        if self._depth > 50:
            raise NotRegularError("nested too deep")
        if self.peek() == "?" and not self._accept("?:"):
            raise NotRegularError("look-around or a named group")
        tree = self.choice()
        if not self._accept(")"):
            raise NotRegularError("group without end")
        self._depth -= 1
        return tree

    def _quantified(self, part: Tree) -> Tree:
        bounds = self._bounds()
        if bounds is None:
            return part
        if isinstance(part, Anchor):
            raise NotRegularError("a repeated anchor")
        self._accept("?")  # Laziness changes what is captured, not what matches.
        least, most = bounds
        if self.peek() and self.peek() in "*+?{":
            raise NotRegularError("two quantifiers")
        if max(least, most or 0) > _LARGEST_REPEAT or (most is not None and most < least):
            raise NotRegularError("a repeat too large")
        return Repeat(part, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.peek())
        if simple is not None:
            self._position += 1
            return simple
        if not self._accept("{"):
            return None
        body, closed, rest = self._text[self._position :].partition("}")
        least, comma, most = body.partition(",")
        if not closed or not _is_count(least) or (most and not _is_count(most)):
            raise NotRegularError("a brace that is no quantifier")
        self._position = len(self._text) - len(rest)
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else None

    def _class(self) -> tuple[Interval, ...]:
        negated = self._accept("^")
        members: list[Interval] = []
        while not self._accept("]"):
            members.extend(self._class_range())
        merged = union(members)
        return complement(merged) if negated else merged

    def _class_range(self) -> tuple[Interval, ...]:
        first = self._class_atom()
        if self.peek() != "-" or self._text[self._position + 1 : self._position + 2] in ("]", ""):
            return first
        self._position += 1
        last = self._class_atom()
        if len(first) != 1 or len(last) != 1 or first[0][0] != first[0][1] or last[0][0] != last[0][1]:
            raise NotRegularError("a range of more than characters")
        if first[0][0] > last[0][0]:
            raise NotRegularError("a range out of order")
        return ((first[0][0], last[0][0]),)

    def _class_atom(self) -> tuple[Interval, ...]:
        char = self._take()
        if char == "\\":
            return self._escape(in_class=True)
        return ((ord(char), ord(char)),)

    def _escape(self, *, in_class: bool) -> tuple[Interval, ...]:
        char = self._take()
        if char.lower() in _SHORTHANDS:
            members = _SHORTHANDS[char.lower()]
            return members if char.islower() else complement(members)
        if char in _CONTROLS:
            return ((_CONTROLS[char],) * 2,)
        if char in _SYNTAX:
            return ((ord(char),) * 2,)
        if char == "b" and in_class:
            return ((8, 8),)
        if char in "xu":
            digits = self._text[self._position : self._position + (4 if char == "u" else 2)]
            if len(digits) == (4 if char == "u" else 2) and all(
                each in "0123456789abcdefABCDEF" for each in digits
            ):
                self._position += len(digits)
                if 0xD800 <= int(digits, 16) <= 0xDFFF:
                    raise NotRegularError("half of a surrogate pair")
                return ((int(digits, 16),) * 2,)
        raise NotRegularError(f"escape \\{char}")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4
