"""What a yes-or-no search need not look at: the optional turns at either end of a pattern."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

from iot_common.engine.pattern.syntax import Choice, Group, Node, Repeat, Sequence

_NOTHING: Final = Sequence(())


def trim(root: Node) -> Node:
    """A pattern without back-references that matches somewhere in the same texts: `.*foo+` as `foo`.

    An unanchored match may begin as late and end as early as it can, so a loop at an end turns only as often as
    it must.
    """
    return _trim(_trim(root, -1), 0)


def _trim(node: Node, end: Literal[0, -1]) -> Node:
    """Trim the start (0) or the end (-1) of a pattern, by its position in a sequence."""
    match node:
        case Group(body):
            return _trim(body, end)
        case Choice(branches):
            return Choice(tuple(_trim(branch, end) for branch in branches))
        case Repeat(body, minimum):
            if minimum == 0:
                return _NOTHING
            return _trim(body, end) if minimum == 1 else Repeat(body, minimum, minimum)
        case Sequence(parts):
            left = deque(parts)
            while left:
                trimmed = _trim(left[end], end)
                if trimmed != _NOTHING:
                    left[end] = trimmed
                    break
                (left.popleft if end == 0 else left.pop)()
            return Sequence(tuple(left))
    return node


def expanded_size(node: Node) -> int:
    """Parts of a pattern once each counted repetition is written out: what an automaton of it has states for."""
    match node:
        case Sequence(parts) | Choice(parts):
            return 1 + sum(map(expanded_size, parts))
        case Group(body):
            return expanded_size(body)
        case Repeat(body, minimum, maximum):
            return 1 + expanded_size(body) * max(minimum, maximum or 0, 1)
    return 1
