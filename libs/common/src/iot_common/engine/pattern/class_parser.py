"""The two parts of a pattern that name characters: escapes and classes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from iot_common.engine.pattern.code_points import BLANKS, DIGITS, LAST, WORD, Ranges, complement, union
from iot_common.engine.pattern.errors import UnsupportedPatternError
from iot_common.engine.pattern.syntax import Chars, Property

_SHORTHANDS: Final[dict[str, Ranges]] = {
    "d": DIGITS,
    "w": WORD,
    "s": BLANKS,
    "D": complement(DIGITS),
    "W": complement(WORD),
    "S": complement(BLANKS),
}
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_HEX_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{0*([0-9a-fA-F]{1,6})\})")
_LOW_SURROGATE: Final = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_PROPERTY: Final = re.compile(r"\\[pP]\{([A-Za-z0-9_]+)(?:=([A-Za-z0-9_]+))?\}")
_LETTER_CONTROL: Final = re.compile(r"\\c([A-Za-z])")


@lru_cache(maxsize=1024)
def single(char: str) -> Chars:
    """The character that stands for itself."""
    return Chars(((ord(char), ord(char)),))


class PatternReader:
    """A pattern and the place that has been read up to."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0

    def error(self, reason: str) -> UnsupportedPatternError:
        """The error that names this pattern."""
        return UnsupportedPatternError(self.source, reason)

    def read_escape(self, *, in_class: bool) -> Chars:
        """A backslash and what it makes of the characters behind it, other than assertions and references."""
        char = self.source[self.position + 1 : self.position + 2]
        if not char:
            raise self.error("ends in a backslash")
        if char in _SHORTHANDS:
            self.position += 2
            return Chars(_SHORTHANDS[char])
        if char in "pP":
            return self._property(char)
        if char in "xu":
            return single(chr(self._hex()))
        if char == "c":
            return single(chr(ord(self._expect(_LETTER_CONTROL, r"\c without a letter")[1]) % 32))
        self.position += 2
        if char in _CONTROLS:
            return single(_CONTROLS[char])
        if char == "0" and not "0" <= self.source[self.position : self.position + 1] <= "9":
            return single("\0")
        if char == "b" and in_class:
            return single("\b")
        if char == "_" or not ("a" + char).isidentifier():
            return single(char)
        raise self.error(f"escape \\{char} is not ECMA-262")

    def _expect(self, form: re.Pattern[str], reason: str) -> re.Match[str]:
        match = form.match(self.source, self.position)
        if match is None:
            raise self.error(reason)
        self.position = match.end()
        return match

    def _hex(self) -> int:
        start = self.source[self.position : self.position + 2]
        match = self._expect(_HEX_ESCAPE, f"{start} without its hexadecimal digits")
        code_point = int(match[1] or match[2] or match[3], 16)
        if code_point > LAST:
            raise self.error(f"{match[0]} is beyond the last code point")
        if match[2] and 0xD800 <= code_point <= 0xDBFF:
            low = _LOW_SURROGATE.match(self.source, self.position)
            if low is not None:
                self.position = low.end()
                return 0x10000 + ((code_point - 0xD800) << 10) + int(low[1], 16) - 0xDC00
        return code_point

    def _property(self, char: str) -> Chars:
        from iot_common.engine.pattern.unicode_properties import is_property

        match = self._expect(_PROPERTY, rf"\{char} without a property in braces")
        name, value = match[1], match[2] or ""
        if not is_property(name, value):
            raise self.error(f"{match[0]} is no Unicode property of ECMA-262")
        return Chars((), (Property(name, value, negated=char == "P"),))

    def read_class(self) -> Chars:
        """A whole class from its `[` to its `]`."""
        start = self.position
        self.position += 1
        negated = self.source.startswith("^", self.position)
        self.position += negated
        items: list[Chars] = []
        while not self.source.startswith("]", self.position):
            items.append(self._class_atom(start))
            self._range_behind(items, start)
        self.position += 1
        return _joined(tuple(items), negated)

    def _class_atom(self, start: int) -> Chars:
        if self.position >= len(self.source):
            raise self.error(f"the class that starts at position {start} is not closed")
        char = self.source[self.position]
        if char == "\\":
            return self.read_escape(in_class=True)
        self.position += 1
        return single(char)

    def _range_behind(self, items: list[Chars], start: int) -> None:
        """Read `-x` behind the last item, unless the dash is the last of the class."""
        if not self.source.startswith("-", self.position) or self.source.startswith("-]", self.position):
            return
        self.position += 1
        low, high = items.pop(), self._class_atom(start)
        if _is_single(low) and _is_single(high):
            first, last = low.ranges[0][0], high.ranges[0][0]
            if first > last:
                raise self.error(f"a range of the class that starts at position {start} is out of order")
            items.append(Chars(((first, last),)))
        else:
            items += [low, single("-"), high]


def _is_single(chars: Chars) -> bool:
    return not chars.properties and len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]


@lru_cache(maxsize=4096)
def _joined(items: tuple[Chars, ...], negated: bool) -> Chars:
    ranges = union(pair for item in items for pair in item.ranges)
    properties = tuple(dict.fromkeys(item for chars in items for item in chars.properties))
    return Chars(ranges, properties, negated)
