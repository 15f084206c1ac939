"""A pattern as instructions for a backtracking matcher, in the order ECMA-262 tries things."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final, NamedTuple

from iot_common.engine.pattern.code_points import Ranges
from iot_common.engine.pattern.errors import UnsupportedPatternError
from iot_common.engine.pattern.states import MOST_SETS
from iot_common.engine.pattern.syntax import (
    Assertion,
    BackReference,
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

_MOST_INSTRUCTIONS: Final = 20_000


class Operation(IntEnum):
    """What one instruction does; `a` and `b` are its operands."""

    TAKE = auto()  # a character of set `a`, in direction `b` (1 or -1)
    FORK = auto()  # go on at `a`; if that fails, at `b`
    JUMP = auto()  # go on at `a`
    SAVE = auto()  # note the place in register `a`
    FORGET = auto()  # empty the registers from `a` up to, not including, `b`
    MOVED = auto()  # fail if the place is still that of register `a`
    REFER = auto()  # the text of group `a`, in direction `b`
    ASSERT = auto()  # assertion number `a` of ASSERTIONS
    LOOK = auto()  # the instructions behind this one up to `a` match (`b` is 1), or do not (`b` is 0)
    MATCH = auto()  # done


ASSERTIONS: Final = "^$bB"


class Instruction(NamedTuple):
    """One instruction."""

    operation: Operation
    a: int = 0
    b: int = 0


class Instructions(NamedTuple):
    """A compiled pattern: group n has registers 2n and 2n + 1; the loops' places come behind those."""

    code: list[Instruction]
    sets: list[Ranges]
    register_count: int


def compile_instructions(pattern: Pattern) -> Instructions:
    """The instructions of a pattern.

    Raises:
        LookupError: a Unicode property whose members are not known here.
        UnsupportedPatternError: its counted repetitions make more instructions than one pattern is worth.
    """
    compiler = _Compiler(pattern)
    compiler.add(pattern.root, 1)
    compiler.put(Operation.MATCH)
    return Instructions(compiler.code, list(compiler.set_numbers), compiler.register_count)


class _Compiler:
    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.code: list[Instruction] = []
        self.set_numbers: dict[Ranges, int] = {}
        self.register_count = 2 * pattern.group_count + 2
        self.places: dict[int, int] = {}
        self.groups_within: dict[int, tuple[int, ...]] = {}

    def put(self, operation: Operation, a: int = 0, b: int = 0) -> int:
        if len(self.code) >= _MOST_INSTRUCTIONS:
            raise UnsupportedPatternError(
                self.pattern.source, "its repetitions are too large", malformed=False
            )
        self.code.append(Instruction(operation, a, b))
        return len(self.code) - 1

    def add(self, node: Node, direction: int) -> None:
        match node:
            case Chars():
                number = self.set_numbers.setdefault(members(node), len(self.set_numbers))
                if number >= MOST_SETS:
                    raise UnsupportedPatternError(
                        self.pattern.source, "it has too many character classes", malformed=False
                    )
                self.put(Operation.TAKE, number, direction)
            case Sequence(parts):
                for part in parts if direction > 0 else reversed(parts):
                    self.add(part, direction)
            case Choice(branches):
                self._choice(branches, direction)
            case Repeat():
                self._repeat(node, direction)
            case Group(body, number):
                self.put(Operation.SAVE, 2 * number + (direction < 0))
                self.add(body, direction)
                self.put(Operation.SAVE, 2 * number + (direction > 0))
            case Assertion(kind):
                self.put(Operation.ASSERT, ASSERTIONS.index(kind))
            case Look(body, behind, negative):
                look = self.put(Operation.LOOK)
                self.add(body, -1 if behind else 1)
                self.put(Operation.MATCH)
                self.code[look] = Instruction(Operation.LOOK, len(self.code), int(not negative))
            case BackReference(number, name):
                self.put(Operation.REFER, self.pattern.names[name] if name else number, direction)

    def _choice(self, branches: tuple[Node, ...], direction: int) -> None:
        jumps = []
        for branch in branches[:-1]:
            fork = self.put(Operation.FORK)
            self.add(branch, direction)
            jumps.append(self.put(Operation.JUMP))
            self.code[fork] = Instruction(Operation.FORK, fork + 1, len(self.code))
        self.add(branches[-1], direction)
        for jump in jumps:
            self.code[jump] = Instruction(Operation.JUMP, len(self.code))

    def _repeat(self, node: Repeat, direction: int) -> None:
        """RepeatMatcher of ECMA-262: a turn beyond the minimum that takes nothing is no turn."""
        for _ in range(node.minimum):
            before = len(self.code)
            self._turn(node.body, direction)
            if len(self.code) == before:
                break  # A body without instructions, as `(?:)`, is the same however often it is repeated.
        forks = []
        if node.maximum is None:
            forks.append(self._optional_turn(node, direction))
            self.put(Operation.JUMP, forks[0])
        else:
            for _ in range(node.maximum - node.minimum):
                forks.append(self._optional_turn(node, direction))
        for fork in forks:
            ways = (len(self.code), fork + 1) if node.lazy else (fork + 1, len(self.code))
            self.code[fork] = Instruction(Operation.FORK, *ways)

    def _optional_turn(self, node: Repeat, direction: int) -> int:
        fork = self.put(Operation.FORK)
        place = self._place(node)
        self.put(Operation.SAVE, place)
        self._turn(node.body, direction)
        self.put(Operation.MOVED, place)
        return fork

    def _place(self, node: Repeat) -> int:
        """The register for where a turn began; one for all turns, as a turn is over before the next begins."""
        if id(node) not in self.places:
            self.places[id(node)] = self.register_count
            self.register_count += 1
        return self.places[id(node)]

    def _turn(self, body: Node, direction: int) -> None:
        numbers = self._group_numbers(body)
        if numbers:
            self.put(Operation.FORGET, 2 * min(numbers), 2 * max(numbers) + 2)
        self.add(body, direction)

    def _group_numbers(self, body: Node) -> tuple[int, ...]:
        if id(body) not in self.groups_within:
            self.groups_within[id(body)] = tuple(_group_numbers(body))
        return self.groups_within[id(body)]


def _group_numbers(node: Node) -> list[int]:
    """The groups in a part of a pattern: they are numbered in one run."""
    match node:
        case Group(body, number):
            return [number, *_group_numbers(body)]
        case Repeat(body) | Look(body):
            return _group_numbers(body)
        case Sequence(parts) | Choice(parts):
            return [number for part in parts for number in _group_numbers(part)]
    return []
