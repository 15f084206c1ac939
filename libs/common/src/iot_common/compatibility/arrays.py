"""Is there an array that meets all of some constraints?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final

from iot_common.compatibility.exact import identity
from iot_common.compatibility.goals import Atom, Literal
from iot_common.compatibility.graph import Items
from iot_common.compatibility.outcome import EMPTY, UNKNOWN, Outcome, State, inhabited
from iot_common.compatibility.sizes import size_range

if TYPE_CHECKING:
    from iot_common.compatibility.solver import Solver

_LONGEST_BUILT: Final = 2_000
_ATTEMPTS: Final = 40


@dataclass
class _ArrayGoal:
    """`demands` each ask that some item meets more: alternatives of what it must meet, by position."""

    solver: Solver
    items: list[Items] = field(default_factory=list)
    everywhere: list[Literal] = field(default_factory=list)
    demands: list[Items | Literal] = field(default_factory=list)
    least: int = 0
    most: int | None = None
    is_unique: bool = False
    has_equal_pair: bool = False

    def add(self, atom: Atom) -> None:
        keyword, argument, holds = atom
        if keyword == "items":
            (self.items if holds else self.demands).append(argument)
        elif keyword == "contains":
            literal = self.solver.literal(argument, wanted=holds)
            (self.demands if holds else self.everywhere).append(literal)
        elif keyword in ("minItems", "maxItems"):
            least, most = size_range(keyword, argument, holds)
            self.least = max(self.least, least)
            self.limit(most)
        elif keyword == "uniqueItems":
            self.is_unique |= holds
            self.has_equal_pair |= not holds

    def limit(self, most: int | None) -> None:
        if most is not None:
            self.most = most if self.most is None else min(self.most, most)

    @property
    def tail(self) -> int:
        """The first position from which on all are alike."""
        tuples = [each for each in (*self.items, *self.demands) if isinstance(each, Items)]
        return max((len(each.prefix) for each in tuples), default=0)

    def at(self, position: int) -> list[Literal]:
        """What the item at a position must meet."""
        own = [self.solver.literal(_at(each, position), wanted=True) for each in self.items]
        return [*own, *self.everywhere]

    def demanded(self, demand: Items | Literal, position: int) -> Literal:
        if isinstance(demand, Items):
            return self.solver.literal(_at(demand, position), wanted=False)
        return demand


def _at(items: Items, position: int) -> int:
    return items.prefix[position] if position < len(items.prefix) else items.rest


def solve_array(solver: Solver, atoms: Sequence[Atom], refused: Sequence[Any]) -> Outcome:
    """EMPTY where the length, one position or one demand leaves nothing."""
    goal = _ArrayGoal(solver)
    for atom in atoms:
        goal.add(atom)
    if goal.is_unique and goal.has_equal_pair:
        return EMPTY
    if goal.has_equal_pair:
        goal.least = max(goal.least, 2)
    for position in range(goal.tail + 1):
        if goal.most is not None and position >= goal.most:
            break
        if solver.solve(goal.at(position)).state is State.EMPTY:
            goal.limit(position)
    if goal.is_unique and _is_pigeonholed(goal):
        return EMPTY
    if goal.most is not None and goal.least > goal.most:
        return EMPTY
    if goal.least > _LONGEST_BUILT:
        return UNKNOWN
    return _build_any(goal, {identity(value) for value in refused})


def _is_pigeonholed(goal: _ArrayGoal) -> bool:
    """True where items must differ, and fewer values exist than the array has items."""
    if goal.tail or goal.least > 20:
        return False
    found: list[Any] = []
    while len(found) < goal.least:
        outcome = goal.solver.solve(goal.at(0), found)
        if outcome.state is not State.INHABITED:
            return outcome.state is State.EMPTY
        found.append(outcome.witness)
    return False


def _build_any(goal: _ArrayGoal, refused: set[Any]) -> Outcome:
    options: list[list[tuple[int, Literal]]] = []
    for demand in goal.demands:
        places = [p for p in range(goal.tail + 1) if goal.most is None or p < goal.most]
        fitting = [(p, goal.demanded(demand, p)) for p in places]
        fitting = [
            (p, extra)
            for p, extra in fitting
            if goal.solver.solve([*goal.at(p), extra]).state is not State.EMPTY
        ]
        if not fitting:
            return EMPTY
        options.append(fitting)
    if goal.has_equal_pair and not _equal_pairs(goal):
        return EMPTY
    for placement in islice(_placements(goal, options), _ATTEMPTS):
        built = _build(goal, placement)
        if built is not None and identity(built) not in refused:
            return inhabited(built)
    return UNKNOWN


def _equal_pairs(goal: _ArrayGoal) -> list[tuple[int, int]]:
    """Pairs of positions that one value may fill."""
    ends = [p for p in range(goal.tail + 2) if goal.most is None or p < goal.most]
    return [
        (first, second)
        for second in ends
        for first in range(min(second, goal.tail + 1))
        if goal.solver.solve([*goal.at(first), *goal.at(second)]).state is not State.EMPTY
    ]


def _placements(
    goal: _ArrayGoal, options: Sequence[Sequence[tuple[int, Literal]]]
) -> Iterator[dict[int, list[Literal]]]:
    """Ways to give each demand a position: first each its own, then all at one."""
    for longer in (0, 1):
        for chosen in product(*options):
            for shared in (False, True):
                placement: dict[int, list[Literal]] = {}
                next_free = goal.tail
                for position, extra in chosen:
                    if position == goal.tail and not shared:
                        position, next_free = next_free, next_free + 1
                    placement.setdefault(position, []).append(extra)
                for position in range(
                    max(goal.least + longer, *placement, 0) if placement else goal.least + longer
                ):
                    placement.setdefault(position, [])
                yield placement
                if len(options) < 2:
                    break


def _build(goal: _ArrayGoal, placement: dict[int, list[Literal]]) -> list[Any] | None:
    length = max(placement, default=-1) + 1
    if (goal.most is not None and length > goal.most) or length > _LONGEST_BUILT or length < goal.least:
        return None
    built: list[Any] = []
    for position in range(length):
        literals = [*goal.at(position), *placement.get(position, [])]
        outcome = goal.solver.solve(literals)
        if goal.is_unique and identity(outcome.witness) in {identity(each) for each in built}:
            outcome = goal.solver.solve(literals, built)
        if outcome.state is not State.INHABITED:
            return None
        built.append(outcome.witness)
    return _with_equal_pair(goal, built) if goal.has_equal_pair else built


def _with_equal_pair(goal: _ArrayGoal, built: list[Any]) -> list[Any] | None:
    if len({identity(each) for each in built}) < len(built):
        return built
    for first, second in _equal_pairs(goal):
        outcome = goal.solver.solve([*goal.at(first), *goal.at(second)])
        if second < len(built) and outcome.state is State.INHABITED:
            built[first] = built[second] = outcome.witness
            return built
    return None
