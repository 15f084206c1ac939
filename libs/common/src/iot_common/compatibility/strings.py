"""Is there a string that meets all of some constraints? Exact where they are regular, honest where they are not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from iot_common.compatibility.automaton import ExcludedReader, PatternReader, Reader, pattern_automaton
from iot_common.compatibility.budget import Budget, BudgetExceededError
from iot_common.compatibility.format_samples import SAMPLES, long_samples
from iot_common.compatibility.outcome import EMPTY, UNKNOWN, Outcome, inhabited

_MOST_STATES: Final = 4_000
_LONGEST_COUNTED: Final = 4_096
"""A minimum length beyond this is only tried with padding: no record has such strings."""
_LONGEST_PADDED: Final = 10_000_000
_CANDIDATES_TRIED: Final = 60
_LONGEST_LISTED: Final = 8
_FAVOURED: Final = "a0A b-_.1xz/:@"
"""Where a range of characters behaves alike, the first of these within it stands for it."""


@dataclass
class StringGoal:
    """Constraints on one string; `tests` are those an automaton cannot say."""

    least: int = 0
    most: int | None = None
    patterns: list[str] = field(default_factory=list)
    no_patterns: list[str] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    tests: list[Callable[[str], bool]] = field(default_factory=list)


def solve_string(goal: StringGoal, budget: Budget) -> Outcome:
    """EMPTY only where the regular constraints alone leave nothing."""
    if goal.most is not None and goal.least > goal.most:
        return EMPTY
    readers, tests = _readers(goal), list(goal.tests)
    for pattern, wanted in [(p, True) for p in goal.patterns] + [(p, False) for p in goal.no_patterns]:
        if pattern_automaton(pattern) is None:
            tests.append(_pattern_test(pattern, wanted))
    search = _Search(readers, goal.least, goal.most, budget)
    plain = _without_exclusions(goal, readers, budget)
    if plain is not None and all(test(plain) for test in tests):
        return inhabited(plain)
    if goal.least > _LONGEST_COUNTED:
        return UNKNOWN
    shortest = next(search.strings(distinct_states=True), None)
    if shortest is None:
        return UNKNOWN if search.cut_short else EMPTY
    if all(test(shortest) for test in tests):
        return inhabited(shortest)
    return _try_candidates(goal, readers, tests, search)


def _without_exclusions(goal: StringGoal, readers: Sequence[Reader], budget: Budget) -> str | None:
    """A string found without the automaton of excluded ones, which is large; None if that led to nothing."""
    patterns = [reader for reader in readers if isinstance(reader, PatternReader)]
    least = goal.least if goal.least <= _LONGEST_COUNTED else 0
    shortest = next(_Search(patterns, least, goal.most, budget).strings(distinct_states=True), None)
    if shortest is None:
        return None
    for text in _padded(shortest, goal.least):
        if text not in goal.excluded and all(accepts(reader, text) for reader in patterns):
            return text
    return None


def _padded(text: str, least: int) -> Iterator[str]:
    """The text, lengthened with one character at its start, its end, or each place between."""
    missing = least - len(text)
    if missing <= 0:
        yield text
        return
    if least > _LONGEST_PADDED:
        return
    for place in range(len(text), max(-1, len(text) - 20), -1):
        for char in dict.fromkeys(text[-3:] + "a0 "):
            yield text[:place] + char * missing + text[place:]


def _readers(goal: StringGoal) -> list[Reader]:
    readers: list[Reader] = []
    for pattern, negated in [(p, False) for p in goal.patterns] + [(p, True) for p in goal.no_patterns]:
        automaton = pattern_automaton(pattern)
        if automaton is not None:
            readers.append(PatternReader(automaton, negated))
    if goal.excluded:
        readers.append(ExcludedReader(goal.excluded))
    return readers


def _pattern_test(pattern: str, wanted: bool) -> Callable[[str], bool]:
    from iot_common.engine.ecma_pattern import compile_pattern

    search = compile_pattern(pattern)
    return lambda text: (search(text) is not None) == wanted


def _try_candidates(
    goal: StringGoal, readers: Sequence[Reader], tests: Sequence[Callable[[str], bool]], search: _Search
) -> Outcome:
    """Samples of formats and strings the automata agree on; nothing found proves nothing."""
    for text in _candidates(goal, search):
        fits = len(text) >= goal.least and (goal.most is None or len(text) <= goal.most)
        if fits and all(accepts(reader, text) for reader in readers) and all(test(text) for test in tests):
            return inhabited(text)
    return UNKNOWN


def _candidates(goal: StringGoal, search: _Search) -> Iterator[str]:
    yield from SAMPLES
    yield from long_samples(goal.least)
    if goal.least > _LONGEST_LISTED:
        return
    try:
        yield from islice(search.strings(distinct_states=False), _CANDIDATES_TRIED)
    except BudgetExceededError:
        return


def accepts(reader: Reader, text: str) -> bool:
    """True if the automaton accepts the whole text."""
    state = reader.start()
    for char in text:
        state = reader.step(state, ord(char))
    return reader.accepts(state)


@dataclass
class _Search:
    """Breadth first over the product of all automata and the length as far as it matters."""

    readers: Sequence[Reader]
    least: int
    most: int | None
    budget: Budget
    cut_short: bool = False

    def strings(self, *, distinct_states: bool) -> Iterator[str]:
        """Accepted strings, shortest first; with `distinct_states` only the first for each state of the product.

        Then the first is a shortest one of all, and none means that there is none (unless `cut_short`).
        """
        alphabet = _alphabet(self.readers)
        start = tuple(reader.start() for reader in self.readers)
        seen = {(start, 0)}
        waiting: deque[tuple[tuple[object, ...], str]] = deque([(start, "")])
        while waiting:
            state, text = waiting.popleft()
            self.budget.spend()
            if len(text) >= self.least and all(
                reader.accepts(part) for reader, part in zip(self.readers, state, strict=True)
            ):
                yield text
            if self.most is not None and len(text) >= self.most:
                continue
            for point in alphabet:
                after = tuple(
                    reader.step(part, point) for reader, part in zip(self.readers, state, strict=True)
                )
                if any(reader.is_dead(part) for reader, part in zip(self.readers, after, strict=True)):
                    continue
                key = (after, min(len(text) + 1, self.least))
                if distinct_states and key in seen:
                    continue
                if len(seen) >= _MOST_STATES or len(waiting) >= _MOST_STATES:
                    self.cut_short = True
                    break
                seen.add(key)
                waiting.append((after, text + chr(point)))


def _alphabet(readers: Iterable[Reader]) -> list[int]:
    """One code point for each range that all automata treat alike; surrogates are in no string."""
    points = {0, 0x20, 0x7F, 0xD800, 0xE000, 0x110000}
    for reader in readers:
        points |= reader.boundaries
    edges = sorted(points)
    alphabet = []
    for low, after in pairwise(edges):
        if low >= 0xD800 and after <= 0xE000:
            continue
        favoured = next((ord(char) for char in _FAVOURED if low <= ord(char) < after), low)
        alphabet.append(favoured)
    # Plain characters first: the shortest string found is then one that a person can read.
    return sorted(alphabet, key=lambda point: (not 0x20 < point < 0x7F, point))
