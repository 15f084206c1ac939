"""Back-references, which no automaton can follow: the matcher of ECMA-262 with every step counted.

To match with back-references is NP-hard, so there is a budget of steps, the same on every machine, and a search that
spends it has no verdict. What ECMA-262 does differently from Python is kept (section 21.2.2): a reference to a group
that has captured nothing matches the empty text, each turn of a loop forgets the captures of the one before, a turn
that takes no character ends the loop, and a look-behind is matched from right to left.
"""

from __future__ import annotations

from typing import Final

from iot_common.engine.pattern.alphabet import Alphabet
from iot_common.engine.pattern.code_points import WORD, contains
from iot_common.engine.pattern.determinism import starts_at_text_start
from iot_common.engine.pattern.errors import PatternTimeoutError
from iot_common.engine.pattern.instructions import ASSERTIONS, Instructions, Operation, compile_instructions
from iot_common.engine.pattern.syntax import Pattern

_STEP_BUDGET: Final = 1_000_000
"""Instructions for one text: one or two seconds of Python."""

_Registers = tuple[int, ...]


class Backtracker:
    """The search of one pattern."""

    def __init__(self, pattern: Pattern) -> None:
        self._source = pattern.source
        self._anchored = starts_at_text_start(pattern.root)
        self._program = compile_instructions(pattern)
        self._alphabet = Alphabet(self._program.sets)

    def search(self, text: str) -> bool | None:
        """True when the pattern matches somewhere, else None.

        Raises:
            PatternTimeoutError: the step budget is spent.
        """
        starts = range(1 if self._anchored else len(text) + 1)
        matching = _Matching(self._program, self._alphabet, text)
        empty = (-1,) * self._program.register_count
        try:
            return any(matching.run(0, start, empty) is not None for start in starts) or None
        except _BudgetSpentError:
            raise PatternTimeoutError(self._source, len(text)) from None


class _BudgetSpentError(Exception):
    """More instructions than one text is worth."""


class _Matching:
    """One text, and what is left of its budget."""

    def __init__(self, program: Instructions, alphabet: Alphabet, text: str) -> None:
        self._program = program
        self._alphabet = alphabet
        self._text = text
        self._budget = _STEP_BUDGET

    def run(self, start: int, place: int, registers: _Registers) -> _Registers | None:
        """The registers of the first match that begins at `place` with instruction `start`, or None."""
        untried = [(start, place, registers)]
        while untried:
            number, place, registers = untried.pop()
            found = self._follow(number, place, registers, untried)
            if found is not None:
                return found
        return None

    def _follow(
        self, number: int, place: int, registers: _Registers, untried: list[tuple[int, int, _Registers]]
    ) -> _Registers | None:
        """Go on until this way fails or the pattern matches; ways not taken are added to `untried`."""
        code, text, end = self._program.code, self._text, len(self._text)
        alphabet, sets_of = self._alphabet, self._alphabet.sets_of
        while True:
            self._budget -= 1
            if self._budget < 0:
                raise _BudgetSpentError
            operation, a, b = code[number]
            number += 1
            if operation == Operation.TAKE:
                at = place if b > 0 else place - 1
                if not 0 <= at < end or not sets_of[alphabet[text[at]]] >> a & 1:
                    return None
                place += b
            elif operation == Operation.FORK:
                untried.append((b, place, registers))
                number = a
            elif operation == Operation.JUMP:
                number = a
            elif operation == Operation.SAVE:
                self._budget -= len(registers) // 8
                registers = (*registers[:a], place, *registers[a + 1 :])
            elif operation == Operation.FORGET:
                self._budget -= len(registers) // 8
                registers = (*registers[:a], *(-1,) * (b - a), *registers[b:])
            elif operation == Operation.MOVED:
                if registers[a] == place:
                    return None
            elif operation == Operation.REFER:
                moved = self._refer(registers[2 * a], registers[2 * a + 1], place, b)
                if moved is None:
                    return None
                place = moved
            elif operation == Operation.ASSERT:
                if not self._holds(ASSERTIONS[a], place):
                    return None
            elif operation == Operation.LOOK:
                seen = self.run(number, place, registers)
                if (seen is not None) != bool(b):
                    return None
                registers = seen if seen is not None else registers
                number = a
            else:
                return registers

    def _refer(self, start: int, stop: int, place: int, direction: int) -> int | None:
        """The place behind the text of a group, or None where it does not stand here; unset groups are empty."""
        if start < 0 or stop < 0:
            return place
        length = stop - start
        self._budget -= length // 64
        at = place if direction > 0 else place - length
        if at < 0 or not self._text.startswith(self._text[start:stop], at):
            return None
        return place + direction * length

    def _holds(self, kind: str, place: int) -> bool:
        if kind == "^":
            return place == 0
        if kind == "$":
            return place == len(self._text)
        edge = self._is_word(place - 1) != self._is_word(place)
        return edge == (kind == "b")

    def _is_word(self, place: int) -> bool:
        return 0 <= place < len(self._text) and contains(WORD, ord(self._text[place]))
