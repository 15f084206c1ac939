"""A pattern as non-deterministic automata: one for itself, and one for each look-around in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from iot_common.engine.pattern.code_points import Ranges
from iot_common.engine.pattern.errors import UnsupportedPatternError
from iot_common.engine.pattern.syntax import (
    Assertion,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Pattern,
    Repeat,
    Sequence,
    members,
)

TEXT_START: Final = 0
TEXT_END: Final = 1
WORD_EDGE: Final = 2
_FIRST_LOOK: Final = 3
_MOST_STATES: Final = 20_000
MOST_SETS: Final = 2_000
"""Different sets of characters in one pattern: each step of a matcher handles one bit for each."""
_ASSERTIONS: Final = {
    "^": (TEXT_START, True),
    "$": (TEXT_END, True),
    "b": (WORD_EDGE, True),
    "B": (WORD_EDGE, False),
}


@dataclass(slots=True)
class State:
    """Takes a character of a set, or asks a question about the place, or just leads on; all three by number."""

    targets: list[int]
    takes: int = -1
    asks: int = -1
    wants: bool = True


@dataclass(slots=True)
class Program:
    """One automaton.

    Attributes:
        accept: the state that says a match ends (or, when it runs backward, starts) here.
        forward: False for a look-ahead, whose reversal runs from the text's end.
        answers: the question that its accepting places answer; -1 for the pattern itself.
    """

    forward: bool
    answers: int
    states: list[State] = field(default_factory=list)
    start: int = 0
    accept: int = 0


@dataclass(slots=True)
class Programs:
    """All automata of a pattern, the inner before the outer, and the character sets their states take."""

    ordered: list[Program]
    sets: list[Ranges]
    asks_word_edge: bool

    @property
    def state_count(self) -> int:
        """States of all automata together."""
        return sum(len(program.states) for program in self.ordered)


def compile_programs(pattern: Pattern) -> Programs:
    """The automata of a pattern without back-references.

    Raises:
        LookupError: a Unicode property whose members are not known here.
        UnsupportedPatternError: its counted repetitions make more states than one pattern is worth.
    """
    compiler = _Compiler(pattern.source)
    compiler.program(pattern.root, forward=True, answers=-1)
    return Programs(compiler.ordered, list(compiler.set_numbers), compiler.asks_word_edge)


class _Compiler:
    def __init__(self, source: str) -> None:
        self.source = source
        self.ordered: list[Program] = []
        self.set_numbers: dict[Ranges, int] = {}
        self.state_count = 0
        self.look_count = 0
        self.asks_word_edge = False

    def program(self, node: Node, *, forward: bool, answers: int) -> None:
        program = Program(forward, answers)
        program.accept = self._state(program, State([]))
        program.start = self._build(program, node, program.accept)
        self.ordered.append(program)

    def _state(self, program: Program, state: State) -> int:
        self.state_count += 1
        if self.state_count > _MOST_STATES:
            raise UnsupportedPatternError(self.source, "its repetitions are too large", malformed=False)
        program.states.append(state)
        return len(program.states) - 1

    def _build(self, program: Program, node: Node, onward: int) -> int:
        """The state that begins `node` and ends in `onward`."""
        match node:
            case Chars():
                number = self.set_numbers.setdefault(members(node), len(self.set_numbers))
                if number >= MOST_SETS:
                    raise UnsupportedPatternError(
                        self.source, "it has too many character classes", malformed=False
                    )
                return self._state(program, State([onward], takes=number))
            case Group(body):
                return self._build(program, body, onward)
            case Sequence(parts):
                for part in reversed(parts) if program.forward else parts:
                    onward = self._build(program, part, onward)
                return onward
            case Choice(branches):
                starts = [self._build(program, branch, onward) for branch in branches]
                return self._state(program, State(starts))
            case Repeat():
                return self._repeat(program, node, onward)
            case Assertion(kind):
                question, wanted = _ASSERTIONS[kind]
                self.asks_word_edge |= question == WORD_EDGE
                return self._state(program, State([onward], asks=question, wants=wanted))
            case Look(body, behind, negative):
                question = _FIRST_LOOK + self.look_count
                self.look_count += 1
                self.program(body, forward=behind, answers=question)
                return self._state(program, State([onward], asks=question, wants=not negative))
        raise TypeError(f"{type(node).__name__} is not regular")

    def _repeat(self, program: Program, node: Repeat, onward: int) -> int:
        again: Callable[[int], int] = lambda target: self._build(program, node.body, target)  # noqa: E731
        if node.maximum is None:
            loop = self._state(program, State([onward]))
            program.states[loop].targets.append(again(loop))
            onward = loop
        else:
            end = onward
            for _ in range(node.maximum - node.minimum):
                onward = self._state(program, State([end, again(onward)]))
        for _ in range(node.minimum):
            before, onward = onward, again(onward)
            if onward == before:
                break  # A body without states, as `(?:)`, is the same however often it is repeated.
        return onward
