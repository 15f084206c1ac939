r"""Look-arounds without backtracking, and every other regular pattern that RE2 does not take.

A look-around is a question about a place of the text, and its answers can be written down for all places before they
are asked (Barrière and Pit-Claudel, "Linear Matching of JavaScript Regexes", 2024): innermost first, a look-behind
by one pass from left to right, a look-ahead by one pass of its reversal from right to left. What asks then reads the
answer like it reads `\b`. Each pass runs a non-deterministic automaton whose sets of states are remembered
(a lazily built DFA), so a step is one look-up once it is warm, and never more than the number of states.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from iot_common.engine.pattern.alphabet import Alphabet
from iot_common.engine.pattern.code_points import WORD, contains
from iot_common.engine.pattern.errors import PatternTimeoutError
from iot_common.engine.pattern.states import (
    TEXT_END,
    TEXT_START,
    WORD_EDGE,
    Program,
    compile_programs,
)
from iot_common.engine.pattern.syntax import Pattern

_STEP_BUDGET: Final = 5_000_000
"""Visits of states for one text: a few seconds of Python, for texts that no contract should meet."""
_STEP_COST: Final = 10
"""Visits of states that to remember one step costs about as much as."""
_WARM_STEPS: Final = 2
"""Steps that were made before, and cost one look-up, to one visit of a state."""
_NO_BUDGET: Final = 10**15
_MOST_ROWS: Final = 2_000
"""Remembered sets of states, after which all are forgotten: a hostile pattern has 2^n of them."""


class Automaton:
    """The search of one pattern."""

    def __init__(self, pattern: Pattern) -> None:
        self._source = pattern.source
        self._programs = compile_programs(pattern)
        self._alphabet = Alphabet(self._programs.sets)
        self._warm = [_Scanner(program, self._alphabet) for program in self._programs.ordered]

    def search(self, text: str) -> bool | None:
        """True when the pattern matches somewhere, else None.

        A text so long that even the worst case of its pattern passes the budget is searched with nothing
        remembered from other texts, so that the verdict does not hang on what was searched before.

        Raises:
            PatternTimeoutError: the step budget is spent.
        """
        if self._programs.state_count * (len(text) + 1) <= _STEP_BUDGET:
            return self._run(self._warm, text, _NO_BUDGET) or None
        cold = [_Scanner(program, self._alphabet) for program in self._programs.ordered]
        try:
            return self._run(cold, text, _STEP_BUDGET) or None
        except _BudgetSpentError:
            raise PatternTimeoutError(self._source, len(text)) from None

    def _run(self, scanners: list[_Scanner], text: str, budget: int) -> bool:
        alphabet = self._alphabet
        classes = [alphabet[char] for char in text]
        before, after = [alphabet.end, *classes], [*classes, alphabet.end]
        answers = [0] * (len(text) + 1)
        answers[0] |= 1 << TEXT_START
        answers[-1] |= 1 << TEXT_END
        if self._programs.asks_word_edge:
            _note_word_edges(text, answers)
        for scanner in scanners:
            scanner.budget = budget - len(text) // _WARM_STEPS
            neighbours = after if scanner.program.forward else before
            symbols = [
                answer * alphabet.width + char for answer, char in zip(answers, neighbours, strict=True)
            ]
            if scanner.program.answers < 0:
                return scanner.accepts(symbols)
            mark = 1 << scanner.program.answers
            for place in scanner.accepted_places(symbols):
                answers[place] |= mark
            budget = scanner.budget
        return False


def _note_word_edges(text: str, answers: list[int]) -> None:
    before = False
    for place, char in enumerate(text):
        inside = contains(WORD, ord(char))
        if inside != before:
            answers[place] |= 1 << WORD_EDGE
        before = inside
    if before:
        answers[-1] |= 1 << WORD_EDGE


class _BudgetSpentError(Exception):
    """More visits of states than one text is worth."""


class _Row(dict[int, tuple["_Row", bool]]):
    """One set of states, and what each symbol met so far leads to: the next set, and whether this place accepts."""

    def __init__(self, states: frozenset[int]) -> None:
        super().__init__()
        self.states = states


class _Scanner:
    """One automaton with the sets of states it has met."""

    def __init__(self, program: Program, alphabet: Alphabet) -> None:
        self.program = program
        self.budget = _STEP_BUDGET
        self._alphabet = alphabet
        self._rows: dict[frozenset[int], _Row] = {}
        self._first = _Row(frozenset([program.start]))

    def accepts(self, symbols: Iterable[int]) -> bool:
        row = self._first
        for symbol in symbols:
            step = row.get(symbol)
            row, accepted = step if step is not None else self._step(row, symbol)
            if accepted:
                return True
        return False

    def accepted_places(self, symbols: list[int]) -> list[int]:
        places = range(len(symbols)) if self.program.forward else range(len(symbols) - 1, -1, -1)
        row = self._first
        found = []
        for place in places:
            symbol = symbols[place]
            step = row.get(symbol)
            row, accepted = step if step is not None else self._step(row, symbol)
            if accepted:
                found.append(place)
        return found

    def _step(self, row: _Row, symbol: int) -> tuple[_Row, bool]:
        answers, char = divmod(symbol, self._alphabet.width)
        states, sets = self.program.states, self._alphabet.sets_of[char]
        reached = self._reached(row.states, answers)
        taken = {self.program.start}
        for number in reached:
            takes = states[number].takes
            if takes >= 0 and sets >> takes & 1:
                taken.add(states[number].targets[0])
        step = (self._row(frozenset(taken)), self.program.accept in reached)
        row[symbol] = step
        return step

    def _reached(self, entered: frozenset[int], answers: int) -> set[int]:
        """The states that can be got to at this place without a character."""
        reached = set(entered)
        waiting = list(entered)
        states = self.program.states
        while waiting:
            state = states[waiting.pop()]
            if state.takes >= 0 or (state.asks >= 0 and (answers >> state.asks & 1) != state.wants):
                continue
            for target in state.targets:
                if target not in reached:
                    reached.add(target)
                    waiting.append(target)
        self.budget -= len(reached) + _STEP_COST
        if self.budget < 0:
            raise _BudgetSpentError
        return reached

    def _row(self, states: frozenset[int]) -> _Row:
        known = self._rows.get(states)
        if known is not None:
            return known
        if len(self._rows) >= _MOST_ROWS:
            self._rows.clear()
            self._first = _Row(self._first.states)
        row = self._rows[states] = _Row(states)
        return row
