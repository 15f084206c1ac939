r"""The proof that Python's backtracking `re` searches a pattern in linear time.

A pattern is *strongly deterministic* when at each character at most one place of the pattern can take it, and there
is one way only to get to that place (Sperberg-McQueen 2004; Koch and Scherzinger 2007). A backtracking matcher then
has one road through a text, and each side road ends at its first character. Started at one place only (`^`), or
with matches of bounded length, the whole search is linear. The proof is one-sided: what it cannot show goes to
another engine, harmless or not.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from iot_common.engine.pattern.code_points import Ranges, overlap
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
from iot_common.engine.pattern.variants import variants

_MOST_PLACES: Final = 200
_LONGEST_UNANCHORED: Final = 64
"""Characters of a match that may start anywhere: a search costs at most the text's length times this."""

_MOST_LOOKS: Final = 8
"""Short look-aheads that may be asked at every character; none within another, as their costs multiply."""


class _AmbiguousError(Exception):
    """Two ways were found, or the pattern is too large to look for them."""


class _Shape(NamedTuple):
    """What a part of a pattern can begin and end with; numbers are places (occurrences of a `Chars`)."""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


_EMPTY: Final = _Shape(True, (), ())


def is_linear_for_backtracking(root: Node) -> bool:
    """True when `re` is proven to search this pattern in time linear in the text."""
    leading = _leading_looks(root)
    if not all(map(_is_linear_once, leading)):
        return False
    if not (starts_at_text_start(root) or _is_short(root)):
        return False
    return _is_deterministic(root, leading) or all(
        _is_deterministic(variant, leading) for variant in variants(root)
    )


def starts_at_text_start(node: Node) -> bool:
    """True when every match begins with `^`."""
    match node:
        case Assertion(kind):
            return kind == "^"
        case Group(body):
            return starts_at_text_start(body)
        case Choice(branches):
            return all(map(starts_at_text_start, branches))
        case Sequence(parts):
            leading = next(
                (part for part in parts if not isinstance(part, Assertion) or part.kind == "^"), None
            )
            return leading is not None and starts_at_text_start(leading)
    return False


def _longest(node: Node) -> int | None:
    """The most characters a match can have; None without end."""
    match node:
        case Chars():
            return 1
        case Assertion() | Look():
            return 0
        case Group(body):
            return _longest(body)
        case Sequence(parts):
            lengths = [_longest(part) for part in parts]
            return None if None in lengths else sum(length or 0 for length in lengths)
        case Choice(branches):
            lengths = [_longest(branch) for branch in branches]
            return None if None in lengths else max(length or 0 for length in lengths)
        case Repeat(body, _, maximum):
            length = _longest(body)
            return 0 if length == 0 else None if length is None or maximum is None else length * maximum
    return None


def _leading_looks(root: Node) -> tuple[Look, ...]:
    """The look-aheads right behind a leading `^`: they are asked once in a search, so they may read the whole text."""
    if not (isinstance(root, Sequence) and root.parts and root.parts[0] == Assertion("^")):
        return ()
    looks: list[Look] = []
    for part in root.parts[1:]:
        if not isinstance(part, Look) or part.behind:
            break
        looks.append(part)
    return tuple(looks)


def _is_linear_once(look: Look) -> bool:
    """True when the look-ahead, tried at one place, is linear: as a whole, or as `.*` and a short rest behind it."""
    body = look.body
    if isinstance(body, Sequence) and body.parts:
        first = body.parts[0]
        if isinstance(first, Repeat) and isinstance(first.body, Chars) and first.maximum is None:
            rest = Sequence(body.parts[1:])
            return _is_short(rest) and _is_deterministic(rest, looks=0)
    return _is_deterministic(body, looks=0)


def _is_short(node: Node) -> bool:
    longest = _longest(node)
    return longest is not None and longest <= _LONGEST_UNANCHORED


def _is_deterministic(node: Node, leading: tuple[Look, ...] = (), looks: int = _MOST_LOOKS) -> bool:
    proof = _Proof(leading, looks)
    try:
        proof.follow_start(proof.shape(node).first)
    except _AmbiguousError:
        return False
    return True


class _Proof:
    """Glushkov's construction, which stops at the first place that has two ways onward for a character."""

    def __init__(self, leading: tuple[Look, ...], looks: int) -> None:
        self.leading = leading
        self.looks_left = looks
        self.sets: list[Ranges] = []
        self.following: list[list[int]] = []

    def follow_start(self, first: tuple[int, ...]) -> None:
        self._add([], first)

    def shape(self, node: Node) -> _Shape:
        match node:
            case Chars():
                if len(self.sets) == _MOST_PLACES:
                    raise _AmbiguousError
                self.sets.append(members(node))
                self.following.append([])
                place = (len(self.sets) - 1,)
                return _Shape(False, place, place)
            case Assertion():
                return _EMPTY
            case Look(body, behind):
                # By identity: an equal look-ahead elsewhere is asked more than once.
                if any(node is look for look in self.leading):
                    return _EMPTY
                self.looks_left -= 1
                if (
                    self.looks_left >= 0
                    and not behind
                    and _is_short(body)
                    and _is_deterministic(body, looks=0)
                ):
                    return _EMPTY
            case Group(body):
                return self.shape(body)
            case Sequence(parts):
                return self._sequence([self.shape(part) for part in parts])
            case Choice(branches):
                return self._choice([self.shape(branch) for branch in branches])
            case Repeat(body, minimum, maximum):
                return self._repeat(self.shape(body), minimum, maximum)
        raise _AmbiguousError

    def _sequence(self, shapes: list[_Shape]) -> _Shape:
        total = _EMPTY
        for shape in shapes:
            for place in total.last:
                self._add(self.following[place], shape.first)
            total = _Shape(
                total.nullable and shape.nullable,
                total.first + shape.first if total.nullable else total.first,
                total.last + shape.last if shape.nullable else shape.last,
            )
        return total

    def _choice(self, shapes: list[_Shape]) -> _Shape:
        if sum(shape.nullable for shape in shapes) > 1:
            raise _AmbiguousError
        return _Shape(
            any(shape.nullable for shape in shapes),
            tuple(place for shape in shapes for place in shape.first),
            tuple(place for shape in shapes for place in shape.last),
        )

    def _repeat(self, shape: _Shape, minimum: int, maximum: int | None) -> _Shape:
        if maximum == 0:
            return _EMPTY
        if shape.nullable and (minimum, maximum) != (1, 1):
            raise _AmbiguousError
        if maximum != 1:
            for place in shape.last:
                self._add(self.following[place], shape.first)
        return _Shape(minimum == 0 or shape.nullable, shape.first, shape.last)

    def _add(self, following: list[int], places: tuple[int, ...]) -> None:
        for place in places:
            if any(overlap(self.sets[place], self.sets[other]) for other in following):
                raise _AmbiguousError
            following.append(place)
