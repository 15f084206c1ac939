"""What a yes-or-no search need not look at: the optional turns at either end of a pattern."""

from __future__ import annotations

from iot_common.engine.pattern.syntax import Choice, Group, Node, Repeat, Sequence

_NOTHING = Sequence(())


def trim(root: Node) -> Node:
    """A pattern without back-references that matches somewhere in the same texts: `.*foo+` as `foo`.

    An unanchored match may begin as late and end as early as it can, so a loop at an end turns only as often as
    it must.
    """
    return _trim(root, start=True, end=True)


def _trim(node: Node, *, start: bool, end: bool) -> Node:
    match node:
        case Group(body):
            return _trim(body, start=start, end=end)
        case Choice(branches):
            return Choice(tuple(_trim(branch, start=start, end=end) for branch in branches))
        case Repeat(body, minimum):
            if minimum == 0:
                return _NOTHING
            return _trim(body, start=start, end=end) if minimum == 1 else Repeat(body, minimum, minimum)
        case Sequence(parts):
            return Sequence(_trim_ends(parts, start=start, end=end))
    return node


def _trim_ends(parts: tuple[Node, ...], *, start: bool, end: bool) -> tuple[Node, ...]:
    first, stop = 0, len(parts)
    while start and first < stop and _trim(parts[first], start=True, end=False) == _NOTHING:
        first += 1
    while end and first < stop and _trim(parts[stop - 1], start=False, end=True) == _NOTHING:
        stop -= 1
    left = list(parts[first:stop])
    if start and left:
        left[0] = _trim(left[0], start=True, end=end and len(left) == 1)
    if end and len(left) > 1:
        left[-1] = _trim(left[-1], start=False, end=True)
    return tuple(left)


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
