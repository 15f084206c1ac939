"""Classes of sub-schemas that accept the same values: equal keywords, and children of equal classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from iot_common.compatibility.budget import Budget, BudgetExceededError
from iot_common.compatibility.exact import identity

if TYPE_CHECKING:
    from iot_common.compatibility.graph import Node

_MOST_ROUNDS: Final = 300


class Partition:
    """Classes from the leaves upwards where nothing is recursive; by refinement where something is."""

    def __init__(self, nodes: list[Node], budget: Budget) -> None:
        self._nodes = nodes
        self._budget = budget
        self._ids: dict[Any, int] = {}
        self._own = [_own_signature(node) for node in nodes]
        self._children = [tuple(_children(node)) for node in nodes]

    def classes(self) -> list[int]:
        """The class of each node, by its number."""
        final: list[int | None] = [None] * len(self._nodes)
        self._settle_acyclic(final)
        recursive = [node.number for node in self._nodes if final[node.number] is None]
        if recursive:
            self._refine(recursive, final)
        return [number for number in final if number is not None]

    def _id(self, signature: Any) -> int:
        return self._ids.setdefault(signature, len(self._ids))

    def _settle_acyclic(self, final: list[int | None]) -> None:
        parents: list[list[int]] = [[] for _ in self._nodes]
        open_children = [len(set(children)) for children in self._children]
        for number, children in enumerate(self._children):
            for each in set(children):
                parents[each].append(number)
        ready = [number for number, count in enumerate(open_children) if not count]
        while ready:
            number = ready.pop()
            self._budget.spend()
            final[number] = self._id(("tree", self._signature(number, final)))
            for parent in parents[number]:
                open_children[parent] -= 1
                if not open_children[parent]:
                    ready.append(parent)

    def _refine(self, recursive: list[int], final: list[int | None]) -> None:
        current = dict.fromkeys(recursive, -1)
        count = 0
        for _ in range(_MOST_ROUNDS):
            self._budget.spend(len(recursive))
            known = [current.get(number, -1) if each is None else each for number, each in enumerate(final)]
            found: dict[Any, int] = {}
            after = {
                number: -2 - found.setdefault((self._signature(number, known)), len(found))
                for number in recursive
            }
            current = after
            if len(found) == count:
                for number, each in after.items():
                    final[number] = self._id(("loop", each))
                return
            count = len(found)
        raise BudgetExceededError

    def _signature(self, number: int, classes: list[int | None] | list[int]) -> Any:
        return (self._own[number], tuple(classes[each] for each in self._children[number]))


def _own_signature(node: Node) -> Any:
    """All but the children, which follow in the order of `_children`."""
    if node.is_opaque:
        return ("opaque", node.number)
    parts: list[Any] = [node.never]
    for keyword in sorted(node.keywords):
        parts.append((keyword, _shape(keyword, node.keywords[keyword])))
    return tuple(parts)


def _shape(keyword: str, argument: Any) -> Any:
    if keyword in ("enum", "const"):
        return frozenset(identity(value) for value in argument)
    if keyword in ("allOf", "anyOf", "oneOf"):
        return len(argument)
    if keyword == "items":
        return len(argument.prefix)
    if keyword == "members":
        return (tuple(sorted(argument.named)), tuple(sorted(argument.patterns)))
    if keyword == "dependencies":
        return tuple(
            (name, argument[name] if isinstance(argument[name], frozenset) else None)
            for name in sorted(argument)
        )
    if keyword in ("not", "contains", "propertyNames", "if"):
        return None
    return argument


def _children(node: Node) -> Iterable[int]:
    for keyword in sorted(node.keywords):
        argument = node.keywords[keyword]
        if keyword in ("allOf", "anyOf", "oneOf", "if"):
            yield from argument
        elif keyword in ("not", "contains", "propertyNames"):
            yield argument
        elif keyword == "items":
            yield from (*argument.prefix, argument.rest)
        elif keyword == "members":
            yield from (argument.named[name] for name in sorted(argument.named))
            yield from (argument.patterns[name] for name in sorted(argument.patterns))
            yield argument.rest
        elif keyword == "dependencies":
            yield from (argument[name] for name in sorted(argument) if isinstance(argument[name], int))
