"""Decides whether any JSON value meets a goal, and builds one: the witness of an incompatibility, or the proof of none.

A goal is a set of sub-schemas that must or must not accept the value. "OLD accepts and NEW refuses" is such a goal; if
it is empty, every record of OLD is one of NEW. The method is a tableau: `branch` takes a goal apart, the modules named
for types decide what is left, and goals of members and items are decided in the same way one level down. A goal that
comes up again below itself counts as empty there: a smallest value that meets it contains no smaller one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final

from iot_common.compatibility.arrays import solve_array
from iot_common.compatibility.branch import Expansion
from iot_common.compatibility.budget import Budget
from iot_common.compatibility.exact import (
    NumberTooLargeError,
    fraction_of,
    identity,
    is_decisive,
    is_number,
    type_of,
)
from iot_common.compatibility.format_samples import OUTLINES
from iot_common.compatibility.goals import JSON_TYPES, Atom, Branch, Goal, Literal
from iot_common.compatibility.graph import Graph
from iot_common.compatibility.numbers import NumberGoal, solve_number
from iot_common.compatibility.objects import solve_object
from iot_common.compatibility.outcome import EMPTY, UNKNOWN, Outcome, State, inhabited
from iot_common.compatibility.sizes import size_range
from iot_common.compatibility.strings import StringGoal, solve_string
from iot_common.engine.ecma_pattern import compile_pattern

_DEEPEST: Final = 60
_NO_HYPOTHESIS: Final = 1_000_000


class Solver:
    """Answers questions about the classes of one graph; answers are remembered.

    `conforms_to(format, text)` is the validator's word on a format.
    """

    def __init__(self, graph: Graph, budget: Budget, *, conforms_to: Callable[[str, str], bool]) -> None:
        self.graph = graph
        self._conforms_to = conforms_to
        self.budget = budget
        self._exclusive: set[tuple[Goal, str]] = set()
        self._lists: dict[int, frozenset[Any] | None] = {}
        self._answers: dict[Goal, Outcome] = {}
        self._stack: dict[Goal, int] = {}
        self._lowest_hypothesis = _NO_HYPOTHESIS

    def goal(self, literals: Sequence[Literal]) -> Goal | None:
        """The literals without those that say nothing; None where they contradict each other."""
        kept = set()
        for literal in literals:
            node = self.graph.member[literal.schema_class]
            says_nothing = not node.never and not node.keywords
            if (says_nothing and not literal.wanted) or (node.never and literal.wanted):
                return None
            if not says_nothing and not node.never:
                kept.add(literal)
        if any(Literal(each.schema_class, not each.wanted) in kept for each in kept):
            return None
        return frozenset(kept)

    def literal(self, number: int, *, wanted: bool) -> Literal:
        """The literal of a node of the graph."""
        return Literal(self.graph.class_of[number], wanted)

    def holds(self, literal: Literal, value: Any) -> bool:
        """The validator's own word on a value."""
        node = self.graph.member[literal.schema_class]
        if isinstance(node.schema, bool):
            return node.schema == literal.wanted
        return node.compiled.is_valid_at(node.schema, node.base, value) == literal.wanted

    def solve(self, literals: Sequence[Literal], avoid: Sequence[Any] = ()) -> Outcome:
        """A value that meets all literals and is none of `avoid`."""
        goal = self.goal(literals)
        if goal is None:
            return EMPTY
        if avoid:
            return self._guarded(goal, avoid)
        known = self._answers.get(goal)
        if known is not None:
            return known
        if goal in self._stack:
            self._lowest_hypothesis = min(self._lowest_hypothesis, self._stack[goal])
            return EMPTY
        return self._solve_remembered(goal)

    def _solve_remembered(self, goal: Goal) -> Outcome:
        depth = len(self._stack)
        outside, self._lowest_hypothesis = self._lowest_hypothesis, _NO_HYPOTHESIS
        self._stack[goal] = depth
        try:
            outcome = self._guarded(goal, ())
        finally:
            del self._stack[goal]
            inside = self._lowest_hypothesis
            self._lowest_hypothesis = min(outside, inside) if inside < depth else outside
        if outcome.state is not State.EMPTY or inside >= depth:
            self._answers[goal] = outcome
        return outcome

    def _guarded(self, goal: Goal, avoid: Sequence[Any]) -> Outcome:
        if len(self._stack) > _DEEPEST:
            return UNKNOWN
        try:
            return self._decide(goal, avoid)
        except NumberTooLargeError:
            return UNKNOWN

    def _decide(self, goal: Goal, avoid: Sequence[Any]) -> Outcome:
        listed = self._listed_values(goal)
        if listed is not None:
            return self._among(listed, goal, avoid)
        excluded = [Atom("const", tuple(avoid), False)] if avoid else []
        return self._over_types(goal, excluded)

    def _listed_values(self, goal: Goal) -> tuple[Any, ...] | None:
        found = [
            self.graph.member[each.schema_class].keywords[keyword]
            for each in goal
            for keyword in ("const", "enum")
            if each.wanted and keyword in self.graph.member[each.schema_class].keywords
        ]
        return min(found, key=len, default=None)

    def _among(self, values: Sequence[Any], goal: Goal, avoid: Sequence[Any]) -> Outcome:
        refused = {identity(each) for each in avoid}
        lists = [(self._listed_only(literal), literal) for literal in goal]
        asked = [literal for listed, literal in lists if listed is None]
        for value in values:
            key = identity(value)
            if not is_decisive(key):
                if all(self.holds(literal, value) for literal in goal) and key not in refused:
                    return inhabited(value)
                continue
            if key in refused or any(
                listed is not None and (key in listed) != each.wanted for listed, each in lists
            ):
                continue
            self.budget.spend()
            if all(self.holds(literal, value) for literal in asked):
                return inhabited(value)
        return EMPTY

    def _listed_only(self, literal: Literal) -> frozenset[Any] | None:
        """The identities of the values of a schema that does nothing but list them: no validator is as quick."""
        node = self.graph.member[literal.schema_class]
        if len(node.keywords) != 1 or not node.keywords.keys() & {"enum", "const"}:
            return None
        if literal.schema_class not in self._lists:
            known = frozenset(identity(value) for values in node.keywords.values() for value in values)
            self._lists[literal.schema_class] = known if all(map(is_decisive, known)) else None
        return self._lists[literal.schema_class]

    def _over_types(self, goal: Goal, extra: Sequence[Atom]) -> Outcome:
        is_open = False
        for json_type in JSON_TYPES:
            outcome, was_weakened = self.solve_typed(goal, json_type, extra, exact=False)
            if outcome.state is State.UNKNOWN and was_weakened:
                outcome, _ = self.solve_typed(goal, json_type, extra, exact=True)
            if outcome.state is State.INHABITED:
                return outcome
            is_open |= outcome.state is State.UNKNOWN
        return UNKNOWN if is_open else EMPTY

    def solve_typed(
        self, goal: Goal, json_type: str, extra: Sequence[Atom], *, exact: bool
    ) -> tuple[Outcome, bool]:
        """A value of one type that meets the goal and the extra atoms, and whether something was left out."""
        expansion = Expansion(self.graph, self.budget, _SolverLooks(self, goal, extra), exact=exact)
        is_open = False
        for branch in expansion.branches(goal, json_type):
            outcome = branch.witness or self.leaf(branch, goal, extra)
            if outcome.state is State.INHABITED:
                if not expansion.weakened or all(self.holds(each, outcome.witness) for each in goal):
                    return outcome, expansion.weakened
                is_open = True
            is_open |= outcome.state is State.UNKNOWN
        return (UNKNOWN if is_open else EMPTY), expansion.weakened

    def leaf(self, branch: Branch, goal: Goal, extra: Sequence[Atom]) -> Outcome:
        """A value of one branch, whatever choices it still has."""
        self.budget.spend()
        atoms = [*branch.atoms, *extra]
        refused = [
            v for atom in atoms if atom.keyword in ("enum", "const") and not atom.holds for v in atom.argument
        ]
        listed = [atom.argument for atom in atoms if atom.keyword in ("enum", "const") and atom.holds]
        if listed:
            of_type = [value for value in min(listed, key=len) if type_of(value) == branch.json_type]
            return self._among([each for each in of_type if _meets(extra, each)], goal, refused)
        if branch.json_type == "null":
            return self._among([None], goal, refused)
        if branch.json_type == "boolean":
            return self._among([False, True], goal, refused)
        if branch.json_type == "number":
            return solve_number(_number_goal(branch, atoms, refused))
        if branch.json_type == "string":
            if any(Atom(each.keyword, each.argument, False) in atoms for each in atoms if each.holds):
                return EMPTY
            return solve_string(self._string_goal(atoms, refused), self.budget)
        if branch.json_type == "array":
            return solve_array(self, atoms, refused)
        return solve_object(self, atoms, refused)

    def _string_goal(self, atoms: Sequence[Atom], refused: Sequence[Any]) -> StringGoal:
        goal = StringGoal(excluded={value for value in refused if isinstance(value, str)})
        for keyword, argument, holds in atoms:
            if keyword == "pattern":
                (goal.patterns if holds else goal.no_patterns).append(argument)
            elif keyword == "format":
                goal.tests.append(self._format_test(argument, wanted=holds))
                if holds and argument in OUTLINES:
                    goal.patterns.append(OUTLINES[argument])
            elif keyword in ("minLength", "maxLength"):
                least, most = size_range(keyword, argument, holds)
                goal.least = max(goal.least, least)
                goal.most = (
                    most if goal.most is None or (most is not None and most < goal.most) else goal.most
                )
        return goal

    def _format_test(self, name: str, *, wanted: bool) -> Callable[[str], bool]:
        return lambda text: self._conforms_to(name, text) == wanted

    def exclude_each_other(self, pair: tuple[Literal, Literal], json_type: str) -> bool:
        """True where it is proven that no value of the type meets both."""
        goal = self.goal(pair)
        if goal is None or (goal, json_type) in self._exclusive:
            return True
        outside, self._lowest_hypothesis = self._lowest_hypothesis, _NO_HYPOTHESIS
        outcome, _ = self.solve_typed(goal, json_type, (), exact=False)
        if outcome.state is State.EMPTY and self._lowest_hypothesis == _NO_HYPOTHESIS:
            self._exclusive.add((goal, json_type))
        self._lowest_hypothesis = min(outside, self._lowest_hypothesis)
        return outcome.state is State.EMPTY


