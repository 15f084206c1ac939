r"""ECMA-262 patterns to a tree (ECMA-262 2018, section 21.2.1, and Annex B.1.4 where its reading is the only one).

The text is read as with the `u` flag: code points, `\u{...}`, `\p{...}`. Beyond that, what the grammar without the
flag allows is allowed where it can mean one thing only, since contracts in the field are full of it: a backslash
before any mark that is no letter or digit (`\-`, `\@`, `\_`), lone `]`, `{` and `}`, and a class shorthand at the
end of a range (`[\w-.]`). A backslash before other letters (`\a`, `\Z`) stays an error, as it does not mean what
its author, who knows it from another language, thinks.

The parser keeps a stack of its own, so that a hostile pattern costs time in proportion to its length and no more.
"""

from __future__ import annotations

import re
from typing import Final

from iot_common.engine.pattern.class_parser import PatternReader, single
from iot_common.engine.pattern.code_points import LINE_TERMINATORS, complement
from iot_common.engine.pattern.errors import UnsupportedPatternError
from iot_common.engine.pattern.syntax import (
    Assertion,
    BackReference,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Pattern,
    Repeat,
    Sequence,
)

_ANY: Final = Chars(complement(LINE_TERMINATORS))
_QUANTIFIER: Final = re.compile(r"[*+?]|\{([0-9]+)(,([0-9]*))?\}")
_LOOK: Final = re.compile(r"\(\?(<)?([=!])")
_NAME: Final = re.compile(r"<((?:[^\W\d]|\$)(?:\w|[$\u200c\u200d])*)>")
_PLAIN: Final = re.compile(r"[^\\^$.*+?()\[\]{}|]++")
_BOUNDS: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_MOST_DIGITS: Final = 9
"""A count with more digits is capped: every engine refuses it long before."""


class _Open:
    """A group that is still open, and what has been read in it."""

    __slots__ = ("branches", "look", "number", "terms")

    def __init__(self, number: int = 0, look: tuple[bool, bool] | None = None) -> None:
        self.number = number
        self.look = look
        self.branches: list[Node] = []
        self.terms: list[Node] = []

    def close(self) -> Node:
        self.end_branch()
        body = self.branches[0] if len(self.branches) == 1 else Choice(tuple(self.branches))
        if self.look is not None:
            return Look(body, *self.look)
        return Group(body, self.number) if self.number else body

    def end_branch(self) -> None:
        self.branches.append(self.terms[0] if len(self.terms) == 1 else Sequence(tuple(self.terms)))
        self.terms = []


