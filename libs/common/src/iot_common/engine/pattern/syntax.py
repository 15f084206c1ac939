"""The parts of a parsed pattern. Captures and laziness are kept only as far as a yes-or-no search needs them."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from iot_common.engine.pattern.code_points import Ranges, complement, union


class Property(NamedTuple):
    r"""`\p{name}` or `\p{name=value}`, looked up only when a matcher is built."""

    name: str
    value: str
    negated: bool


class Chars(NamedTuple):
    """One character out of a set."""

    ranges: Ranges
    properties: tuple[Property, ...] = ()
    negated: bool = False


class Sequence(NamedTuple):
    """One part after the other; none at all is the empty pattern."""

    parts: tuple[Node, ...]


class Choice(NamedTuple):
    """The first branch that leads to a match."""

    branches: tuple[Node, ...]


class Repeat(NamedTuple):
    """`body` from `minimum` to `maximum` times; None is without end."""

    body: Node
    minimum: int
    maximum: int | None
    lazy: bool = False


class Group(NamedTuple):
    """A capturing group."""

    body: Node
    number: int


class Assertion(NamedTuple):
    """`^` and `$` (the ends of the whole text), `b` and `B` (word boundary and its opposite)."""

    kind: Literal["^", "$", "b", "B"]


class Look(NamedTuple):
    """A look-around."""

    body: Node
    behind: bool
    negative: bool


class BackReference(NamedTuple):
    r"""The text a group captured. `name` is set instead of `number` for `\k<name>`."""

    number: int
    name: str = ""


Node = Chars | Sequence | Choice | Repeat | Group | Assertion | Look | BackReference


class Pattern(NamedTuple):
    """A whole pattern.

    Attributes:
        depth: how deep groups nest; the passes over the tree recurse that far.
        has_look, has_back_reference: what takes a pattern out of the regular languages of RE2.
    """

    source: str
    root: Node
    group_count: int
    names: dict[str, int]
    depth: int
    has_look: bool
    has_back_reference: bool


@lru_cache(maxsize=4096)
def members(chars: Chars) -> Ranges:
    """The set of a `Chars`, with its Unicode properties looked up.

    Raises:
        LookupError: a property whose members are not known here.
    """
    ranges = chars.ranges
    if chars.properties:
        from iot_common.engine.pattern.unicode_properties import property_ranges

        found = [property_ranges(item) for item in chars.properties]
        ranges = union((*ranges, *(pair for ranges_of_one in found for pair in ranges_of_one)))
    return complement(ranges) if chars.negated else ranges
