"""One goal, a set of "must" and "must not" sub-schemas, taken apart into branches of plain constraints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any, Final

from iot_common.compatibility.budget import Budget
from iot_common.compatibility.goals import (
    KEYWORD_TYPE,
    Alternative,
    Atom,
    Branch,
    Goal,
    Literal,
    Looks,
    Requirement,
)
from iot_common.compatibility.graph import Graph
from iot_common.compatibility.outcome import State

_MOST_PROBED: Final = 40


class _ContradictionError(Exception):
    """The branch is closed: no value can be in it."""


class Expansion:
    """Takes goals apart.

    Attributes:
        weakened: set where `exact` is False and something was left out: `oneOf` is then read as `anyOf`, and
            `dependencies` are not read. Branches then cover more than the goal, at less cost: enough for most proofs.
    """

    def __init__(self, graph: Graph, budget: Budget, looks: Looks, *, exact: bool) -> None:
        self._graph = graph
        self._looks = looks
        self._budget = budget
        self._exact = exact
        self.weakened = False

    def branches(self, goal: Goal, json_type: str) -> Iterator[Branch]:
        """All branches of a goal for one JSON type; together they cover it."""
        branch = Branch(json_type)
        try:
            for literal in sorted(goal):
                self._require(branch, literal)
        except _ContradictionError:
            return
        yield from self._decide(branch)

    def _decide(self, branch: Branch) -> Iterator[Branch]:
        self._budget.spend()
        open_choices = []
        for choice in branch.choices:
            alternatives = [each for each in choice if not self._is_closed(branch, each)]
            if not alternatives:
                return
            if not any(self._is_met(branch, each) for each in alternatives):
                open_choices.append(alternatives)
        branch.choices = []
        if not open_choices:
            yield branch
            return
        if len(open_choices) > 1:
            outcome = self._looks.at(branch)
            if outcome.state is State.EMPTY:
                return
            if outcome.state is State.INHABITED and self._looks.is_witness(outcome.witness):
                branch.witness = outcome
                yield branch
                return
        chosen, rest = self._next_choice(branch, open_choices)
        for alternative in chosen:
            part = self._with(branch, alternative)
            if part is not None:
                part.choices.extend(rest)
                yield from self._decide(part)

    def _next_choice(
        self, branch: Branch, choices: list[list[Alternative]]
    ) -> tuple[list[Alternative], list[list[Alternative]]]:
        """The choice to make, and the others.

        One that is forced comes first. Then those that say what a value is: each decides many of those that only say
        what it is not. Then the shortest.
        """
        if len(choices) == 1:
            return choices[0], []
        viable = sorted(choices, key=len)
        for index, choice in enumerate(viable):
            viable[index] = self._viable(branch, choice)
            if len(viable[index]) < 2:
                return viable[index], viable[:index] + viable[index + 1 :]
        chosen, *rest = sorted(viable, key=lambda choice: (not _is_positive(choice), len(choice)))
        return chosen, rest

    def _with(self, branch: Branch, alternative: Alternative) -> Branch | None:
        """The branch with one more alternative; None where that closes it."""
        part = branch.copy()
        try:
            for requirement in alternative:
                self._require(part, requirement)
        except _ContradictionError:
            return None
        return part

    def _viable(self, branch: Branch, choice: list[Alternative]) -> list[Alternative]:
        """The alternatives that are not empty taken alone; a choice without one closes the branch at once.

        So the one alternative that matters is found before the others multiply.
        """
        if len(choice) > _MOST_PROBED:
            return choice
        parts = ((alternative, self._with(branch, alternative)) for alternative in choice)
        return [
            alternative
            for alternative, part in parts
            if part is not None and self._looks.at(part).state is not State.EMPTY
        ]

    def _is_met(self, branch: Branch, alternative: Alternative) -> bool:
        return all(isinstance(each, Literal) and each in branch.literals for each in alternative)

    def _is_closed(self, branch: Branch, alternative: Alternative) -> bool:
        for each in alternative:
            if isinstance(each, Literal):
                if Literal(each.schema_class, not each.wanted) in branch.literals:
                    return True
            elif not each.holds and KEYWORD_TYPE.get(each.keyword, branch.json_type) != branch.json_type:
                return True
        return False

    def _require(self, branch: Branch, requirement: Requirement) -> None:
        if isinstance(requirement, Atom):
            self._require_atom(branch, requirement)
            return
        if requirement in branch.literals:
            return
        if Literal(requirement.schema_class, not requirement.wanted) in branch.literals:
            raise _ContradictionError
        branch.literals.add(requirement)
        node = self._graph.member[requirement.schema_class]
        if node.never:
            if requirement.wanted:
                raise _ContradictionError
            return
        if requirement.wanted:
            for keyword, argument in node.keywords.items():
                self._require_atom(branch, Atom(keyword, argument, True))
        else:
            self._require_one(
                branch, [(Atom(keyword, argument, False),) for keyword, argument in node.keywords.items()]
            )

    def _require_one(self, branch: Branch, alternatives: list[Alternative]) -> None:
        remaining = [each for each in alternatives if not self._is_closed(branch, each)]
        if not remaining:
            raise _ContradictionError
        if len(remaining) == 1:
            for requirement in remaining[0]:
                self._require(branch, requirement)
        else:
            branch.choices.append(remaining)

    def _require_atom(self, branch: Branch, atom: Atom) -> None:
        keyword, argument, holds = atom
        only_type = KEYWORD_TYPE.get(keyword)
        if only_type is not None and only_type != branch.json_type:
            if not holds:
                raise _ContradictionError
            return
        if keyword == "type":
            self._require_type(branch, argument, holds)
        elif keyword == "dependencies":
            self._require_dependencies(branch, argument, holds)
        elif keyword == "required" and not holds and len(argument) != 1:
            self._require_one(
                branch, [(Atom("required", frozenset({name}), False),) for name in sorted(argument)]
            )
        elif keyword in ("allOf", "anyOf", "oneOf", "not", "if"):
            getattr(self, f"_require_{keyword.lower()}")(branch, argument, holds)
        else:
            branch.atoms.append(atom)

    @staticmethod
    def _require_type(branch: Branch, types: frozenset[str], holds: bool) -> None:
        named = branch.json_type in types
        only_integers = branch.json_type == "number" and "integer" in types and not named
        if holds and not named and not only_integers:
            raise _ContradictionError
        if not holds and named:
            raise _ContradictionError
        if only_integers:
            branch.integral, branch.fractional = branch.integral or holds, branch.fractional or not holds
        if branch.integral and branch.fractional:
            raise _ContradictionError

    def _literals(self, numbers: tuple[int, ...], *, wanted: bool) -> list[Literal]:
        return [Literal(self._graph.class_of[number], wanted) for number in numbers]

    def _require_allof(self, branch: Branch, parts: tuple[int, ...], holds: bool) -> None:
        if holds:
            for literal in self._literals(parts, wanted=True):
                self._require(branch, literal)
        else:
            self._require_one(branch, [(each,) for each in self._literals(parts, wanted=False)])

    def _require_anyof(self, branch: Branch, parts: tuple[int, ...], holds: bool) -> None:
        if holds:
            self._require_one(branch, [(each,) for each in self._literals(parts, wanted=True)])
        else:
            for literal in self._literals(parts, wanted=False):
                self._require(branch, literal)

    def _require_oneof(self, branch: Branch, parts: tuple[int, ...], holds: bool) -> None:
        wanted, unwanted = self._literals(parts, wanted=True), self._literals(parts, wanted=False)
        if holds and not self._exact and len(parts) > 1:
            self.weakened = True
            self._require_one(branch, [(each,) for each in wanted])
        elif holds:
            others = [unwanted[:index] + unwanted[index + 1 :] for index in range(len(parts))]
            self._require_one(branch, [(each, *rest) for each, rest in zip(wanted, others, strict=True)])
        else:
            pairs: Iterable[tuple[Literal, Literal]] = combinations(wanted, 2)
            if len(parts) <= _MOST_PROBED:
                pairs = (pair for pair in pairs if not self._looks.exclude_each_other(pair, branch.json_type))
            self._require_one(branch, [tuple(unwanted), *pairs])

    def _require_not(self, branch: Branch, part: int, holds: bool) -> None:
        self._require(branch, Literal(self._graph.class_of[part], not holds))

    def _require_if(self, branch: Branch, parts: Any, holds: bool) -> None:
        (condition, then, otherwise) = self._literals(tuple(parts), wanted=True)
        refused = Literal(condition.schema_class, False)
        self._require_one(
            branch,
            [
                (condition, Literal(then.schema_class, holds)),
                (refused, Literal(otherwise.schema_class, holds)),
            ],
        )

    def _require_dependencies(self, branch: Branch, dependencies: Any, holds: bool) -> None:
        if holds and not self._exact:
            self.weakened = True
            return
        alternatives: list[Alternative] = []
        for name, needed in dependencies.items():
            present = Atom("required", frozenset({name}), True)
            unmet: Requirement = (
                Atom("required", needed, False)
                if isinstance(needed, frozenset)
                else Literal(self._graph.class_of[needed], False)
            )
            if holds:
                met: Requirement = (
                    Atom("required", needed, True)
                    if isinstance(needed, frozenset)
                    else Literal(self._graph.class_of[needed], True)
                )
                self._require_one(branch, [(Atom("required", frozenset({name}), False),), (present, met)])
            elif needed != frozenset():
                alternatives.append((present, unmet))
        if not holds:
            self._require_one(branch, alternatives)


def _is_positive(choice: list[Alternative]) -> bool:
    return all(alternative[0][-1] for alternative in choice)
