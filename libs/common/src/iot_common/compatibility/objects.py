"""Is there an object that meets all of some constraints?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final

from iot_common.compatibility.exact import identity
from iot_common.compatibility.goals import Atom, Literal
from iot_common.compatibility.graph import Members
from iot_common.compatibility.outcome import EMPTY, UNKNOWN, Outcome, State, inhabited
from iot_common.compatibility.sizes import size_range
from iot_common.engine.ecma_pattern import compile_pattern

if TYPE_CHECKING:
    from iot_common.compatibility.solver import Solver

_MOST_PATTERNS: Final = 5
"""All combinations of so many patterns are looked at: 32 kinds of names."""
_LARGEST_BUILT: Final = 5_000
_ATTEMPTS: Final = 60
_NAMES_COUNTED: Final = 30
"""Names are counted one by one up to here, to see whether there are enough for `minProperties`."""

Option = tuple[str, Literal | None]
"""A name that must be there, and what its value must meet beside its own schemas."""


@dataclass
class ObjectGoal:
    """`demands` each ask for some member: one whose value breaks a schema, or whose name does."""

    solver: Solver
    members: list[Members] = field(default_factory=list)
    names: list[Literal] = field(default_factory=list)
    demands: list[Members | Literal] = field(default_factory=list)
    required: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    least: int = 0
    most: int | None = None

    def add(self, atom: Atom) -> None:
        """Takes one constraint in."""
        keyword, argument, holds = atom
        if keyword == "members":
            (self.members if holds else self.demands).append(argument)
        elif keyword == "required":
            (self.required if holds else self.absent).update(argument)
        elif keyword == "propertyNames":
            literal = self.solver.literal(argument, wanted=holds)
            (self.names if holds else self.demands).append(literal)
        elif keyword in ("minProperties", "maxProperties"):
            least, most = size_range(keyword, argument, holds)
            self.least = max(self.least, least)
            if most is not None:
                self.most = most if self.most is None else min(self.most, most)

    def known_names(self) -> list[str]:
        """Every name that some schema spells, in a stable order."""
        groups = [each for each in (*self.members, *self.demands) if isinstance(each, Members)]
        spelled = dict.fromkeys(name for group in groups for name in group.named)
        return list(spelled | dict.fromkeys(sorted(self.required)))

    def patterns(self) -> list[str]:
        """Every pattern of names."""
        groups = [each for each in (*self.members, *self.demands) if isinstance(each, Members)]
        return list(dict.fromkeys(pattern for group in groups for pattern in group.patterns))

    def value_of(self, name: str) -> list[Literal]:
        """What the value of a name must meet."""
        applying = (number for group in self.members for number in schemas_for(group, name))
        return [self.solver.literal(number, wanted=True) for number in applying]

    def may_be_named(self, name: str) -> bool:
        """True if `propertyNames` and the absences allow the name."""
        return name not in self.absent and all(self.solver.holds(each, name) for each in self.names)

    def can_hold(self, name: str, extra: Literal | None = None) -> bool:
        """False only where it is proven that no value fits under the name."""
        if not self.may_be_named(name):
            return False
        literals = self.value_of(name) + ([extra] if extra is not None else [])
        return self.solver.solve(literals).state is not State.EMPTY


def schemas_for(members: Members, name: str) -> list[int]:
    """The schemas that apply to a name (draft-07, 6.5.4 to 6.5.6)."""
    found = [members.named[name]] if name in members.named else []
    found += [
        number for pattern, number in members.patterns.items() if compile_pattern(pattern)(name) is not None
    ]
    return found or [members.rest]


def solve_object(solver: Solver, atoms: Sequence[Atom], refused: Sequence[Any]) -> Outcome:
    """EMPTY where a required member, the count or one demand leaves nothing."""
    goal = ObjectGoal(solver)
    for atom in atoms:
        goal.add(atom)
    count = len(goal.required)
    if goal.required & goal.absent or (goal.most is not None and max(count, goal.least) > goal.most):
        return EMPTY
    if not all(goal.can_hold(name) for name in sorted(goal.required)):
        return EMPTY
    return _Construction(goal, {identity(value) for value in refused}).outcome()


class _Construction:
    def __init__(self, goal: ObjectGoal, refused: set[Any]) -> None:
        self._goal = goal
        self._refused = refused
        self._known = goal.known_names()
        self._fresh: dict[tuple[Literal | None, tuple[str, ...]], tuple[list[str], bool]] = {}

    def outcome(self) -> Outcome:
        goal, options = self._goal, []
        for demand in goal.demands:
            fitting, is_complete = self._options(demand)
            if not fitting:
                return EMPTY if is_complete else UNKNOWN
            options.append(fitting)
        if not self._can_fill():
            return EMPTY
        for chosen in islice(product(*options), _ATTEMPTS):
            for more in (0, 1):
                built = self._build(chosen, more)
                if built is not None and identity(built) not in self._refused:
                    return inhabited(built)
                if not self._refused:
                    break
        return UNKNOWN

    def _options(self, demand: Members | Literal) -> tuple[list[Option], bool]:
        """Names under which a demand can be met, and whether those are all there are."""
        found: list[Option] = []
        name_literal = demand if isinstance(demand, Literal) else None
        fresh, is_complete = self._fresh_names(name_literal, ())
        for name in (*self._known, *fresh):
            if not self._fits_count(name):
                continue
            if name_literal is not None:
                if self._goal.solver.holds(name_literal, name) and self._goal.can_hold(name):
                    found.append((name, None))
                continue
            assert isinstance(demand, Members)
            for number in schemas_for(demand, name):
                broken = self._goal.solver.literal(number, wanted=False)
                if self._goal.can_hold(name, broken):
                    found.append((name, broken))
        return found, is_complete

    def _fits_count(self, name: str) -> bool:
        most = self._goal.most
        return most is None or len(self._goal.required | {name}) <= most

    def _fresh_names(self, demand: Literal | None, taken: tuple[str, ...]) -> tuple[list[str], bool]:
        """A name of each kind that no schema spells; kinds differ in the patterns that match them."""
        known = self._fresh.get((demand, taken))
        if known is not None:
            return known
        goal = self._goal
        literals = goal.solver.goal([*goal.names, *([demand] if demand else [])])
        if literals is None:
            return [], True
        excluded = Atom("const", (*self._known, *sorted(goal.absent), *taken), False)
        names, is_complete = [], True
        for signs in self._kinds():
            extra = [excluded, *(Atom("pattern", pattern, sign) for pattern, sign in signs)]
            outcome, _ = goal.solver.solve_typed(literals, "string", extra, exact=True)
            if outcome.state is State.INHABITED:
                names.append(outcome.witness)
            is_complete &= outcome.state is not State.UNKNOWN
        is_complete &= len(goal.patterns()) <= _MOST_PATTERNS
        self._fresh[demand, taken] = names, is_complete
        return names, is_complete

    def _kinds(self) -> Iterator[list[tuple[str, bool]]]:
        patterns = self._goal.patterns()
        if len(patterns) <= _MOST_PATTERNS:
            for signs in product((False, True), repeat=len(patterns)):
                yield list(zip(patterns, signs, strict=True))
            return
        yield [(pattern, False) for pattern in patterns]
        yield from ([(pattern, True)] for pattern in patterns)

    def _can_fill(self) -> bool:
        """False only where it is proven that there are fewer names than `minProperties`."""
        goal = self._goal
        if goal.least <= len(goal.required):
            return True
        count, taken = sum(goal.can_hold(name) for name in self._known), tuple[str, ...]()
        while count < goal.least and len(taken) < _NAMES_COUNTED:
            fresh, is_complete = self._fresh_names(None, taken)
            usable = tuple(name for name in fresh if goal.can_hold(name))
            if not is_complete:
                return True
            if not usable:
                return False
            count, taken = count + len(usable), taken + usable
        return True

    def _build(self, chosen: Sequence[Option], more: int) -> dict[str, Any] | None:
        goal = self._goal
        extras: dict[str, list[Literal]] = {name: [] for name in sorted(goal.required)}
        for name, extra in chosen:
            extras.setdefault(name, []).extend([extra] if extra is not None else [])
        if not self._fill(extras, max(goal.least, len(extras) + more)):
            return None
        if goal.most is not None and len(extras) > goal.most:
            return None
        built: dict[str, Any] = {}
        for name, literals in extras.items():
            outcome = goal.solver.solve([*goal.value_of(name), *literals])
            if outcome.state is not State.INHABITED:
                return None
            built[name] = outcome.witness
        return built

    def _fill(self, extras: dict[str, list[Literal]], count: int) -> bool:
        """Adds names until there are enough."""
        if count > _LARGEST_BUILT:
            return False
        for name in self._known:
            if len(extras) >= count:
                return True
            if name not in extras and self._is_inhabited(name):
                extras[name] = []
        while len(extras) < count:
            fresh, _ = self._fresh_names(None, tuple(sorted(set(extras) - set(self._known))))
            usable = [name for name in fresh if self._is_inhabited(name)]
            if not usable:
                return False
            extras.update({name: [] for name in usable[: count - len(extras)]})
        return True

    def _is_inhabited(self, name: str) -> bool:
        goal = self._goal
        return goal.may_be_named(name) and goal.solver.solve(goal.value_of(name)).state is State.INHABITED