class _Parser(PatternReader):
    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.stack = [_Open()]
        self.names: dict[str, int] = {}
        self.references: list[BackReference] = []
        self.group_count = 0
        self.depth = 0
        self.has_look = False

    def parse(self) -> Pattern:
        while self.position < len(self.source):
            self._term(self.source[self.position])
        if len(self.stack) > 1:
            raise self.error("a group is not closed")
        root = self.stack[0].close()
        for reference in self.references:
            known = reference.name in self.names if reference.name else reference.number <= self.group_count
            if not known:
                raise self.error(f"no group {reference.name or reference.number} to refer to")
        return Pattern(
            self.source,
            root,
            self.group_count,
            self.names,
            self.depth,
            self.has_look,
            bool(self.references),
        )

    def _term(self, char: str) -> None:
        if char == "(":
            self._open_group()
        elif char == ")":
            self._close_group()
        elif char == "|":
            self.position += 1
            self.stack[-1].end_branch()
        elif char in "^$":
            self.position += 1
            self.stack[-1].terms.append(Assertion("^" if char == "^" else "$"))
        elif char == "\\":
            self._escape()
        elif char == "[":
            self._atom(self.read_class())
        elif _QUANTIFIER.match(self.source, self.position):
            raise self.error(f"nothing to repeat at position {self.position}")
        elif char == ".":
            self.position += 1
            self._atom(_ANY)
        else:
            self._plain(char)

    def _plain(self, char: str) -> None:
        """A run of characters that stand for themselves: only the last of them can be repeated."""
        match = _PLAIN.match(self.source, self.position)
        run = match[0] if match else char
        self.position += len(run)
        self.stack[-1].terms += map(single, run[:-1])
        self._atom(single(run[-1]))

    def _open_group(self) -> None:
        look = _LOOK.match(self.source, self.position)
        if look:
            self.has_look = True
            self.position = look.end()
            self.stack.append(_Open(look=(bool(look[1]), look[2] == "!")))
        elif self.source.startswith("(?:", self.position):
            self.position += 3
            self.stack.append(_Open())
        else:
            self.group_count += 1
            self.position += 1
            if self.source.startswith("?", self.position):
                self._group_name()
            self.stack.append(_Open(number=self.group_count))
        self.depth = max(self.depth, len(self.stack) - 1)

    def _group_name(self) -> None:
        match = _NAME.match(self.source, self.position + 1)
        if match is None:
            raise self.error("group syntax that is no ECMA-262")
        if match[1] in self.names:
            raise self.error(f"two groups are named {match[1]}")
        self.names[match[1]] = self.group_count
        self.position = match.end()

    def _close_group(self) -> None:
        if len(self.stack) == 1:
            raise self.error("a closing parenthesis without its opening one")
        self.position += 1
        opened = self.stack.pop()
        if opened.look is None:
            self._atom(opened.close())
        else:
            self.stack[-1].terms.append(opened.close())

    def _escape(self) -> None:
        follower = self.source[self.position + 1 : self.position + 2]
        if follower in ("b", "B"):
            self.position += 2
            self.stack[-1].terms.append(Assertion("b" if follower == "b" else "B"))
        elif follower and follower in "123456789":
            self._numbered_reference()
        elif follower == "k":
            self._named_reference()
        else:
            self._atom(self.read_escape(in_class=False))

    def _numbered_reference(self) -> None:
        end = self.position + 1
        while self.source[end : end + 1] in tuple("0123456789"):
            end += 1
        number = int(self.source[self.position + 1 : end][:_MOST_DIGITS])
        self.position = end
        self._reference(BackReference(number))

    def _named_reference(self) -> None:
        match = _NAME.match(self.source, self.position + 2)
        if match is None:
            raise self.error(r"\k without the name of a group")
        self.position = match.end()
        self._reference(BackReference(0, match[1]))

    def _reference(self, reference: BackReference) -> None:
        self.references.append(reference)
        self._atom(reference)

    def _atom(self, atom: Node) -> None:
        """Add what may be repeated, with the quantifier that follows it."""
        match = _QUANTIFIER.match(self.source, self.position)
        if match is None:
            self.stack[-1].terms.append(atom)
            return
        minimum, maximum = self._bounds(match)
        self.position = match.end()
        lazy = self.source.startswith("?", self.position)
        self.position += lazy
        if _QUANTIFIER.match(self.source, self.position):
            raise self.error("a quantifier after a quantifier")
        self.stack[-1].terms.append(Repeat(atom, minimum, maximum, lazy))

    def _bounds(self, match: re.Match[str]) -> tuple[int, int | None]:
        if match[1] is None:
            return _BOUNDS[match[0]]
        low = match[1].lstrip("0")
        high = low if match[2] is None else match[3].lstrip("0")
        if match[3] == "":
            return _capped(low), None
        if (len(high), high) < (len(low), low):
            raise self.error(f"the numbers of {match[0][:40]} are out of order")
        return _capped(low), _capped(high)


def _capped(digits: str) -> int:
    return int(digits or "0") if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def parse(source: str) -> Pattern:
    """The tree of a pattern.

    Raises:
        UnsupportedPatternError: the pattern is malformed; the reason says how.
    """
    return _Parser(source).parse()


def is_pattern(source: str) -> bool:
    """The verdict of `format: regex`."""
    try:
        parse(source)
    except UnsupportedPatternError:
        return False
    return True
