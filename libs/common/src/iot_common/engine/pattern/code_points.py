"""Sets of code points as sorted, disjoint, inclusive ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

Ranges = tuple[tuple[int, int], ...]

LAST: Final = 0x10FFFF
EVERYTHING: Final[Ranges] = ((0, LAST),)
SURROGATES: Final[Ranges] = ((0xD800, 0xDFFF),)
DIGITS: Final[Ranges] = ((0x30, 0x39),)
WORD: Final[Ranges] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
"""`\\w` and the sides of `\\b`: ASCII (ECMA-262, WordCharacters without the `i` flag)."""
BLANKS: Final[Ranges] = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
"""`\\s`: WhiteSpace and LineTerminator of ECMA-262."""
LINE_TERMINATORS: Final[Ranges] = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges sorted, with what overlaps or touches made one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every other code point."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def subtract(ranges: Ranges, removed: Ranges) -> Ranges:
    """What is in the first set alone."""
    return complement(union((*complement(ranges), *removed)))


def overlap(left: Ranges, right: Ranges) -> bool:
    """True when some code point is in both."""
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i][1] < right[j][0]:
            i += 1
        elif right[j][1] < left[i][0]:
            j += 1
        else:
            return True
    return False


def contains(ranges: Ranges, code: int) -> bool:
    """True when the code point is in the set."""
    index = bisect_right(ranges, (code, LAST + 1)) - 1
    return index >= 0 and ranges[index][1] >= code
