"""Automata that read a string character by character; several run side by side to find a string they agree on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from iot_common.engine.pattern.code_points import Ranges, contains
from iot_common.engine.pattern.errors import UnsupportedPatternError
from iot_common.engine.pattern.parser import parse
from iot_common.engine.pattern.syntax import Assertion, Chars, Choice, Group, Node, Repeat, Sequence, members

_MOST_STATES: Final = 1_500
_LARGEST_REPEAT: Final = 1_000


class _NotRegularError(Exception):
    """Look-around, a word boundary, a back-reference, or too many states: only ever tested, never reasoned about."""


class Reader(Protocol):
    """A deterministic automaton made as it is read; states are hashable."""

    @property
    def boundaries(self) -> frozenset[int]:
        """Code points at which its behaviour may change."""

    def start(self) -> object:
        """The state before the first character."""

    def step(self, state: object, code_point: int) -> object:
        """The state after one more character."""

    def accepts(self, state: object) -> bool:
        """True if a string that ends here is accepted."""

    def is_dead(self, state: object) -> bool:
        """True if no string that goes on from here is accepted."""


class _State(NamedTuple):
    """`found`: a match ended before; then nothing that follows matters."""

    places: frozenset[int]
    at_start: bool
    found: bool


@dataclass(slots=True)
class PatternReader:
    """The unanchored search of one pattern, or (`negated`) all strings without a match."""

    pattern: _Nfa
    negated: bool

    @property
    def boundaries(self) -> frozenset[int]:
        """Starts of the character ranges of the pattern, and the characters after their ends."""
        return self.pattern.boundaries

    def start(self) -> object:
        """The state before the first character."""
        return self.pattern.start_state

    def step(self, state: object, code_point: int) -> object:
        """The state after one more character."""
        return self.pattern.step(state, code_point)

    def accepts(self, state: object) -> bool:
        """True if a string that ends here is accepted."""
        return self.pattern.matches(state) != self.negated

    def is_dead(self, state: object) -> bool:
        """True if no string that goes on from here is accepted."""
        assert isinstance(state, _State)
        return state.found if self.negated else not state.found and not state.places


class ExcludedReader:
    """All strings but those listed."""

    def __init__(self, excluded: Iterable[str]) -> None:
        self._root: dict[int | None, object] = {}
        points: set[int] = set()
        for text in excluded:
            node = self._root
            for char in text:
                points.update((ord(char), ord(char) + 1))
                node = node.setdefault(ord(char), {})  # type: ignore[assignment]
            node[None] = True
        self.boundaries = frozenset(points)
        self._nodes: dict[int, dict[int | None, object]] = {id(self._root): self._root}

    def start(self) -> object:
        """The state before the first character."""
        return id(self._root)

    def step(self, state: object, code_point: int) -> object:
        """The state after one more character; None once no listed string can follow."""
        if state is None:
            return None
        child = self._nodes[state].get(code_point)  # type: ignore[index]
        if not isinstance(child, dict):
            return None
        self._nodes[id(child)] = child
        return id(child)

    def accepts(self, state: object) -> bool:
        """True if the string read is not a listed one."""
        return state is None or None not in self._nodes[state]  # type: ignore[index]

    def is_dead(self, state: object) -> bool:
        """Never: any longer string is another one."""
        return False


@lru_cache(maxsize=1_024)
def pattern_automaton(pattern: str) -> _Nfa | None:
    """The automaton of a pattern; None where it is not regular, or too large."""
    try:
        return _Nfa(parse(pattern).root)
    except (_NotRegularError, UnsupportedPatternError, LookupError, RecursionError):
        return None


class _Nfa:
    """Thompson's construction; steps are memoised as the deterministic automaton they unfold."""

    def __init__(self, tree: Node) -> None:
        self._chars: list[tuple[Ranges, int] | None] = []
        self._free: list[list[tuple[int, str]]] = []
        self._first = self._new()
        self._last = self._build(tree, self._first)
        self.boundaries = frozenset(
            point
            for edge in self._chars
            if edge is not None
            for low, high in edge[0]
            for point in (low, high + 1)
        )
        self._alive = self._places_with_a_way_out()
        self._steps: dict[tuple[_State, int], _State] = {}
        self.start_state = self._settle({self._first}, at_start=True)

    def _new(self) -> int:
        if len(self._free) >= _MOST_STATES:
            raise _NotRegularError
        self._free.append([])
        self._chars.append(None)
        return len(self._free) - 1

    def _join(self, source: int, target: int, condition: str = "") -> None:
        self._free[source].append((target, condition))

    def _build(self, tree: Node, source: int) -> int:
        """Adds the tree after `source`; the state it ends in has no edges yet."""
        if isinstance(tree, Chars):
            target = self._new()
            entry = self._new()
            self._join(source, entry)
            self._chars[entry] = (members(tree), target)
            return target
        if isinstance(tree, Assertion) and tree.kind in "^$":
            target = self._new()
            self._join(source, target, "start" if tree.kind == "^" else "end")
            return target
        if isinstance(tree, Sequence):
            for part in tree.parts:
                source = self._build(part, source)
            return source
        if isinstance(tree, Choice):
            target = self._new()
            for part in tree.branches:
                entry = self._new()
                self._join(source, entry)
                self._join(self._build(part, entry), target)
            return target
        if isinstance(tree, Group):
            return self._build(tree.body, source)
        if isinstance(tree, Repeat) and max(tree.minimum, tree.maximum or 0) <= _LARGEST_REPEAT:
            return self._repeat(tree, source)
        raise _NotRegularError

    def _repeat(self, tree: Repeat, source: int) -> int:
        for _ in range(tree.minimum):
            source = self._build(tree.body, source)
        if tree.maximum is None:
            entry = self._new()
            self._join(source, entry)
            self._join(self._build(tree.body, entry), entry)
            target = self._new()
            self._join(entry, target)
            return target
        target = self._new()
        self._join(source, target)
        for _ in range(tree.maximum - tree.minimum):
            source = self._build(tree.body, source)
            self._join(source, target)
        return target

    def _closure(self, places: Iterable[int], *, at_start: bool, at_end: bool) -> set[int]:
        reached, waiting = set(places), list(places)
        while waiting:
            for target, condition in self._free[waiting.pop()]:
                allowed = not condition or (at_start if condition == "start" else at_end)
                if allowed and target not in reached:
                    reached.add(target)
                    waiting.append(target)
        return reached

    def _places_with_a_way_out(self) -> frozenset[int]:
        """Places from which a match can still end once the first character is read: there `^` is a wall."""
        sources: list[list[int]] = [[] for _ in self._free]
        for place, edges in enumerate(self._free):
            for target, condition in edges:
                if condition != "start":
                    sources[target].append(place)
            char = self._chars[place]
            if char is not None and char[0]:
                sources[char[1]].append(place)
        reached, waiting = {self._last}, [self._last]
        while waiting:
            for place in sources[waiting.pop()]:
                if place not in reached:
                    reached.add(place)
                    waiting.append(place)
        return frozenset(reached)

    def _settle(self, places: set[int], *, at_start: bool) -> _State:
        reached = self._closure(places, at_start=at_start, at_end=False)
        if self._last in reached:
            return _State(frozenset(), False, True)
        # Before the first character everything may still begin.
        return _State(frozenset(reached if at_start else reached & self._alive), at_start, False)

    def step(self, state: object, code_point: int) -> object:
        """The state after one more character; a new search starts at each."""
        assert isinstance(state, _State)
        if state.found:
            return state
        known = self._steps.get((state, code_point))
        if known is None:
            places = {self._first}
            for place in state.places:
                edge = self._chars[place]
                if edge is not None and contains(edge[0], code_point):
                    places.add(edge[1])
            known = self._settle(places, at_start=False)
            self._steps[state, code_point] = known
        return known

    def matches(self, state: object) -> bool:
        """True if the pattern is found in a string that ends here."""
        assert isinstance(state, _State)
        if state.found:
            return True
        return self._last in self._closure(state.places, at_start=state.at_start, at_end=True)
