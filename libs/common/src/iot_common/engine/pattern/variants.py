"""A pattern with choices as the few patterns without, that a backtracking matcher tries one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Final

from iot_common.engine.pattern.syntax import Choice, Group, Node, Sequence

_MOST_VARIANTS: Final = 8
"""Ways through the choices of one pattern, each of which is searched for on its own."""


def variants(root: Node) -> list[Node]:
    """`^(?:dev|device)_[0-9]+$` as `^dev_[0-9]+$` and `^device_[0-9]+$`; choices within loops stay, and so do many."""
    return list(_expanded(root)) if _variant_count(root) <= _MOST_VARIANTS else [root]


def _variant_count(node: Node) -> int:
    match node:
        case Group(body):
            return _variant_count(body)
        case Choice(branches):
            return sum(map(_variant_count, branches))
        case Sequence(parts):
            return prod(map(_variant_count, parts))
    return 1


def _expanded(node: Node) -> Iterator[Node]:
    match node:
        case Group(body):
            yield from _expanded(body)
        case Choice(branches):
            for branch in branches:
                yield from _expanded(branch)
        case Sequence(parts):
            yield from map(Sequence, product(*map(_expanded, parts)))
        case _:
            yield node