class _SolverLooks:
    """The solver, seen from one expansion."""

    def __init__(self, solver: Solver, goal: Goal, extra: Sequence[Atom]) -> None:
        self._solver = solver
        self._goal = goal
        self._extra = extra

    def at(self, branch: Branch) -> Outcome:
        """The branch without its open choices."""
        return self._solver.leaf(branch, self._goal, self._extra)

    def is_witness(self, value: Any) -> bool:
        """The validator's word on the whole goal; what a search for names adds, the branch itself has met."""
        return all(self._solver.holds(literal, value) for literal in self._goal)

    def exclude_each_other(self, pair: tuple[Literal, Literal], json_type: str) -> bool:
        """See Solver."""
        return self._solver.exclude_each_other(pair, json_type)


def _meets(extra: Sequence[Atom], value: Any) -> bool:
    """Whether a listed value meets the atoms that a search for names adds: patterns and refused values."""
    for keyword, argument, holds in extra:
        if keyword == "pattern" and (compile_pattern(argument)(value) is not None) != holds:
            return False
        if keyword == "const" and (identity(value) in {identity(each) for each in argument}) != holds:
            return False
    return True


def _number_goal(branch: Branch, atoms: Sequence[Atom], refused: Sequence[Any]) -> NumberGoal:
    goal = NumberGoal(excluded={fraction_of(value) for value in refused if is_number(value)})
    if branch.integral:
        goal.steps.append(Fraction(1))
    if branch.fractional:
        goal.no_steps.append(Fraction(1))
    for keyword, argument, holds in atoms:
        if keyword == "multipleOf":
            (goal.steps if holds else goal.no_steps).append(argument)
        elif keyword in ("minimum", "exclusiveMinimum"):
            is_open = (keyword == "exclusiveMinimum") == holds
            (goal.at_least if holds else goal.at_most)(argument, is_open=is_open)
        elif keyword in ("maximum", "exclusiveMaximum"):
            is_open = (keyword == "exclusiveMaximum") == holds
            (goal.at_most if holds else goal.at_least)(argument, is_open=is_open)
    return goal
